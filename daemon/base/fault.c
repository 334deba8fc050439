/* SPDX-License-Identifier: Apache-2.0
 *
 * fault: see the header.  The linker gathers all points into the section "fault_points" and marks
 * its start and end; both are weak, so that a program without points links.  Armed before main and
 * fixed after.  Threads: any may pass a point.
 */
#include "base/fault.h"

#include "base/mem.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern struct fault_point __start_fault_points[] __attribute__((weak));
extern struct fault_point __stop_fault_points[] __attribute__((weak));

int fault_is_armed;

static char armed_name[64];
static int armed_at = 1; /* which passage ends the process */
static const char **names;
static size_t name_count;

__attribute__((constructor)) static void arm(void)
{
    const char *wish = getenv("ISTHMUS_FAULT");
    if (!wish || !*wish)
        return;
    snprintf(armed_name, sizeof armed_name, "%s", wish);
    char *colon = strrchr(armed_name, ':');
    if (colon) {
        long n = strtol(colon + 1, NULL, 10);
        *colon = 0;
        armed_at = n < 1 || n > INT_MAX ? 1 : (int)n;
    }
    fault_is_armed = 1;
}

void fault_hit(struct fault_point *p)
{
    static int passages; /* of the armed name: two points may share it */
    if (strcmp(p->name, armed_name))
        return;
    __atomic_add_fetch(&p->hits, 1, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&passages, 1, __ATOMIC_ACQ_REL) == armed_at)
        kill(getpid(), SIGKILL);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sanitizers pad the entries of the section with zeros: what has no name is padding. */
static void gather(void)
{
    const char *from = (const char *)__start_fault_points, *to = (const char *)__stop_fault_points;
    names = xcalloc((size_t)(to - from) / sizeof(struct fault_point) + 1, sizeof *names);
    for (; from + sizeof(struct fault_point) <= to; from += sizeof(void *)) {
        const struct fault_point *p = (const void *)from;
        if (p->name) {
            names[name_count++] = p->name;
            from += sizeof *p - sizeof(void *);
        }
    }
    qsort(names, name_count, sizeof *names, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < name_count; i++)
        if (!kept || strcmp(names[kept - 1], names[i]))
            names[kept++] = names[i];
    name_count = kept;
}

size_t fault_names(const char *const **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, gather);
    *ret = names;
    return name_count;
}
