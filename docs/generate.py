#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/configuration.md from the tables of settings and mount options in the source.

usage: docs/generate.py            writes the page
       docs/generate.py --check    exits 1 when the page is not what the tables say
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = "docs/configuration.md"
SETTINGS = "daemon/base/options.def"
STORES = [("Every mount", "ufs/registry.c", "registry_common"), ("`file`", "ufs/file/file.c", "options"),
          ("`s3`", "ufs/s3/s3.c", "options"), ("`mem` (tests)", "ufs/mem/mem_store.c", "options")]
OPTION = re.compile(r'OPTION\(\s*(\w+),\s*"([^"]*)",\s*(\w+),\s*"([^"]*)",\s*"([^"]*)",\s*([^,]*),\s*"([^"]*)"\s*\)', re.S)

HEAD = """# Configuration

This page is made by `docs/generate.py` from `daemon/base/options.def` and the drivers' tables; do not edit it.
`meson test --suite lint` fails when it is not current.

## Where settings come from
Later ones win:
1. the default in the table below;
2. `conf/isthmus-site.properties` in the home: one `key=value` a line, `#` begins a comment;
3. the environment: the key in capitals with `_` for `.`, such as `ISTHMUS_MASTER_WEB_PORT`;
4. `-Dkey=value` on the command line of `isthmus` or `isthmusd`.

`${other.key}` in a value stands for that setting's value. A wrong line stops the start; the message names file, line, key and
what is allowed. `isthmus getConf --source KEY` says where a value comes from, `isthmus validateConf` checks the file.

Settings marked *live* also change at run time (`PATCH /api/v1/config`); that lasts until the daemon ends: put it into the file to keep it.
Settings marked *path* may be set for a path and everything below it (`isthmus fsadmin pathConf`, `PUT /api/v1/config/paths`);
those are kept in the metadata, and the longest path wins.

Values: a *size* is a number and `B KB MB GB TB PB` in steps of 1,024 (`64MB`, `1.5GB`); a *duration* a number and `ms s min h d`,
a plain number is ms, `-1` never; *bool* is `true` or `false`. Keys that hold `secret`, `password`, `token` or `credential` are shown as `******`.

## Settings of a node
"""
MOUNTS = """
## Options of a mount
Given at mount time (`isthmus fs mount --option KEY=VALUE`, `options` of `POST /api/v1/mounts`) or for the root store in
`isthmus.master.mount.table.root.option`. They are kept in the metadata; values of type *secret* are sealed there with the node's key.
"""


def cell(text):
    return text.replace("|", "\\|").strip()


def code(text):
    return f"`{cell(text)}`" if text else "–"


def allowed(bounds):
    if "|" in bounds:
        return ", ".join(code(b) for b in bounds.split("|"))
    least, _, most = bounds.partition("..")
    if least and most:
        return f"{least} to {most}"
    return f"at least {least}" if least else "–"


def sources(*tops):
    for top in tops:
        for folder, _, files in os.walk(os.path.join(ROOT, top)):
            for name in sorted(files):
                if name.endswith(".c"):
                    with open(os.path.join(folder, name), encoding="utf-8") as f:
                        yield folder, f.read()


def use_of(node, cli, name, key):
    """What is to be said of a setting that the daemon does not read."""
    word = re.compile(r"\bCONF_%s\b" % name)
    if word.search(node):
        return ""
    if word.search(cli):
        return " Read by the command line only."
    return " Read for paths only, not as the node's default." if f'"{key}"' in node else " **Not read by this version.**"


def settings():
    cli = "\n".join(text for _, text in sources("daemon/cli"))
    node = "\n".join(text for folder, text in sources("daemon", "rest", "ufs") if not folder.endswith("daemon/cli"))
    with open(os.path.join(ROOT, SETTINGS), encoding="utf-8") as f:
        text = f.read()
    found = OPTION.findall(text)
    if len(found) != len(re.findall(r"^OPTION\(", text, re.M)):
        sys.exit(f"{SETTINGS}: an OPTION has a form that this script does not read")
    yield "| key | type | default | allowed | may change | meaning |"
    yield "|---|---|---|---|---|---|"
    for name, key, kind, value, bounds, flags, text in found:
        scope = ", ".join(w for w, flag in (("live", "CONF_LIVE"), ("path", "CONF_PATH_SCOPE")) if flag in flags)
        yield f"| `{key}` | {kind.lower()} | {code(value)} | {allowed(bounds)} | {scope or '–'} | {cell(text)}{use_of(node, cli, name, key)} |"


def mount_options(path, name):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        source = f.read()
    prefix = re.search(r'#define P "([^"]*)"', source)
    body = re.search(r"struct ufs_option %s\[\] = \{(.*?)\n\};" % name, source, re.S).group(1)
    if prefix:
        body = body.replace('P "', '"' + prefix.group(1))
    body = re.sub(r'"\s*\n\s*"', "", body)
    for row in re.findall(r'\{(\.name = ".*?")\}', body, re.S):
        yield dict(re.findall(r'\.(\w+) = "([^"]*)"', row))


def mounts():
    for title, path, name in STORES:
        yield ""
        yield f"### {title}"
        yield "| key | type | default | allowed | meaning |"
        yield "|---|---|---|---|---|"
        for o in mount_options(path, name):
            yield (f"| `{o['name']}` | {o['type']} | {code(o.get('value', ''))} | {allowed(o.get('choices', ''))} | "
                   f"{cell(o['help'])} |")


def page():
    return HEAD + "\n".join(settings()) + "\n" + MOUNTS + "\n".join(mounts()) + "\n"


def main():
    path = os.path.join(ROOT, PAGE)
    if "--check" not in sys.argv:
        text = page()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return
    with open(path, encoding="utf-8") as f:
        if f.read() != page():
            sys.exit(f"{PAGE} is not current: run docs/generate.py")


if __name__ == "__main__":
    main()
