/* SPDX-License-Identifier: Apache-2.0
 *
 * isthmus: the command line for people.  Finds the command in the table, runs it, turns an error into
 * a line on stderr and exit code 255.
 */
#include "base/arguments.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/manual.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fail(const struct err *err)
{
    fflush(stdout);
    fprintf(stderr, "%s\n", err->text);
    return CLI_FAILED;
}

static int no_command(int argc, char **argv)
{
    if (argc == 0) {
        manual_overview("", stderr);
        return 1;
    }
    bool is_group = command_is_group(argv[0]);
    if (is_group && (argc == 1 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        manual_overview(argv[0], argc == 1 ? stderr : stdout);
        return argc == 1 ? CLI_FAILED : 0;
    }
    fprintf(stderr, "%s is an unknown command.\n", argv[is_group ? 1 : 0]);
    manual_overview(is_group ? argv[0] : "", stderr);
    return is_group ? CLI_FAILED : 1;
}

static bool asks_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help"))
            return true;
    return false;
}

static int run(struct cli *c, const struct command *command, int argc, char **argv)
{
    struct args a;
    struct err err = {0};
    char title[64];
    if (asks_help(argc, argv)) {
        manual_command(command, stdout);
        return 0;
    }
    if (!command->run) {
        fprintf(stderr, "not supported yet: `%s` belongs to %s\n", command_title(command, title), command->later);
        return CLI_FAILED;
    }
    int rc = args_parse(command, argc, argv, &a, &err);
    if (rc < 0) {
        fprintf(stderr, "%s\n", err.text);
        manual_usage(command, stderr);
        args_done(&a);
        return CLI_FAILED;
    }
    rc = command->run(c, &a, &err);
    args_done(&a);
    return rc < 0 ? fail(&err) : rc;
}

int main(int argc, char **argv)
{
    struct cli c;
    struct err err = {0};
    int used;
    argv = arguments_hide(argc, argv);
    if (cli_init(&c, &argc, argv, &err) < 0)
        return fail(&err);
    if (!isatty(STDOUT_FILENO))
        setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    argc--;
    argv++;
    if (argc == 1 && !strcmp(argv[0], "--version"))
        argv[0] += 2; /* the command of that name */
    if (argc > 0 && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h") || !strcmp(argv[0], "help"))) {
        manual_overview("", stdout);
        return 0;
    }
    const struct command *command = command_find(argc, argv, &used);
    int code = command ? run(&c, command, argc - used, argv + used) : no_command(argc, argv);
    client_free(c.client);
    if (fflush(stdout) || ferror(stdout)) {
        if (errno != EPIPE) /* a reader such as `head` that has enough is no news */
            perror("isthmus: cannot write the output");
        return CLI_FAILED;
    }
    return code;
}
