/* SPDX-License-Identifier: Apache-2.0
 *
 * mem: see the header.  Threads: any.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static void *alive(void *p)
{
    if (!p) {
        fputs("isthmus: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *xmalloc(size_t size)
{
    return alive(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
    return alive(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
    return alive(realloc(p, size ? size : 1));
}

void mem_copy_uncached(void *to, const void *from, size_t len)
{
    size_t done = 0;
#ifdef __SSE2__
    size_t head = -(uintptr_t)to % sizeof(__m128i);
    if (len >= head + sizeof(__m128i)) {
        memcpy(to, from, head);
        for (done = head; len - done >= sizeof(__m128i); done += sizeof(__m128i))
            _mm_stream_si128((__m128i *)((char *)to + done), _mm_loadu_si128((const __m128i *)((const char *)from + done)));
        _mm_sfence(); /* before whoever is told that they are there */
    }
#endif
    memcpy((char *)to + done, (const char *)from + done, len - done);
}

void *xmap(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return alive(p == MAP_FAILED ? NULL : p);
}

char *xstrdup(const char *s)
{
    return alive(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = xmalloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = 0;
    return copy;
}

void *xmemdup(const void *p, size_t n)
{
    void *copy = xmalloc(n);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

char *xasprintf(const char *fmt, ...)
{
    char *s = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return alive(n < 0 ? NULL : s);
}

/* Of one control group; "max" is no number, and there is no file where there is no limit to set. */
static uint64_t group_limit(const char *group)
{
    AUTO_FREE char *path = xasprintf("/sys/fs/cgroup%s/memory.max", group);
    FILE *f = fopen(path, "re");
    unsigned long long limit = 0;
    bool has_limit = f && fscanf(f, "%llu", &limit) == 1;
    if (f)
        fclose(f);
    return has_limit ? limit : UINT64_MAX;
}

uint64_t mem_machine(void)
{
    uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    char group[1024] = "";
    FILE *f = fopen("/proc/self/cgroup", "re");
    bool is_told = f && fscanf(f, "0::%1023s", group) == 1;
    if (f)
        fclose(f);
    while (is_told) { /* the group, then what it is in */
        uint64_t limit = group_limit(group);
        bytes = limit < bytes ? limit : bytes;
        char *slash = strrchr(group, '/');
        is_told = slash != NULL;
        if (slash)
            *slash = 0;
    }
    return bytes;
}

void mem_free_p(void *pp)
{
    free(*(void **)pp);
}

void mem_close_p(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
