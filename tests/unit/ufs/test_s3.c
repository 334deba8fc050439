/* SPDX-License-Identifier: Apache-2.0
 *
 * The S3 driver against canned answers on a socket of its own: signatures of Amazon's documentation,
 * errors by name, bodies cut short, servers that ignore ranges, listings of version 1, odd names.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "ufs/s3/answer.h"
#include "ufs/s3/sign.h"
#include "ufs/ufs.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server that gives one answer after another and closes the connection after each. */
static struct canned {
    int socket, port;
    struct thread thread;
    const char *answers[16];
    int count, asked;
    char requests[16][2048];
} server;

static void serve(void *arg)
{
    (void)arg;
    for (int i = 0; i < server.count; i++) {
        AUTO_FD int fd = accept(server.socket, NULL, NULL);
        if (fd < 0)
            return;
        char *to = server.requests[i];
        size_t len = 0;
        while (len < sizeof(server.requests[0]) - 1 && !strstr(to, "\r\n\r\n")) {
            ssize_t n = read(fd, to + len, sizeof(server.requests[0]) - 1 - len);
            if (n <= 0)
                break;
            len += (size_t)n;
            to[len] = 0;
        }
        server.asked++;
        (void)!write(fd, server.answers[i], strlen(server.answers[i]));
    }
}

static struct ufs *u;
static struct ufs_call call;
static struct err err;

static void start(int count, const char *const *answers, const char *attempts)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    char endpoint[64];

    memset(&server, 0, sizeof(server));
    server.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.socket, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(server.socket, 8), 0);
    assert_int_equal(getsockname(server.socket, (struct sockaddr *)&at, &len), 0);
    server.count = count;
    memcpy(server.answers, answers, (size_t)count * sizeof(*answers));
    thread_start(&server.thread, "canned", serve, NULL);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", ntohs(at.sin_port));
    struct ufs_item items[] = {{"s3a.accessKeyId", "key"},
                               {"s3a.secretKey", "secret"},
                               {"isthmus.underfs.s3.endpoint", endpoint},
                               {"isthmus.underfs.s3.disable.dns.buckets", "true"},
                               {"isthmus.underfs.retry.max", attempts}};
    struct ufs_properties p = {array_len(items), items};
    assert_int_equal(ufs_open("s3://bucket/base", &p, &u, &err), 0);
    call.deadline_ms = clock_mono_ms() + 10000;
}

static void stop(void)
{
    shutdown(server.socket, SHUT_RDWR);
    thread_join(&server.thread);
    close(server.socket);
    ufs_close(u);
}

static int get(struct buf *to, const char *etag, uint64_t off, uint64_t len)
{
    struct sink_buf s;
    buf_init(to, 1 << 16);
    sink_buf_init(&s, to);
    return ufs_read(u, &call, "f", off, len, etag, &s.sink, &err);
}

static void expect_signature(const struct http_header *h, size_t n, const char *path,
                             const char *query, const char *expected)
{
    struct sign_keys keys = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3"};
    struct sign_request r = {"GET", path, query, h, n, SIGN_EMPTY_HASH, "20130524T000000Z"};
    AUTO(buf) b = {0};
    buf_init(&b, 4096);
    sign_authorization(&keys, &r, &b);
    assert_non_null(strstr(buf_str(&b), expected));
}

/* docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
static void test_documented_signatures(void **state)
{
    (void)state;
    const struct http_header h[] = {{"x-amz-date", "20130524T000000Z"},
                                    {"host", "examplebucket.s3.amazonaws.com"},
                                    {"x-amz-content-sha256", SIGN_EMPTY_HASH},
                                    {"range", "bytes=0-9"}};
    expect_signature(h, 4, "/test.txt", "",
                     "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature="
                     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    expect_signature(h, 3, "/", "lifecycle=",
                     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    expect_signature(h, 3, "/", "max-keys=2&prefix=J",
                     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void test_errors_have_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        long status;
        enum err_code expected;
    } cases[] = {{"InvalidAccessKeyId", 403, ERR_STORE_AUTH},   {"SignatureDoesNotMatch", 403, ERR_STORE_AUTH},
                 {"AccessDenied", 403, ERR_STORE_DENIED},       {"NoSuchBucket", 404, ERR_STORE_NO_BUCKET},
                 {"NoSuchKey", 404, ERR_NOT_FOUND},             {"RequestTimeTooSkewed", 403, ERR_STORE_CLOCK},
                 {"SlowDown", 503, ERR_STORE_BUSY},             {"InternalError", 500, ERR_STORE_ERROR},
                 {"QuotaExceeded", 403, ERR_STORE_FULL},        {"Whatever", 502, ERR_STORE_ERROR},
                 {"Whatever", 400, ERR_STORE_DENIED}};
    for (size_t i = 0; i < array_len(cases); i++) {
        AUTO_FREE char *body = xasprintf("<Error><Code>%s</Code></Error>", cases[i].code);
        assert_int_equal(answer_error(cases[i].status, body, strlen(body), "x", &err), -(int)cases[i].expected);
    }
    assert_int_equal(answer_error(403, "<html>", 6, "x", &err), -ERR_STORE_DENIED);
    assert_int_equal(answer_error(404, NULL, 0, "x", &err), -ERR_NOT_FOUND);
}

static void test_unquotes(void **state)
{
    (void)state;
    char a[] = "\"x\"", b[] = "W/\"y\"", c[] = "z", d[] = "\"", e[] = "";
    answer_unquote(a), answer_unquote(b), answer_unquote(c), answer_unquote(d), answer_unquote(e);
    assert_string_equal(a, "x");
    assert_string_equal(b, "y");
    assert_string_equal(c, "z");
    assert_string_equal(d, "\"");
    assert_string_equal(e, "");
}

static void test_cut_body_is_read_on(void **state)
{
    (void)state;
    struct buf b;
    start(2, (const char *const[]){"HTTP/1.1 206 x\r\nETag: \"e\"\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n01234",
                                   "HTTP/1.1 206 x\r\nETag: \"e\"\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789"}, "4");
    assert_false(ufs_capabilities(u) & UFS_CAP_SAME_HOST); /* not known yet */
    assert_int_equal(get(&b, "e", 0, 10), 0);
    assert_true(ufs_capabilities(u) & UFS_CAP_SAME_HOST);
    assert_string_equal(buf_str(&b), "0123456789");
    assert_non_null(strcasestr(server.requests[0], "range: bytes=0-9\r\n"));
    assert_non_null(strcasestr(server.requests[1], "range: bytes=5-9\r\n"));
    assert_non_null(strcasestr(server.requests[1], "if-match: \"e\"\r\n"));
    buf_done(&b);
    stop();
}

static void test_cut_body_without_version_fails(void **state)
{
    (void)state;
    struct buf b;
    start(1, (const char *const[]){"HTTP/1.1 206 x\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n01234"}, "4");
    assert_int_equal(get(&b, NULL, 0, 10), -ERR_STORE_ERROR);
    buf_done(&b);
    stop();
}

/* A length that fits the body and not the range: chunked, or a proxy that cut. */
static void test_short_range_fails(void **state)
{
    (void)state;
    struct buf b;
    start(1, (const char *const[]){"HTTP/1.1 206 x\r\nETag: \"e\"\r\nContent-Range: bytes 0-9/100\r\nContent-Length: 5\r\n\r\n01234"}, "1");
    assert_int_equal(get(&b, "e", 0, 10), -ERR_STORE_ERROR);
    buf_done(&b);
    stop();
}

static void test_ignored_range_fails_before_a_byte(void **state)
{
    (void)state;
    struct buf b;
    start(1, (const char *const[]){"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"}, "1");
    assert_int_equal(get(&b, NULL, 5, 5), -ERR_STORE_ERROR);
    assert_int_equal(b.len, 0);
    buf_done(&b);
    stop();
}

static void test_ignored_condition_fails_before_a_byte(void **state)
{
    (void)state;
    struct buf b;
    start(1, (const char *const[]){"HTTP/1.1 206 x\r\nETag: \"new\"\r\nContent-Range: bytes 0-4/5\r\nContent-Length: 5\r\n\r\n01234"}, "1");
    assert_int_equal(get(&b, "old", 0, 5), -ERR_PRECONDITION_FAILED);
    assert_int_equal(b.len, 0);
    buf_done(&b);
    stop();
}

static void test_busy_is_asked_again(void **state)
{
    (void)state;
    struct ufs_stat st;
    start(2, (const char *const[]){"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 7\r\nLast-Modified: Sat, 21 Nov 2026 02:00:00 GMT\r\n\r\n"}, "4");
    assert_int_equal(ufs_stat(u, &call, "f", &st, &err), 0);
    assert_int_equal(st.length, 7);
    assert_string_equal(st.etag, "e");
    assert_true(st.mtime_ms == 1795226400000);
    stop();
}

static int collect(void *arg, const char *name, const struct ufs_stat *st, struct err *e)
{
    (void)e;
    buf_addf(arg, "%s%s,", name, st->type == UFS_DIRECTORY ? "/" : "");
    return 0;
}

#define PAGE_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<ListBucketResult>"

static void test_version_1_pages(void **state)
{
    (void)state;
    AUTO(buf) b = {0};
    buf_init(&b, 4096);
    start(2, (const char *const[]){PAGE_HEAD "<IsTruncated>true</IsTruncated><Contents><Key>base/a</Key><Size>1</Size></Contents>"
                                             "<Contents><Key>base/b</Key><Size>1</Size></Contents></ListBucketResult>",
                                   PAGE_HEAD "<IsTruncated>false</IsTruncated><Contents><Key>base/c</Key><Size>1</Size></Contents></ListBucketResult>"}, "1");
    assert_int_equal(ufs_list(u, &call, "", false, NULL, collect, &b, &err), 0);
    assert_string_equal(buf_str(&b), "a,b,c,");
    assert_non_null(strstr(server.requests[0], "list-type=2"));
    assert_non_null(strstr(server.requests[1], "marker=base%2Fb"));
    stop();
}

