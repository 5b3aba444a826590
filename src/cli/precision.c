#include "cli/steps.h"

#include "base/number.h"

const char imr_no_bf16[] = "these kernels have no instructions for bf16: it saves memory, not time";

static const char *about_ndcg(const imr_precision_effect *e)
{
    if (!e->queries)
        return "no nDCG: the data set has no queries";
    if (!e->split)
        return "no nDCG: no query of the data set is judged";
    if (e->documents < e->of_documents)
        return "the whole collection is harder: its nDCG is lower and more of its rankings change";
    return e->queries == e->of_queries ? "nDCG is what imrnn evaluate prints of two such caches"
                                       : NULL;
}

/* "all 120" or "518 of 5183". */
static void put_part(imr_buf *b, size_t n, size_t of)
{
    if (n == of)
        imr_buf_printf(b, "all %zu", n);
    else
        imr_buf_printf(b, "%zu of %zu", n, of);
}

static void put_sample(imr_buf *b, const imr_precision_effect *e)
{
    imr_buf_printf(b, "%-22s  ", "measured on");
    put_part(b, e->documents, e->of_documents);
    imr_buf_str(b, " documents");
    if (e->queries) {
        imr_buf_str(b, " and ");
        put_part(b, e->queries, e->of_queries);
        imr_buf_printf(b, e->split ? " judged queries of split %s" : " queries", e->split);
    }
    imr_buf_char(b, '\n');
    if (about_ndcg(e))
        imr_buf_printf(b, "%-22s  %s\n", "", about_ndcg(e));
}

static void put_table(imr_buf *out, const imr_precision_effect *e, const imr_kernels *kernels)
{
    const imr_significance *s = &e->ndcg;
    imr_buf_printf(out, "%-22s%10s%10s\n", "precision", imr_precision_name(IMR_FLOAT32),
                   imr_precision_name(IMR_BFLOAT16));
    if (e->seconds > 0 && e->exact_seconds > 0) /* else a frozen clock */
        imr_buf_printf(out, "%-22s%10s%10s   %s times as fast\n", "documents a second",
                       IMR_FIXED((double)e->documents / e->exact_seconds, 1),
                       IMR_FIXED((double)e->documents / e->seconds, 1),
                       IMR_FIXED(e->exact_seconds / e->seconds, 2));
    if (!kernels->has_bf16)
        imr_buf_printf(out, "%-22s  %s\n", "", imr_no_bf16);
    if (e->split)
        imr_buf_printf(out, "%-22s%10s%10s   %s [%s, %s]; better %zu, equal %zu, worse %zu\n",
                       imr_textf("nDCG@%zu", e->k).s, IMR_FIXED(s->mean_a, 4),
                       IMR_FIXED(s->mean_b, 4), IMR_SIGNED(s->difference, 4), IMR_SIGNED(s->low, 4),
                       IMR_SIGNED(s->high, 4), s->wins, s->ties, s->losses);
    if (e->queries)
        imr_buf_printf(out,
                       "%-22s  unchanged for %zu of %zu queries; %s %% of the documents are in "
                       "both\n",
                       imr_textf("top %zu", e->k).s, e->same_lists, e->queries,
                       IMR_FIXED(100 * e->overlap, 2));
    imr_buf_printf(out, "%-22s  %s in the mean, %s at least, of a text's two vectors\n", "cosine",
                   IMR_FIXED(e->mean_cosine, 9), IMR_FIXED(e->least_cosine, 9));
    put_sample(out, e);
}

imr_status imr_cli_precision_table(imr_buf *out, imr_cli *cli, const imr_encoder *encoder,
                                   const imr_dataset *dataset, imr_error *err)
{
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *exact = NULL;
    imr_precision_effect e;
    const imr_kernels *kernels;
    IMR_TRY(imr_cli_kernels(&kernels, cli, err));
    IMR_TRY(imr_cli_encoder_as(&exact, cli, IMR_FLOAT32, err));
    IMR_TRY(imr_precision_compare(&e, encoder, exact, dataset, &cli->meter.progress, err));
    imr_meter_clear(&cli->meter);
    put_table(out, &e, kernels);
    return imr_buf_check(out, err);
}
