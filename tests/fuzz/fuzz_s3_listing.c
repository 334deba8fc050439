/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of S3 servers: listings, errors, results of batches and uploads.
 */
#include "base/mem.h"
#include "ufs/s3/answer.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = xstrndup((const char *)data, size);
    size_t len = strlen(text), failed = 0;
    struct answer_page page;
    struct err err;

    if (answer_page(text, len, &page, &err) == 0) {
        for (size_t i = 0; i < page.count; i++)
            assert(page.entries[i].key && (i == 0 || strcmp(page.entries[i - 1].key, page.entries[i].key) <= 0));
        answer_page_done(&page);
    }
    assert(answer_error(size % 600, text, len, "a test", &err) < 0 && err.text[0]);
    int rc = answer_hidden_error(text, len, "a test", &err);
    assert(rc <= 0);
    AUTO_FREE char *etag = answer_text(text, len, "ETag");
    rc = answer_deleted(text, len, &failed, &err);
    assert(rc <= 0);
    return 0;
}
