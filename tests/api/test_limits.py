# SPDX-License-Identifier: Apache-2.0
"""Bad stores, full disks, wrong settings, TLS: refused clearly, and what works goes on working."""
import concurrent.futures
import contextlib
import itertools
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest
import requests

from node import Node, daemon_path
from test_files import error


@pytest.fixture
def silent_server():
    """Accepts connections and never answers."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(64)
    taken = []

    def accept():
        while True:
            try:
                taken.append(s.accept()[0])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield s.getsockname()[1]
    s.close()
    for c in taken:
        c.close()


S3 = {"s3a.accessKeyId": "k", "s3a.secretKey": "s", "isthmus.underfs.s3.disable.dns.buckets": "true"}


def test_silent_store_is_refused_within_ten_seconds(node, silent_server):
    began = time.monotonic()
    answer = node.call("POST", "/mounts", json={"path": "/silent", "uri": "s3://bucket/x",
                                                "options": {**S3, "isthmus.underfs.s3.endpoint": f"http://127.0.0.1:{silent_server}"}})
    assert answer.status_code >= 400 and time.monotonic() - began < 11, answer.text
    assert f"127.0.0.1:{silent_server}" in answer.json()["message"] and "no answer in time" in answer.json()["message"]
    error(node.call("GET", "/files/silent"), 404, "not_found")


class FakeS3(threading.Thread):
    """Just enough to be mounted: an empty bucket; `hang` makes every later request wait."""

    def __init__(self):
        super().__init__(daemon=True)
        self.hang, self.objects = threading.Event(), {}
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.port = self.socket.getsockname()[1]

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                got = connection.recv(65536)
                if not got:
                    return
                data += got
            head, data = data.split(b"\r\n\r\n", 1)
            if self.hang.is_set():
                time.sleep(3600)
            length = [int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length")]
            while length and len(data) < length[0]:
                data += connection.recv(65536)
            sent, data = (data[:length[0]], data[length[0]:]) if length else (b"", data)
            method, target = head.split()[:2]
            is_there, body = self.answer(method, target, sent)
            connection.sendall(b"HTTP/1.1 %s\r\nETag: \"x\"\r\nContent-Length: %d\r\n\r\n%s" % (b"200 OK" if is_there else b"404 Not Found", len(body), body))

    def answer(self, method, target, sent):
        if method == b"PUT":
            self.objects[target] = sent
        if method == b"DELETE":
            return self.objects.pop(target, True) is not None, b""
        if b"list-type" in target:
            return True, self.listing(target.decode())
        return target in self.objects, self.objects.get(target, b"") if method == b"GET" else b""


    def listing(self, target):
        url = urllib.parse.urlsplit(target)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        prefix, delimiter, top, found = query.get("prefix", ""), query.get("delimiter"), url.path.rstrip("/") + "/", ""
        keys = sorted(urllib.parse.unquote(k.decode())[len(top):] for k in self.objects if k.startswith(top.encode()))
        inside = [k for k in keys if k.startswith(prefix)]
        below = {prefix + k[len(prefix):].split("/")[0] + "/" for k in inside if delimiter and "/" in k[len(prefix):]}
        for k in inside:
            if not delimiter or "/" not in k[len(prefix):]:
                found += f'<Contents><Key>{k}</Key><Size>1</Size><ETag>"x"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>'
        found += "".join(f"<CommonPrefixes><Prefix>{p}</Prefix></CommonPrefixes>" for p in sorted(below))
        return f'<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>'.encode()


def test_keys_that_no_path_can_have_stop_no_removal_and_no_move(node):
    """They stay where they are; a removal says so, a rename ends without them; neither asks the store for ever."""
    fake = FakeS3()
    fake.start()
    for top in ["gone", "moved"]:
        fake.objects.update({f"/odd/{top}/{k}".encode(): b"1" for k in ["a", "sub/", "sub//x", "sub/ok"]})
    mounted = node.ok("POST", "/mounts", json={"path": "/odd", "uri": "s3://odd", "options": {**S3, "isthmus.underfs.s3.endpoint": f"http://127.0.0.1:{fake.port}",
                                                                                              "isthmus.underfs.s3.bulk.delete.enabled": "false"}})
    assert [e["name"] for e in node.ok("GET", "/files/odd/gone?list&recursive=true").json()["items"]] == ["a", "sub", "ok"]
    answer = node.call("DELETE", "/files/odd/gone?recursive=true", timeout=20)
    assert "no path can have" in error(answer, 409, "not_empty")["message"]
    assert sorted(k for k in fake.objects if k.startswith(b"/odd/gone/")) == [b"/odd/gone/sub/", b"/odd/gone/sub//x"]
    node.ok("GET", "/files/odd/moved?list&recursive=true")
    node.ok("POST", "/files/odd/moved:rename", json={"to": "/odd/new"})
    end = time.monotonic() + 15
    while [t for t in node.ok("GET", "/tasks").json()["items"] if t["kind"] == "move"]:
        assert time.monotonic() < end, "the move does not end"
        time.sleep(0.1)
    assert b"/odd/new/sub/ok" in fake.objects and b"/odd/moved/sub/ok" not in fake.objects
    node.ok("DELETE", f"/mounts/{mounted.json()['id']}")
    fake.socket.close()


def test_a_store_that_dies_later_slows_nobody_else(node, folder):
    fake = FakeS3()
    fake.start()
    mounted = node.call("POST", "/mounts", json={"path": "/dying", "uri": "s3://bucket", "freshness": "interval", "interval_ms": 0,
                                                 "options": {**S3, "isthmus.underfs.s3.endpoint": f"http://127.0.0.1:{fake.port}"}})
    assert mounted.status_code == 201, mounted.text
    node.put(f"{folder}/x", b"fine")
    fake.hang.set()

    def wait():
        try:
            node.call("GET", "/files/dying/some?sync_interval_ms=0")
        except requests.RequestException:
            pass  # the daemon may end first

    waiters = [threading.Thread(target=wait, daemon=True) for _ in range(20)]
    for w in waiters:
        w.start()
    time.sleep(0.3)
    worst = 0
    for i in range(50):
        began = time.monotonic()
        assert node.get(f"{folder}/x") == b"fine"
        node.put(f"{folder}/y{i}", b"y")
        worst = max(worst, time.monotonic() - began)
    assert worst < 3, f"{worst}: {node.output()[-2000:] if worst > 3 else ''}"
    began = time.monotonic()
    assert any(m["path"] == "/dying" for m in node.ok("GET", "/mounts").json()["items"])
    assert time.monotonic() - began < 2
    node.ok("DELETE", f"/mounts/{mounted.json()['id']}")
    fake.socket.close()


def test_a_key_that_the_store_cannot_have_leaves_nothing_open(node):
    fake = FakeS3()
    fake.start()
    mounted = node.ok("POST", "/mounts", json={"path": "/keys", "uri": "s3://keys", "options": {**S3, "isthmus.underfs.s3.endpoint": f"http://127.0.0.1:{fake.port}"}})
    for _ in range(3):
        began = time.monotonic()
        answer = node.call("PUT", "/files/keys" + ("/" + "k" * 200) * 6 + "?content&recursive=true", data=b"x")
        assert "1024" in error(answer, 400, "name_too_long")["message"] and time.monotonic() - began < 5
        time.sleep(1.5)
    node.ok("DELETE", f"/mounts/{mounted.json()['id']}")
    fake.socket.close()


def test_idle_connections_do_not_shut_others_out(node):
    idle = []
    try:
        for _ in range(100):  # of 64 threads
            s = socket.create_connection(("127.0.0.1", node.port), timeout=10)
            s.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in s.recv(1000)
            idle.append(s)
        began = time.monotonic()
        assert requests.get(node.url("/health"), timeout=30).ok and time.monotonic() - began < 5
    finally:
        for s in idle:
            s.close()
    time.sleep(0.5)
    with requests.Session() as session:  # when they are gone, connections are kept again
        assert "Connection" not in session.get(node.url("/health")).headers


@pytest.mark.parametrize("kind", ["silent", "half a head", "a head that drips"])
def test_silent_connections_do_not_shut_others_out(node, folder, kind):
    """Of 64 threads none is left; an upload that pauses meanwhile goes on."""
    silent = []
    with socket.create_connection(("127.0.0.1", node.port), timeout=60) as upload:
        upload.sendall(f"PUT /api/v1/files{folder}/paused?content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {node.token}\r\nContent-Length: 6\r\n\r\nabc".encode())
        time.sleep(0.5)
        try:
            for _ in range(100):
                silent.append(socket.create_connection(("127.0.0.1", node.port), timeout=10))
                if kind != "silent":
                    silent[-1].sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: ")
            answers, began = [], time.monotonic()
            asks = threading.Thread(target=lambda: answers.append(requests.get(node.url("/health"), timeout=60)))
            asks.start()
            while asks.is_alive():
                for s in silent if kind == "a head that drips" else []:
                    with contextlib.suppress(OSError):  # ended by the daemon
                        s.send(b"x")
                asks.join(0.3)
            assert answers and answers[0].ok and time.monotonic() - began < 20  # 30 s is the time for a head
        finally:
            for s in silent:
                s.close()
        time.sleep(max(0, began + 3 - time.monotonic()))  # longer than silence is borne
        upload.sendall(b"def")
        assert b" 201 " in upload.recv(4096)
    assert node.get(f"{folder}/paused") == b"abcdef"


def run_daemon(home, *options):
    return subprocess.run([daemon_path(), "--home", home, *options, "run"], capture_output=True, text=True, timeout=60)


def test_wrong_settings_stop_the_start(tmp_path):
    home = str(tmp_path / "h")
    assert subprocess.run([daemon_path(), "--home", home, "format"], capture_output=True).returncode == 0
    for line, wanted in [("isthmus.master.web.port=99999", "isthmus.master.web.port"), ("isthmus.no.such.key=1", "isthmus.no.such.key"),
                         ("isthmus.user.file.writetype.default=SOMETIMES", "CACHE_THROUGH"), ("isthmus.web.tls.enabled=maybe", "true"), ("no equals sign", "isthmus-site.properties")]:
        with open(f"{home}/conf/isthmus-site.properties", "w") as f:
            f.write("# a comment\n" + line + "\n")
        got = run_daemon(home)
        assert got.returncode != 0 and wanted in got.stderr and ":2" in got.stderr, (line, got.stderr)
    for line, wanted in [("isthmus.security.authorization.permission.umask=999", "octal"), ("isthmus.security.authorization.permission.umask=none", "octal"),
                         ("isthmus.worker.tieredstore.watermark.low=97", "not below"), ("isthmus.master.web.bind.host=0.0.0.0", "loopback"),
                         ("isthmus.master.web.bind.host=::", "loopback"), ("isthmus.master.web.bind.host=", "loopback")]:
        with open(f"{home}/conf/isthmus-site.properties", "w") as f:
            f.write("# a comment\n" + line + "\n")
        got = run_daemon(home)
        assert got.returncode != 0 and wanted in got.stderr and ":2" in got.stderr and line.split("=")[0] in got.stderr, (line, got.stderr)
    os.remove(f"{home}/conf/isthmus-site.properties")
    refused = run_daemon(home, "-Disthmus.master.web.bind.host=0.0.0.0")
    assert refused.returncode != 0 and "TLS" in refused.stderr


def test_format_does_not_overwrite(tmp_path):
    home = str(tmp_path / "h")
    run = lambda *more: subprocess.run([daemon_path(), "--home", home, "format", *more], capture_output=True, text=True)
    first = run()
    assert first.returncode == 0
    assert run().returncode != 0 and "already" in run().stderr
    assert run("--force").returncode == 0


def test_two_daemons_in_one_home():
    n = Node().format().start()
    try:
        second = run_daemon(n.home)
        assert second.returncode != 0 and "another isthmusd" in second.stderr
        n.stop()
    finally:
        n.remove()


def test_tls_beyond_loopback():
    n = Node(options={"isthmus.web.tls.enabled": "true", "isthmus.master.web.bind.host": "0.0.0.0"}).format()
    certificate = f"{n.home}/conf/server.pem"
    assert os.stat(certificate).st_mode & 0o777 == 0o600
    n.url = lambda path: f"https://localhost:{n.port}/api/v1{path}"
    process = subprocess.Popen(n._arguments("run"), stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + 30
        while True:
            try:
                if requests.get(n.url("/health"), verify=certificate, timeout=2).ok:
                    break
            except requests.RequestException:
                assert time.monotonic() < end and process.poll() is None
                time.sleep(0.05)
        s = requests.Session()
        s.verify, s.trust_env = certificate, False
        answer = s.post(n.url("/session"), json={"name": "admin", "password": n.password})
        assert answer.ok and "__Host-isthmus=" in answer.headers["Set-Cookie"] and "Secure" in answer.headers["Set-Cookie"]
        data = os.urandom(3_000_000)
        auth = {"Authorization": f"Bearer {n.token}"}
        for i in range(10):
            assert s.put(n.url(f"/files/x{i}?content"), data=data, headers=auth).status_code == 201
            assert s.get(n.url(f"/files/x{i}?content"), headers=auth).content == data
        silent = [socket.create_connection(("127.0.0.1", n.port), timeout=10) for _ in range(100)]  # of 64 threads, all without a handshake
        began = time.monotonic()
        assert requests.get(n.url("/health"), verify=certificate, timeout=60).ok and time.monotonic() - began < 20
        for c in silent:
            c.close()
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(n.url("/health"), timeout=5)
    finally:
        process.terminate()
        assert process.wait(60) == 0
        n.remove()


def test_disk_full_is_refused_and_recovers(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        n = Node(home=f"{disk}/home").format().start()
        n.put("/before", b"before")
        filler = open(f"{disk}/filler", "wb")
        try:
            while True:
                filler.write(b"\0" * (1 << 20))
                filler.flush()
        except OSError:
            pass
        end = time.monotonic() + 10
        for i in itertools.count():  # the watch looks a few times a second
            refused = n.call("PUT", f"/files/refused{i}", json={"type": "directory"})
            if refused.status_code == 507:
                break
            assert time.monotonic() < end, refused.text
        assert refused.json()["code"] == "no_space"
        assert n.get("/before") == b"before"
        end = time.monotonic() + 5
        while not [a for a in n.ok("GET", "/overview").json()["attention"] if a["code"].endswith("no_space")]:
            assert time.monotonic() < end, "the overview does not say that changes are refused"
            time.sleep(0.1)
        filler.close()
        os.remove(f"{disk}/filler")
        end = time.monotonic() + 20
        while True:
            again = n.call("PUT", "/files/after", json={"type": "directory"})
            if again.status_code == 201:
                break
            assert time.monotonic() < end, again.text
        n.put("/later", b"later")
        n.kill()
        n.start()
        assert n.get("/later") == b"later" and n.get("/before") == b"before"
        assert n.ok("GET", "/doctor").json()["items"] == []
        n.stop()
    finally:
        subprocess.run(["umount", "-l", str(disk)])


def test_a_body_of_the_largest_size(node):
    def body(size):
        text = b'{"values":{}}'
        return text[:1] + b" " * (size - len(text)) + text[1:]

    for size in [100_000, (1 << 20) - 1, 1 << 20]:
        assert node.call("PATCH", "/config", data=body(size)).status_code == 200, size
        assert node.call("PATCH", "/config", data=iter([body(size)])).status_code == 200, f"{size} in chunks"
    for data in [body((1 << 20) + 1), iter([body((1 << 20) + 1)])]:
        error(node.call("PATCH", "/config", data=data), 413, "too_large")


def test_modes_are_octal_digits(node, folder):
    for mode in [" 755", "+755", "-755", "", "8", "75 ", "0x7", "10000", "\t7"]:
        error(node.call("PATCH", f"/files{folder}", json={"mode": mode}), 400, "invalid_argument")
    assert node.ok("PATCH", f"/files{folder}", json={"mode": "0755"}).json()["mode"] == "755"


def test_an_upload_may_pause(node, folder):
    """The time for heads is the time for pauses too: a short one would end uploads from a pipe."""
    def put(name, head, pieces):
        with socket.create_connection(("127.0.0.1", node.port)) as s:
            s.sendall(f"PUT /api/v1/files{folder}/{name}?content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {node.token}\r\n{head}\r\n\r\n".encode())
            for piece in pieces:
                s.sendall(piece)
                time.sleep(6)
            s.settimeout(20)
            return s.recv(4096)

    calls = [("whole", "Content-Length: 6", [b"abc", b"def"]), ("chunks", "Transfer-Encoding: chunked", [b"3\r\nabc\r\n", b"3\r\nd", b"ef\r\n0\r\n\r\n"])]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda c: put(*c), calls))
    assert all(b" 201 " in a for a in answers), answers
    assert node.get(f"{folder}/whole") == node.get(f"{folder}/chunks") == b"abcdef"


UNREADABLE = {
    "no request line": b"GARBAGE\r\n\r\n",
    "a version that is not known": b"GET /api/v1/health HTTP/3.9\r\nHost: a\r\n\r\n",
    "a negative length": b"PUT /api/v1/files/a HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\n",
    "a coding that is not known": b"PUT /api/v1/files/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    "a head of 70 KB": b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a header with a blank": b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n",
}


@pytest.mark.parametrize("method", ["BREW", "TRACE", "PROPFIND", "OPTIONS", "PUT"])
def test_methods_that_are_not_possible(node, method):
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as s:
        s.sendall(f"{method} /api/v1/health HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {node.token}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := s.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"405" and re.search(rb"\r\nAllow: GET, HEAD", head), head
    assert json.loads(body)["code"] == "method_not_allowed" and json.loads(body)["message"] == f"{method} is not possible here"


def test_allow_names_the_methods_of_a_path(node):
    def allow(path):
        return node.call("OPTIONS", path).headers["Allow"].split(", ")

    assert allow("/mounts") == ["GET", "HEAD", "POST"] and allow("/journal:checkpoint") == ["POST"]
    assert sorted(allow("/files/a")) == ["DELETE", "GET", "HEAD", "PATCH", "PUT"]
    assert "POST" in allow("/files/a:rename")
    error(node.call("GET", "/journal:checkpoint"), 405, "method_not_allowed")


@pytest.mark.parametrize("what", UNREADABLE)
def test_unreadable_requests_are_refused_in_the_shape_of_all_errors(node, what):
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as s:
        s.sendall(UNREADABLE[what])
        answer = b""
        while part := s.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"411", b"505") and b"\r\nConnection: close" in head, head
    assert int(re.search(rb"Content-Length: (\d+)", head)[1]) == len(body)
    assert set(json.loads(body)) == {"code", "message", "detail", "request_id"}, body
