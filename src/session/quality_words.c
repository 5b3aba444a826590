/* Verdict and meaning of an adapter, from its numbers alone: nothing of a session is needed. */
#include <math.h>

#include "base/number.h"
#include "base/buf.h"
#include "session/quality.h"

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

static const char *form_told(imr_form form)
{
    return form == IMR_FORM_DIAGONAL ? "first-release form"
           : form == IMR_FORM_MEAN   ? "present form"
                                     : "the paper's form";
}

static double tau_of(const imr_quality_reading *r)
{
    return r->effect[IMR_BY_MODULATION][IMR_EFFECT_TAU];
}

static const char *code_of(const imr_quality *q)
{
    const imr_significance *gain = &q->reading[0].gain;
    return tau_of(&q->reading[0]) < BACKWARDS  ? "backwards"
           : tau_of(&q->reading[0]) < SHUFFLES ? "shuffles"
           : !q->judged || !gain->has_verdict  ? "unjudged"
           : gain->high < 0                    ? "worse"
           : gain->low > 0                     ? "better"
                                               : "same";
}

static void put_verdict(imr_buf *b, const imr_quality *q)
{
    const imr_quality_reading *own = &q->reading[0];
    const double turn = own->effect[IMR_BY_MODULATION][IMR_EFFECT_QUERY];
    const imr_significance *gain = &own->gain;
    imr_buf_printf(b, "Reads as %s; ", form_told(own->form));
    if (isfinite(turn))
        imr_buf_printf(b, "turns the query by %s degrees on average: ", IMR_FIXED(turn, 0));
    imr_buf_printf(b, "%s.", order_told(tau_of(own)));
    if (gain->has_verdict)
        imr_buf_printf(b, " %s the encoder alone (nDCG@10 %s, now %s).",
                       gain->high < 0  ? "Worse than"
                       : gain->low > 0 ? "Better than"
                                       : "No sign of a difference from",
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
    size_t moving[IMR_GATES];
    for (size_t i = 0; i < IMR_GATES; i++)
        moving[i] = g[i].n - g[i].still;
    if (moving[0] + moving[1] + moving[2] + moving[3] == 0) {
        imr_buf_str(b, " Its gates never move: every query gives and gets the same scale and bias, "
                       "within 1 %, so it makes one change for all.");
        return;
    }
    imr_buf_printf(b,
                   " By 1 %% or more from query to query move %zu of %zu of the query's scales and "
                   "%zu of %zu of its biases, %zu of %zu of the candidates' scales and %zu of %zu "
                   "of their biases%s.",
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
    const bool more = now->skewness > MORE_HUBS * before->skewness;
    const bool fewer = before->skewness > MORE_HUBS * now->skewness;
    imr_buf_printf(b,
                   " %s hubs: document %s is among the ten first of %u of %zu queries (the "
                   "encoder's commonest, %s, of %u).",
                   more    ? "It makes"
                   : fewer ? "It takes away"
                           : "It makes no new",
                   now->document, now->most, q->queries, before->document, before->most);
}

imr_status imr_quality_say(imr_quality *q, imr_error *err)
{
    IMR_AUTOBUF imr_buf verdict = {0}, meaning = {0};
    q->code = code_of(q);
    put_verdict(&verdict, q);
    put_steps(&meaning, &q->reading[0]);
    put_gates(&meaning, &q->reading[0]);
    if (q->reading[q->n_readings - 1].untrained)
        put_fresh(&meaning, q, &q->reading[q->n_readings - 1]);
    put_hubs(&meaning, q);
    if (q->code[0] == 'b' && q->code[1] == 'e')
        imr_buf_str(&meaning, " evaluate tells whether the gain holds for documents that training "
                              "did not see.");
    IMR_TRY(imr_buf_check(&verdict, err));
    IMR_TRY(imr_buf_check(&meaning, err));
    q->verdict = imr_arena_strdup(q->arena, imr_buf_text(&verdict));
    q->meaning = imr_arena_strdup(q->arena, imr_buf_text(&meaning));
    return q->verdict && q->meaning ? IMR_OK : imr_fail_memory(err);
}
