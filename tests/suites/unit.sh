#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# unit: the unit tests as released: gcc, -O3.
. tests/suites/lib.sh

build_release
unit "$release"
