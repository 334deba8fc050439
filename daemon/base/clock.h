/* SPDX-License-Identifier: Apache-2.0
 *
 * clock: the two times.  Wall time goes into metadata; monotonic time measures and bounds waiting.
 * A deadline is a monotonic time in ms.  Threads: any.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

int64_t clock_wall_ms(void); /* since 1970 */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
#define CLOCK_NEVER INT64_MAX
bool clock_is_past(int64_t deadline_ms);
int64_t clock_left_ms(int64_t deadline_ms); /* >= 0; capped at one hour */
