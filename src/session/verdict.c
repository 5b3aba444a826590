/* session/verdict.c - what a whole evaluation says, in one paragraph. Rules over its numbers only. */
#include <math.h>

#include "base/number.h"
#include "session/evaluate.h"

typedef enum outcome { BETTER, WORSE, SEEN_ONLY, SEEN_KNOWN, NO_EVIDENCE, TOO_FEW } outcome;

static const struct {
    const char *code, *says, *next; /* next NULL: more queries */
} outcomes[] = {
    {"better", "Better than the encoder alone", "the queries that lost, before it goes live."},
    {"worse", "Worse than the encoder alone",
     "the words of the queries that lost; until then the encoder alone is the better choice."},
    {"seen-only", "Better only on documents that training saw",
     "the queries that lost among the unseen, and at training that does not learn its documents by "
     "heart (train --recipe corpus); do not go by the mean of all."},
    {"seen-only", "Better on documents that training saw, of others not known",
     "judged queries about documents that training did not see; do not go by the mean of all."},
    {"no-evidence", "No evidence of a difference from the encoder alone", NULL},
    {"too-few", "No verdict, too few queries", NULL}};

/* unseen NULL: what training saw is not known, or nothing. */
static outcome judge(const imr_significance *all, const imr_significance *unseen)
{
    const bool told = unseen && unseen->n >= IMR_VERDICT_MIN;
    if (all->n < IMR_VERDICT_MIN)
        return TOO_FEW;
    if (all->high < 0 || (all->low <= 0 && told && unseen->high < 0))
        return WORSE;
    if (unseen ? told && unseen->low > 0 : all->low > 0)
        return BETTER;
    return all->low <= 0 ? NO_EVIDENCE : told ? SEEN_ONLY : SEEN_KNOWN;
}

/* "-.0068 (95 % interval -.0190 to +.0049)" */
static void put_change(imr_buf *b, const imr_significance *s)
{
    imr_buf_str(b, IMR_SIGNED(s->difference, 4));
    if (isfinite(s->low)) /* of a few there is none */
        imr_buf_printf(b, " (95 %% interval %s to %s)", IMR_SIGNED(s->low, 4),
                       IMR_SIGNED(s->high, 4));
}

static void put_unseen(imr_buf *b, const imr_significance *seen, const imr_significance *unseen)
{
    imr_buf_printf(b, " The %zu quer%s whose relevant documents training did not see: ", unseen->n,
                   unseen->n == 1 ? "y" : "ies");
    if (unseen->n < IMR_VERDICT_MIN) {
        imr_buf_printf(b, "too few to tell, %d are needed.", IMR_VERDICT_MIN);
        return;
    }
    put_change(b, unseen);
    imr_buf_printf(b, ", %s; the %zu others: ",
                   unseen->low > 0    ? "so it holds there, too"
                   : unseen->high < 0 ? "a loss"
                                      : "no sign of a gain",
                   seen->n);
    put_change(b, seen);
    imr_buf_char(b, '.');
}

/* How many queries it takes to see a difference of .02 four times in five at the 5 % level: (2.8
 * sd / .02)^2, the sd of the differences from their interval. */
static double needed(const imr_significance *s)
{
    const double sd = (s->high - s->low) / 3.92 * sqrt((double)s->n);
    return fmax(IMR_VERDICT_MIN, ceil(pow(2.8 * sd / .02, 2)));
}

static void put_judged(imr_buf *b, imr_eval_summary *s, const imr_eval *e, imr_metric metric,
                       const imr_seen *seen)
{
    char name[IMR_METRIC_NAME];
    const imr_significance *all = &s->row[0].from_encoder;
    const imr_significance *unseen = e->has_train ? &s->row[IMR_GROUP_UNSEEN].from_encoder : NULL;
    const outcome is = judge(all, unseen);
    s->code = outcomes[is].code;
    imr_buf_printf(b, "%s. %s is %s for the encoder, %s now, ", outcomes[is].says,
                   imr_metric_name(metric, name), IMR_FIXED(all->mean_a, 4),
                   IMR_FIXED(all->mean_b, 4));
    put_change(b, all);
    imr_buf_printf(b, " over %zu judged quer%s.", all->n, all->n == 1 ? "y" : "ies");
    if (unseen)
        put_unseen(b, &s->row[IMR_GROUP_SEEN].from_encoder, unseen);
    else
        imr_buf_str(b, seen->known ? " Training saw no judgement of these documents."
                                   : " What it was trained on is not known, so part of a gain may "
                                     "be documents it remembers (--trained-on says what it saw).");
    imr_buf_printf(b,
                   " %zu queries gained, %zu lost, %zu stayed; of the first %zu documents %s are "
                   "judged now (encoder %s), the others count as not relevant. Look next at ",
                   all->wins, all->losses, all->ties, e->overlap_k,
                   IMR_FIXED(1 - e->unjudged_at[IMR_RANKED_AFTER], 2),
                   IMR_FIXED(1 - e->unjudged_at[IMR_RANKED_ENCODER], 2));
    if (outcomes[is].next)
        imr_buf_str(b, outcomes[is].next);
    else if (needed(all) <= (double)all->n)
        imr_buf_str(b, "single queries: a difference of .02 in the mean would have shown.");
    else
        imr_buf_printf(b, "more judged queries: to see a difference of .02, about %s are needed.",
                       IMR_FIXED(needed(all), 0));
}

imr_status imr_eval_judge(imr_eval_summary *s, const imr_eval *e, imr_metric metric,
                          const imr_seen *seen, imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {0};
    double sum = 0;
    for (size_t i = 0; !e->metrics && i < e->queries; i++)
        sum += e->more[i].rbo_encoder;
    s->code = "unjudged";
    if (e->metrics && s->row)
        put_judged(&b, s, e, metric, seen);
    else
        imr_buf_printf(
            &b,
            "No verdict: nothing is judged. The ranking now shares %s of the encoder's "
            "(mean RBO over %zu queries). Look next at the queries whose ranking changed "
            "most, and judge their first documents: %d queries are needed.",
            IMR_FIXED(sum / (double)(e->queries ? e->queries : 1), 2), e->queries, IMR_VERDICT_MIN);
    IMR_TRY(imr_buf_check(&b, err));
    s->text = imr_buf_take(&b);
    return IMR_OK;
}
