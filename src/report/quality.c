/* What an adapter is and does: lines and JSON. */
#include "report/quality.h"

#include <math.h>

#include "base/number.h"
#include "format/json.h"
#include "report/formats.h"

enum { SHOWN = 8 }; /* singular values, spread over all */

static const char *const step_names[] = {"projector", "modulation", "whole"};
static const char *const effect_names[] = {"moved", "rbo", "tau", "kept", "query", "document"};
static const char *const gate_names[] = {"query_scale", "query_bias", "documents_scale",
                                         "documents_bias"};

/* In a column; a dash for what is no number. */
static void cell(imr_buf *b, double value, int decimals, int columns)
{
    char text[64];
    imr_buf_printf(b, "%*s", columns,
                   isfinite(value) ? imr_format_fixed(text, value, decimals, false) : "-");
}

/* ---- lines ---- */

static void put_steps(imr_buf *b, const imr_quality_reading *r)
{
    static const int decimals[IMR_EFFECTS] = {1, 3, 3, 1, 1, 1};
    imr_buf_str(b, "Size of each step       ranks          tau   first 10  degrees turned\n"
                   "                        moved    RBO           kept    query  document\n");
    for (size_t step = 0; step < IMR_EFFECT_STEPS; step++) {
        imr_buf_printf(b, " %-18s", step_names[step]);
        for (size_t e = 0; e < IMR_EFFECTS; e++)
            cell(b, r->effect[step][e], decimals[e], e == 0 ? 10 : 8);
        imr_buf_char(b, '\n');
    }
}

static void put_readings(imr_buf *b, const imr_quality *q)
{
    imr_buf_str(b, "Read as                 nDCG@10                  now against projected\n"
                   "                        encoder  proj.     now     tau    kept  degrees\n");
    for (size_t i = 0; i < q->n_readings; i++) {
        const imr_quality_reading *r = &q->reading[i];
        const double *e = r->effect[IMR_BY_MODULATION];
        imr_buf_printf(b, " %s %-*s", r->untrained ? "untrained" : "as form", r->untrained ? 9 : 11,
                       imr_form_name(r->form));
        for (size_t k = 0; k < IMR_STAGE_COUNT; k++)
            cell(b, r->ndcg[k], 4, k == 0 ? 11 : 8);
        cell(b, e[IMR_EFFECT_TAU], 3, 8);
        cell(b, e[IMR_EFFECT_KEPT], 1, 8);
        cell(b, e[IMR_EFFECT_QUERY], 1, 9);
        imr_buf_char(b, '\n');
    }
}

static void put_gates(imr_buf *b, const imr_quality_reading *r)
{
    static const char *const names[] = {"query's scale", "query's bias", "candidates' scale",
                                        "candidates' bias"};
    imr_buf_str(b, "Gates                      mean  sd over queries  still  of values\n");
    for (size_t g = 0; g < IMR_GATES; g++) {
        imr_buf_printf(b, " %-19s", names[g]);
        cell(b, r->gate[g].mean, 4, 11);
        cell(b, r->gate[g].sd, 5, 17);
        imr_buf_printf(b, "%7zu%11zu\n", r->gate[g].still, r->gate[g].n);
    }
}

static void put_hubs(imr_buf *b, const imr_quality_reading *r)
{
    static const char *const stages[] = {"encoder", "projected", "now"};
    imr_buf_str(b, "Hubs                  skewness  in a first 10  commonest  of queries\n");
    for (size_t k = 0; k < IMR_STAGE_COUNT; k++) {
        const imr_hubs *h = &r->hubs[k];
        imr_buf_printf(b, " %-19s", stages[k]);
        cell(b, h->skewness, 2, 10);
        imr_buf_printf(b, "%15zu  ", h->distinct);
        imr_report_cell(b, h->document, 20);
        imr_buf_printf(b, "%4u\n", h->most);
    }
}

static void put_spectrum(imr_buf *b, const imr_spectrum *s)
{
    imr_buf_str(b, "Spectrum of the projector\n");
    imr_buf_printf(b, " rank %zu of %zu, condition number %s, effective rank %s\n ", s->rank, s->k,
                   isfinite(s->condition) ? IMR_FIXED(s->condition, 2) : "infinite",
                   IMR_FIXED(s->effective_rank, 1));
    for (size_t i = 0; i < SHOWN && i < s->k; i++)
        cell(b, s->s[i * (s->k - 1) / (SHOWN - 1)], 3, 8);
    imr_buf_char(b, '\n');
}

static void put_layers(imr_buf *b, const imr_quality *q)
{
    imr_buf_str(b, "Layers                                   shape    length\n");
    for (size_t i = 0; i < q->n_layers; i++) {
        const imr_layer *l = &q->layer[i];
        char shape[48];
        snprintf(shape, sizeof shape, l->rank == 2 ? "%zu x %zu" : "%zu", l->shape[0], l->shape[1]);
        imr_buf_printf(b, " %-34s%11s", l->name, shape);
        cell(b, l->length, 3, 10);
        imr_buf_char(b, '\n');
    }
}

