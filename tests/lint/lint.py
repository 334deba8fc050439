#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks of the source tree that a script can make: meson test --suite lint.

usage: lint.py [--root DIR] [--list] [--info] [CHECK...]
Prints `file:line: what` and exits 1 when something is wrong.  A rule may be broken by a comment that says
why, on the line or the one before it:  lint: allow CHECK: reason
Tables: layers.txt fences.txt banned.txt words.txt.  selftest.py plants one violation for each check.
"""
import argparse
import ast
import fnmatch
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SKIP_FOLDERS = {".git", "node_modules", "dist", "var", "__pycache__", ".pytest_cache"}
C_FOLDERS = ("daemon/", "ufs/", "rest/", "installer/")
FUNCTION_MAX, FUNCTION_INFO, FILE_MAX, FILE_INFO, README_MAX = 100, 60, 800, 600, 40
SKIPPED = 77  # meson's exit code for a test that could not run
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
CHECKS = {}


class CannotRun(Exception):
    pass


class Tree:
    """The files below `root`, read once."""

    def __init__(self, root):
        self.root = root
        self.paths = sorted(self._walk())
        self._text = {}

    def _walk(self):
        for folder, names, files in os.walk(self.root):
            names[:] = [n for n in names if n not in SKIP_FOLDERS
                        and not (folder == self.root and n.startswith("build"))]
            for name in files:
                path = os.path.relpath(os.path.join(folder, name), self.root)
                if not os.path.islink(os.path.join(folder, name)):
                    yield path

    def text(self, path):
        if path not in self._text:
            try:
                with open(os.path.join(self.root, path), encoding="utf-8") as f:
                    self._text[path] = f.read()
            except (UnicodeDecodeError, FileNotFoundError):  # a picture, or gone since we looked
                self._text[path] = ""
        return self._text[path]

    def lines(self, path):
        return self.text(path).split("\n")

    def having(self, *suffixes, under=("",)):
        return [p for p in self.paths if p.endswith(suffixes) and p.startswith(tuple(under))]

    def scripts(self, interpreter):
        """Files whose first line names the interpreter."""
        return [p for p in self.paths if os.path.splitext(p)[1] in ("", ".sh", ".py")
                and self.text(p).startswith("#!") and interpreter in self.lines(p)[0]]


def check(function):
    CHECKS[function.__name__] = function
    return function


def table(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.strip() and not line.startswith("#"):
                yield line


def waived(tree, path, number, name):
    lines = tree.lines(path)
    near = lines[max(0, number - 2):number]
    return any(re.search(r"lint: allow " + name + r": \w+", line) for line in near)


def without_comments(text):
    """The C text with comments and literals blanked, line numbers kept."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def includes(tree, path):
    """(line, is_ours, name) of each #include."""
    for number, line in enumerate(tree.lines(path), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1) == '"', found.group(2)


def resolve(tree, name):
    for path in ("daemon/" + name, name):
        if path in tree.paths:
            return path
    return None


def layer_of(path):
    parts = path.split("/")
    if parts[0] != "daemon":
        return parts[0]
    return parts[1] if len(parts) > 2 else "daemon"


# ---- C: who may know whom ----

@check
def layers(tree):
    """A folder includes only those that layers.txt names."""
    allowed = {}
    for line in table("layers.txt"):
        name, _, rest = line.partition(":")
        allowed[name.strip()] = set(rest.split())
    for path in tree.having(".c", ".h", under=C_FOLDERS):
        own = layer_of(path)
        for number, ours, name in includes(tree, path):
            if not ours:
                continue
            target = resolve(tree, name)
            if target is None and not name.startswith("webui/"):
                yield path, number, f'"{name}" is not a path from daemon/ or from the root'
                continue
            other = layer_of(target) if target else "webui"
            if other != own and other not in allowed.get(own, ()) and "*" not in allowed.get(own, ()):
                yield path, number, f"{own} must not include {other} (tests/lint/layers.txt)"


@check
def fences(tree):
    """A foreign header is included only where fences.txt says."""
    fenced = [(line.split()[0], tuple(line.split()[1:])) for line in table("fences.txt")]
    for path in tree.having(".c", ".h"):
        for number, ours, name in includes(tree, path):
            for pattern, homes in fenced:
                if not ours and fnmatch.fnmatch(name, pattern) and not path.startswith(homes):
                    yield path, number, f"<{name}> belongs to {' '.join(homes)} (tests/lint/fences.txt)"


