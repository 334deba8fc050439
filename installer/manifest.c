/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest: reads the list of an archive's entries and refuses what could not be unpacked safely
 * (absolute paths, "..", the same path twice).  It does not look whether the sources exist: that is
 * bundle's.  Threads: one.
 */
#include "installer/manifest.h"

#include "base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { FIELDS_MAX = 4 };

static bool is_clean_path(const char *path)
{
    if (path[0] == '\0' || path[0] == '/')
        return false;
    for (const char *part = path; part != NULL;) {
        const char *slash = strchr(part, '/');
        size_t len = slash != NULL ? (size_t)(slash - part) : strlen(part);
        if (len == 0 || (len == 1 && part[0] == '.') || (len == 2 && memcmp(part, "..", 2) == 0))
            return false;
        part = slash != NULL ? slash + 1 : NULL;
    }
    return true;
}

static size_t split(char *line, char *fields[FIELDS_MAX + 1])
{
    size_t n = 0;
    for (char *rest = line; rest != NULL && n <= FIELDS_MAX;)
        fields[n++] = strsep(&rest, "\t");
    return n;
}

static int parse_mode(const char *text, unsigned *ret_mode, struct err *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long mode = strtoul(text, &end, 8);
    if (errno != 0 || end == text || *end != '\0' || mode > 07777)
        return err_set(err, ERR_INVALID_ARGUMENT, "'%s' is not an octal mode up to 7777", text);
    *ret_mode = (unsigned)mode;
    return 0;
}

/* Turns the fields of one line into an entry that borrows them. */
static int parse_fields(char *fields[], size_t n, struct manifest_entry *ret, struct err *err)
{
    struct manifest_entry e = {.mode = 0777};

    if (strcmp(fields[0], "link") == 0 && n == 3) {
        e.kind = MANIFEST_LINK;
        e.path = fields[1];
        e.source = fields[2];
    } else if (strcmp(fields[0], "dir") == 0 && n == 3) {
        e.kind = MANIFEST_DIR;
        TRY(parse_mode(fields[1], &e.mode, err));
        e.path = fields[2];
    } else if (strcmp(fields[0], "file") == 0 && n == 4) {
        e.kind = MANIFEST_FILE;
        TRY(parse_mode(fields[1], &e.mode, err));
        e.path = fields[2];
        e.source = fields[3];
    } else {
        return err_set(err, ERR_INVALID_ARGUMENT,
                       "expected 'dir MODE PATH', 'file MODE PATH SOURCE' or 'link PATH TARGET', "
                       "separated by tabs");
    }
    if (!is_clean_path(e.path))
        return err_set(err, ERR_INVALID_ARGUMENT, "'%s' is not a plain relative path", e.path);
    *ret = e;
    return 0;
}

static void append(struct manifest *m, const struct manifest_entry *e)
{
    m->entries = xrealloc(m->entries, (m->count + 1) * sizeof(*m->entries));
    m->entries[m->count++] = (struct manifest_entry){
        .kind = e->kind,
        .mode = e->mode,
        .path = xstrdup(e->path),
        .source = e->source != NULL ? xstrdup(e->source) : NULL,
    };
}

static int by_path(const void *a, const void *b)
{
    const struct manifest_entry *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static int sort_unique(struct manifest *m, const char *file, struct err *err)
{
    if (m->count == 0)
        return err_set(err, ERR_INVALID_ARGUMENT, "%s: no entries", file);
    qsort(m->entries, m->count, sizeof(*m->entries), by_path);
    for (size_t i = 1; i < m->count; i++) {
        if (strcmp(m->entries[i - 1].path, m->entries[i].path) == 0)
            return err_set(err, ERR_INVALID_ARGUMENT, "%s: '%s' stands there twice", file,
                           m->entries[i].path);
    }
    return 0;
}

static int read_lines(struct manifest *m, FILE *in, const char *file, struct err *err)
{
    AUTO_FREE char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    for (unsigned number = 1; (len = getline(&line, &cap, in)) >= 0; number++) {
        struct manifest_entry e = {0};
        struct err why = {0};
        char *fields[FIELDS_MAX + 1];

        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (line[0] == '\0' || line[0] == '#')
            continue;
        size_t n = split(line, fields);
        if (parse_fields(fields, n, &e, &why) < 0)
            return err_set(err, why.code, "%s:%u: %s", file, number, why.text);
        append(m, &e);
    }
    return 0;
}

int manifest_read(struct manifest *m, const char *file, struct err *err)
{
    *m = (struct manifest){0};
    FILE *in = fopen(file, "re");
    if (in == NULL)
        return err_set_errno(err, ERR_OK, errno, "cannot read the manifest %s", file);
    int rc = read_lines(m, in, file, err);
    fclose(in);
    if (rc == 0)
        rc = sort_unique(m, file, err);
    if (rc < 0)
        manifest_done(m);
    return rc;
}

void manifest_done(struct manifest *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->entries[i].path);
        free(m->entries[i].source);
    }
    free(m->entries);
    *m = (struct manifest){0};
}

const struct manifest_entry *manifest_lookup(const struct manifest *m, const char *path)
{
    struct manifest_entry key = {.path = (char *)(uintptr_t)path};
    if (m->count == 0)
        return NULL;
    return bsearch(&key, m->entries, m->count, sizeof(*m->entries), by_path);
}
