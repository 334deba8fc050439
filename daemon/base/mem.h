/* SPDX-License-Identifier: Apache-2.0
 *
 * mem: allocation that dies when memory is out, and locals that clean themselves up.  For sizes of
 * our own choosing only; what a client sizes goes through a buf with a limit.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
void *xmemdup(const void *p, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));
void *xmap(size_t size) __attribute__((malloc, returns_nonnull)); /* zeroed and faulted in, a mapping of its own: munmap gives it back at once */
#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

/* As memcpy, but what is written passes by the processor's caches where it can (x86-64): for bytes that are looked at again only
 * after so many others that the caches would have lost them. */
void mem_copy_uncached(void *to, const void *from, size_t len);

uint64_t mem_machine(void); /* bytes that this process may use at most: of the machine, or of its control groups (version 2) */

void mem_free_p(void *pp);  /* frees *(void **)pp */
void mem_close_p(int *fd);  /* closes *fd when >= 0 */

/* AUTO(buf) b = {…}; calls buf_done(&b) at the end of the scope. For any `struct x` with x_done. */
#define AUTO(x) __attribute__((cleanup(x##_done), unused)) struct x
/* AUTO_FREE char *p = …; frees it at the end of the scope. */
#define AUTO_FREE __attribute__((cleanup(mem_free_p), unused))
/* AUTO_FD int fd = …; */
#define AUTO_FD __attribute__((cleanup(mem_close_p), unused))
/* Takes the pointer out of a cleaned-up local. */
#define steal(pp)                                                                                  \
    ({                                                                                             \
        __typeof__(*(pp)) stolen_ = *(pp);                                                         \
        *(pp) = NULL;                                                                              \
        stolen_;                                                                                   \
    })
#define array_len(a) (sizeof(a) / sizeof((a)[0]))
