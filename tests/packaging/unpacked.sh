#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# unpacked: the release archive, unpacked into a folder of its own, runs there and loads nothing from
# the machine but glibc.  usage: unpacked.sh ARCHIVE FOLDER      prints TAP
set -uo pipefail

archive=$1 folder=$2
root=$(mktemp -d "$folder/unpacked-XXXXXX")
home=$root/home
failed=0

try() { # NAME COMMAND…
    local name=$1
    shift
    if "$@" >"$root/out" 2>&1; then
        echo "ok - $name"
    else
        echo "not ok - $name"
        sed 's/^/# /' "$root/out"
        failed=1
    fi
}

only_own_libraries() {
    local outside lib=$tree/lib/isthmus
    outside=$( (ldd "$tree"/bin/*; LD_LIBRARY_PATH=$lib ldd "$lib"/*) | awk '$2 == "=>" { print $1, $3 }' | sort -u |
        grep -vE "^(lib(c|m|dl|pthread|rt|resolv|util|nsl|anl))\.so| $tree/")
    echo "$outside"
    [ -z "$outside" ]
}

no_writable_for_others() { [ -z "$(find "$tree" -perm /022 ! -type l)" ]; }
owned_by_root() { tar --numeric-owner -tvzf "$archive" | awk '$2 != "0/0" { bad = 1; print } END { exit bad }'; }
manual_and_completion() { ls "$tree"/share/man/man1/isthmus.1* "$tree/share/bash-completion/completions/isthmus"; }
no_machine_paths() { ! grep -rlF "$PWD/" "$tree/bin" "$tree/install" "$tree/conf"; }

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

format_here() {
    "$tree/bin/isthmus" format --home "$home" &&
        echo "isthmus.master.web.port=$(port)" >>"$home/conf/isthmus-site.properties"
}

tar -xzf "$archive" -C "$root" || exit 1
tree=$(echo "$root"/isthmus-*)
[ -x "$tree/bin/isthmusd" ] || { echo "not ok - the archive holds isthmus-VERSION/bin/isthmusd"; exit 1; }
try "members belong to root" owned_by_root
try "nothing is writable for others" no_writable_for_others
try "no path of this machine" no_machine_paths
try "man pages and completion are there" manual_and_completion
try "libraries come from the archive" only_own_libraries
try "isthmus version" "$tree/bin/isthmus" version
try "the install script explains itself" "$tree/install" --help
try "format" format_here
try "start" "$tree/bin/isthmus" start --home "$home"
try "runTests" "$tree/bin/isthmus" runTests --home "$home"
try "stop" "$tree/bin/isthmus" stop --home "$home"
exit $failed
