# SPDX-License-Identifier: Apache-2.0
"""After a restart: is everything acknowledged there with the right bytes, is nothing half there, is there nothing else?

At once: whatever was acknowledged, in the namespace and by content.  Then, as soon as the background has done its work:
operations without an answer are done or not done as a whole, stores hold exactly what is persisted, doctor is silent.
"""
import functools
import hashlib
import os
import time

import acl
from load import Api

SETTLE_S = 40
FILE_KEYS = ("mode", "pinned", "ttl")


def listing(api):
    items, cursor = {}, None
    while True:
        query = {"list": "", "recursive": "true", "limit": 5000, **({"cursor": cursor} if cursor else {})}
        status, page = api.json("GET", "/files/", query=query)
        assert status == 200, f"listing: {status} {page}"
        items.update({e["path"]: e for e in page["items"]})
        cursor = page["next_cursor"]
        if not cursor:
            return items


def sha_of_file(where):
    with open(where, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def differs(entry, got):
    """What of a listed entry is not what was acknowledged, or None."""
    if entry is None:
        return "is there and should not be" if got else None
    if got is None:
        return "is not there"
    kind = "directory" if entry.type == "mount" else entry.type
    if got["type"] != kind or got["mount_point"] != (entry.type == "mount"):
        return f"is a {got['type']} (mount point: {got['mount_point']})"
    if entry.type == "file":
        if not got["completed"]:
            return "is incomplete"
        if got["length"] != entry.length:
            return f"has {got['length']} bytes of {entry.length}"
        if not entry.lost and (entry.write == "MUST_CACHE") != (got["persistence"] in ("NOT_PERSISTED", "LOST")):
            return f"is {got['persistence']} after {entry.write}"
        if entry.lost and got["persistence"] == "PERSISTED":  # else an overwrite that was cut looks undone
            return "is PERSISTED although its bytes were lost"
        if entry.write in ("CACHE_THROUGH", "THROUGH") and got["persistence"] != "PERSISTED":
            return f"is {got['persistence']} after {entry.write}"
        for key in FILE_KEYS:
            if got[key] != getattr(entry, key):
                return f"has {key} {got[key]}, not {getattr(entry, key)}"
    elif entry.type == "directory" and got["mode"] != entry.mode:
        return f"has mode {got['mode']}, not {entry.mode}"
    if entry.type != "symlink" and got["extended_acl"] != bool(entry.acl):
        return f"has {'a' if got['extended_acl'] else 'no'} list beside its mode, acknowledged {entry.acl}"
    return None


class Check:
    def __init__(self, world):
        self.world, self.api = world, Api(world.node)

    def content(self, path, entry):
        status, data = self.api.call("GET", "/files" + path, query={"content": ""})
        if status == 200 and hashlib.sha256(data).hexdigest() == entry.sha:
            return None
        if status == 200:
            return f"{path} ({entry.write}) has other bytes: {len(data)} of {entry.length}"
        if self.world.memory_lost and entry.write == "MUST_CACHE" and status != 200:
            entry.lost = True  # the one exemption: acknowledged into memory only
            return None
        return f"{path} ({entry.write}, {entry.length} bytes): content answers {status} {data[:300]!r}"

    def xattrs(self, path, entry):
        status, got = self.api.json("GET", "/files" + path, query={"xattrs": ""})
        if status != 200 or got["xattrs"] != entry.xattrs:
            return f"{path}: xattrs are {status} {got}, acknowledged {entry.xattrs}"
        return None

    def access_list(self, path, entry):
        status, got = self.api.json("GET", "/files" + path, query={"acl": ""})
        want = acl.texts(acl.listing(entry))
        if status != 200 or sorted(got["entries"]) != want:
            return f"{path}: its access control list is {status} {got}, acknowledged {want}"
        return None

    def entry(self, path, entry, got):
        """Everything about one path, or None."""
        wrong = differs(entry, got)
        if wrong:
            return f"{path} {wrong}"
        if entry is None:
            return None
        if entry.type in ("file", "directory"):
            if entry.type == "file" and not entry.lost:
                wrong = self.content(path, entry)
            return wrong or self.xattrs(path, entry) or (self.access_list(path, entry) if entry.acl else None)
        if entry.type == "symlink" and got.get("length") != len(entry.target):  # listings leave the target out
            return f"{path}: its target has {got.get('length')} bytes, not {len(entry.target)}"
        return None

    def acknowledged(self):
        """Right after the start: nothing acknowledged may be missing, not even for a moment."""
        items, lost = listing(self.api), []
        for model in self.world.models:
            open_paths = model.pending.delta if model.pending else {}
            for path, entry in model.entries.items():
                if path not in open_paths:
                    lost.append(self.entry(path, entry, items.get(path)))
        return [text for text in lost if text]

    def persist_may_fail(self, pending, items):
        """Nobody said that the bytes were safe: those that went with the memory cannot be persisted."""
        for path, entry in pending.delta.items():
            if path in items and items[path]["persistence"] != "PERSISTED":
                in_memory = entry.with_(write="MUST_CACHE")
                self.content(path, in_memory)
                if in_memory.lost:
                    pending.delta[path] = in_memory

    def resolve(self, model, items):
        """Done as a whole or not at all; returns what of it happened, or None and what is wrong."""
        pending = model.pending
        before = {p: self.entry(p, e, items.get(p)) for p, e in pending.before.items()}
        if not any(before.values()) and not pending.is_acknowledged:
            return {}, None
        if pending.text.startswith("PERSIST"):
            self.persist_may_fail(pending, items)
        after = {p: self.entry(p, e, items.get(p)) for p, e in pending.delta.items()}
        if not any(after.values()):
            return pending.delta, None
        if not pending.is_whole and not any(before[p] and after[p] for p in after):
            return {p: e for p, e in pending.delta.items() if not after[p]}, None
        was, becomes = (next(filter(None, d.values()), None) for d in (before, after))
        return None, f"half there: {pending.text}: not before ({was}), not after ({becomes})"

    def pending(self, items):
        wrong, outcome = [], {}
        for model in self.world.models:
            if model.pending:
                outcome[model.owner], text = self.resolve(model, items)
                if text:
                    wrong.append(text)
        return wrong, outcome

    def expected(self, outcome):
        """All entries once the pending operations are decided."""
        all_entries = dict(self.world.fixed)
        for model in self.world.models:
            all_entries.update(model.entries)
            if model.pending and outcome.get(model.owner):
                for path, entry in outcome[model.owner].items():
                    all_entries.pop(path, None)
                    if entry:
                        all_entries[path] = entry
        return all_entries

    def store_files(self):
        """What is in the stores: files and how to get their SHA-256, and folders."""
        found, folders = {}, set()
        for top in self.world.store_folders():
            for where, names, files in os.walk(top):
                found.update({os.path.join(where, f): functools.partial(sha_of_file, os.path.join(where, f)) for f in files})
                folders.update(os.path.join(where, d) for d in names)
        if self.world.server:
            self.bucket_files(self.world.server, found, folders)
        return found, folders

    def bucket_files(self, server, found, folders):
        top = f"s3://{server.bucket}/"
        for key, etag in server.listing(self.world.uri[len(top):] + "/").items():
            if not key.endswith("/"):
                found[top + key] = functools.partial(server.sha, key, etag)
            folder = (top + key).rpartition("/")[0]
            while len(folder) > len(self.world.uri):  # inferred from the key, or the key of a folder
                folders.add(folder)
                folder = folder.rpartition("/")[0]

    @staticmethod
    def may_be_in_store(sha, known):
        if known is None or known[1].in_store():
            return known is not None
        # its persist was cut behind the store's part, and then its bytes in memory went: it waits with the object beside it
        return known[1].lost and sha() == known[1].sha

    def stores(self, entries, items):
        wrong, place = [], {self.world.place(p, entries): (p, e) for p, e in entries.items()}
        found, folders = self.store_files()
        behind = {self.world.place(p, entries) for m in self.world.models for p in m.behind}
        for where, (path, entry) in place.items():
            if not entry.in_store():
                continue
            if items[path]["persistence"] != "PERSISTED":
                wrong.append(f"{path} ({entry.write}) is {items[path]['persistence']}")
            elif where not in found:
                wrong.append(f"{path} is not in its store")
            elif found[where]() != entry.sha:
                wrong.append(f"{path} has other bytes in its store")
        for where, sha in found.items():
            if os.path.basename(where).startswith((".isthmus.", ".isthmus-test-")):  # of killed writes and mount tests
                self.world.temporaries.add(where)
            elif where not in behind and not self.may_be_in_store(sha, place.get(where)):
                wrong.append(f"{where} is in the store and not in the namespace")
        wrong += [f"folder {d} is in the store and not in the namespace" for d in folders if d not in place]
        return wrong

    def doctor(self):
        status, got = self.api.json("GET", "/doctor")
        return [f"doctor: {status} {got}"] if status != 200 or got["items"] else []

    def tasks(self, entries):
        status, got = self.api.json("GET", "/tasks")
        lost = {p for p, e in entries.items() if e.lost}  # cannot be persisted: their bytes went with the memory
        return [f"task {t}" for t in got["items"] if t["path"] not in lost] if status == 200 else [f"tasks: {status}"]

    def mounts(self, entries):
        status, got = self.api.json("GET", "/mounts")
        has = {m["path"]: m["uri"] for m in got["items"] if m["path"] != "/"}
        want = {p: e.uri for p, e in entries.items() if e.type == "mount"}
        return [] if status == 200 and has == want else [f"mounts are {has}, not {want}"]

    def counts(self, items):
        """Detached and incomplete leftovers are in no listing, but they are counted."""
        status, got = self.api.json("GET", "/overview")
        inodes = got["namespace"]["inodes"] if status == 200 else status
        return [] if inodes == len(items) + 1 else [f"{inodes} inodes, {len(items) + 1} of them with a name"]

    def once(self):
        items = listing(self.api)
        wrong, outcome = self.pending(items)
        if wrong:
            return wrong, outcome
        entries = self.expected(outcome)
        wrong += [f"{p} is there, nobody made it" for p in items if p not in entries]
        wrong += [f"{p} is not there" for p in entries if p not in items]
        if not wrong:
            wrong = self.stores(entries, items)
        return wrong + self.mounts(entries) + self.tasks(entries) + self.counts(items) + self.doctor(), outcome

    def settled(self):
        end = time.monotonic() + SETTLE_S
        while True:
            wrong, outcome = self.once()
            if not wrong or time.monotonic() > end:
                break
            time.sleep(0.1)
        for model in self.world.models:
            if model.pending and outcome.get(model.owner) is not None:
                model.settle(outcome[model.owner])
        return wrong
