/* The why of a document as members of its JSON object (assets/report.schema.json). */
#include <math.h>

#include "report/formats.h"
#include "report/json_put.h"

static void word(imr_buf *out, const imr_word_score *w)
{
    imr_put_open(out, NULL, '{');
    imr_put_string(out, "token", w->text);
    imr_put_int(out, "id", w->id);
    imr_put_number(out, "cosine", (double)w->cosine);
    imr_put_number(out, "visibility", (double)w->visibility);
    imr_put_number(out, "z", (double)w->z);
    imr_put_number(out, "background_z", (double)w->background_z);
    imr_put_int(out, "hub_count", w->hub_count);
    imr_put_bool(out, "hub", w->hub);
    imr_put_number(out, "effect", (double)w->effect);
    imr_put_bool(out, "significant", w->significant);
    imr_put_string(out, "in", imr_where_name(w->where));
    imr_put_close(out, '}');
}

static void sides(imr_buf *out, const imr_word_list *list)
{
    imr_put_open(out, "positive", '[');
    for (size_t i = 0; i < list->n_positive; i++)
        word(out, &list->positive[i]);
    imr_put_close(out, ']');
    imr_put_open(out, "negative", '[');
    for (size_t i = 0; i < list->n_negative; i++)
        word(out, &list->negative[i]);
    imr_put_close(out, ']');
}

void imr_json_words(imr_buf *out, const imr_word_list lists[IMR_CHANGE_COUNT], imr_change_kind kind,
                    bool adapter)
{
    static const imr_word_list none = {.alignment = NAN, .common_part = NAN, .coverage = NAN};
    const imr_word_list *chosen = lists ? &lists[adapter ? kind : IMR_CHANGE_VECTOR] : &none;
    imr_put_open(out, "tokens", '{');
    sides(out, chosen);
    imr_put_close(out, '}');
    imr_put_number(out, "alignment", (double)chosen->alignment);
    imr_put_number(out, "coverage", (double)chosen->coverage);
    if (!lists) {
        imr_put_null(out, "words");
        return;
    }
    imr_put_open(out, "words", '{');
    for (int k = 0; k < IMR_CHANGE_COUNT; k++) {
        if ((k == IMR_CHANGE_VECTOR) == adapter)
            continue;
        imr_put_open(out, imr_change_kind_name((imr_change_kind)k), '{');
        sides(out, &lists[k]);
        imr_put_number(out, "alignment", (double)lists[k].alignment);
        imr_put_number(out, "common_part", (double)lists[k].common_part);
        imr_put_close(out, '}');
    }
    imr_put_close(out, '}');
}

void imr_json_tokens_read(imr_buf *out, const imr_tokens_read *tokens)
{
    if (!tokens || tokens->total == 0) {
        imr_put_null(out, "tokens_read");
        return;
    }
    imr_put_open(out, "tokens_read", '{');
    imr_put_int(out, "read", tokens->read);
    imr_put_int(out, "total", tokens->total);
    imr_put_close(out, '}');
}

/* A number of each stage there is. */
static void stages(imr_buf *out, const char *name, const imr_pairs *p,
                   const double v[IMR_STAGE_COUNT])
{
    imr_put_open(out, name, '{');
    for (int s = 0; s < IMR_STAGE_COUNT; s++)
        if (p->raw[s])
            imr_put_number(out, imr_stage_name((imr_stage)s), v[s]);
    imr_put_close(out, '}');
}

static void names(imr_buf *out, const char *name, const imr_pair_word *v, size_t n)
{
    imr_put_open(out, name, '[');
    for (size_t i = 0; i < n; i++)
        imr_put_string(out, NULL, v[i].text);
    imr_put_null(out, NULL);
    imr_put_close(out, ']');
}

static void matrix(imr_buf *out, const imr_pairs *p, imr_stage stage)
{
    const double *v = imr_report_shares(p, stage);
    if (!v)
        return;
    imr_put_open(out, imr_stage_name(stage), '[');
    for (size_t a = 0; a <= p->n_query; a++) {
        imr_put_open(out, NULL, '[');
        for (size_t b = 0; b <= p->n_document; b++)
            imr_put_number(out, NULL, v[a * (p->n_document + 1) + b]);
        imr_put_close(out, ']');
    }
    imr_put_close(out, ']');
}

