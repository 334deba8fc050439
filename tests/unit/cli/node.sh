#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# node.sh ISTHMUS ISTHMUSD: the command line against a daemon of its own, in a folder of its own: the node's
# verbs, the words and exit codes of the commands people use most.
set -u
isthmus=$1
dir=$(mktemp -d /tmp/isthmus-cli-XXXXXX)
home=$dir/home
failed=0
finish() {
    "$isthmus" --home "$home" stop >/dev/null 2>&1
    rm -rf "$dir" "${mem:-$dir}"
}
trap finish EXIT
mem=/dev/shm/$(basename "$dir")
if [ ! -d /dev/shm ]; then mem=$dir/mem; fi
unset ISTHMUS_HOME ISTHMUS_TOKEN

# expect CODE PATTERN COMMAND…: exit code, and a regular expression that all output together must match
expect() {
    local code=$1 pattern=$2 out status
    shift 2
    out=$("$isthmus" --home "$home" "$@" 2>&1)
    status=$?
    if [ $status != "$code" ] || ! grep -qzE -- "$pattern" <<<"$out"; then
        printf 'FAILED: isthmus %s\n  exit %s, wanted %s\n  wanted /%s/, got:\n%s\n' "$*" "$status" "$code" "$pattern" "$out"
        failed=$((failed + 1))
    fi
}

expect 1 'Usage: isthmus'
expect 255 'not running' status
expect 255 'not formatted' start
expect 0 'One-time password: [A-Za-z0-9]{16}' format
expect 0 'formatted already; nothing' format -s
expect 255 'formatted already' format
cat >>"$home/conf/isthmus-site.properties" <<TEXT
isthmus.master.web.port=0
isthmus.worker.tieredstore.level0.dirs.path=$mem
isthmus.worker.tieredstore.level0.dirs.quota=16MB
isthmus.worker.tieredstore.level1.dirs.quota=64MB
TEXT
[ "$(stat -c %a "$home/conf/cli.token")" = 600 ] || { echo "FAILED: cli.token is readable by others"; failed=1; }
expect 0 'Validation succeeded' validateConf
expect 0 'Validation succeeded' validateEnv
expect 255 'not answer|not running' fs ls /
expect 0 '^[0-9.]+\s' version
expect 0 '^[0-9.]+-[0-9a-z]{1,12}\s' version -r
expect 0 '^[0-9.]+-[0-9a-z]{5}\s' version -r 5
expect 255 'not a length' version -r 99
expect 255 'version -r 5' version 5
expect 0 'Isthmus is running: pid [0-9]+, http://127.0.0.1:[0-9]+/' start
expect 0 'already running' start
expect 0 'version  [0-9.]+' status
expect 0 '"running":true' status --json
for read in version validateConf validateEnv 'validateEnv list' 'fsadmin pathConf show /' 'fs count /' 'fsadmin doctor'; do
    # shellcheck disable=SC2086
    "$isthmus" --home "$home" $read --json | python3 -c 'import json, sys; json.load(sys.stdin)' || { echo "FAILED: $read --json"; failed=$((failed + 1)); }
done
expect 0 '(Passed the test!.*){24}24 of 24 passed' runTests
expect 0 'Passed the test!' runTest Basic CACHE THROUGH

