#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints a configuration file with every setting of options.def, each commented out with its default.

usage: conf_template.py OPTIONS.DEF
"""
import re
import sys

OPTION = re.compile(r'OPTION\(\s*\w+,\s*"([^"]*)",\s*(\w+),\s*"([^"]*)",\s*"([^"]*)",\s*[^,]*,\s*"([^"]*)"\s*\)', re.S)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        found = OPTION.findall(f.read())
    if not found:
        sys.exit(f"{sys.argv[1]} holds no OPTION(...)")
    print("# Settings of Isthmus.  Copy the lines to change into conf/isthmus-site.properties of the store.")
    for key, kind, default, bounds, text in found:
        print(f"\n# {text}")
        print(f"# {kind.lower()}" + (f", {bounds.replace('|', ', ')}" if bounds else ""))
        print(f"#{key}={default}")


if __name__ == "__main__":
    main()