static void strongest(imr_buf *out, const imr_why *w)
{
    imr_put_open(out, "strongest", '[');
    for (size_t i = 0; i < w->n_strongest; i++) {
        const imr_strong_pair *pair = &w->strongest[i];
        imr_put_open(out, NULL, '{');
        imr_put_string(out, "query", w->pairs.query[pair->query].text);
        imr_put_string(out, "document", w->pairs.document[pair->document].text);
        for (int s = 0; s < IMR_STAGE_COUNT; s++)
            if (w->pairs.raw[s])
                imr_put_number(out, imr_stage_name((imr_stage)s), pair->value[s]);
        imr_put_close(out, '}');
    }
    imr_put_close(out, ']');
}

/* Words by what leaving them out costs, for encoders whose vectors are no sum. */
static void deletion(imr_buf *out, const imr_why *w, bool adapter)
{
    if (!w->n_deletion) {
        imr_put_null(out, "deletion");
        return;
    }
    imr_put_open(out, "deletion", '[');
    for (size_t i = 0; i < w->n_deletion; i++) {
        imr_put_open(out, NULL, '{');
        imr_put_string(out, "word", w->deletion[i].text);
        for (int s = 0; s < (adapter ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); s++)
            imr_put_number(out, imr_stage_name((imr_stage)s), w->deletion[i].total[s]);
        imr_put_close(out, '}');
    }
    imr_put_close(out, ']');
}

static void pairs(imr_buf *out, const imr_why *w, imr_report_pairs which)
{
    const imr_pairs *p = &w->pairs;
    imr_put_optional(out, "pairs_problem", p->problem);
    if (which == IMR_REPORT_PAIRS_NONE || p->problem[0]) {
        imr_put_null(out, "pairs");
        return;
    }
    double mean[IMR_STAGE_COUNT], sd[IMR_STAGE_COUNT];
    for (int s = 0; s < IMR_STAGE_COUNT; s++)
        mean[s] = p->reference[s].mean, sd[s] = p->reference[s].sd;
    imr_put_open(out, "pairs", '{');
    imr_put_string(out, "reference", p->centred[IMR_STAGE_ENCODER] ? "candidates" : "none");
    names(out, "query_words", p->query, p->n_query);
    names(out, "document_words", p->document, p->n_document);
    stages(out, "similarity", p, p->similarity);
    stages(out, "reference_mean", p, mean);
    stages(out, "reference_sd", p, sd);
    stages(out, "residual", p, p->residual);
    strongest(out, w);
    for (int s = 0; which == IMR_REPORT_PAIRS_ALL && s < IMR_STAGE_COUNT; s++)
        matrix(out, p, (imr_stage)s);
    imr_put_close(out, '}');
}

static void shares(imr_buf *out, const imr_why *w)
{
    imr_put_open(out, "share", '{');
    imr_put_number(out, "query", w->share_query);
    imr_put_number(out, "document", w->share_document);
    imr_put_number(out, "residual", w->share_residual);
    imr_put_close(out, '}');
    imr_put_open(out, "stages", '[');
    for (int i = 0; w->has_steps && i < IMR_STEP_COUNT; i++) {
        imr_put_open(out, NULL, '{');
        imr_put_string(out, "name", imr_step_name((imr_step)i));
        imr_put_number(out, "cosine", w->steps[i].cosine);
        imr_put_number(out, "change", w->steps[i].change);
        imr_put_close(out, '}');
    }
    imr_put_close(out, ']');
    imr_put_open(out, "dimensions", '[');
    for (size_t i = 0; i < w->n_dimensions; i++) {
        imr_put_open(out, NULL, '{');
        imr_put_int(out, "index", w->dimensions[i].index);
        imr_put_number(out, "before", (double)w->dimensions[i].before);
        imr_put_number(out, "after", (double)w->dimensions[i].after);
        imr_put_number(out, "share", (double)w->dimensions[i].share);
        imr_put_close(out, '}');
    }
    imr_put_close(out, ']');
}

void imr_json_why(imr_buf *out, const imr_why *w, imr_change_kind kind, bool adapter,
                  imr_report_pairs which)
{
    if (w && adapter) {
        shares(out, w);
    } else {
        imr_put_null(out, "share");
        imr_buf_str(out, "\"stages\":[],\"dimensions\":[],");
    }
    if (w) {
        pairs(out, w, which);
        deletion(out, w, adapter);
    } else {
        imr_buf_str(out, "\"pairs\":null,\"deletion\":null,");
    }
    imr_json_words(out, w ? w->words : NULL, kind, adapter);
    imr_json_tokens_read(out, w ? &w->document_tokens : NULL);
}