@check
def cycles(tree):
    """Inside a folder headers include one another without a circle (info: modules, x.c with x.h)."""
    for level, of in (("", lambda p: p), ("info: ", lambda p: os.path.splitext(p)[0])):
        graph, where = {}, {}
        for path in tree.having(".c", ".h", under=C_FOLDERS):
            me = of(path)
            for number, ours, name in includes(tree, path):
                target = resolve(tree, name) if ours else None
                if target and target.endswith(".h") and os.path.dirname(target) == os.path.dirname(path) \
                        and of(target) != me:
                    graph.setdefault(me, set()).add(of(target))
                    where.setdefault((me, of(target)), (path, number))
        for circle in find_circles(graph):
            path, number = where[circle[0], circle[1]]
            yield path, number, f"{level}circle: " + " -> ".join(os.path.basename(m) for m in circle)


def find_circles(graph):
    done = set()
    for start in sorted(graph):
        trail, stack = [start], [iter(sorted(graph[start]))]
        while stack and start not in done:
            step = next(stack[-1], None)
            if step is None:
                done.add(trail.pop())
                stack.pop()
            elif step in trail:
                yield trail[trail.index(step):] + [step]
            elif step not in done:
                trail.append(step)
                stack.append(iter(sorted(graph.get(step, ()))))


@check
def stems(tree):
    """A header's stem is unique in the tree: it is the prefix of what the header exports."""
    seen = {}
    for path in tree.having(".h"):
        stem = os.path.basename(path)
        if stem in seen:
            yield path, 1, f"{seen[stem]} has the same name"
        seen.setdefault(stem, path)


@check
def listed(tree):
    """Every C source is named in a meson.build, or it is never compiled."""
    builds = {p: tree.text(p) for p in tree.having("meson.build")}
    for path in tree.having(".c", under=C_FOLDERS + ("tests/",)):
        folder, name = os.path.split(path)
        stem = os.path.splitext(name)[0]
        candidates = [text for p, text in builds.items() if folder.startswith(os.path.dirname(p))]
        if not any(re.search(r"['/_]" + re.escape(stem) + r"(\.c)?'", text)
                   or f"'{re.sub('^(test|fuzz|bench)_', '', stem)}'" in text for text in candidates):
            yield path, 1, "no meson.build names it"


# ---- C: the text itself ----

@check
def banned(tree):
    """Functions that banned.txt lists are not called."""
    instead = dict(line.split(None, 1) for line in table("banned.txt"))
    call = re.compile(r"(?<![\w.>])(" + "|".join(instead) + r")\s*\(")
    for path in tree.having(".c", ".h"):
        for number, line in enumerate(without_comments(tree.text(path)).split("\n"), 1):
            for found in call.finditer(line):
                yield path, number, f"{found.group(1)}: use {instead[found.group(1)]}"


@check
def functions(tree):
    """No function is longer than 100 lines (info from 60 on)."""
    for path in tree.having(".c"):
        start = None
        for number, line in enumerate(tree.lines(path), 1):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start:
                length, begin, start = number - start, start, None
                if length > FUNCTION_MAX:
                    yield path, begin, f"function of {length} lines"
                elif length > FUNCTION_INFO:
                    yield path, begin, f"info: function of {length} lines"


@check
def sizes(tree):
    """No source file is longer than 800 lines (info from 600 on)."""
    for path in tree.having(".c", ".h", ".py", ".ts", ".tsx", ".sh"):
        length = len(tree.lines(path))
        if length > FILE_MAX:
            yield path, 1, f"file of {length} lines"
        elif length > FILE_INFO:
            yield path, 1, f"info: file of {length} lines"


# ---- every file ----

@check
def spdx(tree):
    """Each source opens with an SPDX line."""
    sources = set(tree.having(".c", ".h", ".def", ".py", ".sh", ".ts", ".tsx"))
    sources.update(tree.scripts("sh"), tree.scripts("python"))
    for path in sorted(sources):
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(tree.lines(path)[:4]):
            yield path, 1, "no line 'SPDX-License-Identifier: Apache-2.0' at the top"


