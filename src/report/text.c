/* The explanation for people: what went in, the query, the ranking, then document by document why. */
#include <math.h>

#include "base/number.h"
#include "report/formats.h"
#include "text/utf8.h"

enum { LABEL = 12 };

static void label(imr_buf *out, const char *name)
{
    imr_buf_printf(out, "%-*s", LABEL, name);
}

/* The name, then what stands in line behind it. Empties line. */
static void paragraph(imr_buf *out, const char *name, imr_buf *line, size_t width)
{
    label(out, name);
    imr_report_wrap(out, imr_buf_text(line), LABEL, LABEL, width);
    imr_buf_clear(line);
}

/* "of a text's ten nearest words .43 occur in it, by chance .01; encoded .37, input .07" */
static void put_lens(imr_buf *out, const imr_trace_inputs *in)
{
    if (isnan(in->lens.precision)) {
        imr_buf_str(out, "not measured how well it reads this corpus");
        return;
    }
    imr_buf_printf(out, "of a text's ten nearest words %s occur in it, of ten at random %s",
                   IMR_FIXED(in->lens.precision, 2), IMR_FIXED(in->lens.chance, 2));
    for (size_t i = 0; i < in->n_others; i++)
        imr_buf_printf(out, "%s%s %s", i ? ", " : "; in ", in->others[i].name,
                       IMR_FIXED(in->others[i].lens.precision, 2));
}

void imr_report_command(imr_buf *line, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *word = words[i];
        bool quote = word[strcspn(word, " \t'\"\\$*?&;|<>()")] != '\0' || !word[0];
        imr_buf_printf(line, quote ? "%s\"%s\"" : "%s%s", i ? " " : "", word);
    }
}

/* Empties line. */
static void fact(imr_fact_fn *fn, void *user, const char *name, imr_buf *line, const char *sha256)
{
    if (line->len)
        fn(user, name, imr_buf_text(line), sha256);
    imr_buf_clear(line);
}

void imr_report_facts(const imr_trace *t, const imr_report_context *c, imr_fact_fn *fn, void *user)
{
    const imr_trace_inputs *in = &t->inputs;
    IMR_AUTOBUF imr_buf line = {0};
    if (c)
        imr_report_command(&line, c->command, c->n_command);
    fact(fn, user, "command", &line, "");
    if (imr_report_adapted(t)) {
        fn(user, "adapter", in->adapter_path, in->adapter_sha256);
        imr_buf_printf(
            &line, "form %s (known from %s), %u -> %u, hidden %u, projector rank %u, condition %s",
            in->adapter_form, in->adapter_form_from, in->input_dim, in->working_dim, in->hidden_dim,
            in->rank, IMR_FIXED(in->condition_number, 2));
        fact(fn, user, " adapter", &line, NULL);
    } else {
        fn(user, "adapter", "none: the encoder's ranking alone", "");
    }
    fn(user, "cache", in->cache_path, in->cache_sha256);
    imr_buf_printf(&line, "%llu documents%s%s", (unsigned long long)in->cache_documents,
                   in->split[0] ? ", split " : "", in->split);
    fact(fn, user, " cache", &line, NULL);
    if (in->store.kind) {
        imr_trace_store_text(&line, &in->store);
        fact(fn, user, " cache", &line, NULL);
    }
    if (in->encoder_path[0]) {
        imr_buf_printf(&line, "%s%s%s", in->encoder_path, in->encoder_kind[0] ? "  " : "",
                       in->encoder_kind);
        fact(fn, user, "encoder", &line, in->encoder_sha256);
    } else {
        fn(user, "encoder", "absent: vectors of cached queries only", "");
    }
    if (in->table_name[0]) {
        imr_buf_printf(&line, "%s  %llu rows", in->table_name, (unsigned long long)in->table_rows);
        fact(fn, user, "table", &line, in->table_sha256);
        put_lens(&line, in);
        fact(fn, user, " table", &line, NULL);
    } else {
        fn(user, "table", "none: changes are shown without words", "");
    }
    imr_buf_printf(&line, "feedback %u, candidates by %s, scope %s, delta %s, order %s, words %u",
                   t->settings.feedback_k, imr_candidates_names[t->settings.candidates],
                   imr_scope_names[t->settings.scope], imr_change_kind_names[t->settings.delta],
                   imr_token_order_names[t->settings.order], t->settings.tokens);
    fact(fn, user, "settings", &line, NULL);
}

typedef struct printer {
    imr_buf *out;
    size_t width;
} printer;

/* Commands and paths are not broken into lines: they are to be copied. The first 12 digits are
 * enough to tell files apart at a glance; JSON has all 64. */
static void print_fact(void *user, const char *name, const char *text, const char *sha256)
{
    const printer *p = user;
    label(p->out, *name == ' ' ? "" : name);
    if (!sha256)
        imr_report_wrap(p->out, text, LABEL, LABEL, p->width);
    else if (sha256[0])
        imr_buf_printf(p->out, "%s  sha256 %.12s\n", text, sha256);
    else
        imr_buf_printf(p->out, "%s\n", text);
}

