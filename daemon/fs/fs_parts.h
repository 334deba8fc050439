/* SPDX-License-Identifier: Apache-2.0
 *
 * fs_parts: private to this folder.
 */
#pragma once
#include "fs/fs.h"

enum { FS_READ = 4 }; /* of rwx: who reads bytes needs it on the file */

struct fs {
    struct fs_parts parts;
};
