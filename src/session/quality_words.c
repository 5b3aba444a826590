/* Verdict and meaning of an adapter, from its numbers alone: nothing of a session is needed. */
#include <math.h>

#include "base/number.h"
#include "session/internal.h"

void imr_quality_free(imr_quality *q)
{
    if (q)
        imr_arena_free(q->arena);
}

/* Bounds that sentences are chosen by; tau is the modulation's. */
#define BACKWARDS  (-0.1)
#define SHUFFLES   0.3
#define REORDERS   0.7
#define KEEPS      0.95
#define LARGER     2.0  /* times another: it is the large one */
#define MORE_HUBS  1.5  /* times the encoder's skewness */
#define NDCG_ALIKE 0.01 /* of trained and untrained */

static const char *order_told(double tau)
{
    return tau < BACKWARDS  ? "ranks backwards"
           : tau < SHUFFLES ? "shuffles the candidates"
           : tau < REORDERS ? "reorders the candidates"
           : tau < KEEPS    ? "keeps most of the order"
                            : "keeps the order";
}

static double tau_of(const imr_quality_reading *r)
{
    return r->effect[IMR_BY_MODULATION][IMR_EFFECT_TAU];
}

static void put_verdict(imr_buf *b, imr_quality *q)
{
    static const struct {
        const char *code, *told;
    } gains[] = {{"worse", "Worse than"},
                 {"better", "Better than"},
                 {"same", "No sign of a difference from"}};
    const imr_quality_reading *own = &q->reading[0];
    const double turn = own->effect[IMR_BY_MODULATION][IMR_EFFECT_QUERY], tau = tau_of(own);
    const size_t gain = own->gain.high < 0 ? 0 : own->gain.low > 0 ? 1 : 2;
    const bool judged = own->gain.has_verdict;
    q->code = tau < BACKWARDS         ? "backwards"
              : tau < SHUFFLES        ? "shuffles"
              : !q->judged || !judged ? "unjudged"
                                      : gains[gain].code;
    imr_buf_printf(b, "Reads as %s; ",
                   own->form == IMR_FORM_DIAGONAL ? "first-release form"
                   : own->form == IMR_FORM_MEAN   ? "present form"
                                                  : "the paper's form");
    if (isfinite(turn))
        imr_buf_printf(b, "turns the query by %s degrees on average: ", IMR_FIXED(turn, 0));
    imr_buf_printf(b, "%s.", order_told(tau));
    if (judged)
        imr_buf_printf(b, " %s the encoder alone (nDCG@10 %s, now %s).", gains[gain].told,
                       IMR_FIXED(own->ndcg[IMR_STAGE_ENCODER], 3),
                       IMR_FIXED(own->ndcg[IMR_STAGE_AFTER], 3));
    for (size_t i = 1; i < q->n_readings && !q->reading[i].untrained; i++) {
        const imr_quality_reading *r = &q->reading[i];
        imr_buf_printf(b, " As form %s it %s", imr_form_name(r->form), order_told(tau_of(r)));
        if (q->judged)
            imr_buf_printf(b, " (%s)", IMR_FIXED(r->ndcg[IMR_STAGE_AFTER], 3));
        imr_buf_char(b, '.');
    }
}

static void put_steps(imr_buf *b, const imr_quality_reading *r)
{
    const double projector = r->effect[IMR_BY_PROJECTOR][IMR_EFFECT_MOVED];
    const double modulation = r->effect[IMR_BY_MODULATION][IMR_EFFECT_MOVED];
    imr_buf_printf(b,
                   "The projector moves the ten first documents by %s ranks on average, the "
                   "modulation by %s: %s.",
                   IMR_FIXED(projector, 1), IMR_FIXED(modulation, 1),
                   projector + modulation < 1        ? "this adapter changes next to nothing"
                   : projector > LARGER * modulation ? "what changes is mostly the projector's"
                   : modulation > LARGER * projector ? "what changes is mostly the modulation's"
                                                     : "both take part in what changes");
}

static void put_gates(imr_buf *b, const imr_quality_reading *r)
{
    const imr_gate *g = r->gate;
    size_t moving[IMR_GATES], all = 0;
    for (size_t i = 0; i < IMR_GATES; i++)
        all += moving[i] = g[i].n - g[i].still;
    if (!all)
        imr_buf_str(b, " Its gates never move: every query gives and gets the same scale and bias, "
                       "within 1 %, so it makes one change for all.");
    else
        imr_buf_printf(
            b,
            " From query to query %zu of %zu of the query's scales and %zu of %zu of its biases "
            "move by 1 %% or more, %zu of %zu of the candidates' scales and %zu of %zu of their "
            "biases%s.",
            moving[0], g[0].n, moving[1], g[1].n, moving[2], g[2].n, moving[3], g[3].n,
            moving[0] + moving[2]
                ? ""
                : ": no dimension counts more for one query than for another, what follows "
                  "the query is a shift");
}

static void put_fresh(imr_buf *b, const imr_quality *q, const imr_quality_reading *fresh)
{
    const imr_quality_reading *own = &q->reading[0];
    const double gain = own->ndcg[IMR_STAGE_AFTER] - fresh->ndcg[IMR_STAGE_AFTER];
    imr_buf_printf(b, " An untrained adapter of this shape moves the ten first by %s ranks",
                   IMR_FIXED(fresh->effect[IMR_BY_WHOLE][IMR_EFFECT_MOVED], 1));
    if (q->judged)
        imr_buf_printf(b, " and reaches %s: training %s",
                       IMR_FIXED(fresh->ndcg[IMR_STAGE_AFTER], 3),
                       gain > NDCG_ALIKE    ? "helped"
                       : gain < -NDCG_ALIKE ? "made it worse"
                                            : "made no difference that counts");
    imr_buf_char(b, '.');
}

static void put_hubs(imr_buf *b, const imr_quality *q)
{
    const imr_hubs *before = &q->reading[0].hubs[IMR_STAGE_ENCODER],
                   *now = &q->reading[0].hubs[IMR_STAGE_AFTER];
    imr_buf_printf(b,
                   " %s hubs: document %s is among the ten first of %u of %zu queries (the "
                   "encoder's commonest, %s, of %u).",
                   now->skewness > MORE_HUBS * before->skewness   ? "It makes"
                   : before->skewness > MORE_HUBS * now->skewness ? "It takes away"
                                                                  : "It makes no new",
                   now->document, now->most, q->queries, before->document, before->most);
}

imr_status imr_quality_say(imr_quality *q, imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {0};
    put_verdict(&b, q);
    IMR_TRY(imr_buf_keep(&q->verdict, &b, q->arena, err));
    put_steps(&b, &q->reading[0]);
    put_gates(&b, &q->reading[0]);
    if (q->reading[q->n_readings - 1].untrained)
        put_fresh(&b, q, &q->reading[q->n_readings - 1]);
    put_hubs(&b, q);
    if (strcmp(q->code, "better") == 0)
        imr_buf_str(&b, " evaluate tells whether the gain holds for documents that training did "
                        "not see.");
    return imr_buf_keep(&q->meaning, &b, q->arena, err);
}
