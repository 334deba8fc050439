#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tsan: the unit tests under ThreadSanitizer, by clang.  Debian's civetweb and libraft are not
# instrumented: what they synchronise themselves is listed in tests/tsan.supp.
. tests/suites/lib.sh

export CC=clang
export TSAN_OPTIONS=halt_on_error=0:exitcode=66:second_deadlock_stack=1
if [ -f tests/tsan.supp ]; then TSAN_OPTIONS=$TSAN_OPTIONS:suppressions=$PWD/tests/tsan.supp; fi
wrapper=()
# the older runtime does not cope with more than 28 random bits of address
if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -gt 28 ]; then wrapper=(--wrapper 'setarch -R'); fi
build "$PWD/build/test-tsan" --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false -Dui=false
unit "$PWD/build/test-tsan" --timeout-multiplier 5 "${wrapper[@]}"
