#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one violation for each check of lint.py in a small clean tree and expects that very line.

A check without a planted violation here fails the test, and so does a check that finds something in the
clean tree: a lint that finds nothing is worth nothing, one that cries wolf is switched off.
"""
import io
import os
import shutil
import stat
import sys
import tempfile

import lint

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
README = "# x\nOne sentence.\n"
CLEAN = {
    "README.md": README,
    "daemon/README.md": README,
    "daemon/main.c": SPDX + '#include "meta/state.h"\n',
    "daemon/meson.build": "executable('x', 'main.c')\n",
    "daemon/base/README.md": README,
    "daemon/base/meson.build": "files('err.c', 'buf.c')\n",
    "daemon/base/err.h": SPDX,
    "daemon/base/err.c": SPDX + '#include "base/err.h"\nint f(void)\n{\n    return 0;\n}\n',
    "daemon/base/buf.h": SPDX + '#include "base/err.h"\n',
    "daemon/base/buf.c": SPDX + '#include "base/buf.h"\n/* not strcpy(a, b) */\nchar s[] = "gets(x)";\n',
    "daemon/meta/README.md": README,
    "daemon/meta/state.h": SPDX + '#include "base/buf.h"\n#include <sqlite3.h>\n',
    "rest/README.md": README,
    "rest/v1/README.md": README,
    "rest/v1/routes.def": SPDX + 'ROUTE(fs_list, GET, "/fs")\n',
    "tests/README.md": README,
    "tests/api/README.md": README,
    "tests/api/test_fs.py": "# SPDX-License-Identifier: Apache-2.0\nROUTE = 'fs_list'\n",
    "tool.sh": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\necho \"$1\"\n",
}
LONG = SPDX + "int g(void)\n{\n" + "    ;\n" * 120 + "}\n"

# check: [(file, its text, line of the finding)]
PLANTED = {
    "layers": [
        ("daemon/base/bad.h", SPDX + '#include "meta/state.h"\n', 2),
        ("daemon/meta/bad.h", SPDX + '#include "state.h"\n', 2),
    ],
    "fences": [
        ("daemon/base/bad.h", SPDX + "#include <sqlite3.h>\n", 2),
        ("rest/bad.h", SPDX + "\n#include <civetweb.h>\n", 3),
        ("daemon/base/other.c", SPDX + "#include <curl/curl.h>\n", 2),
        ("daemon/base/other.h", SPDX + "#include <cmocka.h>\n", 2),
    ],
    "cycles": [("daemon/base/err.h", SPDX + '#include "base/buf.h"\n', 2)],
    "stems": [("rest/err.h", SPDX, 1)],
    "listed": [("daemon/base/lonely.c", SPDX, 1)],
    "banned": [
        ("daemon/base/err.c", SPDX + "int f(void)\n{\n    strcpy(a, b);\n}\n", 4),
        ("daemon/base/err.c", SPDX + "int f(void)\n{\n    /* x */ usleep(1);\n}\n", 4),
    ],
    "functions": [("daemon/base/err.c", LONG, 3)],
    "sizes": [("daemon/base/err.c", SPDX + "\n" * 900, 1)],
    "spdx": [("daemon/base/err.h", "#pragma once\n", 1), ("tool.sh", "#!/bin/sh\necho\n", 1)],
    "words": [
        ("daemon/base/err.h", SPDX + "/* see /" + "work/x */\n", 2),
        ("tool.sh", CLEAN["tool.sh"] + "# TO" + "DO\n", 4),
    ],
    "readmes": [
        ("ufs/s3/s3.c", SPDX, 1),
        ("daemon/README.md", "line\n" * 41, 41),
    ],
    "routes": [("rest/v1/routes.def", CLEAN["rest/v1/routes.def"] + 'ROUTE(fs_new, POST, "/fs")\n', 3)],
    "executable": [("plain.sh", CLEAN["tool.sh"], 1)],
    "python": [("tests/api/bad.py", "# SPDX-License-Identifier: Apache-2.0\ndef (:\n", 2)],
    "shell": [("tool.sh", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\ncd $1\n", 3)],
}


def make_tree(root, files):
    for path, text in files.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
        if path == "tool.sh":
            os.chmod(full, os.stat(full).st_mode | stat.S_IXUSR)


def findings(name, files):
    root = tempfile.mkdtemp(prefix="isthmus-lint-")
    try:
        make_tree(root, files)
        out = io.StringIO()
        lint.run_check(lint.Tree(root), name, False, out)
        return out.getvalue().splitlines()
    finally:
        shutil.rmtree(root)


def test_check(name):
    """Returns what is wrong with the check, or nothing."""
    loud = findings(name, CLEAN)
    if loud:
        return [f"{name} complains about the clean tree: {line}" for line in loud]
    if not PLANTED.get(name):
        return [f"{name} has no planted violation"]
    problems = []
    for path, text, number in PLANTED[name]:
        found = findings(name, {**CLEAN, path: text})
        place = f"{os.path.dirname(path)}/README.md:1:" if path == "ufs/s3/s3.c" else f"{path}:{number}:"
        if name == "cycles":  # a circle is reported at any of its arrows
            place = "daemon/base/"
        if len(found) < 1 or not any(line.startswith(place) for line in found):
            problems.append(f"{name} does not find {path}:{number}, says {found}")
    return problems


def test_waiver():
    text = SPDX + "int f(void)\n{\n    /* lint: allow banned: a test of it */\n    sleep(1);\n    sleep(2);\n}\n"
    found = findings("banned", {**CLEAN, "daemon/base/err.c": text})
    return [] if len(found) == 1 and ":6:" in found[0] else [f"waiver: {found}"]


def main():
    failed = 0
    for name in list(lint.CHECKS) + ["waiver"]:
        try:
            problems = test_waiver() if name == "waiver" else test_check(name)
        except lint.CannotRun as why:
            print(f"skip {name} {why}")
            continue
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {name}", *problems, sep="\n    " if problems else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
