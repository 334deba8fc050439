/* SPDX-License-Identifier: Apache-2.0
 *
 * test_evict: each policy as a table of cases: what happens, and in which order nodes leave.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "block/evict.h"

#include <stdio.h>
#include <string.h>

/* Letters come in; '+x' is a hit of x, '-x' a removal; '!x' forbids x. `out` is the order of leaving. */
struct evict_case {
    const char *policy, *script, *out;
};
static const struct evict_case cases[] = {
    {"lru", "abc", "abc"},
    {"lru", "abc+a", "bca"},
    {"lru", "abc+a+b+a", "cba"},
    {"lru", "abcd-b", "acd"},
    {"lru", "abc!a", "bc"},
    {"lru", "abc+c", "abc"},
    {"sieve", "abc", "abc"},
    {"sieve", "abc+a", "bca"},
    {"sieve", "abcd+a+b", "cdab"},
    {"sieve", "abc+a+b+c", "abc"},
    {"sieve", "abcd-a", "bcd"},
    {"sieve", "abc!b", "ac"},
    {"sieve", "", ""},
};

static bool may(const struct evict_node *n, void *arg)
{
    const struct evict_node *const *forbidden = arg;
    return n != *forbidden;
}

static void run_case(const struct evict_case *c)
{
    struct evict_node nodes[26] = {0};
    struct evict_queue q = {0};
    const struct evict_policy *p = evict_find(c->policy);
    const struct evict_node *forbidden = NULL;
    char out[32] = "";
    for (const char *s = c->script; *s; s++) {
        struct evict_node *n = &nodes[(*s >= 'a' ? *s : s[1]) - 'a'];
        if (*s == '+')
            p->hit(&q, n);
        else if (*s == '-')
            p->remove(&q, n);
        else if (*s == '!')
            forbidden = n;
        else
            p->add(&q, n);
        s += *s < 'a';
    }
    for (size_t i = 0; i < 26; i++) {
        struct evict_node *n = p->pick(&q, 10, may, &forbidden);
        if (!n)
            break;
        out[i] = (char)('a' + (n - nodes));
        p->remove(&q, n);
    }
    if (strcmp(out, c->out))
        fail_msg("%s '%s' gave '%s' instead of '%s'", c->policy, c->script, out, c->out);
    assert_int_equal(q.count, forbidden ? 1 : 0);
}

static void leaves_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_case(&cases[i]);
}

/* A set that is read again and again survives a scan of 100 things read once. */
static void sieve_resists_a_scan(void **state)
{
    (void)state;
    struct evict_node nodes[200] = {0};
    struct evict_queue q = {0};
    const struct evict_node *forbidden = NULL;
    for (int i = 0; i < 10; i++)
        evict_sieve.add(&q, &nodes[i]);
    for (int i = 10; i < 110; i++) {
        for (int k = 0; k < 8; k++)
            evict_sieve.hit(&q, &nodes[k]);
        if (q.count >= 20)
            evict_sieve.remove(&q, evict_sieve.pick(&q, 10, may, &forbidden));
        evict_sieve.add(&q, &nodes[i]);
    }
    for (int k = 0; k < 8; k++)
        assert_true(nodes[k].is_in);
}

static void a_policy_has_a_name(void **state)
{
    (void)state;
    assert_ptr_equal(evict_find("lru"), &evict_lru);
    assert_null(evict_find("fifo"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_in_order),
        cmocka_unit_test(sieve_resists_a_scan),
        cmocka_unit_test(a_policy_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
