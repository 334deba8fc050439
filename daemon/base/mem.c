/* SPDX-License-Identifier: Apache-2.0
 *
 * mem: see the header.  Threads: any.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

void mem_free_p(void *pp)
{
    free(*(void **)pp);
}

void mem_close_p(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
