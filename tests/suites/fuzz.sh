#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fuzz: each target of tests/fuzz for 10 s, with LONG for 10 minutes, as many at a time as there are
# cores.  Inputs in tests/fuzz/corpus/NAME/ come first; a finding stays in build/logs/tests/fuzz/.
. tests/suites/lib.sh

seconds=10
if [ "$LONG" = 1 ]; then seconds=600; fi
findings=$LOGS/fuzz
mkdir -p "$findings"
build_asan

fuzz_one() { # PROGRAM
    local name=${1##*/fuzz_} status
    local corpus=()
    mkdir -p "$SUITE_DIR/$name"
    if [ -d "tests/fuzz/corpus/$name" ]; then corpus=("tests/fuzz/corpus/$name"); fi
    "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$findings/$name-" "$SUITE_DIR/$name" "${corpus[@]}" >"$findings/$name.log" 2>&1
    status=$?
    grep -E 'stat::(number_of_executed_units|new_units_added)|SUMMARY' "$findings/$name.log" | sed "s/^/$name: /"
    if [ $status -eq 0 ]; then ok "$name"; else not_ok "$name (see $findings/$name.log)"; fi
}

targets=("$asan"/tests/fuzz/fuzz_*)
[ -x "${targets[0]}" ] || die "no fuzz target was built"
running=0
for target in "${targets[@]}"; do
    if [ ! -f "$target" ]; then continue; fi # meson keeps the objects in a folder beside it
    fuzz_one "$target" &
    running=$((running + 1))
    if [ $running -ge "$jobs" ]; then
        wait -n
        running=$((running - 1))
    fi
done
wait
