# SPDX-License-Identifier: Apache-2.0
"""lab: what the bench measures and what stands beside it: a node, nginx, a Ceph object gateway; started, asked, stopped."""
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WAIT_S = 60
median = statistics.median


def say(text):
    print(text, file=sys.stderr, flush=True)


def load():
    return os.getloadavg()[0]


def output(command, **more):
    """What it prints; its complaints are the error's text."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=more.pop("cwd", TOP), **more)
    if done.returncode:
        raise RuntimeError(f"{os.path.basename(command[0])} ended with {done.returncode}: {(done.stderr or done.stdout)[-600:].strip()}")
    return done.stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def free_ports(count):
    """The first of so many in a row, below those that the system hands out to connections."""
    while True:
        first = random.randrange(12000, 32000, 100)
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
                return first
            except OSError:
                pass


def rss_mib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024


class Process:
    """A server of ours: stopped by its own id."""

    process = None

    def spawn(self, command, log):
        with open(log, "ab") as f:
            self.process = subprocess.Popen(command, stdout=f, stderr=f, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid
        self.log = log

    def wait_for(self, port, request=None):
        """Until it takes a connection and, with a request, answers it with 200."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                with open(self.log, errors="replace") as f:
                    raise RuntimeError(f"it ended at start: {f.read()[-600:]}")
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
                    if not request:
                        return
                    s.sendall(request)
                    if s.recv(64).startswith(b"HTTP/1.1 200"):
                        return
            except OSError:
                pass
            time.sleep(0.002)
        raise RuntimeError("it does not answer")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


