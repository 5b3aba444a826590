/* What speaks against an adapter: its form, and the encoder it was trained on. */
#include "session/provenance.h"

#include "base/mem.h"
#include "tests/unit/session/big_store.h"

/* The doubts about the store's adapter, saved anew with `metadata` of its own. */
static imr_doubts doubts_of(const big_store *s, const imr_torch_meta *metadata, size_t n)
{
    imr_error err = {0};
    imr_cache *c = big_cache(s);
    imr_adapter *plain = big_adapter(s), *a = NULL;
    const char *path = test_path(test_tmpdir(), "with-metadata.pt");
    CHECK_OK(imr_adapter_save(plain, path, metadata, n, &err));
    CHECK_OK(imr_adapter_open(&a, path, IMR_FORM_AUTO, &err));
    imr_ranker r = {0};
    imr_doubts d = {0};
    CHECK_OK(imr_ranker_init(&r, a, c, SIZE_MAX, NULL, &err));
    CHECK_OK(imr_doubts_find(&d, &r, NULL, &err));
    imr_ranker_done(&r);
    imr_adapter_free(a), imr_adapter_free(plain);
    imr_cache_free(c);
    return d;
}

static void check_encoder(const big_store *s, const imr_torch_meta *metadata, size_t n,
                          const char *words)
{
    imr_doubts d = doubts_of(s, metadata, n);
    CHECK_INT(d.n, words != NULL);
    if (words) {
        CHECK_STR(d.v[0].code, "encoder-mismatch");
        CHECK_CONTAINS(d.v[0].text, words);
    }
    imr_doubts_done(&d);
}

TEST("an adapter is held against the encoder that made the cache: by name, and by its prefixes")
{
    const big_store s = big_store_make(IMR_F32, IMR_FORM_FULL); /* made by "made-up" */
    const imr_torch_meta same[] = {{.name = "encoder", .kind = 's', .s = "Org/Made-Up"}};
    const imr_torch_meta other[] = {
        {.name = "encoder", .kind = 's', .s = "minilm"},
        {.name = "encoder_model_name", .kind = 's', .s = "x/all-MiniLM\x1b[31m-L6-v2"}};
    const imr_torch_meta either[] = {{.name = "encoder", .kind = 's', .s = "made-up"},
                                     {.name = "encoder_model_name", .kind = 's', .s = "a/b"}};
    const imr_torch_meta prefix[] = {{.name = "encoder", .kind = 's', .s = "made-up"},
                                     {.name = "query_prefix", .kind = 's', .s = "query: "}};
    const imr_torch_meta none[] = {{.name = "dataset", .kind = 's', .s = "made-up"}};
    check_encoder(&s, same, 1, NULL);
    check_encoder(&s, none, 1, NULL);
    check_encoder(&s, either, 2, NULL);
    check_encoder(&s, prefix, 2, "query prefix \"query: \"");
    imr_doubts d = doubts_of(&s, other, 2);
    CHECK_INT(d.n, 1);
    CHECK_CONTAINS(d.v[0].text, "the cache was made with \"made-up\"");
    CHECK_CONTAINS(d.v[0].text, "MiniLM\x1b[31m"); /* who shows it cleans it, JSON escapes it */
    imr_doubts_done(&d);
}

/*
 * Weights under which a net that sees single candidates (form mean) does nothing, and one that sees
 * the mean of the modulated ones (form diagonal) gives every query the same q'. LN_doc shifts by 3,
 * so that the sum of a modulated vector is 24 and that of a projected one at most 2.8, and the
 * documents' net only opens above 10. Projected vectors have mean 0, so LayerNorm keeps directions.
 */
static void one_sided(imr_weights *w)
{
    const size_t m = w->m;
    float *p = imr_weight(w, IMR_W_PROJECTOR);
    for (size_t j = 0; j < w->n; j++) {
        float mean = 0;
        for (size_t i = 0; i < m; i++)
            mean += p[i * w->n + j] / (float)m;
        for (size_t i = 0; i < m; i++)
            p[i * w->n + j] -= mean;
    }
    for (int id = IMR_W_PROJECTOR_BIAS; id < IMR_W_QUERY_NORM; id++)
        memset(imr_weight(w, (imr_weight_id)id), 0,
               imr_weight_count(w, (imr_weight_id)id) * sizeof(float));
    for (size_t j = 0; j < m; j++) {
        imr_weight(w, IMR_W_DOC_1)[j] = 1;
        imr_weight(w, IMR_W_DOC_NORM_BIAS)[j] = 3;
        imr_weight(w, IMR_W_DOC_3)[j * (w->h / 2)] = -1;
        imr_weight(w, IMR_W_DOC_3)[(m + j) * (w->h / 2)] = j % 3 == 0 ? 1 : -1;
    }
    imr_weight(w, IMR_W_DOC_1_BIAS)[0] = -10;
    imr_weight(w, IMR_W_DOC_2)[0] = 1;
}

static void check_form(const big_store *s, imr_form form, bool doubted)
{
    imr_error err = {0};
    imr_cache *c = big_cache(s);
    imr_adapter *a = big_adapter(s);
    imr_ranker r = {0};
    imr_doubts d = {0};
    one_sided(&a->w);
    a->w.form = form;
    CHECK_OK(imr_ranker_init(&r, a, c, SIZE_MAX, NULL, &err));
    CHECK_OK(imr_doubts_find(&d, &r, NULL, &err));
    CHECK_INT(d.n, doubted);
    if (doubted) {
        CHECK_STR(d.v[0].code, "form-unlikely");
        CHECK_CONTAINS(d.v[0].text,
                       "read as form diagonal (known from metadata) the adapter keeps");
        CHECK_CONTAINS(d.v[0].text, "read as form mean");
        CHECK_CONTAINS(d.v[0].text, "--form mean reads it the other way");
    }
    imr_doubts_done(&d);
    a->form_from = IMR_FORM_FROM_OPTION;
    CHECK_OK(imr_doubts_find(&d, &r, NULL, &err));
    CHECK_INT(d.n, 0); /* whoever names a form knows */
    imr_ranker_done(&r);
    imr_adapter_free(a);
    imr_cache_free(c);
}

TEST("a form that turns rankings upside down is doubted when another keeps them")
{
    const big_store s = big_store_make(IMR_F32, IMR_FORM_DIAGONAL);
    check_form(&s, IMR_FORM_DIAGONAL, true);
    check_form(&s, IMR_FORM_MEAN, false);
}

TEST("every allocation of looking for doubts can fail")
{
    imr_error err = {0};
    const big_store s = big_store_make(IMR_F32, IMR_FORM_DIAGONAL);
    imr_cache *c = big_cache(&s);
    imr_adapter *a = big_adapter(&s);
    imr_ranker r = {0};
    one_sided(&a->w);
    CHECK_OK(imr_ranker_init(&r, a, c, SIZE_MAX, NULL, &err));
    imr_status status = IMR_E_MEMORY;
    for (long i = 0; status != IMR_OK; i++) {
        imr_doubts d = {0};
        imr_mem_fail_after(i);
        status = imr_doubts_find(&d, &r, NULL, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
        CHECK_INT(d.n, status == IMR_OK);
        imr_doubts_done(&d);
        CHECK(i < 200);
    }
    imr_ranker_done(&r);
    imr_adapter_free(a);
    imr_cache_free(c);
}
