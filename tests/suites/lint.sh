#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# lint: every check of tests/lint is a case, and so is every planted violation of its self-test.
. tests/suites/lib.sh

for check in $("$python" -B tests/lint/lint.py --list | cut -d ' ' -f 1); do
    "$python" -B tests/lint/lint.py "$check"
    case $? in
    0) ok "$check" ;;
    77) skip "$check: a tool is not installed" ;;
    *) not_ok "$check" ;;
    esac
done
if "$python" -B tests/lint/docs_current.py; then ok docs; else not_ok docs; fi
"$python" -B tests/lint/selftest.py | tee "$SUITE_DIR/tap"
results tap "$SUITE_DIR/tap" "planted: "
"$python" -B tests/suites/selftest.py | tee "$SUITE_DIR/tap"
results tap "$SUITE_DIR/tap" "counting: "
