#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# file.sh PROGRAM: the contract of stores against a new folder.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" "$dir" --option isthmus.underfs.local.sync=false
