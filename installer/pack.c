/* SPDX-License-Identifier: Apache-2.0
 *
 * isthmus-pack: makes, lists, unpacks and checks the release archive.  Command line only; the work
 * is bundle's.  Threads: one.
 */
#include "base/mem.h"
#include "installer/bundle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define USAGE                                                                                      \
    "usage: isthmus-pack create ARCHIVE.tar.gz MANIFEST   time of all entries: SOURCE_DATE_EPOCH\n" \
    "       isthmus-pack verify ARCHIVE.tar.gz MANIFEST\n"                                        \
    "       isthmus-pack list ARCHIVE.tar.gz\n"                                                   \
    "       isthmus-pack extract ARCHIVE.tar.gz FOLDER\n"

static int epoch_from_env(int64_t *ret_s, struct err *err)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;

    *ret_s = 0;
    if (text == NULL || *text == '\0')
        return 0;
    errno = 0;
    *ret_s = strtoimax(text, &end, 10);
    if (errno != 0 || *end != '\0' || *ret_s < 0)
        return err_set(err, ERR_INVALID_ARGUMENT, "SOURCE_DATE_EPOCH: '%s' is not a number of seconds",
                       text);
    return 0;
}

static int create(const char *archive, const char *list, struct err *err)
{
    AUTO(manifest) m = {0};
    int64_t epoch_s;

    TRY(epoch_from_env(&epoch_s, err));
    TRY(manifest_read(&m, list, err));
    return bundle_create(&m, archive, epoch_s, err);
}

static int verify(const char *archive, const char *list, struct err *err)
{
    AUTO(manifest) m = {0};

    TRY(manifest_read(&m, list, err));
    return bundle_verify(archive, &m, err);
}

static int run(int argc, char **argv, struct err *err)
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (strcmp(verb, "create") == 0 && argc == 4)
        return create(argv[2], argv[3], err);
    if (strcmp(verb, "verify") == 0 && argc == 4)
        return verify(argv[2], argv[3], err);
    if (strcmp(verb, "list") == 0 && argc == 3)
        return bundle_list(argv[2], stdout, err);
    if (strcmp(verb, "extract") == 0 && argc == 4)
        return bundle_extract(argv[2], argv[3], err);
    return err_set(err, ERR_INVALID_ARGUMENT, "no such command");
}

int main(int argc, char **argv)
{
    struct err err = {0};

    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        fputs(USAGE, argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    if (run(argc, argv, &err) < 0) {
        fprintf(stderr, "isthmus-pack: %s\n", err.text);
        return 1;
    }
    return 0;
}
