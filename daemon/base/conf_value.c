/* SPDX-License-Identifier: Apache-2.0
 *
 * conf_value: see the header.  Threads: any.
 */
#include "base/conf_value.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>

enum { KEY_MAX = 128 };

bool conf_value_is_secret(const struct conf_option *o)
{
    static const char *const words[] = {"secret", "password", "token", "credential"};
    if (o->type == CONF_SECRET)
        return true;
    for (size_t i = 0; i < array_len(words); i++)
        if (strcasestr(o->key, words[i]))
            return true;
    return false;
}

/* "1KB..64MB" into its two halves, empty where open. */
static void split_bounds(const char *bounds, char least[32], char most[32])
{
    const char *dots = strstr(bounds, "..");
    size_t n = dots ? (size_t)(dots - bounds) : 0;
    least[0] = most[0] = 0;
    if (!dots || n >= 32 || strlen(dots + 2) >= 32)
        return;
    memcpy(least, bounds, n);
    least[n] = 0;
    memcpy(most, dots + 2, strlen(dots + 2) + 1);
}

static void add_range(const struct conf_option *o, struct buf *to)
{
    char least[32], most[32];
    split_bounds(o->bounds, least, most);
    if (least[0] && most[0])
        buf_addf(to, " from %s to %s", least, most);
    else if (!strcmp(least, "-1"))
        buf_adds(to, " or -1");
    else if (least[0])
        buf_addf(to, " of at least %s", least);
    else if (most[0])
        buf_addf(to, " of at most %s", most);
}

void conf_value_allowed(const struct conf_option *o, struct buf *to)
{
    switch (o->type) {
    case CONF_INT:
        buf_adds(to, "a whole number");
        add_range(o, to);
        return;
    case CONF_SIZE:
        buf_adds(to, "a size");
        add_range(o, to);
        buf_adds(to, ", such as 64MB");
        return;
    case CONF_DURATION:
        buf_adds(to, "a duration");
        add_range(o, to);
        buf_adds(to, ", such as 250ms, 30s or 5min");
        return;
    case CONF_BOOL:
        buf_adds(to, "true or false");
        return;
    case CONF_CHOICE:
        buf_addf(to, "one of %s", o->bounds);
        return;
    case CONF_TEXT:
    case CONF_PATH:
    case CONF_SECRET:
        buf_adds(to, "any text");
    }
}

static bool parse_number(enum conf_type type, const char *s, int64_t *ret)
{
    uint64_t size;
    bool flag;
    switch (type) {
    case CONF_INT:
        return text_parse_i64(s, ret, NULL) == 0;
    case CONF_SIZE:
        if (text_parse_size(s, &size, NULL) < 0)
            return false;
        *ret = (int64_t)size;
        return true;
    case CONF_DURATION:
        return text_parse_duration(s, ret, NULL) == 0;
    case CONF_BOOL:
        if (text_parse_bool(s, &flag, NULL) < 0)
            return false;
        *ret = flag;
        return true;
    case CONF_TEXT:
    case CONF_CHOICE:
    case CONF_PATH:
    case CONF_SECRET:
        break;
    }
    *ret = 0;
    return true;
}

static bool is_in_bounds(const struct conf_option *o, int64_t v)
{
    char least[32], most[32];
    int64_t bound;
    split_bounds(o->bounds, least, most);
    if (least[0] && parse_number(o->type, least, &bound) && v < bound)
        return false;
    return !(most[0] && parse_number(o->type, most, &bound) && v > bound);
}

/* The spelling of the table; NULL when it is none of them. Owned by the caller. */
static char *find_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);
    for (const char *p = choices; *p; p += *p == '|') {
        size_t n = strcspn(p, "|");
        if (n == len && !strncasecmp(p, text, n))
            return xstrndup(p, n);
        p += n;
    }
    return NULL;
}

static int refuse(const struct conf_option *o, const char *text, struct err *err)
{
    AUTO(buf) allowed;
    buf_init(&allowed, 512);
    conf_value_allowed(o, &allowed);
    if (conf_value_is_secret(o))
        return err_set(err, ERR_CONFIG, "%s: the value is not allowed; allowed is %s", o->key, buf_str(&allowed));
    return err_set(err, ERR_CONFIG, "%s: '%.40s' is not allowed; allowed is %s", o->key, text, buf_str(&allowed));
}

int conf_value_parse(const struct conf_option *o, const char *text, struct conf_value *ret, struct err *err)
{
    int64_t number = 0;
    if (o->type == CONF_CHOICE) {
        char *choice = find_choice(o->bounds, text);
        if (!choice)
            return refuse(o, text, err);
        *ret = (struct conf_value){.text = choice};
        return 0;
    }
    if (!parse_number(o->type, text, &number) || (o->bounds[0] && !is_in_bounds(o, number)))
        return refuse(o, text, err);
    *ret = (struct conf_value){.text = xstrdup(text), .number = number};
    return 0;
}

int conf_value_expand(const char *raw, int (*lookup)(void *arg, const char *key, const char **ret, struct err *err),
                      void *arg, struct buf *to, struct err *err)
{
    char key[KEY_MAX];
    for (const char *open; (open = strstr(raw, "${")); ) {
        const char *close = strchr(open, '}'), *value = NULL;
        if (!close)
            return err_set(err, ERR_CONFIG, "a ${ is not followed by }");
        size_t n = (size_t)(close - open) - 2;
        if (n >= sizeof key)
            return err_set(err, ERR_CONFIG, "the key in '%.40s…' is too long", open);
        memcpy(key, open + 2, n);
        key[n] = 0;
        TRY(lookup(arg, key, &value, err));
        buf_add(to, raw, (size_t)(open - raw));
        buf_adds(to, value);
        raw = close + 1;
    }
    buf_adds(to, raw);
    return buf_check(to, "the resolved value", err);
}

/* Levenshtein's distance, up to KEY_MAX characters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[KEY_MAX + 1], m = strnlen(b, KEY_MAX);
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 0; a[i] && i < KEY_MAX; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i] != b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

const char *conf_value_nearest(const char *key)
{
    size_t least = strlen(key) / 4 + 3;
    const char *nearest = NULL;
    for (int i = 0; i < CONF_COUNT; i++) {
        const char *known = conf_option((enum conf_id)i)->key;
        size_t d = distance(key, known);
        if (d < least) {
            least = d;
            nearest = known;
        }
    }
    return nearest;
}
