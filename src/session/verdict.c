/* session/verdict.c - what a whole evaluation says, in one paragraph. Rules over its numbers only. */
#include <math.h>

#include "base/mem.h"
#include "base/number.h"
#include "math/stats.h"
#include "session/evaluate.h"

typedef struct judging {
    const imr_eval *e;
    const imr_significance *all, *seen, *unseen; /* the last two NULL: training is not known */
    const char *metric;
    bool told; /* it is known what training saw */
} judging;

static bool enough(const imr_significance *s)
{
    return s && s->n >= IMR_VERDICT_MIN;
}

/* "-.0068 (95 % interval -.0190 to +.0049)" */
static void put_change(imr_buf *b, const imr_significance *s)
{
    imr_buf_str(b, IMR_SIGNED(s->difference, 4));
    if (isfinite(s->low)) /* of a few there is none */
        imr_buf_printf(b, " (95 %% interval %s to %s)", IMR_SIGNED(s->low, 4),
                       IMR_SIGNED(s->high, 4));
}

static void put_all(imr_buf *b, const judging *j)
{
    imr_buf_printf(b, "%s is %s for the encoder, %s now, ", j->metric, IMR_FIXED(j->all->mean_a, 4),
                   IMR_FIXED(j->all->mean_b, 4));
    put_change(b, j->all);
    imr_buf_printf(b, " over %zu judged queries", j->all->n);
}

static void put_unseen(imr_buf *b, const judging *j)
{
    if (!j->unseen) {
        imr_buf_str(b, j->told ? ". Training saw no judgement of these documents"
                               : ". What it was trained on is not known, so part of a gain may be "
                                 "documents it remembers (--trained-on says what it saw)");
        return;
    }
    imr_buf_printf(
        b, ". The %zu queries whose relevant documents training did not see: ", j->unseen->n);
    if (!enough(j->unseen)) {
        imr_buf_printf(b, "too few to tell, %d are needed", IMR_VERDICT_MIN);
        return;
    }
    put_change(b, j->unseen);
    imr_buf_str(b, j->unseen->low > 0    ? ", so it holds there, too"
                   : j->unseen->high < 0 ? ", a loss"
                                         : ", no sign of a gain");
    if (j->seen->n) {
        imr_buf_printf(b, "; the %zu others: ", j->seen->n);
        put_change(b, j->seen);
    }
}

static const char *code_of(const judging *j)
{
    if (!enough(j->all))
        return "too-few";
    if (j->all->high < 0 || (j->all->low <= 0 && enough(j->unseen) && j->unseen->high < 0))
        return "worse";
    if (j->unseen ? enough(j->unseen) && j->unseen->low > 0 : j->all->low > 0)
        return "better";
    return j->all->low > 0 ? "seen-only" : "no-evidence";
}

/* How many queries it takes to see a difference of .02 four times in five at the 5 % level: (2.8
 * sd / .02)^2, the sd of the differences from their interval. */
static size_t needed(const imr_significance *s)
{
    const double sd = (s->high - s->low) / 3.92 * sqrt((double)s->n), n = pow(2.8 * sd / .02, 2);
    return n < 1e9 ? (size_t)ceil(n) : 0;
}

static void put_next(imr_buf *b, const judging *j, const char *code)
{
    imr_buf_str(b, " Look next at ");
    if (strcmp(code, "seen-only") == 0)
        imr_buf_str(b, "the queries that lost among the unseen, and at training that does not "
                       "learn its documents by heart (train --recipe corpus); do not go by the "
                       "mean of all.");
    else if (strcmp(code, "better") == 0)
        imr_buf_printf(b, "the %zu queries that lost, before it goes live.", j->all->losses);
    else if (strcmp(code, "worse") == 0)
        imr_buf_printf(b,
                       "the words of the %zu queries that lost; until then the encoder alone is "
                       "the better choice.",
                       j->all->losses);
    else
        imr_buf_printf(b, "more judged queries: to see a difference of .02, about %zu are needed.",
                       needed(j->all) > IMR_VERDICT_MIN ? needed(j->all) : IMR_VERDICT_MIN);
}

static void put_unjudged(imr_buf *b, const imr_eval *e)
{
    double sum = 0;
    for (size_t i = 0; i < e->queries; i++)
        sum += e->more[i].rbo_encoder;
    imr_buf_printf(
        b,
        "No verdict: nothing is judged. The ranking now shares %s of the encoder's (mean "
        "RBO over %zu queries). Look next at the queries whose ranking changed most, and "
        "judge their first documents: %d queries are needed.",
        IMR_FIXED(e->queries ? sum / (double)e->queries : 0, 2), e->queries, IMR_VERDICT_MIN);
}

imr_status imr_eval_judge(imr_eval_summary *s, const imr_eval *e, imr_metric metric,
                          const imr_seen *seen, imr_error *err)
{
    static const struct {
        const char *code, *says;
    } words[] = {{"better", "Better than the encoder alone. "},
                 {"worse", "Worse than the encoder alone. "},
                 {"seen-only", "Better only on documents that training saw. "},
                 {"no-evidence", "No evidence of a difference from the encoder alone. "},
                 {"too-few", "No verdict, too few queries. "}};
    char name[IMR_METRIC_NAME];
    const imr_significance *unseen = e->has_train && s->row ? &s->row[2].from_encoder : NULL;
    const judging j = {.e = e,
                       .all = s->row ? &s->row[0].from_encoder : NULL,
                       .seen = unseen ? &s->row[1].from_encoder : NULL,
                       .unseen = unseen,
                       .metric = imr_metric_name(metric, name),
                       .told = seen->known};
    IMR_AUTOBUF imr_buf b = {0};
    s->code = e->metrics ? code_of(&j) : "unjudged";
    for (size_t i = 0; i < IMR_LEN(words); i++)
        if (strcmp(words[i].code, s->code) == 0)
            imr_buf_str(&b, words[i].says);
    if (!e->metrics) {
        put_unjudged(&b, e);
    } else {
        put_all(&b, &j);
        put_unseen(&b, &j);
        imr_buf_printf(&b,
                       ". %zu queries gained, %zu lost, %zu stayed; of the first %zu documents %s "
                       "are judged now (encoder %s), the others count as not relevant.",
                       j.all->wins, j.all->losses, j.all->ties, e->overlap_k,
                       IMR_FIXED(1 - e->unjudged_at[IMR_RANKED_AFTER], 2),
                       IMR_FIXED(1 - e->unjudged_at[IMR_RANKED_ENCODER], 2));
        put_next(&b, &j, s->code);
    }
    IMR_TRY(imr_buf_check(&b, err));
    imr_free(s->text);
    s->text = imr_buf_take(&b);
    return IMR_OK;
}
