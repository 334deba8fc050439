#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the documents still say what the code says?  meson test --suite lint.

Made pages are current; each thread and each lock rank has a row in docs/threads.md, each fault point in docs/journal.md; each
route and error code stands in docs/rest.md; links and paths named in the documents exist; no document is longer than it may be.
usage: docs_current.py [--root DIR]
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CODE = ("daemon", "ufs", "rest")
DOC_MAX, DECISION_MAX = 300, 60
THREAD = re.compile(r'\b(?:thread_start\(\s*&[\w.>\[\]-]+,|pool_new\()\s*"([^"]+)"')
TICK = re.compile(r'\bticker_add\(\s*[^,]+,\s*"([^"]+)"')
FAULT = re.compile(r'\bFAULT\("([^"]+)"\)')
RANK = re.compile(r"^\s+(RANK_\w+)\s*=", re.M)
ROUTE = re.compile(r'^ROUTE\(\w+, "(\w+)", "([^"]+)"', re.M)
ERROR = re.compile(r"^ERR\((\w+),", re.M)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"`((?:daemon|ufs|rest|webui|installer|tests|docs)/[\w./-]+)`")


def text_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def sources(root):
    for top in CODE:
        for folder, _, files in os.walk(os.path.join(root, top)):
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    yield text_of(os.path.join(folder, name))


def documents(root):
    yield "README.md"
    for folder, names, files in os.walk(os.path.join(root, "docs")):
        names.sort()
        for name in sorted(files):
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(folder, name), root)


def missing_rows(root):
    code = "\n".join(sources(root))
    ranks = RANK.findall(text_of(os.path.join(root, "daemon/base/lock_ranks.h")))
    wanted = (("docs/threads.md", "thread", THREAD.findall(code) + TICK.findall(code)), ("docs/threads.md", "lock rank", ranks),
              ("docs/journal.md", "fault point", FAULT.findall(code)))
    for page, what, names in wanted:
        if not names:
            yield f"{page}: no {what} was found in the code: has its form changed?"
        rows = "\n".join(line for line in text_of(os.path.join(root, page)).split("\n") if line.startswith("|"))
        for name in sorted(set(names)):
            if f"`{name}`" not in rows:
                yield f"{page}: the {what} '{name}' has no row"
    known = set(FAULT.findall(code))
    for name in re.findall(r"^\| `(\w+\.\w+)` \|", text_of(os.path.join(root, "docs/journal.md")), re.M):
        if name not in known:
            yield f"docs/journal.md: there is no fault point '{name}' in the code"


def rest_page(root):
    page = text_of(os.path.join(root, "docs/rest.md"))
    said = re.sub(r"\{\w+\}", "{}", page)
    for method, path in ROUTE.findall(text_of(os.path.join(root, "rest/v1/routes.def"))):
        if f"`{method} {re.sub(r'{[a-z]+}', '{}', path)}" not in said:
            yield f"docs/rest.md: {method} {path} is not there"
    for name in ERROR.findall(text_of(os.path.join(root, "daemon/base/errors.def"))):
        if f"`{name.lower()}`" not in page:
            yield f"docs/rest.md: the error code {name.lower()} is not there"


def dead_ends(root):
    for page in documents(root):
        text = text_of(os.path.join(root, page))
        most = DECISION_MAX if "/adr/" in page and "README" not in page else DOC_MAX
        if text.count("\n") > most:
            yield f"{page}: {text.count(chr(10))} lines, at most {most}"
        for link in LINK.findall(text):
            if "://" not in link and not os.path.exists(os.path.join(root, os.path.dirname(page), link)):
                yield f"{page}: the link {link} leads nowhere"
        for name in NAMED.findall(text):
            if not os.path.exists(os.path.join(root, name)):
                yield f"{page}: there is no {name}"


def main():
    root = os.path.abspath(sys.argv[2]) if sys.argv[1:2] == ["--root"] else os.path.dirname(os.path.dirname(HERE))
    found = [*missing_rows(root), *rest_page(root), *dead_ends(root)]
    made = subprocess.run([sys.executable, "-B", os.path.join(root, "docs/generate.py"), "--check"], capture_output=True, text=True, check=False)
    if made.returncode:
        found.append((made.stdout + made.stderr).strip())
    for line in found:
        print(line)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
