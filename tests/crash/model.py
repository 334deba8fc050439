# SPDX-License-Identifier: Apache-2.0
"""What one client knows: every entry that the daemon acknowledged, and the one operation that it did not answer.

Each path belongs to one client, so a model needs no lock.  An operation is a delta {path: entry or None}; until it is
answered both the entries before and those after it are allowed, but all of them together: nothing is half there.
Only the copy of a tree is many operations, each of which may have happened.
"""
import copy
import dataclasses
import hashlib
import random


def content(seed, length):
    return random.Random(seed).randbytes(length)


@dataclasses.dataclass
class Entry:
    type: str = "file"          # file, directory, symlink, mount
    length: int = 0
    sha: str = ""
    mode: str = "644"
    pinned: bool = False
    ttl: object = None
    acl: dict = dataclasses.field(default_factory=dict)  # acl.py
    xattrs: dict = dataclasses.field(default_factory=dict)
    write: str = "CACHE_THROUGH"
    target: str = None          # of a symlink
    uri: str = None             # of a mount
    lost: bool = False          # MUST_CACHE in memory, and the power went

    def in_store(self):
        return self.type == "file" and self.write != "MUST_CACHE"

    def with_(self, **changes):
        new = copy.deepcopy(self)
        for name, value in changes.items():
            setattr(new, name, value)
        return new


def file_entry(data, write, mode="644"):
    return Entry(length=len(data), sha=hashlib.sha256(data).hexdigest(), write=write, mode=mode)


class Pending:
    """is_whole: not some of it alone.  is_acknowledged: the answer was that it will be done, a task is at it."""

    def __init__(self, text, delta, before, is_whole):
        self.text, self.delta, self.before, self.is_whole, self.is_acknowledged = text, delta, before, is_whole, False


class Model:
    def __init__(self, owner):
        self.owner = owner
        self.entries = {}
        self.pending = None
        self.acknowledged = 0
        self.behind = set()  # files put into a store by somebody else in this round
        self.history = []  # the last operations, for the report

    def intend(self, text, delta, is_whole=True):
        self.pending = Pending(text, delta, {p: self.entries.get(p) for p in delta}, is_whole)

    def settle(self, happened):
        """The outcome of the pending operation is known: its delta, what of it happened, or {}."""
        for path, entry in happened.items():
            if entry is None:
                self.entries.pop(path, None)
            else:
                self.entries[path] = entry
        done = "not done" if not happened and self.pending.delta else "done" if len(happened) == len(self.pending.delta) else "done in part"
        self.note(f"{done}: {self.pending.text}")
        self.pending = None

    def acknowledge(self, is_done=True):
        self.acknowledged += 1
        self.pending.is_acknowledged = True
        if is_done:
            self.settle(self.pending.delta)

    def note(self, text):
        self.history = self.history[-400:] + [text]

    def below(self, path):
        return {p: e for p, e in self.entries.items() if p.startswith(path + "/")}

    def children(self, path):
        return [p for p in self.entries if p.rpartition("/")[0] == path]

    def of_type(self, *types):
        return [p for p in sorted(self.entries) if self.entries[p].type in types]
