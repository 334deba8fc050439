#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# chroot: a fresh minimal Debian in a folder, and in it quickstart on this checkout or the release
# archive.  Of this machine it takes the package mirrors alone (apt's sources and proxy, names, local CAs).
# usage: chroot.sh bookworm|trixie quickstart|tarball|shell FOLDER [ARCHIVE]     as root; prints TAP
set -euo pipefail

release=$1 what=$2 archive=${4:-}
mkdir -p "$3"
folder=$(realpath "$3")
root=$folder/root
top=$(cd "$(dirname "$0")/../.." && pwd)
log=$folder/log
last=$folder/last-log # of the step before

# ---- outside: make the root, then go on in namespaces of its own, so that nothing outlives the test ----

collect_sources() { # Debian's own suites only, turned to the wanted release
    local file
    mkdir -p "$folder/sources"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [ -s "$file" ] || continue
        grep -qE '(^Suites:|[[:space:]])[[:space:]]*(bookworm|trixie)' "$file" || continue
        sed -E "s/\b(bookworm|trixie)\b/$release/g" "$file" >"$folder/sources/${file##*/}"
        echo "$folder/sources/${file##*/}"
    done
}

make_root() {
    local sources
    mapfile -t sources < <(collect_sources)
    [ ${#sources[@]} -gt 0 ] || { echo "no Debian sources in /etc/apt"; return 1; }
    apt-config dump | grep -E '^Acquire::(Check-Valid-Until|Check-Date|http::Proxy|https::Proxy|Retries)' \
        >"$folder/apt.conf" || true
    mmdebstrap --mode=root --variant=minbase --aptopt="$folder/apt.conf" "$release" "$root" "${sources[@]}"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
        mkdir -p "$root/usr/local/share/ca-certificates"
        cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
    fi
}

copy_checkout() {
    mkdir -p "$root/src"
    (cd "$top" && { git ls-files -co --exclude-standard 2>/dev/null ||
        find . \( -name node_modules -o -name dist -o -name 'build*' -o -name var \) -prune -o -type f -print; } |
        tar --ignore-failed-read -cf - -T -) | tar -xf - -C "$root/src"
}

if [ -z "${CHROOT_INSIDE:-}" ]; then
    rm -rf "$root"
    began=$SECONDS
    make_root >"$log" 2>&1 || { echo "not ok - a fresh $release"; tail -n 20 "$log" | sed 's/^/# /'; exit 1; }
    echo "ok - a fresh $release"
    echo "# $((SECONDS - began)) s"
    if [ "$what" != tarball ]; then copy_checkout; fi
    if [ -n "$archive" ]; then cp "$archive" "$root/root/isthmus.tar.gz"; fi
    status=0
    CHROOT_INSIDE=1 unshare --mount --pid --ipc --fork --kill-child --propagation private \
        "$0" "$release" "$what" "$folder" || status=$?
    if [ "$what" != shell ]; then rm -rf "$root"; fi
    exit $status
fi

# ---- in the namespaces ----

mount -t proc proc "$root/proc" # $ORIGIN, Chromium and sanitizers need it
mkdir -p "$root/dev/shm"
mount -t tmpfs tmpfs "$root/dev/shm"

inside() {
    local extra=()
    if [ -d "$root/usr/local/share/ca-certificates" ]; then
        extra=(NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt)
    fi
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "${extra[@]}" \
        chroot "$root" "$@"
}

failed=0
try() { # NAME COMMAND…
    local name=$1 began=$SECONDS
    shift
    if [ -f "$log" ]; then mv "$log" "$last"; fi
    if "$@" >"$log" 2>&1; then
        echo "ok - $name"
        echo "# $((SECONDS - began)) s"
    else
        echo "not ok - $name"
        tail -n 40 "$log" | sed 's/^/# /'
        failed=1
    fi
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() { # URL: by bash itself, for a fresh root has no client
    inside bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n" >&3 && head -n 1 <&3 | grep -E "HTTP/1.[01] (200|30[0-9])"' "$1"
}

all_passed() { # the 24 built-in tests in the log of the last step
    [ "$(grep -c 'Passed the test!' "$1")" = 24 ] || { cat "$1"; return 1; }
}

has_compiler() { inside sh -c 'command -v cc || command -v gcc || command -v node'; }
unpack() { inside sh -c 'cd /root && tar -xzf isthmus.tar.gz && mv isthmus-* isthmus'; }
as_isthmus() { inside runuser -u isthmus -- /opt/isthmus/current/bin/isthmus "$@" --home /var/lib/isthmus; }
nothing_left() { ! inside sh -c 'ls -d /opt/isthmus /etc/systemd/system/isthmus.service /usr/local/bin/isthmus' 2>/dev/null; }

set_port() {
    printf 'isthmus.master.web.port=%s\n' "$1" >>"$root/var/lib/isthmus/conf/isthmus-site.properties"
}

upgrade() { # the same archive once more, while it runs
    inside /root/isthmus/install && as_isthmus status
}

test_tarball() {
    local port
    port=$(free_port)
    if has_compiler >/dev/null; then echo "not ok - the root has a compiler already"; fi
    try "unpack" unpack
    try "install" inside /root/isthmus/install
    try "set the port" set_port "$port"
    try "start" as_isthmus start
    try "the URL answers" answers "$port"
    try "runTests" as_isthmus runTests
    try "24 of 24" all_passed "$last"
    try "the command finds the store" inside /usr/local/bin/isthmus status
    try "upgrade in place" upgrade
    try "stop" as_isthmus stop
    try "uninstall keeps the data" inside sh -c '/root/isthmus/install --uninstall && test -f /var/lib/isthmus/conf/isthmus-site.properties'
    try "nothing but the data is left" nothing_left
    try "purge" inside sh -c '/root/isthmus/install --uninstall --purge && ! test -e /var/lib/isthmus && ! getent passwd isthmus'
}

test_quickstart() {
    local port
    port=$(free_port)
    try "quickstart" inside /src/installer/quickstart --port "$port"
    cp "$log" "$folder/quickstart.out"
    try "24 of 24" all_passed "$root/src/build/logs/isthmus-runTests.log"
    try "the URL answers" answers "$port"
    try "again: nothing changes" inside /src/installer/quickstart
    try "again says that it runs" grep -q 'runs already' "$last"
    try "down" inside /src/installer/quickstart --down
    try "down again" inside /src/installer/quickstart --down
    try "up again with the same store" inside /src/installer/quickstart
    try "down at last" inside /src/installer/quickstart --down
}

case $what in
tarball) test_tarball ;;
quickstart) test_quickstart ;;
shell) inside bash -l || true ;;
*) echo "quickstart, tarball or shell?" >&2; exit 2 ;;
esac
exit $failed
