#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# swift.sh start|stop DIR: OpenStack Swift with its S3 interface on loopback, for tests: one copy, no /etc, no root.
# P: first port (P proxy, P+1…P+3 servers, P+4 memcached). DIR needs a file system with user xattrs.
# Writes DIR/env with S3_ENDPOINT, S3_KEY, S3_SECRET, S3_BUCKET.
# Needs swift-proxy swift-account swift-container swift-object memcached curl.
set -euo pipefail
verb=${1:?start or stop}; mkdir -p "${2:?folder}"; D=$(cd "$2" && pwd); P=${P:-17200}
KEY=test:tester SECRET=testing BUCKET=bucket-one SERVERS='account container object proxy'

is_up() { [ -s "$D/$1.pid" ] && grep -qs '^State:.[^ZX]' "/proc/$(cat "$D/$1.pid")/status"; }
spawn() { local name=$1; shift; is_up "$name" || { setsid "$@" >>"$D/$name.log" 2>&1 </dev/null & echo $! >"$D/$name.pid"; }; }
wait_for() { local end=$((SECONDS + 40)); until "$@" >/dev/null 2>&1; do
  [ $SECONDS -lt $end ] || { echo "no answer: $* (see $D/*.log)" >&2; exit 1; }; sleep 0.1; done; }

configure() {
  mkdir -p "$D/etc" "$D/dev/d1" "$D/cache"
  printf '[swift-hash]\nswift_hash_path_prefix = pre\nswift_hash_path_suffix = suf\n[storage-policy:0]\nname = default\ndefault = yes\n' >"$D/etc/swift.conf"
  local common
  common="[DEFAULT]
bind_ip = 127.0.0.1
user = $(id -un)
swift_dir = $D/etc
devices = $D/dev
mount_check = false
workers = 0
fallocate_reserve = 0
recon_cache_path = $D/cache
log_address = /nonexistent
log_level = WARNING"
  local port=$P
  for s in account container object; do
    port=$((port + 1))
    printf '%s\nbind_port = %s\n[pipeline:main]\npipeline = %s-server\n[app:%s-server]\nuse = egg:swift#%s\n' \
      "$common" $port $s $s $s >"$D/etc/$s.conf"
  done
  local filters='catch_errors gatekeeper healthcheck cache listing_formats s3api tempauth copy slo proxy-server'
  cat >"$D/etc/proxy.conf" <<CONF
$common
bind_port = $P
[pipeline:main]
pipeline = $filters
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = $SECRET .admin
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$((P + 4))
[filter:s3api]
use = egg:swift#s3api
CONF
  for f in catch_errors gatekeeper healthcheck listing_formats copy slo; do
    printf '[filter:%s]\nuse = egg:swift#%s\n' $f $f >>"$D/etc/proxy.conf"
  done
  /usr/bin/python3 - "$D/etc" "$P" <<'PY'
import sys
from swift.common.ring import RingBuilder
for i, s in enumerate(('account', 'container', 'object'), 1):
    port = int(sys.argv[2]) + i
    b = RingBuilder(4, 1, 0)
    b.add_dev(dict(region=1, zone=1, weight=1.0, ip='127.0.0.1', port=port, device='d1', meta='',
                   replication_ip='127.0.0.1', replication_port=port))
    b.rebalance()
    b.get_ring().save('%s/%s.ring.gz' % (sys.argv[1], s))
PY
  # the servers read /etc/swift/swift.conf whatever swift_dir says: this points them at ours
  cat >"$D/etc/run.py" <<'PY'
import os, runpy, sys
from swift.common import utils
utils.set_swift_dir(os.path.dirname(os.path.abspath(__file__)))
from swift.common import constraints, storage_policy
constraints.reload_constraints()
storage_policy.reload_storage_policies()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
PY
}

# An old signature (version 2) is a line of shell, and both know it.
make_bucket() {
  local date sign; date=$(date -u +'%a, %d %b %Y %H:%M:%S GMT')
  sign=$(printf 'PUT\n\n\n%s\n/%s' "$date" "$BUCKET" | openssl sha1 -hmac "$SECRET" -binary | base64)
  curl -sS -o /dev/null -w '%{http_code}' -X PUT -H "Date: $date" -H "Authorization: AWS $KEY:$sign" "$1/$BUCKET" | grep -qE '200|409'
}

start() {
  [ -e "$D/etc/run.py" ] || configure
  local user=(); [ "$(id -u)" != 0 ] || user=(-u nobody)
  spawn memcached memcached -l 127.0.0.1 -p $((P + 4)) -U 0 -m 32 -t 1 "${user[@]}"
  for s in $SERVERS; do spawn $s /usr/bin/python3 "$D/etc/run.py" "$(command -v swift-$s-server)" "$D/etc/$s.conf"; done
  for i in 0 1 2 3; do wait_for curl -sS "http://127.0.0.1:$((P + i))/healthcheck"; done
  if [ ! -e "$D/env" ]; then
    wait_for make_bucket "http://127.0.0.1:$P"
    printf 'S3_ENDPOINT=http://127.0.0.1:%s\nS3_KEY=%s\nS3_SECRET=%s\nS3_BUCKET=%s\n' $P $KEY $SECRET $BUCKET >"$D/env"
  fi
  cat "$D/env"
}

stop() {
  for name in proxy object container account memcached; do
    if is_up $name; then
      kill "$(cat "$D/$name.pid")" || true
      for _ in 1 2 3 4 5; do is_up $name || break; sleep 0.1; done
      ! is_up $name || kill -9 "$(cat "$D/$name.pid")"
    fi
    rm -f "$D/$name.pid"
  done
}

case $verb in start) start ;; stop) stop ;; *) echo "start or stop" >&2; exit 2 ;; esac
