/* SPDX-License-Identifier: Apache-2.0
 *
 * manual: see the header.
 */
#include "cli/manual.h"

#include "base/buf.h"
#include "base/file_util.h"
#include "base/mem.h"

#include <string.h>

static const struct flag global_flags[] = {
    {NULL, "home", "DIR", "folder of the node (default: $ISTHMUS_HOME, else ./var when it holds a node, else /var/lib/isthmus)"},
    {"D", NULL, "key=value", "a setting for this call, written without a space: -Dkey=value"},
    {NULL, "json", NULL, "answers of commands that read, as JSON"},
    {NULL, "help", NULL, "what the command does"},
    {0}};

static void put_flag(const struct flag *f, struct buf *to)
{
    if (f->letter)
        buf_addf(to, "-%s", f->letter);
    if (f->letter && f->name)
        buf_adds(to, ", ");
    if (f->name)
        buf_addf(to, "--%s", f->name);
    if (f->value)
        buf_addf(to, " <%s>", f->value);
}

static void put_usage(const struct command *c, struct buf *to)
{
    char title[64];
    buf_addf(to, "isthmus %s", command_title(c, title));
    for (const struct flag *f = c->flags; f && (f->letter || f->name); f++) {
        buf_addf(to, " [%s%s", f->letter ? "-" : "--", f->letter ? f->letter : f->name);
        buf_addf(to, "%s%s%s]", f->value ? " <" : "", f->value ? f->value : "", f->value ? ">" : "");
    }
    if (*c->items)
        buf_addf(to, " %s", c->items);
}

void manual_usage(const struct command *c, FILE *out)
{
    AUTO(buf) text = {.max = 1 << 16};
    put_usage(c, &text);
    fprintf(out, "Usage: %s\n", buf_str(&text));
}

static void print_flags(const struct flag *flags, FILE *out)
{
    for (const struct flag *f = flags; f && (f->letter || f->name); f++) {
        AUTO(buf) text = {.max = 4096};
        put_flag(f, &text);
        fprintf(out, "  %-28s %s\n", buf_str(&text), f->help);
    }
}

void manual_command(const struct command *c, FILE *out)
{
    manual_usage(c, out);
    fprintf(out, "%s%s%s\n", c->help, c->run ? "" : "\nNot supported yet: it belongs to ", c->run ? "" : c->later);
    print_flags(c->flags, out);
}

static void print_group(const char *group, FILE *out)
{
    for (size_t i = 0; command_families[i]; i++)
        for (const struct command *c = command_families[i]; c->name; c++)
            if (!strcmp(c->group, group) && !(c->traits & COMMAND_HIDDEN) && c->run)
                fprintf(out, "  %-20s %s\n", c->name, c->help);
}

void manual_overview(const char *group, FILE *out)
{
    fprintf(out, "Usage: isthmus [--home DIR] [-Dkey=value]... [--json] %s%sCOMMAND [arguments]\n", group, *group ? " " : "");
    print_group(group, out);
    for (const struct command_group *g = command_groups; !*group && g->name; g++)
        if (*g->name)
            fprintf(out, "  %-20s %s: `isthmus %s` lists the commands\n", g->name, g->title, g->name);
    fprintf(out, "`isthmus %s%sCOMMAND --help` explains one.\n", group, *group ? " " : "");
}

/* ---- man pages ---- */

/* A dash is a hyphen to roff unless escaped, and a dot or quote at the start of a line a request. */
static void put_roff(struct buf *to, const char *s)
{
    for (const char *p = s; *p; p++) {
        if ((*p == '.' || *p == '\'') && (p == s || p[-1] == '\n'))
            buf_adds(to, "\\&");
        if (*p == '-')
            buf_adds(to, "\\-");
        else if (*p == '\\')
            buf_adds(to, "\\e");
        else
            buf_addc(to, *p);
    }
}

static void put_roff_flags(const struct flag *flags, struct buf *to)
{
    for (const struct flag *f = flags; f && (f->letter || f->name); f++) {
        AUTO(buf) text = {.max = 4096};
        put_flag(f, &text);
        buf_adds(to, ".TP\n.B ");
        put_roff(to, buf_str(&text));
        buf_addc(to, '\n');
        put_roff(to, f->help);
        buf_addc(to, '\n');
    }
}

static void put_roff_command(const struct command *c, struct buf *to)
{
    AUTO(buf) usage = {.max = 1 << 16};
    put_usage(c, &usage);
    buf_adds(to, ".SS ");
    put_roff(to, buf_str(&usage));
    buf_addc(to, '\n');
    put_roff(to, c->help);
    buf_addc(to, '\n');
    if (!c->run) {
        buf_adds(to, ".br\nNot supported yet: it belongs to ");
        put_roff(to, c->later);
        buf_adds(to, ".\n");
    }
    put_roff_flags(c->flags, to);
}

