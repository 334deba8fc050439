/* SPDX-License-Identifier: Apache-2.0
 *
 * log: see the header.
 */
#include "base/log.h"

#include "base/lock.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, ROTATE_BYTES = 64 << 20, ROTATE_KEEP = 5 };

static const char *const level_names[] = {"ERROR", "WARN", "INFO", "DEBUG"};
static const char *const subsystem_names[] = {
#define X(name) #name,
    LOG_SUBSYSTEMS(X)
#undef X
};
static int levels[LOG_SUBSYSTEM_COUNT] = {[0 ... LOG_SUBSYSTEM_COUNT - 1] = LOG_LEVEL_INFO};
static _Thread_local char request_id[40];

static struct lock file_lock;
static struct { /* under file_lock */
    int fd;
    off_t size;
    char path[4096];
} file = {.fd = STDERR_FILENO};

__attribute__((constructor)) static void start(void)
{
    lock_init(&file_lock, RANK_LEAF + 10);
}

int log_open(const char *path, struct err *err)
{
    int fd = STDERR_FILENO;
    struct stat st = {0};
    if (path) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (fd < 0 || fstat(fd, &st) < 0)
            return err_set_errno(err, ERR_OK, errno, "cannot open the log file '%s'", path);
    }
    LOCK_SCOPE(&file_lock);
    if (file.fd != STDERR_FILENO)
        close(file.fd);
    file.fd = fd;
    file.size = st.st_size;
    snprintf(file.path, sizeof file.path, "%s", path ? path : "");
    return 0;
}

void log_close(void)
{
    int rc = log_open(NULL, NULL);
    (void)rc;
}

static void rotate_locked(void)
{
    char from[sizeof file.path + 8], to[sizeof file.path + 8];
    for (int i = ROTATE_KEEP; i > 0; i--) {
        if (i == 1)
            snprintf(from, sizeof from, "%s", file.path);
        else
            snprintf(from, sizeof from, "%s.%d", file.path, i - 1);
        snprintf(to, sizeof to, "%s.%d", file.path, i);
        rename(from, to);
    }
    int fd = open(file.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return; /* go on in the old file rather than lose lines */
    close(file.fd);
    file.fd = fd;
    file.size = 0;
}

bool log_is_on(enum log_subsystem sub, enum log_level level)
{
    return (int)level <= __atomic_load_n(&levels[sub], __ATOMIC_RELAXED);
}

static size_t head(char *line, size_t cap, enum log_subsystem sub, enum log_level level)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    int n = snprintf(line, cap, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %-5s %s%s%s: ",
                     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                     (int)(now.tv_nsec / 1000000), level_names[level], subsystem_names[sub],
                     request_id[0] ? " " : "", request_id);
    return (size_t)n;
}

/* A line is one line: bytes from outside cannot forge another. */
static void flatten(char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 32 || line[i] == 127)
            line[i] = ' ';
}

void log_write(enum log_subsystem sub, enum log_level level, const char *fmt, ...)
{
    if (!log_is_on(sub, level))
        return;
    char line[LINE_MAX_BYTES];
    size_t len = head(line, sizeof line, sub, level);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line + len, sizeof line - len - 1, fmt, ap);
    va_end(ap);
    len += n < 0 ? 0 : (size_t)n < sizeof line - len - 2 ? (size_t)n : sizeof line - len - 2;
    flatten(line, len);
    line[len++] = '\n';
    LOCK_SCOPE(&file_lock);
    ssize_t wrote = write(file.fd, line, len);
    if (wrote > 0)
        file.size += wrote;
    if (file.size > ROTATE_BYTES && file.path[0])
        rotate_locked();
}

void log_request(const char *id)
{
    text_copy(request_id, sizeof request_id, id);
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

const char *log_subsystem_name(enum log_subsystem sub)
{
    return subsystem_names[sub];
}

enum log_level log_level_get(enum log_subsystem sub)
{
    return (enum log_level)__atomic_load_n(&levels[sub], __ATOMIC_RELAXED);
}

int log_level_set(const char *sub, const char *level, struct err *err)
{
    int to = -1;
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (!strcasecmp(level, level_names[i]))
            to = (int)i;
    if (to < 0)
        return err_set(err, ERR_INVALID_ARGUMENT,
                       "level '%.20s' is not one of ERROR, WARN, INFO, DEBUG", level);
    bool found = false;
    for (size_t i = 0; i < LOG_SUBSYSTEM_COUNT; i++)
        if (!strcmp(sub, "all") || !strcmp(sub, subsystem_names[i])) {
            __atomic_store_n(&levels[i], to, __ATOMIC_RELAXED);
            found = true;
        }
    if (!found)
        return err_set(err, ERR_INVALID_ARGUMENT, "no subsystem is named '%.40s'", sub);
    return 0;
}
