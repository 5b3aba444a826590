/* From a table of named tensors to weights, and the list of what does not fit. */
#include "adapter/weights.h"

#include <math.h>
#include <stdarg.h>

#include "base/array.h"
#include "base/mem.h"

#define LISTED_EXTRAS ((size_t)50) /* a whole encoder in the file would drown everything else */

void imr_problems_done(imr_problems *p)
{
    for (size_t i = 0; i < p->n; i++) {
        IMR_FREE(p->v[i].where, p->v[i].what);
    }
    imr_free(p->v);
    *p = (imr_problems){0};
}

const imr_problem *imr_problems_worst(const imr_problems *p)
{
    const imr_problem *worst = NULL;
    for (size_t i = 0; i < p->n; i++)
        if (!worst || p->v[i].severity > worst->severity)
            worst = &p->v[i];
    return worst;
}

imr_status imr_problems_add(imr_problems *p, imr_severity severity, imr_status status,
                            const char *where, const char *fix, imr_error *err, const char *format,
                            ...)
{
    char what[512]; /* what formats take is shorter: names of ours, numbers, a shape */
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    imr_problem one = {severity, status, imr_strdup(where), imr_strdup(what), fix};
    if (!one.where || !one.what || !IMR_PUSH(p, one)) {
        IMR_FREE(one.where, one.what);
        return imr_fail_memory(err);
    }
    return IMR_OK;
}

/* ---- names ---- */

static bool skip_prefix(const char **name, const char *prefix)
{
    size_t len = strlen(prefix);
    if (strncmp(*name, prefix, len) != 0)
        return false;
    *name += len;
    return true;
}

static const char *without_wrappers(const char *name)
{
    static const char *const wrappers[] = {"module.", "model_state.", "_orig_mod.", "state_dict.",
                                           "model."};
    for (size_t i = 0; i < IMR_LEN(wrappers);)
        i = skip_prefix(&name, wrappers[i]) ? 0 : i + 1;
    return name;
}

static bool is_encoder(const char *name)
{
    return skip_prefix(&name, "e5_model.") || skip_prefix(&name, "sbert.");
}

/* The weight a name of the file means, or IMR_W_COUNT. *exact: it is spelled as today. */
static imr_weight_id find_id(imr_form form, const char *name, bool *exact)
{
    const char *plain = without_wrappers(name), *tail = plain;
    bool legacy = skip_prefix(&tail, "e5_projector.") || skip_prefix(&tail, "sbert_projector.");
    for (int i = 0; i < IMR_W_COUNT; i++) {
        const char *known = imr_weight_name(form, (imr_weight_id)i);
        if (!known)
            continue;
        *exact = !legacy;
        if (legacy ? (skip_prefix(&known, "projector.") && strcmp(known, tail) == 0)
                   : strcmp(known, plain) == 0)
            return (imr_weight_id)i;
    }
    return IMR_W_COUNT;
}

static bool mentions(const imr_tensors *t, const char *part)
{
    for (size_t i = 0; i < t->n; i++)
        if (strncmp(without_wrappers(t->v[i].name), part, strlen(part)) == 0)
            return true;
    return false;
}

static imr_form form_of(const imr_tensors *t)
{
    bool full = mentions(t, "query_adapter.") || mentions(t, "doc_adapter.");
    bool diagonal = mentions(t, "query_hypernet.") || mentions(t, "doc_hypernet.");
    return full && !diagonal ? IMR_FORM_FULL : IMR_FORM_DIAGONAL;
}

/* What the parts are for, so that a person knows what a missing one would do. */
static const char *meaning(imr_weight_id id)
{
    switch (id) {
    case IMR_W_PROJECTOR:
    case IMR_W_PROJECTOR_BIAS:
        return "it maps encoder vectors into the working space";
    case IMR_W_QUERY_NORM:
    case IMR_W_QUERY_NORM_BIAS:
        return "it rescales the modulated query";
    case IMR_W_DOC_NORM:
    case IMR_W_DOC_NORM_BIAS:
        return "it rescales the modulated documents";
    default:
        return id < IMR_W_DOC_1 ? "it computes from the query how documents are modulated"
                                : "it computes from the documents how the query is modulated";
    }
}

/* ---- reading ---- */

static const char fix_file[] =
    "use the original file, or train the adapter again and save it with every tensor";

/* found [IMR_W_COUNT] */
static imr_status match(const imr_tensor **found, imr_form form, bool strict, const imr_tensors *t,
                        imr_problems *problems, imr_error *err)
{
    const imr_severity extra = strict ? IMR_SEVERITY_ERROR : IMR_SEVERITY_WARNING;
    size_t encoders = 0, extras = 0;
    const char *first_encoder = NULL;
    bool exact_of[IMR_W_COUNT] = {false};
    for (size_t i = 0; i < t->n; i++) {
        const char *name = t->v[i].name;
        bool exact = false;
        imr_weight_id id = find_id(form, name, &exact);
        if (id < IMR_W_COUNT && (!found[id] || (exact && !exact_of[id]))) {
            found[id] = &t->v[i];
            exact_of[id] = exact;
            continue;
        }
        if (!strict && is_encoder(without_wrappers(name))) {
            first_encoder = first_encoder ? first_encoder : name;
            encoders++;
            continue;
        }
        if (++extras > LISTED_EXTRAS)
            continue;
        const bool second = id < IMR_W_COUNT;
        IMR_TRY(imr_problems_add(
            problems, extra, IMR_E_FORMAT, name, "remove it when saving the file", err, "%s%s%s",
            second ? "a second tensor that means " : "unexpected tensor: no part of a ",
            second ? imr_weight_name(form, id) : imr_form_name(form),
            second   ? "; it is not used"
            : strict ? " adapter has this name, and its format allows no others"
                     : " adapter has this name; it is not used"));
    }
    if (extras > LISTED_EXTRAS)
        IMR_TRY(imr_problems_add(problems, extra, IMR_E_FORMAT, "(others)",
                                 "check that this file is an adapter and not another model", err,
                                 "%zu more unexpected tensors", extras - LISTED_EXTRAS));
    if (encoders)
        IMR_TRY(imr_problems_add(
            problems, IMR_SEVERITY_NOTE, IMR_OK, first_encoder,
            "nothing: the encoder is loaded from its own folder", err,
            "%zu tensors of an encoder are stored with the adapter; they are ignored", encoders));
    return IMR_OK;
}

