/* report/inspect_adapter.c - an adapter's shape, its projector, and how strongly it acts. */
#include <math.h>
#include <string.h>

#include "adapter/adapter.h"
#include "base/number.h"
#include "format/json.h"
#include "math/linalg.h"
#include "report/inspect.h"
#include "report/report.h"
#include "session/provenance.h"

#define SURVEY_QUERIES 1000
#define SURVEY_SEED    1

/* Scales within 5 % of their mean turn a vector by at most asin(0.05), 3 degrees. */
#define SAME_SCALE 0.05

/* The query's vector has length 1 before scaling, about scale_mean after it. */
static void put_words(imr_buf *b, imr_form form, const imr_adapter_survey *s)
{
    const bool same = s->scale_max - s->scale_min <= SAME_SCALE * 2 * s->scale_mean;
    const double ratio = s->scale_mean > 0 ? s->bias_max / s->scale_mean : INFINITY;
    const char *scales[] = {IMR_FIXED(s->scale_min, 3), IMR_FIXED(s->scale_max, 3)};
    const char *lengths[] = {IMR_FIXED(s->bias_min, 3), IMR_FIXED(s->bias_max, 3)};
    imr_buf_printf(b, "What this means: over %zu random queries ", s->queries);
    if (form == IMR_FORM_FULL) {
        imr_buf_printf(b,
                       "the diagonal of the query's matrix stays within %s to %s and its bias has "
                       "a length of %s to %s; what the rest of the matrix does is seen only on "
                       "real queries.",
                       scales[0], scales[1], lengths[0], lengths[1]);
        return;
    }
    imr_buf_printf(
        b,
        "the scales stay within %s to %s, so %s The bias has a length of %s to %s and is "
        "added to vectors of length about %s, which it ",
        scales[0], scales[1],
        same ? "every dimension is multiplied by nearly the same number whatever the "
               "query, and the LayerNorm that follows undoes a factor common to all: "
               "the scales hardly reshape individual dimensions."
             : "the query decides which dimensions count more and which less.",
        lengths[0], lengths[1], IMR_FIXED(s->scale_mean, 2));
    if (ratio >= 1)
        imr_buf_str(b, "can outweigh. ");
    else
        imr_buf_printf(b, "turns by at most about %s degrees. ",
                       IMR_FIXED(asin(ratio) * 180 / acos(-1), 0));
    imr_buf_printf(b, "%s Real queries may differ from random ones.",
                   !same ? "Both the scales and the shift take part in what this adapter does."
                   : ratio < 0.1 ? "What this adapter does to a ranking is therefore mostly its "
                                   "projector and its LayerNorm, nearly the same for every query."
                                 : "Beyond its projector and its LayerNorm, what this adapter does "
                                   "is mostly that shift.");
}

/* What it does to the cache's queries. */
static imr_status add_quality(imr_inspection *i, const imr_adapter *a, const imr_progress *progress,
                              imr_error *err)
{
    IMR_CLEANUP(imr_ranker_done) imr_ranker r = {0};
    IMR_CLEANUP(imr_doubts_done) imr_doubts doubts = {0};
    IMR_CLEANUP(imr_quality_free_at) imr_quality *q = NULL;
    IMR_AUTOBUF imr_buf json = {0}, text = {0};
    IMR_TRY(imr_ranker_init(&r, a, i->cache, 0, progress, err));
    IMR_TRY(imr_doubts_find(&doubts, &r, progress, err));
    IMR_TRY(imr_quality_make(&q, &r, progress, err));
    imr_report_quality_json(&json, q);
    imr_buf_str(&text, q->verdict);
    imr_fact_buf(i, "quality", "verdict", &json, &text);
    for (size_t d = 0; d < doubts.n; d++)
        imr_found(i, IMR_SEVERITY_WARNING, doubts.v[d].code, doubts.v[d].text, "");
    imr_report_quality(&text, q);
    for (const char *at = imr_buf_text(&text), *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        imr_buf_printf(&i->facts.text, "  %.*s\n", (int)(end - at), at);
    }
    i->words.len = 0;
    imr_buf_printf(&i->words, "What this means: %s", q->meaning);
    return IMR_OK;
}

static imr_status add_projector(imr_inspection *i, const imr_weights *w, imr_error *err)
{
    IMR_CLEANUP(imr_svd_done) imr_svd svd = {0};
    IMR_TRY(imr_svd_init(&svd, imr_weight_view(w, IMR_W_PROJECTOR), err));
    imr_fact_int(i, "rank", "projector rank", svd.rank);
    imr_fact_number(i, "condition_number", "condition number", svd.condition, 2);
    if (svd.rank != svd.k)
        imr_found(i, IMR_SEVERITY_WARNING, "projector.weight",
                  "the projector loses directions: its rank is below its size",
                  "retrain, or use a smaller --output-dim");
    return IMR_OK;
}

