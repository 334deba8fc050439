# SPDX-License-Identifier: Apache-2.0
"""A daemon of one's own: formatted in a temporary folder, on a free port, stopped at the end."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

import requests

from document import BASE, Document

CALLS = []  # (method, path, query names, status) of every call by Node.call and Node.session
DOCUMENT = []  # one for all nodes
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def daemon_path():
    path = os.environ.get("ISTHMUSD") or os.path.join(TOP, "build/dev/daemon/isthmusd")
    assert os.path.exists(path), f"{path} is not there: build it, or name the programs by ISTHMUSD and ISTHMUS"
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def record(answer, **_):
    """Of each call: that it was made, and that both sides are as the document says."""
    url = urllib.parse.urlsplit(answer.request.url)
    if not DOCUMENT:
        DOCUMENT.append(Document(requests.get(f"{url.scheme}://{url.netloc}{BASE}/openapi.json", timeout=60, verify=False).json()))
    if not answer.request.headers.get("Range"):
        DOCUMENT[0].check(answer)
    CALLS.append((answer.request.method, url.path.removeprefix("/api/v1"), set(urllib.parse.parse_qs(url.query, keep_blank_values=True)), answer.status_code))


class Node:
    """options: settings as key -> value; env: environment beside the present one."""

    def __init__(self, options=None, env=None, home=None):
        self.home = home or tempfile.mkdtemp(prefix="isthmus-node-")
        self.shm = tempfile.mkdtemp(prefix="isthmus-node-", dir="/dev/shm")
        self.port = free_port()
        self.env = dict(os.environ, **(env or {}))
        self.options = {"isthmus.master.web.port": str(self.port), "isthmus.worker.tieredstore.level0.dirs.path": self.shm,
                        "isthmus.web.threads": "64", **(options or {})}
        self.process = None
        self.token = None

    def _arguments(self, *verb):
        return [daemon_path(), "--home", self.home, *[f"-D{k}={v}" for k, v in self.options.items()], *verb]

    def format(self):
        out = subprocess.run(self._arguments("format"), capture_output=True, text=True, env=self.env, check=True).stdout
        self.password = out.split("password: ")[1].split()[0]
        self.token = open(f"{self.home}/conf/cli.token").read().strip()
        return self

    def start(self, wait_s=60):
        self.log = open(f"{self.home}/out.log", "ab")
        self.process = subprocess.Popen(self._arguments("run"), stdout=self.log, stderr=self.log, env=self.env)
        end = time.monotonic() + wait_s
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"isthmusd ended with {self.process.returncode}: {self.output()[-2000:]}")
            try:
                if requests.get(self.url("/health"), timeout=2).ok:
                    return self
            except requests.RequestException:
                time.sleep(0.02)
        raise RuntimeError("isthmusd does not answer")

    def output(self):
        text = open(f"{self.home}/out.log", errors="replace").read()
        log = f"{self.home}/logs/isthmusd.log"
        return text + (open(log, errors="replace").read() if os.path.exists(log) else "")

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/api/v1{path}"

    def call(self, method, path, token=None, **kwargs):
        headers = {"Authorization": f"Bearer {token or self.token}", **kwargs.pop("headers", {})}
        return requests.request(method, self.url(path), headers=headers, timeout=kwargs.pop("timeout", 60), hooks={"response": record}, **kwargs)

    def ok(self, method, path, **kwargs):
        answer = self.call(method, path, **kwargs)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def put(self, path, data, **query):
        return self.ok("PUT", f"/files{path}", params={"content": "", **query}, data=data).json()

    def get(self, path, **kwargs):
        return self.ok("GET", f"/files{path}", params={"content": ""}, **kwargs).content

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            status = self.process.wait(60)
            text = open(f"{self.home}/out.log", errors="replace").read()  # a sanitizer's report is there
            assert status == 0 and "Sanitizer" not in text, f"status {status}: {text[-6000:]}"

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.shm, ignore_errors=True)
