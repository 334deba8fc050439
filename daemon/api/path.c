/* SPDX-License-Identifier: Apache-2.0
 *
 * path: see the header.
 */
#include "api/path.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

int path_check_name(const char *name, size_t len, struct err *err)
{
    if (len == 0)
        return err_set(err, ERR_INVALID_PATH, "a name is empty");
    if (len > NAME_MAX_BYTES)
        return err_set(err, ERR_NAME_TOO_LONG, "the name '%.32s…' has %zu bytes, %d are allowed", name, len,
                       NAME_MAX_BYTES);
    if ((len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.'))
        return err_set(err, ERR_INVALID_PATH, "'.' and '..' are not names");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < 32 || c == 127 || c == '\\')
            return err_set(err, ERR_INVALID_PATH, "a name holds the character 0x%02x, which is not allowed", c);
    }
    if (!text_is_utf8(name, len))
        return err_set(err, ERR_INVALID_PATH, "a name is not valid UTF-8");
    return 0;
}

int path_clean(const char *path, char ret[PATH_MAX_BYTES + 1], struct err *err)
{
    size_t len = strlen(path);
    if (path[0] != '/')
        return err_set(err, ERR_INVALID_PATH, "Path \"%.100s\" is invalid. It must start with a slash", path);
    if (len > PATH_MAX_BYTES)
        return err_set(err, ERR_NAME_TOO_LONG, "the path has %zu bytes, %d are allowed", len, PATH_MAX_BYTES);
    if (len > 1 && path[len - 1] == '/')
        len--;
    int depth = 0;
    for (size_t at = 1; at < len; depth++) {
        const char *slash = memchr(path + at, '/', len - at);
        size_t end = slash ? (size_t)(slash - path) : len;
        struct err why;
        int rc = path_check_name(path + at, end - at, &why);
        if (rc)
            return err_set(err, why.code, "Path \"%.100s\" is invalid: %.100s", path, why.text);
        at = end + 1;
        if (slash && at == len) /* "/a//" */
            return err_set(err, ERR_INVALID_PATH, "Path \"%.100s\" is invalid: a name is empty", path);
    }
    if (depth > PATH_MAX_DEPTH)
        return err_set(err, ERR_NAME_TOO_LONG, "the path is %d levels deep, %d are allowed", depth, PATH_MAX_DEPTH);
    memcpy(ret, path, len);
    ret[len] = 0;
    return 0;
}

const char *path_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

void path_parent(const char *path, char ret[PATH_MAX_BYTES + 1])
{
    size_t len = (size_t)(strrchr(path, '/') - path);
    if (len == 0)
        len = 1;
    memmove(ret, path, len);
    ret[len] = 0;
}

bool path_is_below(const char *path, const char *top)
{
    size_t n = strlen(top);
    if (n == 1)
        return true;
    return !strncmp(path, top, n) && (path[n] == 0 || path[n] == '/');
}

int path_join(const char *dir, const char *name, char ret[PATH_MAX_BYTES + 1], struct err *err)
{
    int n = snprintf(ret, PATH_MAX_BYTES + 1, "%s/%s", dir[1] ? dir : "", name);
    if (n > PATH_MAX_BYTES)
        return err_set(err, ERR_NAME_TOO_LONG, "the path of '%.64s' has %d bytes, %d are allowed", name, n, PATH_MAX_BYTES);
    return 0;
}
