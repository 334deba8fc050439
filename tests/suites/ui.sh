#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ui: the web UI in Debian's Chromium, by Playwright.  tests/ui/run prints TAP.
. tests/suites/lib.sh

build_release
[ "$ui_built" = yes ] || die "the web UI does not build"
need tests/ui/run
if ! (node_ci tests/ui); then die "npm ci in tests/ui failed"; fi
status=0
tests/ui/run 2>&1 | tee "$SUITE_DIR/tap" || status=$?
results tap "$SUITE_DIR/tap" || status=1
exit $status
