# SPDX-License-Identifier: Apache-2.0
"""Access control lists as POSIX has them: what an entry's list is after each change, and what is inherited.

A list is {"user:ann": 6, "mask:": 7, "default:group:": 5, …}.  An Entry keeps of it what its mode does not say.
"""
BASE = ("user:", "group:", "other:")


def listing(entry):
    """All entries of a list."""
    mode = int(entry.mode, 8)
    full = {"user:": mode >> 6 & 7, "group:": mode >> 3 & 7, "other:": mode & 7, **entry.acl}
    if is_extended(entry.acl):
        full["mask:"] = mode >> 3 & 7
    return full


def is_extended(acl):
    return any(not k.startswith("default:") and k not in BASE for k in acl) or "group:" in acl


def with_list(entry, full):
    """The entry with that list; the mask is its mode's middle."""
    extended = any(not k.startswith("default:") and k not in BASE for k in full)
    keep = {k: v for k, v in full.items() if k.startswith("default:") or (extended and k not in ("user:", "other:", "mask:"))}
    mode = int(entry.mode, 8) & 0o7000 | full["user:"] << 6 | full.get("mask:", full["group:"]) << 3 | full["other:"]
    return entry.with_(acl=keep, mode=f"{mode:o}")


def half(full, prefix):
    """Entries of the list itself ("") or of its default part, without the prefix."""
    return {k[len(prefix):]: v for k, v in full.items() if k.startswith("default:") == bool(prefix)}


def mend_mask(part):
    """The mask is the union of what it limits; without named entries there is none."""
    named = [k for k in part if k not in (*BASE, "mask:")]
    part.pop("mask:", None)
    if named:
        part["mask:"] = part["group:"]
        for k in named:
            part["mask:"] |= part[k]


def changed(entry, action, entries=()):
    """The entry after a change; entries: those to put {key: perm}, or the keys to remove. A file takes no default entries."""
    full = listing(entry)
    own, default = half(full, ""), half(full, "default:")
    given = {"": [k for k in entries if not k.startswith("default:")], "default:": [k for k in entries if k.startswith("default:")]}
    if action in ("remove_all", "remove_default"):
        default = {}
        own = {k: v for k, v in own.items() if k in BASE} if action == "remove_all" else own
    for prefix, part in (("", own), ("default:", default)):
        if not given[prefix] or (prefix and entry.type != "directory"):
            continue
        for k in given[prefix]:
            if action == "modify":
                part[k[len(prefix):]] = entries[k]
            else:
                part.pop(k[len(prefix):], None)
        if prefix and action == "modify":
            for k in BASE:
                part.setdefault(k, own[k])
        mend_mask(part)
    return with_list(entry, {**own, **{f"default:{k}": v for k, v in default.items()}})


def born(entry, parent, asked):
    """A new file or directory below a directory; asked: the mode that its maker wants before any umask."""
    default = half(parent.acl, "default:") if parent else {}
    if not default:
        return entry
    own, group = dict(default), "mask:" if "mask:" in default else "group:"
    for key, shift in (("user:", 6), (group, 3), ("other:", 0)):
        own[key] &= asked >> shift & 7
    below = {f"default:{k}": v for k, v in default.items()} if entry.type == "directory" else {}
    return with_list(entry, {**own, **below})


def texts(full):
    return sorted(f"{k}:{''.join(c if v & bit else '-' for c, bit in (('r', 4), ('w', 2), ('x', 1)))}" for k, v in full.items())
