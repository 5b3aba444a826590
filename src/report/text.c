/* The explanation for people: what went in, the query's words, the ranking before and after, each
 * document's words. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "report/formats.h"
#include "text/utf8.h"

static void label(imr_buf *out, const char *name)
{
    imr_buf_printf(out, "%-12s", name);
}

static void fixed(imr_buf *out, double value, int decimals, bool plus)
{
    char text[64];
    imr_buf_str(out, imr_format_fixed(text, value, decimals, plus));
}

/* First 12 digits are enough to tell files apart at a glance; JSON has all 64. */
static void digest(imr_buf *out, const char *sha256)
{
    if (sha256[0])
        imr_buf_printf(out, "  sha256 %.12s", sha256);
}

static void command(imr_buf *out, const imr_report_context *context)
{
    if (!context || !context->n_command)
        return;
    label(out, "command");
    for (size_t i = 0; i < context->n_command; i++) {
        const char *word = context->command[i];
        bool quote = word[strcspn(word, " \t'\"\\$*?&;|<>()")] != '\0' || !word[0];
        imr_buf_printf(out, quote ? "%s\"%s\"" : "%s%s", i ? " " : "", word);
    }
    imr_buf_char(out, '\n');
}

static void inputs(imr_buf *out, const imr_trace *t)
{
    const imr_trace_inputs *in = &t->inputs;
    label(out, "adapter");
    imr_buf_printf(
        out, "%s  form %s (known from %s), %u -> %u, hidden %u, projector rank %u, condition ",
        in->adapter_path, in->adapter_form, in->adapter_form_from, in->input_dim, in->working_dim,
        in->hidden_dim, in->rank);
    fixed(out, in->condition_number, 2, false);
    digest(out, in->adapter_sha256);
    imr_buf_char(out, '\n');
    label(out, "cache");
    imr_buf_printf(out, "%s  %llu documents", in->cache_path,
                   (unsigned long long)in->cache_documents);
    if (in->split[0])
        imr_buf_printf(out, ", split %s", in->split);
    digest(out, in->cache_sha256);
    imr_buf_char(out, '\n');
    label(out, "encoder");
    if (in->encoder_path[0])
        imr_buf_printf(out, "%s  %s", in->encoder_path, in->encoder_kind);
    else
        imr_buf_str(out, "absent: vectors of cached queries only");
    digest(out, in->encoder_sha256);
    imr_buf_char(out, '\n');
    label(out, "tokens");
    if (in->table_name[0]) {
        imr_buf_printf(out, "table %s, %llu rows, lens quality ", in->table_name,
                       (unsigned long long)in->table_rows);
        if (isnan(in->lens_quality))
            imr_buf_str(out, "not measured");
        else
            fixed(out, (double)in->lens_quality, 3, false);
        imr_buf_str(out, " (0.5 chance, 1 perfect)");
        digest(out, in->table_sha256);
    } else {
        imr_buf_str(out, "no token table: changes are shown without words");
    }
    imr_buf_char(out, '\n');
    label(out, "settings");
    imr_buf_printf(out, "feedback %u by %s, scope %s, delta %s, order %s, tokens %u\n",
                   t->settings.feedback_k, imr_candidates_name(t->settings.candidates),
                   imr_scope_name(t->settings.scope), imr_change_kind_name(t->settings.delta),
                   imr_token_order_name(t->settings.order), t->settings.tokens);
}

/* Each token with its cosine, and with the number the list is ordered by where that is another. */
static void token(imr_buf *out, const imr_word_score *t, imr_token_order order)
{
    imr_buf_printf(out, "%s ", t->text);
    fixed(out, (double)t->cosine, 4, true);
    if (order == IMR_ORDER_Z) {
        imr_buf_str(out, " z ");
        fixed(out, (double)t->background_z, 2, true);
    } else if (order == IMR_ORDER_EFFECT) {
        imr_buf_str(out, " effect ");
        fixed(out, (double)t->effect, 4, true);
    }
    if (!t->significant && !isnan(t->background_z))
        imr_buf_str(out, " ns");
}

static void tokens(imr_buf *out, const imr_word_list *lists, imr_token_order order,
                   const char *indent)
{
    for (int side = 0; side < 2; side++) {
        const imr_word_score *v = side ? lists->negative : lists->positive;
        size_t n = side ? lists->n_negative : lists->n_positive;
        if (!n)
            continue;
        imr_buf_printf(out, "%s%c ", indent, side ? '-' : '+');
        for (size_t i = 0; i < n; i++) {
            imr_buf_str(out, i ? ", " : "");
            token(out, &v[i], order);
        }
        imr_buf_char(out, '\n');
    }
}

