/* SPDX-License-Identifier: Apache-2.0
 *
 * test_group: the bytes of groups, heads and markers, and what happens when one of them changes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "journal/group.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t lengths[] = {5, 0, 3};
#define DATA "helloabc"

static size_t make(uint8_t *to)
{
    struct group_view v = {.kind = GROUP_ENTRIES, .count = 3, .tag = 7, .proposer = 0x1122334455667788, .sequence = 9};
    group_encode(&v, lengths, DATA, 8, to);
    return group_size(3, 8);
}

static void test_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[128];
    struct group_view v;
    struct err err;
    size_t len = make(bytes);
    assert_int_equal(len % 8, 0);
    assert_int_equal(group_decode(bytes, len, &v, &err), 0);
    assert_int_equal(v.kind, GROUP_ENTRIES);
    assert_int_equal(v.count, 3);
    assert_int_equal(v.tag, 7);
    assert_true(v.proposer == 0x1122334455667788 && v.sequence == 9);
    assert_int_equal(group_length(&v, 0), 5);
    assert_int_equal(group_length(&v, 1), 0);
    assert_int_equal(group_length(&v, 2), 3);
    assert_memory_equal(v.data, DATA, 8);
}

static void test_layout_is_fixed(void **state)
{
    (void)state;
    static const uint8_t head[] = {'I', 'S', 'J', 'G', 1, 0, 1, 0};
    uint8_t bytes[128];
    make(bytes);
    assert_memory_equal(bytes, head, sizeof head);
    assert_int_equal(bytes[12], 3);                    /* count */
    assert_int_equal(bytes[16], 40 + 12 + 8);          /* bytes */
    assert_int_equal(bytes[24], 0x88);                 /* proposer, little endian */
}

static void test_any_flipped_bit_is_found(void **state)
{
    (void)state;
    uint8_t bytes[128];
    struct group_view v;
    struct err err;
    size_t len = make(bytes), used = 40 + 12 + 8;
    for (size_t bit = 0; bit < used * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(group_decode(bytes, len, &v, &err), -ERR_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(group_decode(bytes, len, &v, &err), 0);
}

static void test_any_shorter_group_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[128];
    struct group_view v;
    size_t len = make(bytes);
    for (size_t n = 0; n < len - 4; n++) {
        uint8_t *exact = malloc(n ? n : 1); /* so that the sanitizer sees a read behind it */
        memcpy(exact, bytes, n);
        assert_int_equal(group_decode(exact, n, &v, NULL), -ERR_CORRUPT);
        free(exact);
    }
}

static void test_head_and_tag(void **state)
{
    (void)state;
    struct group_id id = {.log_id = "0123456789abcde", .base = 77, .incarnation = 3}, back, other = id;
    uint8_t text[GROUP_ID_LEN], bytes[128];
    uint32_t len = sizeof text;
    struct group_view v = {.kind = GROUP_HEAD, .count = 1};
    group_id_encode(&id, text);
    group_encode(&v, &len, text, len, bytes);
    assert_int_equal(group_decode(bytes, group_size(1, len), &v, NULL), 0);
    assert_int_equal(group_id_decode(&v, &back, NULL), 0);
    assert_true(group_id_is_equal(&id, &back));
    other.incarnation++;
    assert_false(group_id_is_equal(&id, &other));
    assert_int_not_equal(group_tag(&id), group_tag(&other));
    make(bytes);
    assert_int_equal(group_decode(bytes, group_size(3, 8), &v, NULL), 0);
    assert_int_equal(group_id_decode(&v, &back, NULL), -ERR_CORRUPT);
}

static void test_marker(void **state)
{
    (void)state;
    struct group_marker m = {.id = {.log_id = "x", .base = 1, .incarnation = 2}, .index = 30, .last = 29}, back;
    uint8_t bytes[GROUP_MARKER_LEN];
    group_marker_encode(&m, bytes);
    assert_int_equal(group_marker_decode(bytes, sizeof bytes, &back, NULL), 0);
    assert_true(group_id_is_equal(&m.id, &back.id) && back.index == 30 && back.last == 29);
    assert_int_equal(group_marker_decode(bytes, sizeof bytes - 1, &back, NULL), -ERR_CORRUPT);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 0x10;
        assert_int_equal(group_marker_decode(bytes, sizeof bytes, &back, NULL), -ERR_CORRUPT);
        bytes[i] ^= 0x10;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_layout_is_fixed),
        cmocka_unit_test(test_any_flipped_bit_is_found),
        cmocka_unit_test(test_any_shorter_group_is_refused),
        cmocka_unit_test(test_head_and_tag),
        cmocka_unit_test(test_marker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
