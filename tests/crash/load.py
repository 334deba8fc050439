# SPDX-License-Identifier: Apache-2.0
"""The mixed load: what one client does until the daemon is gone, chosen by its own seeded dice.

A client owns /c<n>, its names in /shared (below /s3 when there is such a store), the external files of /x<n> and the mount point /m<n>.  It tells its model
what it is about to do, does it, and tells the model the answer; a connection that breaks leaves the operation pending.
"""
import base64
import hashlib
import http.client
import json
import os
import threading
import time
import urllib.parse

import acl
from model import Entry, content, file_entry

TRIES_AGAIN = (503, 504)
FILES_MAX = 40
SIZES = [0, 1, 100, 4096, 5000, 20_000, 70_000, 300_000, 1_048_576, 1_200_000, 2_300_000]
SIZE_WEIGHTS = [1, 2, 8, 8, 8, 6, 4, 2, 1, 1, 1]
FILL_BYTES = 30_000
WRITE_TYPES = ["CACHE_THROUGH", "THROUGH", "ASYNC_THROUGH", "MUST_CACHE"]


class Gone(Exception):
    """The daemon did not answer."""


class Api:
    """One kept-alive connection; never repeats a request by itself."""

    def __init__(self, node, timeout=60):
        self.port, self.token, self.timeout, self.link = node.port, node.token, timeout, None

    def call(self, method, path, query=None, body=None, headers=None):
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        target = "/api/v1" + urllib.parse.quote(path, safe="/:") + ("?" + urllib.parse.urlencode(query) if query else "")
        try:
            if not self.link:
                self.link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
            self.link.request(method, target, data, {"Authorization": f"Bearer {self.token}", **(headers or {})})
            answer = self.link.getresponse()
            bytes_ = answer.read()
        except (OSError, http.client.HTTPException) as e:
            self.close()
            raise Gone(f"{method} {target}: {e!r}") from e
        return answer.status, bytes_

    def json(self, method, path, **kwargs):
        status, data = self.call(method, path, **kwargs)
        return status, json.loads(data) if data else None

    def close(self):
        if self.link:
            self.link.close()
        self.link = None


