#include "cli/precision.h"

#include <stdio.h>

#include "base/number.h"

const char imr_no_bf16[] = "these kernels have no instructions for bf16: it saves memory, not time";

static void put_label(imr_buf *b, const char *label)
{
    imr_buf_printf(b, "%-22s", label);
}

static void put_remark(imr_buf *b, const char *text)
{
    put_label(b, "");
    imr_buf_printf(b, "  %s\n", text);
}

static void put_number(imr_buf *b, double value, int decimals)
{
    char text[64];
    imr_buf_printf(b, "%10s", imr_format_fixed(text, value, decimals, false));
}

static void put_speed(imr_buf *b, const imr_precision_effect *e)
{
    char text[64];
    if (!(e->seconds > 0 && e->exact_seconds > 0))
        return; /* a frozen clock */
    put_label(b, "documents a second");
    put_number(b, (double)e->documents / e->exact_seconds, 1);
    put_number(b, (double)e->documents / e->seconds, 1);
    imr_buf_printf(b, "   %s times as fast\n",
                   imr_format_fixed(text, e->exact_seconds / e->seconds, 2, false));
}

static void put_ndcg(imr_buf *b, const imr_precision_effect *e)
{
    char label[32], difference[64], low[64], high[64];
    const imr_significance *s = &e->ndcg;
    snprintf(label, sizeof label, "nDCG@%zu", e->k);
    put_label(b, label);
    put_number(b, s->mean_a, 4);
    put_number(b, s->mean_b, 4);
    imr_buf_printf(b, "   %s [%s, %s]; better %zu, equal %zu, worse %zu\n",
                   imr_format_fixed(difference, s->difference, 4, true),
                   imr_format_fixed(low, s->low, 4, true), imr_format_fixed(high, s->high, 4, true),
                   s->wins, s->ties, s->losses);
}

static void put_lists(imr_buf *b, const imr_precision_effect *e)
{
    char label[32], text[64];
    snprintf(label, sizeof label, "top %zu", e->k);
    put_label(b, label);
    imr_buf_printf(b, "  unchanged for %zu of %zu queries; %s %% of the documents are in both\n",
                   e->same_lists, e->queries, imr_format_fixed(text, 100 * e->overlap, 2, false));
}

static void put_cosines(imr_buf *b, const imr_precision_effect *e)
{
    char mean[64], least[64];
    put_label(b, "cosine");
    imr_buf_printf(b, "  %s in the mean, %s at least, of a text's two vectors\n",
                   imr_format_fixed(mean, e->mean_cosine, 9, false),
                   imr_format_fixed(least, e->least_cosine, 9, false));
}

/* "all 120" or "518 of 5183". */
static void put_part(imr_buf *b, size_t n, size_t of)
{
    if (n == of)
        imr_buf_printf(b, "all %zu", n);
    else
        imr_buf_printf(b, "%zu of %zu", n, of);
}

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

static void put_sample(imr_buf *b, const imr_precision_effect *e)
{
    put_label(b, "measured on");
    imr_buf_str(b, "  ");
    put_part(b, e->documents, e->of_documents);
    imr_buf_str(b, " documents");
    if (e->queries) {
        imr_buf_str(b, " and ");
        put_part(b, e->queries, e->of_queries);
        imr_buf_str(b, e->split ? " judged queries of split " : " queries");
        imr_buf_str(b, e->split ? e->split : "");
    }
    imr_buf_char(b, '\n');
    if (about_ndcg(e))
        put_remark(b, about_ndcg(e));
}

void imr_precision_text(imr_buf *out, const imr_precision_effect *e, const imr_kernels *kernels)
{
    put_label(out, "precision");
    imr_buf_printf(out, "%10s%10s\n", imr_precision_name(IMR_FLOAT32),
                   imr_precision_name(IMR_BFLOAT16));
    put_speed(out, e);
    if (!kernels->has_bf16)
        put_remark(out, imr_no_bf16);
    if (e->split)
        put_ndcg(out, e);
    if (e->queries)
        put_lists(out, e);
    put_cosines(out, e);
    put_sample(out, e);
}

imr_status imr_cli_precision_table(imr_buf *out, imr_cli *cli, const imr_encoder *encoder,
                                   const imr_dataset *dataset, imr_error *err)
{
    imr_encoder *exact;
    imr_precision_effect e;
    const imr_kernels *kernels;
    IMR_TRY(imr_cli_kernels(&kernels, cli, err));
    IMR_TRY(imr_cli_encoder_as(&exact, cli, IMR_FLOAT32, err));
    imr_status status =
        imr_precision_compare(&e, encoder, exact, dataset, imr_cli_progress(cli), err);
    imr_encoder_free(exact);
    IMR_TRY(status);
    imr_meter_clear(&cli->meter);
    imr_precision_text(out, &e, kernels);
    return imr_buf_check(out, err);
}
