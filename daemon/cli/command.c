/* SPDX-License-Identifier: Apache-2.0
 *
 * command: finds a row of the table and reads its arguments.  Pure.
 */
#include "cli/command.h"

#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

const struct command_group command_groups[] = {
    {"", "The node"}, {"fs", "Files"}, {"fsadmin", "Administration"}, {"job", "Jobs"}, {NULL, NULL}};

const struct command *const command_families[] = {
#define X(name) name,
    COMMAND_FAMILIES(X)
#undef X
        NULL};

bool command_is_group(const char *name)
{
    for (const struct command_group *g = command_groups; g->name; g++)
        if (*g->name && !strcmp(g->name, name))
            return true;
    return false;
}

const char *command_title(const struct command *c, char to[64])
{
    snprintf(to, 64, "%s%s%s", c->group, *c->group ? " " : "", c->name);
    return to;
}

/* How many words of argv spell `name`; 0 when they do not. */
static int words_matched(const char *name, int argc, char *const *argv)
{
    int n = 0;
    for (size_t len; *name; name += len + (name[len] == ' ')) {
        len = strcspn(name, " ");
        if (n >= argc || strlen(argv[n]) != len || memcmp(argv[n], name, len))
            return 0;
        n++;
    }
    return n;
}

const struct command *command_find(int argc, char *const *argv, int *ret_used)
{
    const struct command *best = NULL;
    bool is_group = argc > 0 && command_is_group(argv[0]);
    const char *group = is_group ? argv[0] : "";
    *ret_used = 0;
    for (size_t f = 0; command_families[f]; f++)
        for (const struct command *c = command_families[f]; c->name; c++) {
            if (strcmp(c->group, group))
                continue;
            int n = words_matched(c->name, argc - is_group, argv + is_group);
            if (n && n + is_group > *ret_used) {
                best = c;
                *ret_used = n + is_group;
            }
        }
    return best;
}

/* ---- arguments ---- */

static const struct flag *find_flag(const struct command *c, const char *name, size_t len)
{
    for (const struct flag *f = c->flags; f && (f->letter || f->name); f++)
        if ((f->letter && strlen(f->letter) == len && !memcmp(f->letter, name, len)) ||
            (f->name && strlen(f->name) == len && !memcmp(f->name, name, len)))
            return f;
    return NULL;
}

static void add_flag(struct args *a, const struct flag *f, const char *value)
{
    a->flags = xrealloc(a->flags, (a->flag_count + 1) * sizeof *a->flags);
    a->flags[a->flag_count++] = (struct flag_use){f, value};
}

/* "-Rh": all letters are flags without a value. */
static bool take_bundle(struct args *a, const char *letters)
{
    for (const char *p = letters; *p; p++) {
        const struct flag *f = find_flag(a->command, p, 1);
        if (!f || f->value)
            return false;
    }
    for (const char *p = letters; *p; p++)
        add_flag(a, find_flag(a->command, p, 1), NULL);
    return true;
}

/* Reads argv[*at], which begins with a dash, and its value. */
static int take_flag(struct args *a, int argc, char *const *argv, int *at, struct err *err)
{
    const char *s = argv[*at], *name = s + (s[1] == '-' ? 2 : 1);
    size_t len = strcspn(name, "=");
    const struct flag *f = find_flag(a->command, name, len);
    if (!f && s[1] != '-' && take_bundle(a, name))
        return 0;
    if (!f)
        return err_set(err, ERR_INVALID_ARGUMENT, "Unrecognized option: %.80s", s);
    if (!f->value && name[len])
        return err_set(err, ERR_INVALID_ARGUMENT, "The option %.*s takes no value", (int)(len + (size_t)(name - s)), s);
    if (f->value && !name[len] && *at + 1 >= argc)
        return err_set(err, ERR_INVALID_ARGUMENT, "Missing argument for option: %.80s", s);
    add_flag(a, f, !f->value ? NULL : name[len] ? name + len + 1 : argv[++*at]);
    return 0;
}

static bool is_flag(const struct command *c, const char *s)
{
    if (s[0] != '-' || !s[1])
        return false;
    return !isdigit((unsigned char)s[1]) || find_flag(c, s + 1, strlen(s + 1)); /* "-1" is a number */
}

static int check_count(const struct args *a, struct err *err)
{
    const struct command *c = a->command;
    if (a->count < (size_t)c->min)
        return err_set(err, ERR_INVALID_ARGUMENT, "Command %s takes at least %d arguments, not %zu", c->name, c->min, a->count);
    if (c->max >= 0 && a->count > (size_t)c->max)
        return err_set(err, ERR_INVALID_ARGUMENT, "Command %s takes at most %d arguments, not %zu", c->name, c->max, a->count);
    return 0;
}

int args_parse(const struct command *c, int argc, char *const *argv, struct args *ret, struct err *err)
{
    bool only_items = false;
    *ret = (struct args){.command = c, .items = xcalloc((size_t)argc + 1, sizeof *ret->items)};
    for (int i = 0; i < argc; i++) {
        if (!only_items && !strcmp(argv[i], "--"))
            only_items = true;
        else if (!only_items && is_flag(c, argv[i]))
            TRY(take_flag(ret, argc, argv, &i, err));
        else
            ret->items[ret->count++] = argv[i];
    }
    return check_count(ret, err);
}

void args_done(struct args *a)
{
    free(a->items);
    free(a->flags);
    *a = (struct args){0};
}

const char *args_next(const struct args *a, const char *flag, size_t *at)
{
    const struct flag *f = find_flag(a->command, flag, strlen(flag));
    assert(f);
    while (*at < a->flag_count) {
        const struct flag_use *u = &a->flags[(*at)++];
        if (u->flag == f)
            return u->value ? u->value : "";
    }
    return NULL;
}

const char *args_value(const struct args *a, const char *flag)
{
    const char *last = NULL, *v;
    for (size_t at = 0; (v = args_next(a, flag, &at));)
        last = v;
    return last;
}

bool args_has(const struct args *a, const char *flag)
{
    return args_value(a, flag) != NULL;
}

static int bad_value(const struct args *a, const char *flag, const char *value, const char *what, struct err *err)
{
    (void)a;
    return err_set(err, ERR_INVALID_ARGUMENT, "%.40s of -%s is not %s", value, flag, what);
}

int args_u64(const struct args *a, const char *flag, uint64_t otherwise, uint64_t *ret, struct err *err)
{
    const char *v = args_value(a, flag);
    if (!v)
        *ret = otherwise;
    else if (text_parse_u64(v, ret, NULL) < 0)
        return bad_value(a, flag, v, "a whole number", err);
    return 0;
}

int args_size(const struct args *a, const char *flag, uint64_t otherwise, uint64_t *ret, struct err *err)
{
    const char *v = args_value(a, flag);
    if (!v)
        *ret = otherwise;
    else if (text_parse_size(v, ret, NULL) < 0)
        return bad_value(a, flag, v, "a size such as 512 or 4MB", err);
    return 0;
}