static void put_page(const struct command_group *g, struct buf *to)
{
    buf_addf(to, ".TH ISTHMUS%s%s 1 \"\" \"isthmus %s\"\n.SH NAME\nisthmus%s%s \\- ", *g->name ? "\\-" : "", g->name, ISTHMUS_VERSION,
             *g->name ? "\\-" : "", g->name);
    buf_addf(to, "%s: the command line of Isthmus\n.SH SYNOPSIS\n.B isthmus\n[options] %s%scommand [arguments]\n", g->title, g->name, *g->name ? " " : "");
    if (!*g->name) {
        buf_adds(to, ".SH OPTIONS\n");
        put_roff_flags(global_flags, to);
    }
    buf_adds(to, ".SH COMMANDS\n");
    for (size_t i = 0; command_families[i]; i++)
        for (const struct command *c = command_families[i]; c->name; c++)
            if (!strcmp(c->group, g->name) && !(c->traits & COMMAND_HIDDEN))
                put_roff_command(c, to);
    buf_adds(to, ".SH EXIT STATUS\n0 when it was done, 255 when not, unless the command says otherwise.\n"
                 ".SH ENVIRONMENT\n.TP\n.B ISTHMUS_HOME\nfolder of the node\n.TP\n.B ISTHMUS_TOKEN\ntoken to sign in with\n");
    buf_adds(to, ".SH SEE ALSO\n.BR isthmus (1),\n.BR isthmus\\-fs (1),\n.BR isthmus\\-fsadmin (1)\n");
}

int manual_pages(const char *dir, struct err *err)
{
    for (const struct command_group *g = command_groups; g->name; g++) {
        AUTO(buf) text = {.max = 1 << 20};
        AUTO_FREE char *path = xasprintf("%s/isthmus%s%s.1", dir, *g->name ? "-" : "", g->name);
        put_page(g, &text);
        TRY(file_write(path, text.data, text.len, 0644, err));
    }
    return 0;
}

/* ---- completion ---- */

/* First words; one that begins several commands comes once when these stand together in the table. */
static void print_words(const char *group, FILE *out)
{
    const char *last = "";
    for (size_t i = 0; command_families[i]; i++)
        for (const struct command *c = command_families[i]; c->name; c++) {
            size_t len = strcspn(c->name, " ");
            if (strcmp(c->group, group) || c->traits & COMMAND_HIDDEN || !c->run || (strcspn(last, " ") == len && !memcmp(last, c->name, len)))
                continue;
            fprintf(out, " %.*s", (int)len, c->name);
            last = c->name;
        }
}

static void print_second_words(FILE *out)
{
    for (size_t i = 0; command_families[i]; i++)
        for (const struct command *c = command_families[i]; c->name; c++)
            if (c->run && strchr(c->name, ' '))
                fprintf(out, "    if [[ $said == '%s %.*s' ]]; then words+=' %s'; fi\n", c->group, (int)strcspn(c->name, " "), c->name,
                        strchr(c->name, ' ') + 1);
}

static void print_flag_words(const struct flag *flags, FILE *out)
{
    for (const struct flag *f = flags; f && (f->letter || f->name); f++) {
        if (f->letter)
            fprintf(out, " -%s", f->letter);
        if (f->name)
            fprintf(out, " --%s", f->name);
    }
}

static void print_cases(FILE *out)
{
    char title[64];
    for (size_t i = 0; command_families[i]; i++)
        for (const struct command *c = command_families[i]; c->name; c++) {
            if (c->traits & COMMAND_HIDDEN || !c->run)
                continue;
            command_title(c, title);
            fprintf(out, "    '%s' | '%s '*) words='--home --json --help", title, title);
            print_flag_words(c->flags, out);
            fputs("' ;;\n", out);
        }
}

void manual_completion(FILE *out)
{
    fputs("# bash completion for isthmus, made by `isthmus docGen --completion`\n"
          "_isthmus() {\n    local cur=${COMP_WORDS[COMP_CWORD]} said='' words='' i\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n        case ${COMP_WORDS[i]} in\n"
          "        --home) i=$((i + 1)) ;;\n        -*) ;;\n        *) said+=\"${said:+ }${COMP_WORDS[i]}\" ;;\n        esac\n    done\n"
          "    COMPREPLY=()\n    case $said in\n", out);
    for (const struct command_group *g = command_groups; g->name; g++) {
        fprintf(out, "    '%s') words='", g->name);
        print_words(g->name, out);
        fputs(*g->name ? "' ;;\n" : " fs fsadmin --home --json --help' ;;\n", out);
    }
    print_cases(out);
    fputs("    esac\n", out);
    print_second_words(out);
    fputs("    if [[ $said == fs\\ * && $cur == /* ]]; then\n"
          "        local dir=${cur%/*}\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$(isthmus fs ls \"${dir:-/}\" 2>/dev/null | awk '{print $NF}')\" -- \"$cur\")\n"
          "        return\n    fi\n"
          "    if [[ -n $words && $cur != /* ]]; then mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\"); fi\n"
          "}\ncomplete -o default -F _isthmus isthmus\n", out);
}
