# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# lib: what the suites share: builds, results, a node to test against.  Sourced by tests/suites/*.sh,
# which run in the top folder with LONG (0 or 1), SUITE_DIR (an empty folder) and SUITE_SHM (another, in
# memory), both removed afterwards, LOGS, and descriptor 3 for results.
set -uo pipefail

# shellcheck source=installer/steps.sh
. installer/steps.sh
export LONG SUITE_DIR SUITE_SHM
jobs=$(nproc)
release=$PWD/build/test-release
python=/usr/bin/python3 # Debian's, which sees the packages that apt installed
[ -x "$python" ] || python=python3

ok() { echo "ok $*" >&3; }
not_ok() { echo "not ok $*" >&3; }
skip() { echo "skip $*" >&3; }
results() { "$python" -B tests/suites/results.py "$@" >&3; }

die() { # a suite that cannot run has failed
    not_ok "$*"
    echo "$*" >&2
    exit 1
}

need() { # FILE: what a suite runs must be there
    [ -e "$1" ] || die "$1 is missing"
}

# build DIR OPTION…: sets up and compiles; one suite at a time.
build() {
    local dir=$1
    shift
    if ! { meson_setup "$dir" "$@" && ninja -j "$jobs" -C "$dir"; }; then die "the build in $dir failed"; fi
}

# The programs as a user gets them, with UI and tests, made once for all suites.  A UI that does not build
# is the failure of suite ui alone.
build_release() {
    export ui_built=yes
    (ui_build) || ui_built=no
    build "$release" --buildtype=release
    export ISTHMUS_BUILD=$release
    export ISTHMUS=$release/daemon/isthmus ISTHMUSD=$release/daemon/isthmusd
}

# Everything by clang under AddressSanitizer and UndefinedBehaviorSanitizer, ready for the fuzzer.
asan=$PWD/build/test-asan
build_asan() {
    CC=clang build "$asan" --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
        -Dui=false -Dfuzz=true -Dc_args=-fsanitize=fuzzer-no-link
}

# unit DIR [OPTION…]: runs suite 'unit' of a build folder; every cmocka case counts.
unit() {
    local dir=$1 status=0
    shift
    CMOCKA_MESSAGE_OUTPUT=TAP meson test -C "$dir" --no-rebuild --suite unit --print-errorlogs "$@" || status=$?
    results meson "$dir/meson-logs/testlog.json" || status=1
    return $status
}

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# node_start HOME [KEY=VALUE…]: formats and starts a node of its own on a free port; sets NODE_URL, NODE_PASSWORD.
node_start() {
    local home=$1 port option
    local options=()
    shift
    port=$(free_port)
    set -- "isthmus.master.web.port=$port" "isthmus.worker.tieredstore.level0.dirs.path=$SUITE_SHM/${home##*/}" "$@"
    for option in "$@"; do options+=("-D$option"); done
    "$ISTHMUS" "${options[@]}" format --home "$home" || return 1
    for option in "$@"; do
        grep -qxF "$option" "$home/conf/isthmus-site.properties" || echo "$option" >>"$home/conf/isthmus-site.properties"
    done
    "$ISTHMUS" start --home "$home" || return 1
    NODE_PASSWORD=$(tail -n 1 "$home/conf/initial-password")
    NODE_URL=http://127.0.0.1:$port
    export NODE_URL NODE_PASSWORD
}

node_stop() {
    "$ISTHMUS" stop --home "$1"
}
