/* report/inspect_adapter.c - an adapter's shape, its projector, and how strongly it acts. */
#include <math.h>
#include <string.h>

#include "adapter/adapter.h"
#include "base/number.h"
#include "format/json.h"
#include "math/linalg.h"
#include "report/inspect_kinds.h"

#define SURVEY_QUERIES 1000
#define SURVEY_SEED    1

/* Scales within 5 % of their mean turn a vector by at most asin(0.05), 3 degrees. */
#define SAME_SCALE 0.05

static void put_range(imr_buf *b, double low, double high, int decimals)
{
    char a[64], z[64];
    imr_buf_printf(b, "%s to %s", imr_format_fixed(a, low, decimals, false),
                   imr_format_fixed(z, high, decimals, false));
}

static void put_decimals(imr_buf *b, double value, int decimals)
{
    char text[64];
    imr_buf_str(b, imr_format_fixed(text, value, decimals, false));
}

/* The query's vector has length 1 before scaling, about scale_mean after it. */
void imr_survey_words(imr_buf *b, imr_form form, const double scale[3], const double bias[3],
                      size_t queries)
{
    imr_buf_printf(b, "What this means: over %zu random queries ", queries);
    if (form == IMR_FORM_FULL) {
        imr_buf_str(b, "the diagonal of the query's matrix stays within ");
        put_range(b, scale[0], scale[2], 3);
        imr_buf_str(b, " and its bias has a length of ");
        put_range(b, bias[0], bias[2], 3);
        imr_buf_str(b, "; what the rest of the matrix does is seen only on real queries.");
        return;
    }
    imr_buf_str(b, "the scales stay within ");
    put_range(b, scale[0], scale[2], 3);
    bool same = scale[2] - scale[0] <= SAME_SCALE * 2 * scale[1];
    imr_buf_str(b, same ? ", so every dimension is multiplied by nearly the same number whatever "
                          "the query, and the LayerNorm that follows undoes a factor common to "
                          "all: the scales hardly reshape individual dimensions. "
                        : ", so the query decides which dimensions count more and which less. ");
    imr_buf_str(b, "The bias has a length of ");
    put_range(b, bias[0], bias[2], 3);
    imr_buf_str(b, " and is added to vectors of length about ");
    put_decimals(b, scale[1], 2);
    double ratio = scale[1] > 0 ? bias[2] / scale[1] : INFINITY;
    if (ratio >= 1) {
        imr_buf_str(b, ", which it can outweigh. ");
    } else {
        imr_buf_str(b, ", which it turns by at most about ");
        put_decimals(b, asin(ratio) * 180 / acos(-1), 0);
        imr_buf_str(b, " degrees. ");
    }
    if (same && ratio < 0.1)
        imr_buf_str(b, "What this adapter does to a ranking is therefore mostly its projector and "
                       "its LayerNorm, nearly the same for every query.");
    else if (same)
        imr_buf_str(b, "Beyond its projector and its LayerNorm, what this adapter does is mostly "
                       "that shift.");
    else
        imr_buf_str(b, "Both the scales and the shift take part in what this adapter does.");
    imr_buf_str(b, " Real queries may differ from random ones.");
}

static imr_status add_projector(imr_inspection *i, const imr_weights *w, imr_error *err)
{
    IMR_CLEANUP(imr_svd_done) imr_svd svd = {0};
    imr_error why;
    imr_status status = imr_svd_init(&svd, imr_weight_view(w, IMR_W_PROJECTOR), &why);
    if (status != IMR_OK)
        return imr_inspection_failed(i, status, &why, "", err);
    IMR_TRY(imr_inspection_int(i, "rank", "projector rank", (int64_t)svd.rank, err));
    IMR_TRY(
        imr_inspection_number(i, "condition_number", "condition number", svd.condition, 2, err));
    if (svd.rank == svd.k)
        return IMR_OK;
    return imr_inspection_problem(i, IMR_SEVERITY_WARNING, "projector.weight",
                                  "the projector loses directions: its rank is below its size",
                                  "retrain, or use a smaller --output-dim", err);
}

