/* What an adapter is and does: lines and JSON. */
#include <math.h>

#include "base/number.h"
#include "format/json.h"
#include "report/formats.h"

enum { SHOWN = 8 }; /* singular values, spread over all */

static const char *const step_names[] = {"projector", "modulation", "whole"};

/* ---- lines ---- */

/* A dash for what is no number. */
#define CELL(value, decimals) (isfinite(value) ? IMR_FIXED(value, decimals) : "-")

static void put_effects(imr_buf *b, const imr_quality *q)
{
    imr_buf_str(b, "Size of each step       ranks          tau   first 10  degrees turned\n"
                   "                        moved    RBO           kept    query  document\n");
    for (size_t step = 0; step < IMR_EFFECT_STEPS; step++) {
        const double *e = q->reading[0].effect[step];
        imr_buf_printf(b, " %-18s%10s%8s%8s%8s%8s%8s\n", step_names[step],
                       CELL(e[IMR_EFFECT_MOVED], 1), CELL(e[IMR_EFFECT_RBO], 3),
                       CELL(e[IMR_EFFECT_TAU], 3), CELL(e[IMR_EFFECT_KEPT], 1),
                       CELL(e[IMR_EFFECT_QUERY], 1), CELL(e[IMR_EFFECT_DOCUMENT], 1));
    }
    imr_buf_str(b, "Read as                 nDCG@10                  now against projected\n"
                   "                        encoder  proj.     now     tau    kept  degrees\n");
    for (size_t i = 0; i < q->n_readings; i++) {
        const imr_quality_reading *r = &q->reading[i];
        const double *e = r->effect[IMR_BY_MODULATION];
        imr_buf_printf(b, " %s %-*s%11s%8s%8s%8s%8s%9s\n", r->untrained ? "untrained" : "as form",
                       r->untrained ? 9 : 11, imr_form_name(r->form), CELL(r->ndcg[0], 4),
                       CELL(r->ndcg[1], 4), CELL(r->ndcg[2], 4), CELL(e[IMR_EFFECT_TAU], 3),
                       CELL(e[IMR_EFFECT_KEPT], 1), CELL(e[IMR_EFFECT_QUERY], 1));
    }
}

static void put_weights(imr_buf *b, const imr_quality *q)
{
    const imr_spectrum *s = &q->spectrum;
    imr_buf_printf(b,
                   "Spectrum of the projector\n"
                   " rank %zu of %zu, condition number %s, effective rank %s\n ",
                   s->rank, s->k, isfinite(s->condition) ? IMR_FIXED(s->condition, 2) : "infinite",
                   IMR_FIXED(s->effective_rank, 1));
    for (size_t i = 0; i < SHOWN && i < s->k; i++)
        imr_buf_printf(b, "%8s", CELL(s->s[i * (s->k - 1) / (SHOWN - 1)], 3));
    imr_buf_str(b, "\nLayers                                   shape    length\n");
    for (size_t i = 0; i < q->n_layers; i++) {
        const imr_layer *l = &q->layer[i];
        imr_buf_printf(b, " %-34s%11s%10s\n", l->name,
                       imr_textf(l->rank == 2 ? "%zu x %zu" : "%zu", l->shape[0], l->shape[1]).s,
                       CELL(l->length, 3));
    }
}

