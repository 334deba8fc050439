#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# packaging: the release archive is made, holds what its manifest says, and runs from the folder in
# which it was unpacked.  With LONG: quickstart and archive in fresh Debian 12 and 13 roots.
. tests/suites/lib.sh

archive=$SUITE_DIR/isthmus.tar.gz
if ! installer/make-tarball --output "$archive"; then die "make-tarball failed"; fi
ok "make-tarball"
tests/packaging/unpacked.sh "$archive" "$SUITE_DIR" | tee "$SUITE_DIR/tap"
results tap "$SUITE_DIR/tap" "unpacked: "
if [ "$LONG" = 1 ]; then
    for release in bookworm trixie; do
        for what in tarball quickstart; do
            tests/packaging/chroot.sh "$release" "$what" "$SUITE_DIR/$release-$what" "$archive" | tee "$SUITE_DIR/tap"
            results tap "$SUITE_DIR/tap" "$release $what: "
        done
    done
fi
