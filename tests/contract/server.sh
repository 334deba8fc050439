#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# server.sh PROGRAM ceph|swift [name=value]…: starts the server, runs the contract of stores against it, stops it.
# P: first port of the server. Ceph is asked twice, the second time over TLS, with listings of version 1 and copies by parts.
set -euo pipefail
program=${1:?program} server=${2:?ceph or swift}; shift 2
here=$(cd "$(dirname "$0")" && pwd); dir=$(mktemp -d)
trap '"$here/../servers/$server.sh" stop "$dir"; rm -rf "$dir"' EXIT
"$here/../servers/$server.sh" start "$dir" >/dev/null
. "$dir/env"
options=(--option "s3a.accessKeyId=$S3_KEY" --option "s3a.secretKey=$S3_SECRET"
  --option isthmus.underfs.s3.streaming.upload.partition.size=5MB)
for o in "$@"; do options+=(--option "$o"); done
"$program" "s3://$S3_BUCKET/mount/base" "${options[@]}" --option "isthmus.underfs.s3.endpoint=$S3_ENDPOINT"
[ -z "${S3_ENDPOINT_TLS:-}" ] || "$program" "s3a://$S3_BUCKET" "${options[@]}" \
  --option "isthmus.underfs.s3.endpoint=$S3_ENDPOINT_TLS" --option "isthmus.underfs.s3.ca.file=$S3_CA" \
  --option isthmus.underfs.s3.list.objects.v1=true --option isthmus.underfs.s3.copy.part.size=5MB
