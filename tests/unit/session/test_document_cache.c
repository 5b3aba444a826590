/* Titles and tokens of documents, made on demand. */
#include "session/document_cache.h"

#include "base/mem.h"
#include "tests/unit/session/big_store.h"

TEST("an entry is made once, is that of its document, and goes with the trim")
{
    imr_error err = {0};
    const big_store s = big_store_make(IMR_F32, IMR_FORM_DIAGONAL);
    imr_cache *cache = big_cache(&s);
    imr_document_cache c;
    const imr_document_entry *first = NULL, *again = NULL, *e = NULL;
    CHECK_OK(imr_document_cache_init(&c, cache, NULL, &err));
    CHECK_OK(imr_document_cache_get(&c, 17, &first, &err));
    for (uint32_t i = 0; i < BIG_DOCUMENTS; i++) {
        CHECK_OK(imr_document_cache_get(&c, i, &e, &err));
        CHECK_INT(e->document, i);
        CHECK_STR(e->title, "");
    }
    CHECK_OK(imr_document_cache_get(&c, 17, &again, &err));
    CHECK(first == again);
    CHECK_INT(c.used, BIG_DOCUMENTS);
    CHECK_OK(imr_document_cache_trim(&c, &err));
    CHECK_INT(c.used, BIG_DOCUMENTS); /* still small */
    c.bytes = IMR_DOCUMENT_CACHE_BYTES;
    CHECK_OK(imr_document_cache_trim(&c, &err));
    CHECK_INT(c.used, 0);
    CHECK_OK(imr_document_cache_get(&c, BIG_DOCUMENTS - 1, &e, &err));
    CHECK_INT(e->document, BIG_DOCUMENTS - 1);
    imr_document_cache_done(&c);
    imr_cache_free(cache);
}

TEST("every allocation of an entry can fail, and the next try succeeds")
{
    imr_error err = {0};
    const big_store s = big_store_make(IMR_F32, IMR_FORM_DIAGONAL);
    imr_cache *cache = big_cache(&s);
    imr_document_cache c;
    CHECK_OK(imr_document_cache_init(&c, cache, NULL, &err));
    for (uint32_t i = 0; i < 600; i++) { /* the table grows on the way */
        const imr_document_entry *e = NULL;
        imr_status status = IMR_E_MEMORY;
        for (long k = 0; status != IMR_OK; k++) {
            imr_mem_fail_after(k);
            status = imr_document_cache_get(&c, i, &e, &err);
            imr_mem_fail_after(-1);
            CHECK(k < 50 && (status == IMR_OK || status == IMR_E_MEMORY));
        }
        CHECK_INT(e->document, i);
    }
    CHECK_INT(c.used, 600);
    imr_document_cache_done(&c);
    imr_cache_free(cache);
}