# bytes and names
head -c 3000000 /dev/urandom >"$dir/random"
expect 0 'Successfully created directory /a/b c' fs mkdir '/a/b c'
expect 255 'already exists' fs mkdir '/a/b c'
expect 0 'Copied file://.* to /a/b c/random' fs copyFromLocal "$dir/random" '/a/b c'
expect 255 'already exists' fs copyFromLocal "$dir/random" '/a/b c/random'
expect 0 'Copied' fs copyToLocal '/a/b c/random' "$dir/back"
mkfifo "$dir/pipe"
timeout 30 cmp "$dir/pipe" "$dir/random" &
piped=$!
expect 0 'Copied' fs copyToLocal '/a/b c/random' "$dir/pipe" # written to, not replaced
wait $piped || failed=$((failed + 1))
cmp "$dir/random" "$dir/back" || failed=$((failed + 1))
"$isthmus" --home "$home" fs cat '/a/b c/random' | cmp - "$dir/random" || failed=$((failed + 1))
"$isthmus" --home "$home" fs tail -c 100 '/a/b c/random' | cmp - <(tail -c 100 "$dir/random") || failed=$((failed + 1))
expect 0 "md5sum: $(md5sum <"$dir/random" | cut -d ' ' -f 1)" fs checksum '/a/b c/random'
expect 255 'Path "/a" must be a file' fs cat /a
expect 255 'Path "/nope" does not exist' fs cat /nope
expect 0 '^-rw-r--r--  admin +supergroup +3000000 +PERSISTED .* 100% /a/b c/random' fs ls '/a/b c'
expect 0 '/a/b c/random' fs ls '/a/*/r*'
expect 255 '/a/x\* does not exist' fs ls '/a/x*'
expect 0 '"items":\[\{.*"path":"/a/b c/random"' fs ls --json '/a/b c'
expect 0 '/a/b c/random is a file path.' fs stat '/a/b c/random'
expect 0 '^random 3000000 admin' fs stat -f '%N %z %u' '/a/b c/random'
expect 0 '' fs test -f '/a/b c/random'
expect 1 '' fs test -d '/a/b c/random'
expect 1 '' fs test -e /nope
expect 0 'Changed permission of /a to 700' fs chmod 700 /a
expect 255 'Invalid mode' fs chmod 9 /a
expect 0 'set to 300000 milliseconds' fs setTtl /a 5min
expect 0 'Renamed /a to /z' fs mv /a /z
expect 255 'use the "-R" option' fs rm /z
expect 255 '/z has been removed.*"/nope" does not exist|"/nope" does not exist.*/z has been removed' fs rm -R /z /nope

# what is not there, and what is typed wrongly
expect 255 'not supported yet: .fs distributedCp. belongs to the job service' fs distributedCp /a /b
expect 255 'Unrecognized option: --nope.*Usage: isthmus fs ls' fs ls --nope /
expect 1 'unknown command' nope
expect 255 'not a valid configuration key' getConf isthmus.nope
expect 0 '^0 \(SITE_PROPERTY' getConf --source isthmus.master.web.port
expect 0 'Lists directories' fs ls --help

# somebody else's listings can be long, and readers impatient
"$isthmus" --home "$home" fs ls -R / 2>"$dir/noise" | head -n 1 >/dev/null
"$isthmus" --home "$home" fs cat /default_tests_files/* 2>>"$dir/noise" | head -c 1 >/dev/null
[ ! -s "$dir/noise" ] || { echo "FAILED: a closed pipe is no news"; cat "$dir/noise"; failed=1; }

# the node
expect 0 'Successfully cleared metrics' fsadmin metrics clear
expect 0 'No server-side configuration errors.*working state' fsadmin doctor
expect 0 'Live Workers: 1' fsadmin report
expect 0 'Successfully took a checkpoint' fsadmin journal checkpoint
export ISTHMUS_PASSPHRASE=a-passphrase-of-tests
expect 0 'Backup Entry Count : [0-9]+' fsadmin backup "$dir"
export ISTHMUS_TOKEN=wrong
expect 255 '.' fs ls /
unset ISTHMUS_TOKEN
expect 255 'must begin with https' fs ls / -Disthmus.user.master.address=127x.example:19999
expect 0 'Isthmus stopped' stop
expect 0 'not running' stop
home=$dir/second expect 0 'Restored' restore "$(echo "$dir"/isthmus-backup-*.isb)"
expect 0 'Dumping journal' readJournal

bash -n <("$isthmus" docGen --completion) || failed=$((failed + 1))
[ $failed = 0 ]
