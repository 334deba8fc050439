#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# contract: one set of cases against every under-store driver: a folder, memory, and S3 servers of two makes.
. tests/suites/lib.sh

build_release
contract=$release/tests/contract/ufs_contract
need "$contract"

# Each case prints its name when it begins and a second line when it fails; a run that breaks off prints no end.
count_cases() { # LOG PREFIX
    awk -v prefix="$2: " '
        function verdict() { if (name != "") print (bad ? "not ok " : "ok ") prefix name (bad ? why : ""); }
        /^Live test: / { $1 = $2 = ""; n++; live = $0; print (/failed/ ? "not ok " : "ok ") prefix "live" live }
        /^Running test: / { verdict(); name = $3; sub(/\.\.\.$/, "", name); bad = 0; n++ }
        /^Failed: / { bad = 1; why = $0; sub(/^Failed: [^ ]*/, "", why) }
        /^Tests completed with / { whole = 1 }
        END { verdict(); if (!whole) print "not ok " prefix "the run broke off after " n + 0 " cases" }' "$1" |
        sed -E 's/ in [0-9]+ ms//' | tr -s ' ' >&3
}

run_on() { # NAME URI OPTION…
    local name=$1 uri=$2 option
    local options=()
    shift 2
    for option in "$@"; do options+=(--option "$option"); done
    "$contract" "$uri" "${options[@]}" | tee "$SUITE_DIR/$name.out"
    count_cases "$SUITE_DIR/$name.out" "$name"
}

run_on_server() { # NAME SCRIPT
    local S3_ENDPOINT S3_KEY S3_SECRET S3_BUCKET dir
    dir=$(server_dir "$1")
    if P=$(free_port) "tests/servers/$2.sh" start "$dir"; then
        # shellcheck source=/dev/null
        . "$dir/env"
        run_on "$1" "s3://$S3_BUCKET/contract" "s3a.accessKeyId=$S3_KEY" "s3a.secretKey=$S3_SECRET" \
            "isthmus.underfs.s3.endpoint=$S3_ENDPOINT" isthmus.underfs.s3.disable.dns.buckets=true
    else
        not_ok "$1: the server does not start"
    fi
    "tests/servers/$2.sh" stop "$dir"
}

# In memory where that holds the attributes that Swift writes; it is faster there.
server_dir() {
    touch "$SUITE_SHM/probe"
    if "$python" -c 'import os, sys; os.setxattr(sys.argv[1], "user.x", b"1")' "$SUITE_SHM/probe" 2>/dev/null; then
        echo "$SUITE_SHM/$1"
    else
        echo "$SUITE_DIR/$1"
    fi
}

run_on_server swift-s3 swift & # by far the slowest
mkdir "$SUITE_DIR/folder"
run_on mem mem://contract
run_on file "$SUITE_DIR/folder"
run_on_server ceph-rgw ceph
wait