void imr_report_quality(imr_buf *b, const imr_quality *q)
{
    static const char *const gates[] = {"query's scale", "query's bias", "candidates' scale",
                                        "candidates' bias"};
    imr_buf_printf(b, "Sample\n %zu of %zu%s queries%s%s, %zu candidates each, %zu documents\n",
                   q->queries, q->of_queries, q->judged ? " judged" : "", q->split[0] ? " of " : "",
                   q->split, q->k, q->documents);
    put_effects(b, q);
    imr_buf_str(b, "Gates                      mean  sd over queries  still  of values\n");
    for (size_t i = 0; i < IMR_GATES; i++) {
        const imr_gate *g = &q->reading[0].gate[i];
        imr_buf_printf(b, " %-19s%11s%17s%7zu%11zu\n", gates[i], CELL(g->mean, 4), CELL(g->sd, 5),
                       g->still, g->n);
    }
    imr_buf_str(b, "Hubs                  skewness  in a first 10  commonest  of queries\n");
    for (size_t k = 0; k < IMR_STAGE_COUNT; k++) {
        const imr_hubs *h = &q->reading[0].hubs[k];
        imr_buf_printf(b, " %-19s%10s%15zu  ", imr_report_stages[k], CELL(h->skewness, 2),
                       h->distinct);
        imr_report_cell(b, h->document, 20);
        imr_buf_printf(b, "%4u\n", h->most);
    }
    put_weights(b, q);
}

/* ---- JSON ---- */

static void json_reading(imr_buf *b, const imr_quality_reading *r)
{
    static const char *const gates[] = {"query_scale", "query_bias", "documents_scale",
                                        "documents_bias"};
    imr_json_printf(b, "{'form': %s, 'untrained': %hhd, 'steps': ", imr_form_name(r->form),
                    r->untrained);
    for (size_t i = 0; i < IMR_EFFECT_STEPS; i++) {
        const double *e = r->effect[i];
        imr_buf_str(b, i ? ", " : "{");
        imr_json_printf(b,
                        "%s: {'moved': %g, 'rbo': %g, 'tau': %g, 'kept': %g, 'query': %g, "
                        "'document': %g}",
                        step_names[i], e[0], e[1], e[2], e[3], e[4], e[5]);
    }
    imr_json_printf(b,
                    "},\n   'ndcg_10': {'encoder': %g, 'before': %g, 'after': %g}, "
                    "'gain': {'difference': %g, 'low': %g, 'high': %g},\n   'gates': ",
                    r->ndcg[0], r->ndcg[1], r->ndcg[2], r->gain.difference, r->gain.low,
                    r->gain.high);
    for (size_t i = 0; i < IMR_GATES; i++) {
        const imr_gate *g = &r->gate[i];
        imr_buf_str(b, i ? ", " : "{");
        imr_json_printf(b, "%s: {'mean': %g, 'sd': %g, 'still': %zu, 'of': %zu}", gates[i], g->mean,
                        g->sd, g->still, g->n);
    }
    imr_json_printf(b, "},\n   'hubs': ");
    for (size_t k = 0; k < IMR_STAGE_COUNT; k++) {
        const imr_hubs *h = &r->hubs[k];
        imr_buf_str(b, k ? ", " : "{");
        imr_json_printf(b, "%s: {'skewness': %g, 'distinct': %zu, 'most': %u, 'document': %s}",
                        imr_stage_names[k], h->skewness, h->distinct, h->most, h->document);
    }
    imr_buf_str(b, "}}");
}

void imr_report_quality_json(imr_buf *b, const imr_quality *q)
{
    const imr_spectrum *s = &q->spectrum;
    imr_json_printf(b,
                    "{'verdict': {'code': %s, 'text': %s},\n  'sample': {'split': %-s, 'queries': "
                    "%zu, 'of': %zu, 'judged': %hhd, 'candidates': %zu, 'documents': %zu},\n  "
                    "'spectrum': {'rank': %zu, 'condition_number': %g, 'effective_rank': %g, "
                    "'singular_values': ",
                    q->code, q->verdict, q->split, q->queries, q->of_queries, q->judged, q->k,
                    q->documents, s->rank, s->condition, s->effective_rank);
    for (size_t i = 0; i < s->k; i++)
        imr_json_printf(b, i ? ", %g" : "[%g", s->s[i]);
    imr_json_printf(b, "]},\n  'layers': [");
    for (size_t i = 0; i < q->n_layers; i++) {
        const imr_layer *l = &q->layer[i];
        imr_buf_str(b, i ? ",\n   " : "");
        imr_json_printf(b, "{'name': %s, 'shape': [%zu", l->name, l->shape[0]);
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