static size_t side_of(const imr_tensor *t, size_t axis, size_t rank)
{
    return t && t->rank == rank && t->shape[axis] <= IMR_MAX_DIM ? (size_t)t->shape[axis] : 0;
}

/* 0 stands for: no tensor tells. */
static void find_dimensions(imr_weights *w, const imr_tensor *const *found)
{
    w->n = side_of(found[IMR_W_PROJECTOR], 1, 2);
    w->m = side_of(found[IMR_W_PROJECTOR], 0, 2);
    static const imr_weight_id others[] = {IMR_W_PROJECTOR_BIAS, IMR_W_DOC_NORM, IMR_W_QUERY_NORM,
                                           IMR_W_DOC_NORM_BIAS, IMR_W_QUERY_NORM_BIAS};
    for (size_t i = 0; w->m == 0 && i < IMR_LEN(others); i++)
        w->m = side_of(found[others[i]], 0, 1);
    w->h = side_of(found[IMR_W_QUERY_1], 0, 2);
    if (w->h == 0)
        w->h = side_of(found[IMR_W_DOC_1], 0, 2);
}

/* "256 x 384"; "?" for a side that no tensor tells. */
static const char *shape_text(char text[64], const uint64_t *shape, size_t rank)
{
    int n = 0;
    for (size_t i = 0; i < rank; i++)
        n += snprintf(text + n, 64 - (size_t)n, shape[i] ? "%s%llu" : "%s?", i ? " x " : "",
                      (unsigned long long)shape[i]);
    return text;
}

/* Sides that no tensor tells (0) fit anything. */
static bool fits(const imr_tensor *t, const uint64_t *shape, size_t rank)
{
    bool same = t->rank == rank;
    for (size_t i = 0; same && i < rank; i++)
        same = shape[i] == 0 || t->shape[i] == shape[i];
    return same;
}

/* One tensor into its place, or a problem. Without memory (dimensions unknown) it only lists. */
static imr_status read_one(imr_weights *w, imr_weight_id id, const imr_tensor *t,
                           imr_problems *problems, imr_error *err)
{
    if (!t)
        return imr_problems_add(problems, IMR_SEVERITY_ERROR, IMR_E_NOT_FOUND,
                                imr_weight_name(w->form, id), fix_file, err, "missing: %s",
                                meaning(id));
    uint64_t shape[2] = {0};
    size_t rank = imr_weight_shape(w, id, shape);
    if (!fits(t, shape, rank)) {
        char found[160], expected[64];
        return imr_problems_add(problems, IMR_SEVERITY_ERROR, IMR_E_SHAPE, t->name, fix_file, err,
                                "wrong shape: found %s, expected %s (n %zu, m %zu, h %zu): %s",
                                imr_tensor_shape_text(t, found), shape_text(expected, shape, rank),
                                w->n, w->m, w->h, meaning(id));
    }
    if (!w->v)
        return IMR_OK;
    imr_status status = imr_tensor_to_f32(t, imr_weight(w, id), err);
    if (status != IMR_OK)
        return imr_error_prefix(err, status, t->name);
    const size_t count = imr_weight_count(w, id);
    const float *v = imr_weight(w, id);
    const size_t bad = imr_view_first_bad(imr_view_of(v, 1, count));
    if (bad == count)
        return IMR_OK;
    size_t total = 0;
    for (size_t i = bad; i < count; i++)
        total += !isfinite(v[i]);
    return imr_problems_add(
        problems, IMR_SEVERITY_ERROR, IMR_E_NUMERIC, t->name,
        "the training diverged or the file is damaged; use an earlier checkpoint", err,
        "%zu of %zu values are not finite, the first at index %zu: %s, so every score would be "
        "lost",
        total, count, bad, meaning(id));
}

imr_status imr_weights_read(imr_weights *out, imr_problems *problems, const imr_tensors *t,
                            imr_form form, bool strict, imr_error *err)
{
    const imr_tensor *found[IMR_W_COUNT] = {NULL};
    IMR_CLEANUP(imr_weights_done) imr_weights w = {0};
    imr_weights dims = {.form = form == IMR_FORM_AUTO ? form_of(t) : form};
    IMR_TRY(match(found, dims.form, strict, t, problems, err));
    find_dimensions(&dims, found);
    if (dims.n && dims.m && dims.h >= 2)
        IMR_TRY(imr_weights_init(&w, dims.form, dims.n, dims.m, dims.h, err));
    else
        w = dims;
    for (int i = 0; i < IMR_W_COUNT; i++)
        if (imr_weight_name(w.form, (imr_weight_id)i))
            IMR_TRY(read_one(&w, (imr_weight_id)i, found[i], problems, err));
    const imr_problem *worst = imr_problems_worst(problems);
    if (!w.v && (!worst || worst->severity < IMR_SEVERITY_ERROR))
        IMR_TRY(imr_problems_add(problems, IMR_SEVERITY_ERROR, IMR_E_SHAPE, "projector.weight",
                                 fix_file, err, "no usable dimensions: n %zu, m %zu, h %zu", w.n,
                                 w.m, w.h));
    return IMR_GIVE(out, w);
}