static void test_names_no_path_can_have(void **state)
{
    (void)state;
    AUTO(buf) b = {0};
    buf_init(&b, 4096);
#define K(key) "<Contents><Key>" key "</Key><Size>1</Size></Contents>"
    start(1, (const char *const[]){PAGE_HEAD "<EncodingType>url</EncodingType>" K("base/") K("base//x") K("base/.") K("base/../y") K("base/d/") K("base/d//z") K(
                 "base/f") K("base/f-g") K("base/f/below") K("base/n%00ul") K("base/g%2Fh+i%2Bj") K("other") "</ListBucketResult>"}, "1");
    assert_int_equal(ufs_list(u, &call, "", true, NULL, collect, &b, &err), 0);
    assert_string_equal(buf_str(&b), "d/,f,f-g,g/,g/h i+j,");
    stop();
}

static void test_malformed_listing_is_the_stores_fault(void **state)
{
    (void)state;
    AUTO(buf) b = {0};
    buf_init(&b, 4096);
    start(2, (const char *const[]){PAGE_HEAD, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html></html>"}, "1");
    assert_int_equal(ufs_list(u, &call, "", true, NULL, collect, &b, &err), -ERR_STORE_ERROR);
    assert_int_equal(ufs_list(u, &call, "", true, NULL, collect, &b, &err), -ERR_STORE_ERROR);
    stop();
}

static void test_copy_that_fails_with_200(void **state)
{
    (void)state;
    start(2, (const char *const[]){"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 7\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<Error><Code>InternalError</Code></Error>"}, "1");
    assert_int_equal(ufs_copy(u, &call, "a", "b", &err), -ERR_STORE_ERROR);
    assert_non_null(strcasestr(server.requests[1], "x-amz-copy-source: /bucket/base/a\r\n"));
    stop();
}

static void test_live_test_names_the_cause(void **state)
{
    (void)state;
    struct ufs_test_step steps[6];
    start(1, (const char *const[]){"HTTP/1.1 403 x\r\nConnection: close\r\n\r\n<Error><Code>InvalidAccessKeyId</Code></Error>"}, "4");
    assert_int_equal(ufs_test(u, &call, false, steps, 6), 6);
    assert_string_equal(steps[0].state, "ok");
    assert_string_equal(steps[1].state, "skipped");
    assert_string_equal(steps[2].state, "failed");
    assert_int_equal(steps[2].err.code, ERR_STORE_AUTH);
    assert_string_equal(steps[3].state, "skipped");
    stop();
}

static void expect_refused(const char *uri, const char *name, const char *value)
{
    struct ufs_item item = {name, value};
    struct ufs_properties p = {1, &item};
    assert_int_equal(ufs_open(uri, &p, &u, &err), -ERR_INVALID_ARGUMENT);
}

static void test_options_are_checked(void **state)
{
    (void)state;
    expect_refused("s3://bucket", "isthmus.underfs.s3.bogus", "1");
    assert_non_null(strstr(err.text, "s3a.accessKeyId"));
    expect_refused("s3://bucket", "s3a.accessKeyId", "key");
    assert_string_equal(err.field, "s3a.secretKey");
    expect_refused("s3://bucket", "isthmus.underfs.s3.endpoint", "ftp://x");
    expect_refused("s3://bucket", "isthmus.underfs.s3.endpoint", "http://x/path");
    expect_refused("s3://bucket", "isthmus.underfs.s3.default.mode", "999");
    expect_refused("s3://bucket", "isthmus.underfs.s3.streaming.upload.partition.size", "1MB");
    expect_refused("s3://x", "isthmus.underfs.s3.region", "r");
    assert_int_equal(ufs_open("s3://bucket/a//b", NULL, &u, &err), -ERR_INVALID_PATH);
    assert_null(ufs_driver_for("gopher://x"));
    assert_null(ufs_driver_for("relative/path"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documented_signatures),
        cmocka_unit_test(test_errors_have_their_names),
        cmocka_unit_test(test_unquotes),
        cmocka_unit_test(test_cut_body_is_read_on),
        cmocka_unit_test(test_cut_body_without_version_fails),
        cmocka_unit_test(test_short_range_fails),
        cmocka_unit_test(test_ignored_range_fails_before_a_byte),
        cmocka_unit_test(test_ignored_condition_fails_before_a_byte),
        cmocka_unit_test(test_busy_is_asked_again),
        cmocka_unit_test(test_version_1_pages),
        cmocka_unit_test(test_names_no_path_can_have),
        cmocka_unit_test(test_malformed_listing_is_the_stores_fault),
        cmocka_unit_test(test_copy_that_fails_with_200),
        cmocka_unit_test(test_live_test_names_the_cause),
        cmocka_unit_test(test_options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
