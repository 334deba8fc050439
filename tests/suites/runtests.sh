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
if P=$(free_port) tests/servers/ceph.sh start "$SUITE_DIR/ceph"; then
    # shellcheck source=/dev/null
    . "$SUITE_DIR/ceph/env"
    option="s3a.accessKeyId=$S3_KEY;s3a.secretKey=$S3_SECRET"
    option="$option;isthmus.underfs.s3.endpoint=$S3_ENDPOINT;isthmus.underfs.s3.disable.dns.buckets=true"
    run_on s3 "isthmus.master.mount.table.root.ufs=s3://$S3_BUCKET/runtests" \
        "isthmus.master.mount.table.root.option=$option"
else
    not_ok "s3: the server does not start"
fi
tests/servers/ceph.sh stop "$SUITE_DIR/ceph"
