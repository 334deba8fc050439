#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# contract: one set of cases against every under-store driver, on real servers.  tests/contract/run prints TAP.
. tests/suites/lib.sh

build_release
need tests/contract/run
status=0
tests/contract/run 2>&1 | tee "$SUITE_DIR/tap" || status=$?
results tap "$SUITE_DIR/tap" || status=1
exit $status
