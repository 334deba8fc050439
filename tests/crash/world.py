# SPDX-License-Identifier: Apache-2.0
"""One node under test, its stores, and the models of its clients; one round is load, death, restart, check."""
import atexit
import os
import random
import shutil
import tempfile
import threading
import time

from check import Check
from load import Api, Client, Gone
from model import Entry, Model
from node import Node

CLIENTS = 8


def sync_folder(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


class World:
    """disk: a power.Disk under everything, or None.  server: a bucket.Server in which the clients' folders are, or None."""

    def __init__(self, seed, top, options=None, disk=None, server=None, clients=CLIENTS):
        self.seed, self.top, self.disk, self.server, self.memory_lost = seed, top, disk, server, False
        self.base = "/s3" if server else ""  # above the folders of clients
        self.uri = f"s3://{server.bucket}/{os.path.basename(top)}" if server else None
        self.stores = f"{top}/stores"
        self.temporaries = set()
        self.models = [Model(i) for i in range(clients)]
        self.fixed = {}
        self.is_over = False
        self.clients, self.left = [], threading.Semaphore(0)
        os.makedirs(f"{top}/home")
        for i in range(clients):
            for k in range(2):
                os.makedirs(f"{self.stores}/m{i}-{k}")
        self.node = Node(home=f"{top}/home", options={"isthmus.log.level": "INFO", **(options or {})})
        os.rmdir(self.node.shm)  # under a name of our own, which no tidying of other tests takes away
        self.node.shm = tempfile.mkdtemp(prefix="isthmus-crash-", dir=os.environ.get("SUITE_SHM") or "/dev/shm")
        self.node.options["isthmus.worker.tieredstore.level0.dirs.path"] = self.node.shm
        atexit.register(self.end)
        self.node.format()
        if disk:
            disk.sync()
        self.node.start()
        if server:
            self.node.ok("POST", "/mounts", json={"path": self.base, "uri": self.uri, "options": server.options})
            self.fixed[self.base] = Entry(type="mount", uri=self.uri)
        tops = [f"{self.base}/c{i}" for i in range(clients)]
        for path in [f"{self.base}/shared", *tops, *[f"/x{i}" for i in range(clients)]]:
            self.node.ok("PUT", f"/files{path}", json={"type": "directory"})
            self.fixed[path] = Entry(type="directory", mode="755")
        for i in range(clients):  # so that the folder is in the store, for the external writer
            self.node.put(f"/x{i}/first", b"first", write_type="THROUGH")
            self.node.ok("DELETE", f"/files/x{i}/first")

    # ---- for clients ----
    def gone(self, client, error):
        client.model.note(f"cut: {error}")
        self.left.release()

    def write_behind(self, model, path, data):
        model.behind.add(path)
        where = f"{self.node.home}/store{path}"
        with open(where, "xb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        sync_folder(os.path.dirname(where))

    # ---- for the check ----
    def store_folders(self):
        return [f"{self.node.home}/store", *sorted(f"{self.stores}/{d}" for d in os.listdir(self.stores))]

    def tidy_behind(self):
        """What the external writer left in a store, and no answer made known, goes again."""
        for m in self.models:
            for path in [p for p in m.behind if p not in m.entries]:
                where = f"{self.node.home}/store{path}"
                if os.path.exists(where):
                    os.unlink(where)
                    sync_folder(os.path.dirname(where))
            m.behind.clear()

    def place(self, path, entries):
        """Where the store keeps a path."""
        first, _, rest = path[1:].partition("/")
        mount = entries.get(f"/{first}")
        if mount and mount.type == "mount":
            return f"{mount.uri}/{rest}" if rest else mount.uri
        return f"{self.node.home}/store{path}"

    # ---- a round ----
    def load(self, number, only=None):
        self.is_over = False
        self.left = threading.Semaphore(0)
        self.clients = [Client(self, m, random.Random(f"{self.seed}/{number}/{m.owner}"), only) for m in self.models]
        for c in self.clients:
            c.start()

    def end_load(self):
        self.is_over = True
        for c in self.clients:
            c.join(70)
            if c.is_alive():
                raise RuntimeError("a client hangs")
        return [w for c in self.clients for w in c.wrong]

    def died(self, timeout_s):
        """Waits until the daemon ends by itself."""
        try:
            self.node.process.wait(timeout_s)
            return True
        except Exception:  # subprocess.TimeoutExpired
            return False

    def log_was_cut(self, timeout_s):
        """Waits until the daemon says that its log begins later than before; false when it ended or did not cut."""
        api, first, end = Api(self.node, timeout=5), None, time.monotonic() + timeout_s
        try:
            while time.monotonic() < end:
                now = api.json("GET", "/journal")[1]["snapshot_index"]
                first = first or now
                if now != first:
                    return True
                time.sleep(0.002)
        except Gone:
            pass
        finally:
            api.close()
        return False

    def restart(self, env=None):
        """Returns the seconds to the first answer, or None when an armed fault point ended the start."""
        began = time.monotonic()
        self.node.env = dict(os.environ, **(env or {}))
        try:
            self.node.start()
        except RuntimeError:
            if env and self.node.process.poll() == -9:
                return None
            raise
        return time.monotonic() - began

    def power_cut(self):
        """The daemon is dead: what is in memory is gone, and what was not synced."""
        for where, names, files in os.walk(self.node.shm, topdown=False):
            for f in files:
                os.unlink(os.path.join(where, f))
            for d in names:
                os.rmdir(os.path.join(where, d))
        self.memory_lost = self.node.options.get("isthmus.worker.tieredstore.level0.dirs.quota") != "0"
        return self.disk.cut()

    def check(self):
        c = Check(self)
        try:
            lost = c.acknowledged()
            wrong = [] if lost else c.settled()
            self.tidy_behind()
            return lost, wrong
        finally:
            c.api.close()

    def acknowledged(self):
        return sum(m.acknowledged for m in self.models)

    def entries(self):
        return sum(len(m.entries) for m in self.models)

    def end(self):
        """Whatever happens: no daemon outlives the tests."""
        self.is_over = True
        if self.node.process and self.node.process.poll() is None:
            self.node.kill()
        shutil.rmtree(self.node.shm, ignore_errors=True)

    def remove(self):
        self.end()
        self.node.remove()