class Client(threading.Thread):
    def __init__(self, world, model, dice, only=None):
        super().__init__(daemon=True)
        self.world, self.model, self.dice = world, model, dice
        self.api = Api(world.node)
        self.only = only            # operations to prefer, for fault points that are rarely passed
        self.wrong = []             # answers that were false while the daemon lived
        self.refused = {}
        self.top, self.shared = f"{world.base}/c{model.owner}", f"{world.base}/shared"

    # ---- asking ----
    def change(self, text, delta, method, path, is_whole=True, is_done=True, **kwargs):
        """One change: intent, request, outcome. True when it was acknowledged; is_done False: a task may still be at it."""
        self.model.intend(text, delta, is_whole)
        status, data = self.api.call(method, path, **kwargs)
        if status < 300:
            self.model.acknowledge(is_done)
            return data or b"{}"
        try:
            code = json.loads(data)["code"]
        except (ValueError, KeyError):
            code = "?"
        self.refused[f"{status} {code}"] = self.refused.get(f"{status} {code}", 0) + 1
        self.model.note(f"{status} {data[:200]!r} to {text}")
        if status >= 500 or not is_whole:
            self.model.pending.text += f" (answered {status} {code})"
            raise Gone(text)  # the outcome is unknown: the round's check decides
        self.model.settle({})
        return None

    # ---- choosing ----
    def name(self):
        return f"f{self.dice.randrange(60)}"

    def directories(self):
        return [self.top] + [d for d in self.model.of_type("directory") if d.startswith(self.top + "/")]

    def depth(self, path):
        return path.count("/") - self.world.base.count("/")

    def new_path(self):
        where = self.dice.choice(self.directories() + [self.shared])
        if where == self.shared:
            return f"{where}/c{self.model.owner}-{self.name()}"
        return f"{where}/{self.name()}"

    def a_file(self, top=None):
        found = [p for p in self.model.of_type("file") if p.startswith(top or (self.top, self.shared))]
        return self.dice.choice(found) if found else None

    def data(self):
        return content(self.dice.getrandbits(62), self.dice.choices(SIZES, SIZE_WEIGHTS)[0])

    def born(self, path, entry, asked):
        return acl.born(entry, self.model.entries.get(path.rpartition("/")[0]), asked)

    def written(self, path, new, asked):
        """A file that gets new bytes: an old one keeps the rest of itself."""
        old = self.model.entries.get(path)
        return old.with_(length=new.length, sha=new.sha, write=new.write, lost=False) if old else self.born(path, new, asked)

    # ---- operations ----
    def put(self, path, replace=False):
        data, write = self.data(), self.dice.choices(WRITE_TYPES, [4, 2, 3, 3])[0]
        if path.startswith("/m"):
            write = "CACHE_THROUGH"
        old = self.model.entries.get(path)
        mode = None if old or self.dice.random() < 0.5 else self.dice.choice(["600", "640", "755"])
        new = self.written(path, file_entry(data, write, mode or "644"), int(mode or "666", 8))
        query = {"content": "", "write_type": write, **({"overwrite": "true"} if replace else {}), **({"mode": mode} if mode else {})}
        self.change(f"PUT {path} {write} {mode or ''} {len(data)} bytes{' over' if old else ''}", {path: new}, "PUT", "/files" + path, query=query, body=data)

    def do_create(self):
        if len(self.model.of_type("file")) > FILES_MAX:
            return self.do_delete()
        path = self.new_path()
        if path not in self.model.entries:
            self.put(path)

    def do_overwrite(self):
        path = self.a_file()
        if path:
            self.put(path, replace=True)

    def do_mkdir(self):
        depth = [d for d in self.directories() if self.depth(d) < 4]
        path = f"{self.dice.choice(depth)}/d{self.dice.randrange(12)}"
        if path not in self.model.entries and len(self.directories()) < 12:
            new = self.born(path, Entry(type="directory", mode="755"), 0o777)
            self.change(f"MKDIR {path}", {path: new}, "PUT", "/files" + path, body={"type": "directory"})

    def do_symlink(self):
        path = f"{self.dice.choice(self.directories())}/l{self.dice.randrange(5)}"
        if path not in self.model.entries:
            target = f"f{self.dice.randrange(60)}"
            self.change(f"SYMLINK {path}", {path: Entry(type="symlink", mode="777", target=target)}, "PUT", "/files" + path,
                        body={"type": "symlink", "target": target})

    def rename(self, path, to, overwrite):
        if any(e.lost for e in [self.model.entries[path], *self.model.below(path).values()]):
            return  # README: known
        delta = {path: None, to: self.model.entries[path]}
        for p, e in self.model.below(path).items():
            delta[p], delta[to + p[len(path):]] = None, e
        self.change(f"RENAME {path} {to}", delta, "POST", f"/files{path}:rename", body={"to": to, "overwrite": overwrite})

    def do_rename(self):
        path, to = self.a_file(), self.new_path()
        if path and to not in self.model.entries:
            self.rename(path, to, False)

    def do_rename_over(self):
        path, to = self.a_file(), self.a_file()
        if path and to and path != to:
            self.rename(path, to, True)

    def do_rename_directory(self):
        found = self.directories()[1:]
        if not found:
            return
        path = self.dice.choice(found)
        into = self.dice.choice([d for d in self.directories() if self.depth(d) < 4])
        to = f"{into}/d{self.dice.randrange(12)}"
        if to not in self.model.entries and not (into + "/").startswith(path + "/"):
            self.rename(path, to, False)

    def do_delete(self):
        path = self.a_file() or next(iter(self.model.of_type("symlink")), None)
        if path:
            self.change(f"DELETE {path}", {path: None}, "DELETE", "/files" + path)

    def do_delete_tree(self):
        found = self.directories()[1:]
        if found:
            path = self.dice.choice(found)
            delta = {p: None for p in [path, *self.model.below(path)]}
            self.change(f"DELETE -R {path} ({len(delta)})", delta, "DELETE", "/files" + path, query={"recursive": "true"})

    def do_copy(self):
        path = self.a_file(("/",))
        to = self.a_file() if self.dice.random() < 0.3 else self.new_path()
        if not path or path == to or not to or self.model.entries[path].lost or len(self.model.of_type("file")) > FILES_MAX:
            return
        source, write = self.model.entries[path], self.dice.choice(WRITE_TYPES)
        new = self.written(to, Entry(length=source.length, sha=source.sha, write=write, mode=oct(int(source.mode, 8) & 0o777)[2:]),
                           int(source.mode, 8) & 0o777)
        self.change(f"COPY {path} {to} {write}", {to: new}, "POST", f"/files{path}:copy",
                    body={"to": to, "overwrite": True, "write_type": write})

    def do_copy_tree(self):
        """Many operations under one answer: without it, each of them may have happened."""
        path, into, write = self.dice.choice(self.directories()[1:] or [None]), self.dice.choice(self.directories()), self.dice.choice(WRITE_TYPES)
        to = f"{into}/d{self.dice.randrange(12)}"
        below = self.model.below(path) if path else {}
        is_fit = 0 < len(below) < 8 and not any(e.lost for e in below.values())
        if not is_fit or to in self.model.entries or self.depth(into) > 3 or (to + "/").startswith(path + "/") or len(self.directories()) > 12:
            return
        delta = {}
        for p, e in sorted([(path, self.model.entries[path]), *below.items()]):
            target = to + p[len(path):]
            parent = delta.get(target.rpartition("/")[0]) or self.model.entries.get(target.rpartition("/")[0])
            if e.type == "symlink":
                delta[target] = e
            elif e.type == "directory":
                delta[target] = acl.born(Entry(type="directory", mode="755"), parent, 0o777)
            else:
                mode = int(e.mode, 8) & 0o777
                delta[target] = acl.born(Entry(length=e.length, sha=e.sha, write=write, mode=f"{mode:o}"), parent, mode)
        self.change(f"COPY -R {path} {to} {write} ({len(delta)})", delta, "POST", f"/files{path}:copy", is_whole=False,
                    body={"to": to, "recursive": True, "write_type": write})

    def do_setattr(self):
        path = self.a_file() if self.dice.random() < 0.8 else self.dice.choice(self.directories()[1:] or [None])
        if not path:
            return
        old, body = self.model.entries[path], {}
        new, is_file = old.with_(), old.type == "file"
        if self.dice.random() < 0.5:
            body["mode"] = new.mode = self.dice.choice(["600", "640", "644", "755"] if is_file else ["700", "750", "755"])
        if self.dice.random() < 0.4 or not (body or is_file):
            key = f"user.k{self.dice.randrange(3)}"
            value = None if key in old.xattrs and self.dice.random() < 0.4 else base64.b64encode(self.dice.randbytes(self.dice.randrange(40))).decode()
            body["xattrs"] = {key: value}
            new.xattrs = {k: v for k, v in {**old.xattrs, key: value}.items() if v is not None}
        if is_file and self.dice.random() < 0.3:
            body["pinned"] = new.pinned = not old.pinned
        if is_file and (self.dice.random() < 0.3 or not body):
            body["ttl"] = new.ttl = None if old.ttl else {"after_ms": 86_400_000 + self.dice.randrange(1000), "action": "FREE"}
        self.change(f"SETATTR {path} {list(body)}", {path: new}, "PATCH", "/files" + path, body=body)

    def an_acl_change(self, entry):
        """An action and its entries, as acl.changed takes them."""
        action = self.dice.choices(["modify", "remove", "remove_all", "remove_default"], [6, 2, 1, 1])[0]
        kinds = ["user:u0", "user:u1", "group:g0"] if action == "modify" else [k for k in acl.listing(entry) if k.split(":")[-1]]
        if action == "modify" and entry.type == "directory":
            kinds += ["default:user:u0", "default:user:u1", "default:group:g0", "default:group:"]
        if action in ("remove_all", "remove_default") or not kinds:
            return "remove_all" if action != "remove_default" else action, {}
        return action, {k: self.dice.randrange(8) for k in self.dice.sample(kinds, min(len(kinds), self.dice.choice([1, 2])))}

    def do_setfacl(self):
        path = self.a_file() if self.dice.random() < 0.4 else self.dice.choice(self.directories()[1:] or [None])
        if not path:
            return
        entry = self.model.entries[path]
        is_tree = entry.type == "directory" and self.dice.random() < 0.4
        action, entries = self.an_acl_change(entry)
        nodes = {path: entry, **(self.model.below(path) if is_tree else {})}
        delta = {p: acl.changed(e, action, entries) for p, e in nodes.items() if e.type != "symlink"}
        body = {"action": action, "recursive": is_tree,
                "entries": acl.texts(entries) if action == "modify" else [f"{k}:" for k in entries]}
        if self.change(f"SETFACL {path} {body}", delta, "PUT", "/files" + path, is_done=not is_tree, query={"acl": ""}, body=body) and is_tree:
            self.wait_for_task(lambda: all(t["path"] != path for t in self.api.json("GET", "/tasks")[1]["items"]))

    def wait_for_task(self, is_done):
        """A change of a tree is acknowledged before a task has done it: nothing else touches the tree until then."""
        end = time.monotonic() + 20
        while not is_done():
            if time.monotonic() > end:
                self.wrong.append(f"{self.model.pending.text} was acknowledged and not done after 20 s")
                break
        self.model.settle(self.model.pending.delta)

    def do_fill(self):
        """A big entry of the log, so that it is soon long enough to be cut."""
        path = self.a_file()
        if not path:
            return self.do_create()
        new = self.model.entries[path].with_()
        new.xattrs["user.fill"] = base64.b64encode(self.dice.randbytes(FILL_BYTES)).decode()
        self.change(f"FILL {path}", {path: new}, "PATCH", "/files" + path, body={"xattrs": {"user.fill": new.xattrs["user.fill"]}})

    def do_chmod_tree(self):
        path = self.dice.choice(self.directories()[1:] or [None])
        if not path:
            return
        mode = self.dice.choice(["700", "750", "755"])
        delta = {p: e.with_(mode=mode) for p, e in [(path, self.model.entries[path]), *self.model.below(path).items()] if e.type != "symlink"}

        def is_done():
            status, got = self.api.json("GET", "/files" + path, query={"list": "", "recursive": "true"})
            return status == 200 and all(e["mode"] == mode for e in got["items"] if e["type"] != "symlink")

        if self.change(f"CHMOD -R {path} {mode}", delta, "PATCH", "/files" + path, is_done=False, body={"mode": mode, "recursive": True}):
            self.wait_for_task(is_done)

    def do_persist(self):
        found = [p for p in self.model.of_type("file") if self.model.entries[p].write == "MUST_CACHE" and not self.model.entries[p].lost]
        if found:
            path = self.dice.choice(found)
            new = self.model.entries[path].with_(write="CACHE_THROUGH")
            self.change(f"PERSIST {path}", {path: new}, "POST", f"/files{path}:persist", body={"wait": True})

    def do_free(self):
        path = self.a_file()
        if path and self.model.entries[path].write in ("CACHE_THROUGH", "THROUGH") and not self.model.entries[path].pinned:
            self.change(f"FREE {path}", {}, "POST", f"/files{path}:free", body={})

    def do_read(self):
        path = self.a_file(("/",))
        if not path:
            return
        entry = self.model.entries[path]
        status, data = self.api.call("GET", "/files" + path, query={"content": ""})
        if entry.lost:
            return
        if status != 200 or hashlib.sha256(data).hexdigest() != entry.sha:
            self.wrong.append(f"GET {path}: {status}, {len(data)} bytes of {entry.length} ({entry.write}) {data[:200] if status != 200 else ''}")

    def do_mount(self):
        """Mounts a folder, or empties and unmounts it."""
        path = f"/m{self.model.owner}"
        if path not in self.model.entries:
            uri = f"{self.world.stores}/m{self.model.owner}-{self.dice.randrange(2)}"
            self.change(f"MOUNT {path} {uri}", {path: Entry(type="mount", mode="755", uri=uri)}, "POST", "/mounts", body={"path": path, "uri": uri})
            return
        for p in list(self.model.below(path)):
            self.change(f"DELETE {p}", {p: None}, "DELETE", "/files" + p)
        status, got = self.api.json("GET", "/mounts")
        found = [m["id"] for m in got["items"] if m["path"] == path] if status == 200 else []
        if len(found) != 1:
            self.wrong.append(f"GET /mounts: {status}, {path} stands there {len(found)} times")
        elif not self.model.below(path):
            self.change(f"UNMOUNT {path}", {path: None}, "DELETE", f"/mounts/{found[0]}")

    def do_write_mount(self):
        path = f"/m{self.model.owner}"
        if path in self.model.entries and len(self.model.below(path)) < 6:
            path += f"/{self.name()}"
            self.put(path, replace=path in self.model.entries)

    def do_external(self):
        """Somebody else writes into the store; a look at the store makes it known."""
        folder = f"/x{self.model.owner}"
        have = self.model.children(folder)
        if len(have) > 5:
            path = self.dice.choice(have)
            self.change(f"DELETE {path}", {path: None}, "DELETE", "/files" + path)
            return
        path = f"{folder}/e{self.dice.getrandbits(40):x}"
        data = content(self.dice.getrandbits(62), self.dice.choice([10, 5000]))
        self.world.write_behind(self.model, path, data)
        self.change(f"EXTERNAL {path}", {path: file_entry(data, "CACHE_THROUGH", mode="644")}, "POST", f"/files{folder}:load-metadata",
                    body={"recursive": True, "forced": True})

    def do_checkpoint(self):
        self.change("CHECKPOINT", {}, "POST", "/journal:checkpoint", body={})

    def do_backup(self):
        self.change("BACKUP", {}, "POST", "/backups", body={"passphrase": "crash-test-phrase"})

    WEIGHTS = {"create": 30, "overwrite": 12, "mkdir": 5, "symlink": 1, "rename": 9, "rename_over": 3, "rename_directory": 3, "delete": 9,
               "delete_tree": 2, "setattr": 10, "setfacl": 5, "chmod_tree": 1, "copy": 5, "copy_tree": 1, "persist": 2, "free": 2, "read": 10,
               "mount": 1, "write_mount": 4, "external": 2, "checkpoint": 0.1, "backup": 0.1, "fill": 0}

    def run(self):
        weights = dict(self.WEIGHTS)
        for name in self.only or ():
            weights[name] += 40
        if weights["fill"]:
            weights["checkpoint"] = weights["backup"] = 0  # they sync the database, and nothing is left to be ahead of
        names = list(weights)
        try:
            while not self.world.is_over:
                getattr(self, "do_" + self.dice.choices(names, list(weights.values()))[0])()
        except Gone as e:
            self.world.gone(self, e)
        finally:
            self.api.close()
