/* Titles of documents, read on demand. */
#include "session/internal.h"

#include "base/mem.h"
#include "tests/unit/session/big_store.h"

TEST("a title is read once, is that of its document, and is read no second time")
{
    imr_error err = {0};
    imr_cache *cache = NULL;
    const imr_cache_options options = {.dataset = test_golden("cache/beir")};
    CHECK_OK(imr_cache_open(&cache, test_golden("cache"), &options, &err));
    imr_titles t = {0};
    struct imr_title first, again, title;
    CHECK_OK(imr_titles_get(&first, &t, cache, 17, &err));
    for (uint32_t i = 0; i < cache->documents.ids.n; i++) {
        IMR_AUTOBUF imr_buf expected = {0};
        CHECK_OK(imr_titles_get(&title, &t, cache, i, &err));
        CHECK_OK(imr_cache_document(cache, i, &expected, NULL, &err));
        CHECK_STR(title.text, imr_buf_text(&expected));
    }
    CHECK_OK(imr_titles_get(&again, &t, cache, 17, &err));
    CHECK(first.text == again.text);
    const size_t bytes = t.bytes;
    for (uint32_t i = 0; i < cache->documents.ids.n; i++)
        CHECK_OK(imr_titles_get(&title, &t, cache, i, &err));
    CHECK(bytes > 0 && t.bytes == bytes); /* none was read again */
    imr_titles_done(&t);
    imr_cache_free(cache);
}

TEST("every allocation of a title can fail, and the next try succeeds")
{
    imr_error err = {0};
    const big_store s = big_store_make(IMR_F32, IMR_FORM_DIAGONAL);
    imr_cache *cache = big_cache(&s);
    imr_titles t = {0};
    for (uint32_t i = 0; i < 600; i++) { /* the tables grow on the way */
        struct imr_title title = {0};
        imr_status status = IMR_E_MEMORY;
        for (long k = 0; status != IMR_OK; k++) {
            imr_mem_fail_after(k);
            status = imr_titles_get(&title, &t, cache, i, &err);
            imr_mem_fail_after(-1);
            CHECK(k < 50 && (status == IMR_OK || status == IMR_E_MEMORY));
        }
        CHECK_STR(title.text, "");
    }
    imr_titles_done(&t);
    imr_cache_free(cache);
}
