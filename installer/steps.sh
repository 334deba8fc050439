# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# steps: what quickstart, make-tarball and tests/run share.  A step is a command with a name: its
# output goes to a log file, the terminal shows name and seconds; one that fails names the log, shows
# its end and says what helps.  Packages come from packages.txt.  Sourced, never run.

steps_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
steps_logs=${steps_logs:-$steps_top/build/logs}

steps_fail() { # MESSAGE [MEND]
    printf '\nfailed: %s\n' "$1" >&2
    if [ -n "${2:-}" ]; then printf '  what helps: %s\n' "$2" >&2; fi
    exit 1
}

# step NAME MEND COMMAND…: runs the command in this shell's environment.  Its own variables have a prefix,
# because the command sees them.
step() {
    local step_name=$1 step_mend=$2 step_log step_began=$SECONDS step_status=0 step_errexit=${-//[^e]/}
    shift 2
    mkdir -p "$steps_logs"
    step_log=$steps_logs/$(tr -c 'a-zA-Z0-9.\n' '-' <<<"$step_name").log
    printf '  %-44s ' "$step_name"
    # not inside `if`, where a function's first failure would not end it
    set +e
    (set -e; "$@") >"$step_log" 2>&1 </dev/null
    step_status=$?
    if [ -n "$step_errexit" ]; then set -e; fi
    if [ $step_status -eq 0 ]; then
        printf '%4d s\n' $((SECONDS - step_began))
        return 0
    fi
    printf 'FAILED after %d s\n\n  the end of %s:\n' $((SECONDS - step_began)) "$step_log" >&2
    tail -n 20 "$step_log" | sed 's/^/  | /' >&2
    steps_fail "step '$step_name' (log: $step_log)" "$step_mend"
}

packages_of() { # GROUP…
    local group
    for group in "$@"; do sed -n "s/^$group: *//p" "$steps_top/installer/packages.txt"; done |
        tr -s ' ' '\n' | sort -u
}

packages_missing() { # PACKAGE…
    local name
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || echo "$name"
    done
}

packages_root() { # the command that makes us root, or nothing when we are
    if [ "$(id -u)" = 0 ]; then return 0; fi
    command -v sudo || steps_fail "packages are missing and this is neither root nor is sudo there" \
        "as root: apt-get install --no-install-recommends $*"
}

packages_apt() { # ROOT-COMMAND-OR-EMPTY PACKAGE…
    local root=$1
    shift
    # the lists of a fresh machine are empty or old
    $root env DEBIAN_FRONTEND=noninteractive apt-get update &&
        $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# packages_install PACKAGE…: installs what is missing, after saying so.
packages_install() {
    local missing root
    missing=$(packages_missing "$@" | tr '\n' ' ')
    if [ -z "$missing" ]; then
        echo "  all $# packages are there"
        return 0
    fi
    echo "  apt installs: $missing" | fold -s -w 96
    # shellcheck disable=SC2086
    root=$(packages_root $missing) || exit 1
    # shellcheck disable=SC2086
    step "apt-get install ($(wc -w <<<"$missing") packages)" \
        "is the network up and is /etc/apt right? Then run the same command again" \
        packages_apt "$root" $missing
}

node_is_usable() {
    local major
    major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p')
    [ "${major:-0}" -ge 18 ] && command -v npm >/dev/null
}

# Names of the packages that bring Node and npm, or nothing when usable ones are there.
node_packages() {
    if node_is_usable; then return 0; fi
    if command -v node >/dev/null; then
        steps_fail "node $(node --version) is there, but Isthmus needs node 18 or newer with npm" \
            "update or remove that node; Debian's own comes with: apt-get install nodejs npm"
    fi
    packages_of ui
}

node_ci() { # FOLDER: npm's own five minutes of patience with a broken network are cut short
    cd "$1" && npm ci --fetch-retries=1 --fetch-timeout=30000
}

node_mend="npm reaches its registry over HTTPS; behind a proxy with a CA of its own set NODE_EXTRA_CA_CERTS (now: '${NODE_EXTRA_CA_CERTS:-}')"

ui_fingerprint() {
    (cd "$steps_top/webui" && find . \( -name node_modules -o -name dist \) -prune -o -type f -print |
        LC_ALL=C sort | xargs -r sha256sum | sha256sum | cut -d ' ' -f 1)
}

# Builds webui/dist unless it was made from these very sources.
ui_build() {
    local stamp=$steps_top/webui/dist/.made-from now
    now=$(ui_fingerprint)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ]; then
        echo "  the web UI is built already"
        return 0
    fi
    step "npm ci" "$node_mend" node_ci "$steps_top/webui"
    step "npm run build" "see the log; tsc and vite name file and line" npm --prefix "$steps_top/webui" run build
    printf '%s\n' "$now" >"$stamp"
}

# meson_setup FOLDER OPTION…: makes the build folder, or keeps it and sets the options again.
meson_setup() {
    local dir=$1
    shift
    if [ -f "$dir/build.ninja" ]; then
        meson configure "$dir" "$@"
    else
        rm -rf "$dir/meson-private" "$dir/meson-info" # an interrupted setup
        meson setup "$dir" "$steps_top" "$@"
    fi
}
