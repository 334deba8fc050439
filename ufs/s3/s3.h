/* SPDX-License-Identifier: Apache-2.0
 *
 * s3: buckets of Amazon S3 and of servers that speak its protocol, as a store.
 */
#pragma once
#include "ufs/ufs.h"

extern const struct ufs_driver s3_driver;
