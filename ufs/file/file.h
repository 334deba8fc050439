/* SPDX-License-Identifier: Apache-2.0
 *
 * file: a folder of this machine, or of a server that the kernel has mounted, as a store.
 */
#pragma once
#include "ufs/ufs.h"

extern const struct ufs_driver file_driver;
