#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# asan: the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer, by clang.
. tests/suites/lib.sh

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
build_asan
unit "$asan" --timeout-multiplier 3