static imr_status add_survey(imr_inspection *i, const imr_adapter *a, imr_error *err)
{
    imr_adapter_survey s;
    imr_error why;
    imr_status status = imr_adapter_survey_run(&s, a, SURVEY_QUERIES, SURVEY_SEED, &why);
    if (status != IMR_OK)
        return imr_inspection_failed(i, status, &why, "", err);
    IMR_AUTOBUF imr_buf json = {0};
    IMR_AUTOBUF imr_buf text = {0};
    imr_buf_str(&json, "{\"min\": ");
    imr_json_put_number(&json, s.scale_min);
    imr_buf_str(&json, ", \"mean\": ");
    imr_json_put_number(&json, s.scale_mean);
    imr_buf_str(&json, ", \"max\": ");
    imr_json_put_number(&json, s.scale_max);
    imr_buf_str(&json, ", \"sd\": ");
    imr_json_put_number(&json, s.scale_sd);
    imr_buf_char(&json, '}');
    put_range(&text, s.scale_min, s.scale_max, 4);
    imr_buf_str(&text, ", mean ");
    put_decimals(&text, s.scale_mean, 4);
    imr_buf_str(&text, ", sd ");
    put_decimals(&text, s.scale_sd, 4);
    IMR_TRY(imr_inspection_int(i, "survey_queries", "random queries", (int64_t)s.queries, err));
    IMR_TRY(imr_buf_check(&json, err));
    IMR_TRY(imr_inspection_raw(i, "scale", "scale", imr_buf_text(&json), imr_buf_text(&text), err));

    imr_buf_clear(&json);
    imr_buf_clear(&text);
    imr_buf_str(&json, "{\"min\": ");
    imr_json_put_number(&json, s.bias_min);
    imr_buf_str(&json, ", \"median\": ");
    imr_json_put_number(&json, s.bias_median);
    imr_buf_str(&json, ", \"max\": ");
    imr_json_put_number(&json, s.bias_max);
    imr_buf_char(&json, '}');
    put_range(&text, s.bias_min, s.bias_max, 4);
    imr_buf_str(&text, ", median ");
    put_decimals(&text, s.bias_median, 4);
    IMR_TRY(imr_buf_check(&json, err));
    IMR_TRY(imr_inspection_raw(i, "bias_norm", "length of the bias", imr_buf_text(&json),
                               imr_buf_text(&text), err));

    IMR_AUTOBUF imr_buf words = {0};
    imr_survey_words(&words, a->w.form, (double[]){s.scale_min, s.scale_mean, s.scale_max},
                     (double[]){s.bias_min, s.bias_median, s.bias_max}, s.queries);
    IMR_TRY(imr_buf_check(&words, err));
    i->words = imr_buf_take(&words);
    return i->words ? IMR_OK : imr_fail_memory(err);
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
    size_t entries = 0;
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
        for (const imr_json *m = imr_json_child(node); m; m = imr_json_next(m))
            entries++;
        imr_buf_printf(b, "%zu entries", entries);
    } else if (text) {
        const bool hash = strlen(text) == IMR_SHA256_HEX - 1;
        imr_buf_printf(b, "%.*s", hash ? 12 : 80, text);
    } else if (imr_json_is_number(node)) {
        char number[64];
        imr_buf_str(b, imr_format_float(number, imr_json_number_or(node, "", 0)));
    } else {
        imr_buf_str(b, imr_json_bool_or(node, "", false) ? "yes" : "no");
    }
}

static imr_status add_metadata(imr_inspection *i, const imr_adapter *a, imr_error *err)
{
    imr_json *root IMR_AUTOJSON = NULL;
    IMR_AUTOBUF imr_buf text = {0};
    if (!a->metadata)
        return IMR_OK;
    IMR_TRY(imr_json_parse(&root, a->metadata, strlen(a->metadata), "metadata", err));
    put_member(&text, "", root);
    IMR_TRY(imr_buf_check(&text, err));
    return imr_inspection_raw(i, "metadata", "metadata", a->metadata, imr_buf_text(&text), err);
}

static imr_status add_adapter(imr_inspection *i, imr_adapter *a, imr_error *err)
{
    if (is_no_adapter(a)) {
        i->kind = "tensors";
        i->usable = false;
        IMR_TRY(imr_inspection_string(i, "container", "container", a->container, err));
        return imr_inspection_problem(
            i, IMR_SEVERITY_ERROR, i->path,
            "tensors, but none of an adapter: the weights of an encoder, or vectors",
            "name the folder of the encoder or cache it belongs to", err);
    }
    /* The list moves over whole: facts and problems live as long as the inspection. */
    i->problems = a->problems;
    a->problems = (imr_problems){0};
    i->usable = a->usable;
    const imr_weights *w = &a->w;
    IMR_TRY(imr_inspection_string(i, "container", "container", a->container, err));
    if (w->v) {
        IMR_TRY(imr_inspection_string(i, "form", "form", imr_form_name(w->form), err));
        IMR_TRY(imr_inspection_string(i, "form_from", "form known from",
                                      imr_form_source_name(a->form_from), err));
        IMR_TRY(imr_inspection_int(i, "input_dim", "input dimension n", (int64_t)w->n, err));
        IMR_TRY(imr_inspection_int(i, "working_dim", "working dimension m", (int64_t)w->m, err));
        IMR_TRY(imr_inspection_int(i, "hidden_dim", "hidden size h", (int64_t)w->h, err));
        size_t parameters = 0;
        for (int id = 0; id < IMR_W_COUNT; id++)
            parameters += imr_weight_count(w, (imr_weight_id)id);
        IMR_TRY(imr_inspection_int(i, "parameters", "parameters", (int64_t)parameters, err));
    }
    IMR_TRY(add_metadata(i, a, err));
    if (!i->usable)
        return IMR_OK;
    IMR_TRY(add_projector(i, w, err));
    return add_survey(i, a, err);
}

imr_status imr_inspect_adapter(imr_inspection *i, const imr_progress *progress, imr_error *err)
{
    (void)progress;
    imr_adapter *a;
    imr_error why;
    imr_status status = imr_adapter_examine(&a, i->path, IMR_FORM_AUTO, &why);
    if (status != IMR_OK)
        return imr_inspection_failed(i, status, &why, "", err);
    status = add_adapter(i, a, err);
    imr_adapter_free(a);
    return status;
}
