#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns what test programs print into lines `ok CASE`, `not ok CASE`, `skip CASE why`.

usage: results.py meson TESTLOG.json | junit FILE.xml | tap FILE [PREFIX]
meson: the cases of a cmocka program (run with CMOCKA_MESSAGE_OUTPUT=TAP) count one by one; a program without
TAP output is one case; one that failed without a failed case (a crash, a sanitizer's report) adds one.
Exits 1 when anything failed.
"""
import json
import re
import sys
import xml.etree.ElementTree as xml

TAP = re.compile(r"^\s*(not ok|ok)\b(?:\s+\d+)?(?:\s+-)?\s*(.*?)(?:\s*#\s*(skip|todo)\b\s*(.*))?$", re.I)
BAD = ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS")


def tap(text, prefix):
    """(word, case, why) of each line of TAP."""
    for line in text.splitlines():
        found = TAP.match(line)
        if not found:
            continue
        verdict, name, directive, why = found.groups()
        name = f"{prefix}{name}".strip() or "?"
        if directive:
            yield "skip", name, why or directive
        else:
            yield verdict, name, ""


def meson(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            test = json.loads(line)
            name, result = test["name"].split(" / ")[-1], test["result"]
            cases = list(tap(test.get("stdout") or "", name + ": "))
            yield from cases
            if result == "SKIP":
                yield "skip", name, "not possible here"
            elif result in BAD and not any(c[0] == "not ok" for c in cases):
                yield "not ok", f"{name}: {result.lower()}, status {test.get('returncode')}", ""
            elif not cases:
                yield "ok", name, ""


def junit(path):
    for case in xml.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')}: {case.get('name', '?')}".lstrip(": ")
        if case.find("failure") is not None or case.find("error") is not None:
            yield "not ok", name, ""
        elif case.find("skipped") is not None:
            yield "skip", name, case.find("skipped").get("message", "")
        else:
            yield "ok", name, ""


def main():
    kind, path, prefix = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else ""
    if kind == "tap":
        with open(path, encoding="utf-8", errors="replace") as f:
            cases = list(tap(f.read(), prefix))
    else:
        cases = list({"meson": meson, "junit": junit}[kind](path))
    for word, name, why in cases:
        print(" ".join(f"{word} {name} {why}".split()))
    return 1 if any(word == "not ok" for word, _, _ in cases) else 0


if __name__ == "__main__":
    sys.exit(main())