static void query(imr_buf *out, const imr_trace *t, const imr_details *details)
{
    label(out, "query");
    imr_buf_printf(out, "%s%s", t->query_prefix, t->query_text);
    if (t->query_id[0])
        imr_buf_printf(out, "  (id %s)", t->query_id);
    imr_buf_str(out, t->query_cached ? "  vector from the cache\n" : "\n");
    for (size_t i = 0; i < t->n_metrics; i++) {
        label(out, i ? "" : "metrics");
        imr_buf_printf(out, "%-10s encoder ", t->metrics[i].name);
        fixed(out, t->metrics[i].encoder, 4, false);
        imr_buf_str(out, "  before ");
        fixed(out, t->metrics[i].before, 4, false);
        imr_buf_str(out, "  after ");
        fixed(out, t->metrics[i].after, 4, false);
        imr_buf_char(out, '\n');
    }
    const imr_word_list *words =
        details && details->n ? &details->v[0]->query_words[t->settings.delta] : NULL;
    if (words && words->n_positive + words->n_negative) {
        label(out, "query moved");
        imr_buf_str(out, "towards + and away from - (cosine with the token; ns: not significant; "
                         "cos(change, q') ");
        fixed(out, (double)words->alignment, 4, false);
        imr_buf_str(out, ")\n");
        tokens(out, words, t->settings.order, "            ");
    }
}

static void move(imr_buf *out, const imr_trace_document *d)
{
    if (!d->rank_before || !d->rank_after)
        imr_buf_str(out, "    new");
    else if (d->move == 0)
        imr_buf_str(out, "      =");
    else
        imr_buf_printf(out, "%+7d", d->move);
}

static void document(imr_buf *out, const imr_trace_document *d, const imr_why *why,
                     const imr_trace_settings *settings)
{
    imr_buf_printf(out, "%4u %4u %5u ", d->rank_after, d->rank_before, d->rank_encoder);
    move(out, d);
    imr_buf_str(out, "  ");
    fixed(out, (double)d->delta_sim, 4, true);
    imr_buf_str(out, "  ");
    fixed(out, (double)d->delta_sim_relative, 4, true);
    imr_buf_str(out, "  ");
    fixed(out, (double)d->sim_after, 4, false);
    imr_buf_printf(out, "  %s  ", d->relevance > 0 ? "*" : d->relevance == 0 ? "." : " ");
    const char *title = d->title[0] ? d->title : d->id;
    imr_utf8_clip(out, title, strlen(title), 60, "...");
    imr_buf_printf(out, "%s%s\n", d->title[0] ? "  " : "", d->title[0] ? d->id : "");
    imr_buf_printf(out, "       %s\n", why ? why->sentence : d->sentence);
    if (!why)
        return;
    imr_buf_str(out, "       share of the query ");
    fixed(out, why->share_query, 4, true);
    imr_buf_str(out, ", of the documents ");
    fixed(out, why->share_document, 4, true);
    imr_buf_str(out, ", residual ");
    fixed(out, why->share_residual, 4, false);
    const imr_word_list *words = &why->words[settings->delta];
    if (words->n_positive + words->n_negative) {
        imr_buf_str(out, "; shown tokens hold ");
        fixed(out, 100 * (double)words->coverage, 0, false);
        imr_buf_str(out, "% of |change|^2");
    }
    imr_buf_char(out, '\n');
    tokens(out, words, settings->order, "       ");
}

void imr_report_text(const imr_trace *t, const imr_report_context *context, imr_buf *out)
{
    imr_buf_printf(out, "imrnn %s explanation\n", IMR_VERSION);
    command(out, context);
    inputs(out, t);
    if (t->warning[0]) {
        label(out, "warning");
        imr_buf_printf(out, "%s\n", t->warning);
    }
    imr_buf_char(out, '\n');
    const imr_details *details = context ? context->details : NULL;
    query(out, t, details);
    size_t top = context && context->top ? context->top : 10;
    if (top > t->n_documents)
        top = t->n_documents;
    imr_buf_printf(
        out,
        "\n%zu of %llu scored documents; %u of %zu listed moved; Kendall tau of before and after ",
        top, (unsigned long long)t->n_scored, t->moved, t->n_documents);
    fixed(out, t->kendall_tau, 4, false);
    imr_buf_str(out, "; median delta_sim ");
    fixed(out, (double)t->median_delta_sim, 4, true);
    imr_buf_str(out, "\n now  was   enc    move    delta relative     cos     title\n");
    for (size_t i = 0; i < top; i++)
        document(out, &t->documents[i], details && i < details->n ? &details->v[i]->why : NULL,
                 &t->settings);
}