static imr_status add_survey(imr_inspection *i, const imr_adapter *a, imr_error *err)
{
    imr_adapter_survey s;
    IMR_AUTOBUF imr_buf json = {0}, text = {0};
    IMR_TRY(imr_adapter_survey_run(&s, a, SURVEY_QUERIES, SURVEY_SEED, err));
    imr_fact_int(i, "survey_queries", "random queries", s.queries);
    imr_json_printf(&json, "{'min': %g, 'mean': %g, 'max': %g, 'sd': %g}", s.scale_min,
                    s.scale_mean, s.scale_max, s.scale_sd);
    imr_buf_printf(&text, "%s to %s, mean %s, sd %s", IMR_FIXED(s.scale_min, 4),
                   IMR_FIXED(s.scale_max, 4), IMR_FIXED(s.scale_mean, 4), IMR_FIXED(s.scale_sd, 4));
    imr_fact_buf(i, "scale", "scale", &json, &text);
    imr_json_printf(&json, "{'min': %g, 'median': %g, 'max': %g}", s.bias_min, s.bias_median,
                    s.bias_max);
    imr_buf_printf(&text, "%s to %s, median %s", IMR_FIXED(s.bias_min, 4), IMR_FIXED(s.bias_max, 4),
                   IMR_FIXED(s.bias_median, 4));
    imr_fact_buf(i, "bias_norm", "length of the bias", &json, &text);
    put_words(&i->words, a->w.form, &s);
    return IMR_OK;
}

/* Not one tensor of an adapter: the weights of something else. */
static bool is_no_adapter(const imr_adapter *a)
{
    size_t missing = 0, wanted = 0;
    for (int id = 0; id < IMR_W_COUNT; id++)
        wanted += imr_weight_name(a->w.form, (imr_weight_id)id) != NULL;
    for (size_t p = 0; p < a->problems.n; p++)
        missing += a->problems.v[p].severity == IMR_SEVERITY_ERROR;
    return !a->w.v && missing >= wanted;
}

/* "training.best_epoch 16, training.history 24 entries": one line of what JSON says in many. */
static void put_member(imr_buf *b, const char *path, const imr_json *node)
{
    const char *text = imr_json_string_or(node, "", NULL);
    char name[200];
    if (imr_json_is_object(node) && !strchr(path, '.')) {
        for (const imr_json *m = imr_json_child(node); m; m = imr_json_next(m)) {
            snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "", imr_json_key(m));
            put_member(b, name, m);
        }
        return;
    }
    if (imr_json_is_null(node) || (text && !*text))
        return;
    imr_buf_printf(b, "%s%s ", b->len ? ", " : "", path);
    if (imr_json_is_array(node) || imr_json_is_object(node)) {
        imr_buf_printf(b, "%zu entries", imr_json_count(node));
    } else if (text) {
        imr_buf_printf(b, "%.*s", strlen(text) == IMR_SHA256_HEX - 1 ? 12 : 80, text);
    } else if (imr_json_is_number(node)) {
        imr_buf_str(b, imr_format_float((char[64]){0}, imr_json_number_or(node, "", 0)));
    } else {
        imr_buf_str(b, imr_json_bool_or(node, "", false) ? "yes" : "no");
    }
}

static imr_status add_metadata(imr_inspection *i, const imr_adapter *a, imr_error *err)
{
    imr_json *root IMR_AUTOJSON = NULL;
    IMR_AUTOBUF imr_buf json = {0}, text = {0};
    if (!a->metadata)
        return IMR_OK;
    IMR_TRY(imr_json_parse(&root, a->metadata, strlen(a->metadata), "metadata", err));
    put_member(&text, "", root);
    imr_buf_str(&json, a->metadata);
    imr_fact_buf(i, "metadata", "metadata", &json, &text);
    return IMR_OK;
}

imr_status imr_inspect_adapter(imr_inspection *i, imr_error *err)
{
    IMR_CLEANUP(imr_adapter_free_at) imr_adapter *a = NULL;
    IMR_TRY(imr_adapter_examine(&a, i->path, i->form, err));
    const imr_weights *w = &a->w;
    imr_fact_string(i, "container", "container", a->container);
    if (is_no_adapter(a)) {
        i->kind = "tensors";
        imr_found_error(i, i->path,
                        "tensors, but none of an adapter: the weights of an encoder, or vectors",
                        "name the folder of the encoder or cache it belongs to");
        return IMR_OK;
    }
    for (size_t p = 0; p < a->problems.n; p++)
        imr_found(i, a->problems.v[p].severity, a->problems.v[p].where, a->problems.v[p].what,
                  a->problems.v[p].fix ? a->problems.v[p].fix : "");
    i->usable = a->usable;
    if (w->v) {
        size_t parameters = 0;
        for (int id = 0; id < IMR_W_COUNT; id++)
            parameters += imr_weight_count(w, (imr_weight_id)id);
        imr_fact_string(i, "form", "form", imr_form_name(w->form));
        imr_fact_string(i, "form_from", "form known from", imr_form_source_name(a->form_from));
        imr_fact_int(i, "input_dim", "input dimension n", w->n);
        imr_fact_int(i, "working_dim", "working dimension m", w->m);
        imr_fact_int(i, "hidden_dim", "hidden size h", w->h);
        imr_fact_int(i, "parameters", "parameters", parameters);
    }
    IMR_TRY(add_metadata(i, a, err));
    if (!i->usable)
        return IMR_OK;
    IMR_TRY(add_projector(i, w, err));
    IMR_TRY(add_survey(i, a, err));
    return i->cache ? add_quality(i, a, i->progress, err) : IMR_OK;
}
