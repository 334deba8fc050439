/* SPDX-License-Identifier: Apache-2.0
 *
 * clock: see the header.
 */
#include "base/clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

bool clock_is_past(int64_t deadline_ms)
{
    return deadline_ms != CLOCK_NEVER && clock_mono_ms() >= deadline_ms;
}

int64_t clock_left_ms(int64_t deadline_ms)
{
    if (deadline_ms == CLOCK_NEVER)
        return 3600000;
    int64_t left = deadline_ms - clock_mono_ms();
    return left < 0 ? 0 : left > 3600000 ? 3600000 : left;
}