class Isthmus(Process):
    def __init__(self, build, home, options):
        self.program, self.home, self.port = os.path.join(build, "daemon/isthmusd"), home, free_port()
        self.options = {"isthmus.master.web.port": str(self.port), **options}
        if os.path.exists(f"{home}/conf/cli.token"):
            self.read_token()

    def command(self, verb):
        return [self.program, "--home", self.home, *[f"-D{k}={v}" for k, v in self.options.items()], verb]

    def read_token(self):
        with open(f"{self.home}/conf/cli.token") as f:
            self.token = f.read().strip()

    def format(self):
        output(self.command("format"))
        self.read_token()
        return self

    def start(self):
        start = time.monotonic()
        self.spawn(self.command("run"), f"{self.home}/out.log")
        self.wait_for(self.port, b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.started_s = time.monotonic() - start
        with open(f"{self.home}/conf/isthmus-site.properties", "r+") as f: # for the command line
            text = f.read()
            if f"web.port={self.port}\n" not in text:
                f.write(f"isthmus.master.web.port={self.port}\n")
        return self

    def root(self):
        return f"http://127.0.0.1:{self.port}"

    def url(self, path):
        return f"{self.root()}/api/v1{path}"

    def bearer(self):
        return f"Authorization: Bearer {self.token}"

    def call(self, method, path, data=None, **headers):
        request = urllib.request.Request(self.url(path), data, method=method,
                                         headers={"Authorization": f"Bearer {self.token}", **headers})
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return answer.read()
        except urllib.error.HTTPError as e:
            raise RuntimeError(f"{method} {path}: {e.code} {e.read().decode(errors='replace')}") from e

    def json(self, path):
        return json.loads(self.call("GET", path))

    def send(self, method, path, what):
        return self.call(method, path, json.dumps(what).encode(), **{"Content-Type": "application/json"})

    def put(self, path, data, write_type="CACHE_THROUGH"):
        self.call("PUT", f"/files{path}?content&overwrite&write_type={write_type}", data)

    def mkdir(self, path):
        self.send("PUT", f"/files{path}", {"type": "directory", "recursive": True, "allow_exists": True})

    def pin(self, path):
        self.send("PATCH", f"/files{path}", {"pinned": True})

    def load(self, path):
        self.send("POST", f"/files{path}:load", {})

    def free(self, path):
        self.send("POST", f"/files{path}:free", {})

    def mount(self, path, uri, options):
        self.send("POST", "/mounts", {"path": path, "uri": uri, "options": options})

    def settle(self):
        """Until nothing waits to be cached."""
        while self.json("/metrics")["metrics"]["Worker.CacheWaitingBytes"]:
            time.sleep(0.05)

    def bytes_read(self, path):
        return next(m["bytes_read"] for m in self.json("/mounts")["items"] if m["path"] == path)


class Nginx(Process):
    """Static files as nginx serves them best; in front of an endpoint a counter of what is asked from it, or, with buffers,
    what passes bytes on as fast as it can."""

    def __init__(self, folder, behind=None, has_buffers=False):
        self.folder, self.port, self.behind, self.has_buffers = folder, free_port(), behind, has_buffers
        os.makedirs(f"{folder}/html")
        os.chmod(folder, 0o755)

    def place(self):
        if not self.behind:
            return "open_file_cache max=100 inactive=600s; open_file_cache_valid 600s; access_log off;"
        buffers = "proxy_buffering off"
        if self.has_buffers:
            buffers = "proxy_buffers 16 1m; proxy_buffer_size 1m; proxy_busy_buffers_size 4m; proxy_max_temp_file_size 0"
        return f"location / {{ proxy_pass {self.behind}; proxy_http_version 1.1; proxy_set_header Connection ''; " \
               f"proxy_set_header Host $http_host; {buffers}; access_log {self.folder}/access.log ranges; }}"

    def start(self):
        with open(f"{self.folder}/nginx.conf", "w") as f:
            f.write(f"""daemon off; worker_processes auto; pid {self.folder}/pid; error_log {self.folder}/error.log;
user {output(["id", "-un"]).strip()};
events {{ worker_connections 4096; }}
http {{
  log_format ranges '$request_method $uri|$http_range|$body_bytes_sent';
  client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy; fastcgi_temp_path {self.folder}/f;
  uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s;
  sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000; keepalive_timeout 600s; client_max_body_size 0;
  types {{ }} default_type application/octet-stream;
  server {{ listen 127.0.0.1:{self.port} backlog=1024; root {self.folder}/html; {self.place()} }}
}}
""")
        self.spawn(["nginx", "-c", f"{self.folder}/nginx.conf", "-p", self.folder], f"{self.folder}/out.log")
        self.wait_for(self.port)
        return self

    def put(self, name, data):
        with open(f"{self.folder}/html/{name}", "wb") as f:
            f.write(data)

    def root(self):
        return f"http://127.0.0.1:{self.port}"

    def url(self, name):
        return f"{self.root()}/{name}"

    def ranges(self, key):
        """(range, bytes) of each GET of the key so far."""
        with open(f"{self.folder}/access.log") as f:
            lines = [line.strip().split("|") for line in f]
        return [(r, int(n)) for what, r, n in lines if what.startswith("GET") and what.endswith(key)]


class Ceph:
    def __init__(self, folder):
        self.folder, self.script = folder, os.path.join(TOP, "tests/servers/ceph.sh")

    def start(self):
        if not shutil.which("radosgw"):
            raise RuntimeError("radosgw is not installed")
        text = output([self.script, "start", self.folder], env=dict(os.environ, P=str(free_ports(61))), timeout=180)
        env = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.endpoint, self.key, self.secret, self.bucket = (env[k] for k in ("S3_ENDPOINT", "S3_KEY", "S3_SECRET", "S3_BUCKET"))
        return self

    def stop(self):
        output([self.script, "stop", self.folder])
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, key):
        return f"{self.endpoint}/{self.bucket}/{key}"

    def curl(self):
        return ("--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{self.key}:{self.secret}",
                "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD")

    def put(self, key, size):
        """Random bytes, so that nothing on the way makes them smaller."""
        path = f"{self.folder}/object"
        output(["dd", "if=/dev/urandom", f"of={path}", "bs=1M", f"count={size >> 20}"])
        output(["curl", "-sS", "-f", "-o", "/dev/null", *self.curl(), "-T", path, self.url(key)])
        os.unlink(path)

    def options(self, endpoint=None):
        return {"s3a.accessKeyId": self.key, "s3a.secretKey": self.secret, "isthmus.underfs.s3.endpoint": endpoint or self.endpoint,
                "isthmus.underfs.s3.disable.dns.buckets": "true"}
