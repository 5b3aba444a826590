/* task/recipe.c - the recipes of training, and what came of one, in words. */
#include "base/number.h"
#include "task/train.h"

const char *imr_recipe_name(imr_recipe r)
{
    static const char *const names[IMR_RECIPES] = {"corpus", "imrnns-0.2", "imrnns-0.1"};
    return names[r];
}

imr_train_plan imr_train_plan_of(imr_recipe recipe)
{
    const bool old = recipe == IMR_RECIPE_IMRNNS_01;
    imr_train_plan p = {.recipe = recipe,
                        .form = old ? IMR_FORM_DIAGONAL : IMR_FORM_MEAN,
                        .output_dim = old ? 256 : 0,
                        .hidden_dim = 128,
                        .options = imr_train_defaults(old ? IMR_LOSS_MNRL : IMR_LOSS_IMPROVEMENT),
                        .miner = old ? IMR_MINER_BM25 : IMR_MINER_ENCODER,
                        .negative_pool = 100,
                        .judged_weight = 0.5,
                        .feedback_k = 100};
    if (old)
        p.options.epochs = 60;
    if (recipe == IMR_RECIPE_CORPUS) {
        p.options.negatives = 31;
        p.options.draw = true;
        p.options.epochs = 20; /* validation still rises after ten, and dips for seven */
        p.options.patience = 8;
        p.negative_pool = 40;
    }
    return p;
}

static void put_values(imr_buf *b, const imr_train_measure *m)
{
    imr_buf_printf(b, "nDCG@10 %s -> %s (%s)", IMR_FIXED(m->encoder_ndcg, 3),
                   IMR_FIXED(m->after_ndcg, 3), IMR_SIGNED(m->after_ndcg - m->encoder_ndcg, 3));
}

static void put_source(imr_buf *b, const imr_train_outcome *o, const imr_train_plan *plan)
{
    if (plan->recipe != IMR_RECIPE_CORPUS)
        imr_buf_printf(b, "Learnt from %zu judged queries. ", o->judged);
    else if (o->judged)
        imr_buf_printf(b,
                       "Learnt from the collection's own texts (%zu titles, each asking for its "
                       "document) and %zu judged queries. ",
                       o->asks, o->judged);
    else
        imr_buf_printf(b,
                       "Learnt from the collection's own texts alone (%zu titles, each asking for "
                       "its document), no judgement used. ",
                       o->asks);
}

/* Better by how much is better: below it, neither. */
static const char *judged(const imr_train_measure *m)
{
    const double change = m->after_ndcg - m->encoder_ndcg;
    return change > 0.005 ? "better" : change < -0.005 ? "worse" : "neither better nor worse";
}

void imr_train_verdict(imr_buf *b, const imr_train_outcome *o, const imr_train_plan *plan)
{
    put_source(b, o, plan);
    if (o->history.best == 0)
        imr_buf_str(b, "No epoch ranked better than before training: the adapter kept is the "
                       "untrained one. ");
    if (o->asked.queries) {
        imr_buf_printf(
            b, "%zu titles it did not learn from, each to find its own text: ", o->asked.queries);
        put_values(b, &o->asked);
        imr_buf_str(b, ". ");
    }
    if (o->all.queries == 0) {
        imr_buf_str(b, "Without judgements nothing says what it does to real queries.");
        return;
    }
    imr_buf_printf(b, "%zu validation queries", o->all.queries);
    if (o->unseen.queries == o->all.queries) {
        imr_buf_str(b, " whose relevant documents no judged query was about: ");
        put_values(b, &o->all);
        imr_buf_printf(b, ", %s than the encoder on what it never saw.", judged(&o->all));
        return;
    }
    imr_buf_str(b, ": ");
    put_values(b, &o->all);
    if (o->unseen.queries == 0) {
        imr_buf_str(b, ". Training saw the relevant documents of all of them: nothing says what it "
                       "does to others.");
        return;
    }
    imr_buf_printf(
        b, "; on the %zu of them whose relevant documents it never saw: ", o->unseen.queries);
    put_values(b, &o->unseen);
    imr_buf_printf(b, ", %s than the encoder.", judged(&o->unseen));
}
