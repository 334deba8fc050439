/* SPDX-License-Identifier: Apache-2.0
 *
 * fault: named points at which a test ends the process as a power cut would.  Set
 * ISTHMUS_FAULT=name[:n] to die (SIGKILL to itself) at the n-th passage of that point.
 * Compiled in always; costs one load when unset.  fault_points() lists all names for the tests:
 * each FAULT() registers itself at link time through a section.
 */
#pragma once
#include <stddef.h>

struct fault_point {
    const char *name;
    int hits;
};
void fault_hit(struct fault_point *p);
extern int fault_is_armed;
#define FAULT(point)                                                                               \
    do {                                                                                           \
        static struct fault_point fault_here_                                                      \
            __attribute__((section("fault_points"), used)) = {.name = (point)};                    \
        if (__builtin_expect(fault_is_armed, 0))                                                   \
            fault_hit(&fault_here_);                                                               \
    } while (0)
/* Names of all points; the array is static and sorted. */
size_t fault_names(const char *const **ret);
