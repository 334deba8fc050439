/* SPDX-License-Identifier: Apache-2.0
 *
 * standalone: runs a fuzz target over the files and folders given, so that targets are built and
 * findings stay fixed where there is no libFuzzer.
 */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 1 << 20 };

static int run_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)at;
    if (kind != FTW_F)
        return 0;
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    uint8_t *data = malloc(FILE_MAX);
    if (!data)
        abort();
    size_t size = fread(data, 1, FILE_MAX, f);
    fclose(f);
    data = realloc(data, size ? size : 1); /* a read beyond the end is then seen */
    if (!data)
        abort();
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        if (nftw(argv[i], run_file, 16, FTW_PHYS))
            return 1;
    return 0;
}