void imr_report_quality(imr_buf *b, const imr_quality *q)
{
    const imr_quality_reading *own = &q->reading[0];
    imr_buf_printf(b, "Sample\n %zu of %zu%s queries%s%s, %zu candidates each, %zu documents\n",
                   q->queries, q->of_queries, q->judged ? " judged" : "", q->split[0] ? " of " : "",
                   q->split, q->k, q->documents);
    put_steps(b, own);
    put_readings(b, q);
    put_gates(b, own);
    put_hubs(b, own);
    put_spectrum(b, &q->spectrum);
    put_layers(b, q);
}

/* ---- JSON ---- */

static void json_stages(imr_buf *b, const double value[IMR_STAGE_COUNT])
{
    imr_json_printf(b, "{'encoder': %g, 'before': %g, 'after': %g}", value[0], value[1], value[2]);
}

static void json_reading(imr_buf *b, const imr_quality_reading *r)
{
    imr_json_printf(b, "{'form': %s, 'untrained': %hhd, 'steps': {", imr_form_name(r->form),
                    r->untrained);
    for (size_t step = 0; step < IMR_EFFECT_STEPS; step++)
        for (size_t e = 0; e < IMR_EFFECTS; e++) {
            if (e == 0)
                imr_json_printf(b, step ? "}, %s: {" : "%s: {", step_names[step]);
            imr_json_printf(b, e ? ", %s: %g" : "%s: %g", effect_names[e], r->effect[step][e]);
        }
    imr_json_printf(b, "}},\n   'ndcg_10': ");
    json_stages(b, r->ndcg);
    imr_json_printf(b, ", 'gain': {'difference': %g, 'low': %g, 'high': %g},\n   'gates': {",
                    r->gain.n ? r->gain.difference : (double)NAN,
                    r->gain.n ? r->gain.low : (double)NAN, r->gain.n ? r->gain.high : (double)NAN);
    for (size_t g = 0; g < IMR_GATES; g++)
        imr_json_printf(b,
                        g ? ", %s: {'mean': %g, 'sd': %g, 'still': %zu, 'of': %zu}"
                          : "%s: {'mean': %g, 'sd': %g, 'still': %zu, 'of': %zu}",
                        gate_names[g], r->gate[g].mean, r->gate[g].sd, r->gate[g].still,
                        r->gate[g].n);
    imr_json_printf(b, "},\n   'hubs': {");
    for (size_t k = 0; k < IMR_STAGE_COUNT; k++)
        imr_json_printf(b,
                        k ? ", %s: {'skewness': %g, 'distinct': %zu, 'most': %u, 'document': %s}"
                          : "%s: {'skewness': %g, 'distinct': %zu, 'most': %u, 'document': %s}",
                        imr_stage_names[k], r->hubs[k].skewness, r->hubs[k].distinct,
                        r->hubs[k].most, r->hubs[k].document);
    imr_json_printf(b, "}}");
}

void imr_report_quality_json(imr_buf *b, const imr_quality *q)
{
    imr_json_printf(b,
                    "{'verdict': {'code': %s, 'text': %s},\n  'sample': {'split': %-s, 'queries': "
                    "%zu, 'of': %zu, 'judged': %hhd, 'candidates': %zu, 'documents': %zu},\n  "
                    "'spectrum': {'rank': %zu, 'condition_number': %g, 'effective_rank': %g, "
                    "'singular_values': [",
                    q->code, q->verdict, q->split, q->queries, q->of_queries, q->judged, q->k,
                    q->documents, q->spectrum.rank, q->spectrum.condition,
                    q->spectrum.effective_rank);
    for (size_t i = 0; i < q->spectrum.k; i++)
        imr_json_printf(b, i ? ", %g" : "%g", q->spectrum.s[i]);
    imr_json_printf(b, "]},\n  'layers': [");
    for (size_t i = 0; i < q->n_layers; i++) {
        const imr_layer *l = &q->layer[i];
        imr_json_printf(b, i ? ",\n   {'name': %s, 'shape': [%zu" : "{'name': %s, 'shape': [%zu",
                        l->name, l->shape[0]);
        if (l->rank == 2)
            imr_json_printf(b, ", %zu", l->shape[1]);
        imr_json_printf(b, "], 'length': %g}", l->length);
    }
    imr_json_printf(b, "],\n  'readings': [");
    for (size_t i = 0; i < q->n_readings; i++) {
        imr_buf_str(b, i ? ",\n   " : "");
        json_reading(b, &q->reading[i]);
    }
    imr_buf_str(b, "]}");
}
