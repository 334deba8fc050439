#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# api: every route over HTTP, and hostile requests made from the OpenAPI document; pytest.
. tests/suites/lib.sh

build_release
[ -n "$(find tests/api -name 'test_*.py')" ] || die "tests/api holds no test"
status=0
"$python" -B -m pytest -p no:cacheprovider -q --junitxml="$SUITE_DIR/junit.xml" tests/api || status=$?
results junit "$SUITE_DIR/junit.xml" || status=1
exit $status
