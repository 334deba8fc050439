#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# crash: kill -9 at random moments and at fault points; daily few rounds, LONG many.  tests/crash/run prints TAP.
. tests/suites/lib.sh

build_release
need tests/crash/run
status=0
tests/crash/run 2>&1 | tee "$SUITE_DIR/tap" || status=$?
results tap "$SUITE_DIR/tap" || status=1
exit $status
