#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# runtests: the 24 built-in tests (`isthmus runTests`) with the root on a local folder and on S3.
. tests/suites/lib.sh

build_release
need "$ISTHMUS"

# Each case prints its name and then a verdict.
count_cases() { # LOG PREFIX
    awk -v prefix="$2" '
        /^runTest / { $1 = ""; name = $0 }
        /Passed the test!/ { print "ok " prefix name; n++ }
        /Failed the test!/ { print "not ok " prefix name; n++ }
        END { if (n != 24) print "not ok " prefix " " n + 0 " cases ran, not 24" }' "$1" | tr -s ' ' >&3
}

run_on() { # NAME KEY=VALUE…
    local name=$1 home=$SUITE_DIR/$1
    shift
    if ! node_start "$home" "$@"; then
        not_ok "$name: the node does not start"
        return
    fi
    "$ISTHMUS" runTests --home "$home" | sed 's/\x1b\[[0-9;]*m//g' | tee "$SUITE_DIR/$name.out"
    count_cases "$SUITE_DIR/$name.out" "$name:"
    node_stop "$home"
}

run_on local
if server=$(tests/servers/ceph.sh start "$SUITE_DIR/ceph"); then
    eval "$server" # S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_REGION S3_BUCKET
    run_on s3 "isthmus.master.mount.table.root.ufs=s3://$S3_BUCKET/runtests" \
        "isthmus.master.mount.table.root.option=s3.endpoint=$S3_ENDPOINT;s3.access.key=$S3_ACCESS_KEY;s3.secret.key=$S3_SECRET_KEY;s3.region=$S3_REGION"
    tests/servers/ceph.sh stop "$SUITE_DIR/ceph"
else
    not_ok "s3: the server does not start"
fi
