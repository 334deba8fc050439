# SPDX-License-Identifier: Apache-2.0
"""An S3 store of one's own, and what it holds: Ceph's object gateway by tests/servers/ceph.sh."""
import atexit
import base64
import email.utils
import hashlib
import hmac
import http.client
import os
import shutil
import socket
import subprocess
import urllib.parse
import xml.etree.ElementTree

SERVER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "servers/ceph.sh")
PROGRAMS = ["ceph-mon", "ceph-osd", "radosgw", "ceph", "curl", "openssl"]
PORTS = (0, 1, 2)  # beside the first one


def why_not():
    """The reason why there can be no such store here, or None."""
    missing = [p for p in PROGRAMS if not shutil.which(p)]
    return f"{', '.join(missing)} not installed" if missing else None


def is_free(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) != 0


class Server:
    def __init__(self, top):
        self.top, self.shas = top, {}
        os.makedirs(top)
        first = next(p for p in range(21000 + os.getpid() % 80 * 100, 31000, 100) if all(is_free(p + n) for n in PORTS))
        self.env = dict(os.environ, P=str(first))
        atexit.register(self.stop)
        said = subprocess.run([SERVER, "start", top], capture_output=True, text=True, env=self.env)
        if said.returncode:
            raise RuntimeError(f"no answer from Ceph: {said.stderr[-2000:]}")
        values = dict(line.split("=", 1) for line in said.stdout.splitlines())
        self.endpoint, self.bucket = values["S3_ENDPOINT"], values["S3_BUCKET"]
        self.key, self.secret = values["S3_KEY"], values["S3_SECRET"]
        self.options = {"isthmus.underfs.s3.endpoint": self.endpoint, "s3a.accessKeyId": self.key, "s3a.secretKey": self.secret}

    def stop(self):
        if self.top:
            subprocess.run([SERVER, "stop", self.top], capture_output=True, env=self.env)
            shutil.rmtree(self.top, ignore_errors=True)
            self.top = None

    def get(self, key="", query=None):
        """Signed by version 2, which is a line."""
        path, date = urllib.parse.quote(f"/{self.bucket}{'/' if key else ''}{key}"), email.utils.formatdate(usegmt=True)
        sign = base64.b64encode(hmac.digest(self.secret.encode(), f"GET\n\n\n{date}\n{path}".encode(), "sha1")).decode()
        link = http.client.HTTPConnection(self.endpoint.partition("//")[2], timeout=30)
        try:
            link.request("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""),
                         headers={"Date": date, "Authorization": f"AWS {self.key}:{sign}"})
            answer = link.getresponse()
            data = answer.read()
        finally:
            link.close()
        if answer.status != 200:
            raise RuntimeError(f"the bucket answers {answer.status} to GET {path}: {data[:300]}")
        return data

    def listing(self, prefix):
        """Keys below a prefix and their ETags."""
        found, marker = {}, ""
        while True:
            top = xml.etree.ElementTree.fromstring(self.get(query={"prefix": prefix, "marker": marker}))
            space = top.tag.partition("}")[0] + "}" if top.tag.startswith("{") else ""
            for item in top.iter(f"{space}Contents"):
                marker = item.find(f"{space}Key").text
                found[marker] = item.find(f"{space}ETag").text
            if top.find(f"{space}IsTruncated").text != "true":
                return found

    def sha(self, key, etag):
        if (key, etag) not in self.shas:
            self.shas[key, etag] = hashlib.sha256(self.get(key)).hexdigest()
        return self.shas[key, etag]