static void query(imr_buf *out, const imr_trace *t, const imr_detail *any, size_t width)
{
    const bool adapter = imr_report_adapted(t);
    IMR_AUTOBUF imr_buf line = {0};
    imr_buf_printf(&line, "%s%s", t->query_prefix, t->query_text);
    if (t->query_id[0])
        imr_buf_printf(&line, "  (id %s)", t->query_id);
    if (t->query_cached)
        imr_buf_str(&line, "  vector from the cache");
    paragraph(out, "query", &line, width);
    if (t->sentence[0]) {
        imr_sentence_plain(&line, t->sentence);
        paragraph(out, "", &line, width);
    }
    for (size_t i = 0; i < t->n_metrics; i++) {
        const imr_trace_metric *m = &t->metrics[i];
        imr_buf_printf(&line, "%-10s encoder %s", m->name, IMR_FIXED(m->encoder, 4));
        if (adapter)
            imr_buf_printf(&line, "  proj %s  now %s  gain %s", IMR_FIXED(m->before, 4),
                           IMR_FIXED(m->after, 4), IMR_SIGNED(m->after - m->encoder, 4));
        paragraph(out, i ? "" : "metrics", &line, width);
    }
    if (any && t->inputs.table_name[0]) {
        imr_buf_printf(&line,
                       "Words of the query's %s, with their cosines. ns: not significant against "
                       "other queries; hub: near nearly everything",
                       adapter ? "change" : "vector");
        imr_report_wrap(out, imr_buf_text(&line), 0, 0, width);
        imr_text_words(out, t, any->query_words, width);
    }
}

static void rank(imr_buf *out, uint32_t r)
{
    imr_buf_printf(out, r ? "%6u" : "     -", r);
}

static void move(imr_buf *out, bool there, int by)
{
    if (there && by)
        imr_buf_printf(out, "%+7d ", by);
    else
        imr_buf_str(out, there ? "      = " : "      - ");
}

/* A line of the ranking: three ranks, the move and the lift against the encoder, the rank beside. */
static void row(imr_buf *out, const imr_trace *t, const imr_trace_document *d, size_t width)
{
    const bool adapter = imr_report_adapted(t);
    const size_t start = out->len;
    rank(out, d->rank_encoder);
    if (adapter) {
        rank(out, d->rank_before);
        rank(out, d->rank_after);
        move(out, d->rank_after, d->move_encoder);
        imr_buf_printf(out, "%6s",
                       d->rank_after && !isnan(d->lift.total) ? IMR_SIGNED(d->lift.total, 2) : "-");
    }
    if (t->beside) {
        uint32_t both[2];
        const double gain = imr_trace_gain(both, t, d);
        rank(out, d->rank_beside);
        move(out, isfinite(gain), isfinite(gain) ? (int)gain : 0);
    }
    imr_buf_printf(out, "  %s %s ",
                   IMR_FIXED((double)(adapter && d->rank_after ? d->sim_after : d->sim_encoder), 4),
                   d->relevance > 0    ? "*"
                   : d->relevance == 0 ? "."
                                       : " ");
    IMR_AUTOBUF imr_buf name = {0};
    imr_buf_printf(&name, "%s%s%s", d->id, *imr_trace_title(d) ? "  " : "", imr_trace_title(d));
    const size_t used = out->len - start;
    imr_utf8_clip(out, imr_buf_text(&name), name.len, width - used, "...");
    imr_buf_char(out, '\n');
}

static void tokens(imr_buf *out, const char *label, const imr_trace_token *v, size_t n,
                   size_t width)
{
    IMR_AUTOBUF imr_buf line = {0};
    for (size_t i = 0; i < n; i++)
        imr_buf_printf(&line, "%s%s%c%s", i ? ", " : "", v[i].text, IMR_REPORT_HOLD,
                       IMR_SIGNED((double)v[i].cosine, 4));
    if (n)
        paragraph(out, label, &line, width);
}

void imr_line_note(imr_buf *out, const imr_note *n)
{
    imr_buf_printf(out, "%s by %s %s%s%s", n->verdict_name, n->reviewer, n->time,
                   *n->reason ? ": " : "", n->reason);
}

static void note(imr_buf *out, const imr_note *n, size_t width)
{
    IMR_AUTOBUF imr_buf line = {0};
    if (!n)
        return;
    imr_line_note(&line, n);
    paragraph(out, "note", &line, width);
}

void imr_text_pair(imr_buf *out, const imr_trace *t, size_t width)
{
    const imr_trace_document *d = &t->documents[0];
    const imr_trace_pair *p = t->pair;
    IMR_AUTOBUF imr_buf line = {0};
    imr_buf_printf(&line, "encoder %s", IMR_SIGNED((double)d->sim_encoder, 4));
    if (imr_report_adapted(t))
        imr_buf_printf(&line, "  proj %s  now %s  change %s", IMR_SIGNED((double)d->sim_before, 4),
                       IMR_SIGNED((double)d->sim_after, 4),
                       IMR_SIGNED((double)d->sim_after - (double)d->sim_encoder, 4));
    imr_buf_char(out, '\n');
    paragraph(out, "cosine", &line, width);
    if (p->n_query + p->n_document == 0)
        return;
    imr_report_wrap(out,
                    "What the authors' package prints for this pair: the tokens nearest to either "
                    "change, in the table input, by |cosine|",
                    0, 0, width);
    tokens(out, "  query", p->query, p->n_query, width);
    tokens(out, "  document", p->document, p->n_document, width);
}

