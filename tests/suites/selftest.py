#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the counting of tests/run: what is translated from other reports, and that silence counts as failure.

Prints TAP.  Builds nothing.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

MESON = [
    {"name": "isthmus:unit / buf", "result": "OK", "returncode": 0, "stdout": "1..2\nok 1 - grows\nok 2 - stops # SKIP no\n"},
    {"name": "isthmus:unit / conf", "result": "FAIL", "returncode": 1, "stdout": "not ok 1 - parses\n"},
    {"name": "isthmus:unit / tree", "result": "FAIL", "returncode": 66, "stdout": "ok 1 - walks\nSUMMARY: race\n"},
    {"name": "isthmus:unit / plain", "result": "OK", "returncode": 0, "stdout": ""},
    {"name": "isthmus:unit / slow", "result": "TIMEOUT", "returncode": -15},
    {"name": "isthmus:unit / none", "result": "SKIP", "returncode": 77},
]
MESON_LINES = ["ok buf: grows", "skip buf: stops no", "not ok conf: parses", "ok tree: walks",
               "not ok tree: fail, status 66", "ok plain", "not ok slow: timeout, status -15",
               "skip none not possible here"]
JUNIT = """<testsuites><testsuite><testcase classname="t" name="a"/><testcase classname="t" name="b"><failure/></testcase>
<testcase classname="t" name="c"><error/></testcase><testcase classname="t" name="d"><skipped message="why"/></testcase>
</testsuite></testsuites>"""
JUNIT_LINES = ["ok t: a", "not ok t: b", "not ok t: c", "skip t: d why"]
SUITES = {
    "lint": "echo 'ok one' >&3; echo 'ok two' >&3; echo 'skip three no tool' >&3",
    "unit": "echo quiet",
    "api": "echo 'ok four' >&3; exit 3",
    "ui": "echo 'not ok five' >&3; exit 1",
}


def translated(kind, text, expected):
    with tempfile.NamedTemporaryFile("w", suffix="." + kind) as f:
        f.write(text)
        f.flush()
        run = subprocess.run([sys.executable, "-B", os.path.join(HERE, "results.py"), kind, f.name],
                             capture_output=True, text=True, check=False)
    return run.stdout.splitlines() == expected and run.returncode == 1, run.stdout + run.stderr


def counted(names, last, status):
    """Runs a copy of tests/run with suites of our own."""
    top = tempfile.mkdtemp(prefix="isthmus-run-")
    try:
        for path in ("tests/run", "installer/steps.sh", "installer/packages.txt"):
            os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
            shutil.copy(os.path.join(TOP, path), os.path.join(top, path))
        os.mkdir(os.path.join(top, "tests/suites"))
        for name, body in SUITES.items():
            with open(os.path.join(top, f"tests/suites/{name}.sh"), "w", encoding="utf-8") as f:
                f.write(body + "\n")
        run = subprocess.run([os.path.join(top, "tests/run"), "--no-install", *names],
                             capture_output=True, text=True, check=False)
        lines = run.stdout.splitlines()
        return bool(lines) and lines[-1] == last and run.returncode == status, run.stdout + run.stderr
    finally:
        shutil.rmtree(top)


def main():
    cases = {
        "meson's report": translated("meson", "\n".join(json.dumps(t) for t in MESON), MESON_LINES),
        "junit's report": translated("junit", JUNIT, JUNIT_LINES),
        "TAP": translated("tap", "ok 1 - a\n  not ok 2 - b\nok c\nokay not\n", ["ok a", "not ok b", "ok c"]),
        "good suite": counted(["lint"], "2 passed, 0 failed, 1 skipped", 0),
        "silent suite fails": counted(["unit"], "0 passed, 1 failed, 0 skipped", 1),
        "bad end fails": counted(["api"], "1 passed, 1 failed, 0 skipped", 1),
        "missing suite fails": counted(["crash"], "0 passed, 1 failed, 0 skipped", 1),
        "sum of all": counted(["lint", "unit", "api", "ui"], "3 passed, 3 failed, 1 skipped", 1),
    }
    for name, (good, said) in cases.items():
        print(f"{'ok' if good else 'not ok'} - {name}")
        if not good:
            print(*("# " + line for line in said.splitlines()), sep="\n")
    return 0 if all(good for good, _ in cases.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
