/* SPDX-License-Identifier: Apache-2.0
 *
 * fs_parts: private to this folder.
 */
#pragma once
#include "fs/fs.h"

struct fs {
    struct fs_parts parts;
};