void imr_text_beside(imr_buf *out, const imr_trace *t, size_t width)
{
    const imr_trace_exchange x = imr_trace_exchanged(t);
    IMR_AUTOBUF imr_buf line = {0};
    const bool queries = strcmp(t->inputs.adapter_sha256, t->beside->inputs.adapter_sha256) == 0;
    imr_buf_char(out, '\n');
    for (int i = 0; i < 2; i++) {
        const imr_trace *of = imr_trace_side(t, i);
        imr_buf_printf(&line, "%c  %s", "AB"[i],
                       queries ? of->query_text : of->inputs.adapter_path);
        if (!queries)
            imr_buf_printf(&line, ", form %s", of->inputs.adapter_form);
        if (of->seen[0])
            imr_buf_printf(&line, "; query %s in training", of->seen);
        for (size_t m = 0; m < of->n_metrics; m++)
            imr_buf_printf(&line, "%s%s %s", m ? ", " : "; ", of->metrics[m].name,
                           IMR_FIXED(of->metrics[m].value[imr_trace_now(of)], 4));
        imr_report_wrap(out, imr_buf_text(&line), 0, 3, width);
        imr_buf_clear(&line);
    }
    imr_buf_printf(&line, "under B %u enter the first ten (%u relevant), %u leave (%u)",
                   x.documents[1], x.relevant[1], x.documents[0], x.relevant[0]);
    imr_report_wrap(out, imr_buf_text(&line), 0, 3, width);
}

void imr_line_moved(imr_buf *out, const imr_trace *t)
{
    imr_buf_printf(out,
                   "%u of %zu listed stand elsewhere than for the encoder, %u elsewhere than "
                   "projected; %llu were scored; Kendall tau with the encoder %s, with the "
                   "projected %s; median delta_sim %s",
                   t->moved_encoder, t->n_documents, t->moved, (unsigned long long)t->n_scored,
                   IMR_FIXED(t->tau_encoder, 2), IMR_FIXED(t->kendall_tau, 2),
                   IMR_SIGNED((double)t->median_delta_sim, 4));
}

static void ranking(imr_buf *out, const imr_trace *t, const imr_report_context *context,
                    size_t width)
{
    const bool adapter = imr_report_adapted(t);
    IMR_AUTOBUF imr_buf line = {0};
    if (adapter) {
        imr_line_moved(&line, t);
        imr_buf_str(&line, "; * judged relevant");
        imr_buf_char(out, '\n');
        imr_report_wrap(out, imr_buf_text(&line), 0, 0, width);
    } else {
        imr_buf_str(out, "\n* judged relevant\n");
    }
    if (t->beside)
        imr_text_beside(out, t, width);
    imr_buf_printf(out, "   enc%s%s  cosine   document\n",
                   adapter ? "  proj   now   move   lift" : "",
                   !t->beside  ? ""
                   : t->second ? "     A   gain "
                               : "     B   gain ");
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        const imr_trace_document *d = imr_trace_at(t, i);
        if (i >= t->n_documents || imr_report_prints(context, i) ||
            (d->rank_beside && d->rank_beside <= IMR_REPORT_TOP))
            row(out, t, d, width);
    }
}

void imr_report_text(const imr_trace *t, const imr_report_context *context, imr_buf *out)
{
    const size_t width = imr_report_width(context);
    imr_buf_printf(out, "imrnn %s explanation\n", IMR_VERSION);
    printer p = {out, width};
    imr_report_facts(t, context, print_fact, &p);
    for (size_t i = 0; i < t->n_warnings; i++)
        print_fact(&p, "warning", t->warnings[i].text, NULL);
    imr_buf_char(out, '\n');
    query(out, t, imr_report_query(t, context), width);
    note(out, imr_report_note(t, context, ""), width);
    if (t->pair)
        imr_text_pair(out, t, width);
    else
        ranking(out, t, context, width);
    if (context && context->compare)
        imr_text_compare(out, t, context->compare, width);
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        const imr_trace_document *d = imr_trace_at(t, i);
        const imr_detail *about = imr_report_detail(context, i);
        if (!about || !imr_report_prints(context, i))
            continue;
        IMR_AUTOBUF imr_buf name = {0};
        imr_buf_printf(&name, "%s  %s", d->id, imr_trace_title(d));
        imr_buf_char(out, '\n');
        imr_report_wrap(out, imr_buf_text(&name), 0, 0, width);
        note(out, imr_report_note(t, context, d->id), width);
        imr_text_why(out, t, &about->why, d, width);
    }
}
