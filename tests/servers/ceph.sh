#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ceph.sh start|stop DIR: a Ceph object gateway (mon, osd in memory, radosgw) on loopback, for tests.
# P: first port (P mon, P+1 gateway, P+2 the same over TLS, P+10… osd). Writes DIR/env with S3_ENDPOINT, S3_KEY,
# S3_SECRET, S3_BUCKET, S3_ENDPOINT_TLS, S3_CA.
# Needs ceph-mon ceph-osd radosgw ceph-common curl openssl.
set -euo pipefail
verb=${1:?start or stop}; mkdir -p "${2:?folder}"; D=$(cd "$2" && pwd); P=${P:-17000}
KEY=testkey SECRET=testsecret BUCKET=bucket-one
export CEPH_ARGS="-c $D/ceph.conf"

is_up() { [ -s "$D/$1.pid" ] && grep -qs '^State:.[^ZX]' "/proc/$(cat "$D/$1.pid")/status"; }
spawn() { local name=$1; shift; is_up "$name" || { setsid "$@" >>"$D/$name.log" 2>&1 </dev/null & echo $! >"$D/$name.pid"; }; }
wait_for() { local end=$((SECONDS + 60)); until "$@" >/dev/null 2>&1; do
  [ $SECONDS -lt $end ] || { echo "no answer: $* (see $D/*.log)" >&2; exit 1; }; sleep 0.1; done; }

configure() { # the mon's own port is in its map; radosgw refuses to run without keys
  mkdir -p "$D/mon" "$D/osd" "$D/rgw"
  local fsid; fsid=$(cat /proc/sys/kernel/random/uuid)
  cat >"$D/ceph.conf" <<CONF
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$P/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
ms bind port min = $((P + 10))
ms bind port max = $((P + 60))
keyring = $D/keyring
run dir = $D
admin socket = $D/\$name.asok
log file = $D/\$name.ceph.log
crash dir = $D
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon data avail warn = 1
mon data avail crit = 0
# each pool waits for a round of the mon's agreement
paxos propose interval = 0.05
paxos min wait = 0.01
mon data = $D/mon
osd data = $D/osd
osd objectstore = memstore
memstore device bytes = 4294967296
# memory is saved when it stops
osd fast shutdown = false
rgw data = $D/rgw
rgw frontends = beast endpoint=127.0.0.1:$((P + 1)) ssl_endpoint=127.0.0.1:$((P + 2)) ssl_certificate=$D/tls.pem
rgw rados pool pg num min = 8
rgw thread pool size = 32
CONF
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$D/tls.key" -out "$D/tls.crt" 2>/dev/null
  cat "$D/tls.crt" "$D/tls.key" >"$D/tls.pem"
  key() { ceph-authtool "$D/keyring" --gen-key -n "$@" >/dev/null; }
  ceph-authtool --create-keyring "$D/keyring" >/dev/null
  key mon. --cap mon 'allow *'
  key client.admin --cap mon 'allow *' --cap osd 'allow *'
  key osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
  key client.rgw --cap mon 'allow rw' --cap osd 'allow rwx'
  monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$P/0]" "$D/monmap" >/dev/null
  ceph-mon -i a --mkfs --monmap "$D/monmap" --keyring "$D/keyring" >>"$D/mon.log" 2>&1
}

# An old signature (version 2) is a line of shell, and both know it.
make_bucket() {
  local date sign; date=$(date -u +'%a, %d %b %Y %H:%M:%S GMT')
  sign=$(printf 'PUT\n\n\n%s\n/%s' "$date" "$BUCKET" | openssl sha1 -hmac "$SECRET" -binary | base64)
  curl -sS -o /dev/null -w '%{http_code}' -X PUT -H "Date: $date" -H "Authorization: AWS $KEY:$sign" "$1/$BUCKET" | grep -qE '200|409'
}

start() {
  [ -e "$D/ceph.conf" ] || configure
  spawn mon ceph-mon -i a -f
  wait_for timeout 5 ceph -s
  if [ ! -e "$D/osd.made" ]; then
    local id; id=$(cat /proc/sys/kernel/random/uuid)
    ceph osd new "$id" >/dev/null 2>&1
    ceph-osd -i 0 --mkfs --osd-uuid "$id" >>"$D/osd.log" 2>&1
    touch "$D/osd.made"
  fi
  spawn osd ceph-osd -i 0 -f
  wait_for sh -c 'ceph osd stat | grep "1 up"'
  spawn rgw radosgw -n client.rgw -f
  wait_for curl -fsS "http://127.0.0.1:$((P + 1))/"
  if [ ! -e "$D/env" ]; then
    radosgw-admin -n client.rgw user create --uid=tester --display-name=tester \
      --access-key=$KEY --secret-key=$SECRET >/dev/null 2>>"$D/rgw.log" || true
    wait_for make_bucket "http://127.0.0.1:$((P + 1))"
    printf 'S3_ENDPOINT=http://127.0.0.1:%s\nS3_KEY=%s\nS3_SECRET=%s\nS3_BUCKET=%s\nS3_ENDPOINT_TLS=%s\nS3_CA=%s\n' \
      $((P + 1)) $KEY $SECRET $BUCKET "https://127.0.0.1:$((P + 2))" "$D/tls.crt" >"$D/env"
  fi
  cat "$D/env"
}

stop() { # never kill radosgw hard: its watch would hold up the next one for 30 s
  for name in rgw osd mon; do
    if is_up $name; then
      kill "$(cat "$D/$name.pid")"
      for _ in $(seq 100); do is_up $name || break; sleep 0.1; done
      ! is_up $name || kill -9 "$(cat "$D/$name.pid")"
    fi
    rm -f "$D/$name.pid"
  done
}

case $verb in start) start ;; stop) stop ;; *) echo "start or stop" >&2; exit 2 ;; esac