@check
def words(tree):
    """Nothing of words.txt stands in a file."""
    patterns = [(re.compile(regex), why) for regex, why in (re.split(r"\s{4,}", line) for line in table("words.txt"))]
    for path in tree.paths:
        for number, line in enumerate(tree.lines(path), 1):
            for pattern, why in patterns:
                found = pattern.search(line)
                if found and len(line) < 100000:
                    yield path, number, f"'{found.group(0)}': {why}"


@check
def readmes(tree):
    """Each folder says in a README.md of at most 40 lines what it is."""
    folders = {os.path.dirname(p) for p in tree.having(".c", ".h", ".py", ".sh", ".ts")}
    wanted = {f for f in folders if f and not re.match(r"(tests/unit|webui)/", f)}
    wanted |= {f for f in ("daemon", "webui", "installer", "images", "docs", "tests")
               if any(p.startswith(f + "/") for p in tree.paths)}
    for folder in sorted(wanted):
        path = folder + "/README.md"
        if path not in tree.paths:
            yield path, 1, "missing: one sentence, what the folder must not know, the file to read first"
        elif len(tree.lines(path)) - 1 > README_MAX:
            yield path, README_MAX + 1, f"{len(tree.lines(path)) - 1} lines; {README_MAX} are enough"
    if "README.md" not in tree.paths:
        yield "README.md", 1, "missing"


@check
def routes(tree):
    """Every route of the API is named by a test."""
    path = "rest/v1/routes.def"
    if path not in tree.paths:
        yield path, 1, "the table of routes is missing"
        return
    tests = "\n".join(tree.text(p) for p in tree.having(".py", ".ts", ".c", under=("tests/api/",)))
    known = set(re.findall(r"\w+", tests))
    for number, line in enumerate(tree.lines(path), 1):
        found = re.match(r"\s*ROUTE\(\s*(\w+)\s*,", line)
        if found and found.group(1) not in known:
            yield path, number, f"no test in tests/api names the route {found.group(1)}"


@check
def executable(tree):
    """What begins with #! can be run."""
    for path in tree.paths:
        if tree.text(path).startswith("#!/") and not os.access(os.path.join(tree.root, path), os.X_OK):
            yield path, 1, "begins with #! but is not executable"


@check
def python(tree):
    """Python parses."""
    for path in sorted(set(tree.having(".py")) | set(tree.scripts("python"))):
        try:
            ast.parse(tree.text(path))
        except SyntaxError as problem:
            yield path, problem.lineno or 1, problem.msg


@check
def shell(tree):
    """Shell scripts pass shellcheck."""
    if not shutil.which("shellcheck"):
        raise CannotRun("shellcheck is not installed")
    paths = sorted(set(tree.having(".sh")) | set(tree.scripts("bash")) | set(tree.scripts("/sh")))
    if not paths:
        return
    run = subprocess.run(["shellcheck", "-x", "-f", "gcc", "-S", "warning", *paths], cwd=tree.root,
                         capture_output=True, text=True)
    for line in run.stdout.splitlines():
        found = re.match(r"([^:]+):(\d+):\d+: (.*)", line)
        if found:
            yield found.group(1), int(found.group(2)), found.group(3)


def run_check(tree, name, with_info, out=sys.stdout):
    """Prints the findings; returns how many are errors."""
    errors = 0
    for path, number, what in CHECKS[name](tree):
        info = what.startswith("info:")
        if waived(tree, path, number, name) or (info and not with_info):
            continue
        errors += not info
        print(f"{path}:{number}: {what}", file=out)
    return errors


def main():
    parser = argparse.ArgumentParser(description="checks of the source tree")
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(HERE)))
    parser.add_argument("--list", action="store_true", help="name the checks")
    parser.add_argument("--info", action="store_true", help="also print what is only remarkable")
    parser.add_argument("check", nargs="*", help="default: all")
    args = parser.parse_args()
    if args.list:
        for name, function in CHECKS.items():
            print(f"{name:12} {function.__doc__}")
        return 0
    unknown = set(args.check) - set(CHECKS)
    if unknown:
        parser.error(f"no check named {', '.join(sorted(unknown))}")
    tree, errors = Tree(os.path.abspath(args.root)), 0
    for name in args.check or CHECKS:
        try:
            errors += run_check(tree, name, args.info)
        except CannotRun as why:
            print(f"{name}: skipped, {why}")
            if args.check:
                return SKIPPED
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
