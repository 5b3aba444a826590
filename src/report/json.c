/* The explanation as JSON, schema imrnn.explanation/1 (assets/report.schema.json). */
#include <math.h>

#include "report/formats.h"
#include "report/json_put.h"

static void adapter(imr_buf *out, const imr_trace_inputs *in)
{
    imr_put_open(out, "adapter", '{');
    imr_put_string(out, "path", in->adapter_path);
    imr_put_string(out, "sha256", in->adapter_sha256);
    imr_put_string(out, "form", in->adapter_form);
    imr_put_string(out, "form_from", in->adapter_form_from);
    imr_put_int(out, "input_dim", in->input_dim);
    imr_put_int(out, "working_dim", in->working_dim);
    imr_put_int(out, "hidden_dim", in->hidden_dim);
    imr_put_int(out, "rank", in->rank);
    imr_put_number(out, "condition_number", in->condition_number);
    imr_put_close(out, '}');
}

static void put_lens(imr_buf *out, const imr_lens_quality *q)
{
    imr_put_open(out, "lens", '{');
    imr_put_number(out, "precision_at_10", q->precision);
    imr_put_number(out, "chance", q->chance);
    imr_put_number(out, "rank", q->rank);
    imr_put_close(out, '}');
}

static void inputs(imr_buf *out, const imr_trace_inputs *in)
{
    imr_put_open(out, "inputs", '{');
    if (in->adapter_path[0])
        adapter(out, in);
    else
        imr_put_null(out, "adapter");
    imr_put_open(out, "cache", '{');
    imr_put_string(out, "path", in->cache_path);
    imr_put_optional(out, "sha256", in->cache_sha256);
    imr_put_int(out, "documents", (int64_t)in->cache_documents);
    imr_put_optional(out, "split", in->split);
    imr_put_close(out, '}');
    imr_put_open(out, "encoder", '{');
    imr_put_optional(out, "path", in->encoder_path);
    imr_put_optional(out, "name", in->encoder_name);
    imr_put_optional(out, "kind", in->encoder_kind);
    imr_put_optional(out, "sha256", in->encoder_sha256);
    imr_put_close(out, '}');
    imr_put_open(out, "dataset", '{');
    imr_put_optional(out, "path", in->dataset_path);
    imr_put_optional(out, "sha256", in->dataset_sha256);
    imr_put_optional(out, "sha256_from",
                     !in->dataset_sha256[0]  ? ""
                     : in->dataset_untouched ? "manifest"
                                             : "corpus");
    imr_put_close(out, '}');
    imr_put_open(out, "token_table", '{');
    imr_put_optional(out, "name", in->table_name);
    imr_put_optional(out, "sha256", in->table_sha256);
    imr_put_int(out, "rows", (int64_t)in->table_rows);
    imr_put_number(out, "lens_quality", in->lens.rank);
    put_lens(out, &in->lens);
    imr_put_open(out, "alternatives", '[');
    for (size_t i = 0; i < in->n_others; i++) {
        imr_put_open(out, NULL, '{');
        imr_put_string(out, "name", in->others[i].name);
        imr_put_int(out, "rows", (int64_t)in->others[i].rows);
        put_lens(out, &in->others[i].lens);
        imr_put_close(out, '}');
    }
    imr_put_close(out, ']');
    imr_put_close(out, '}');
    imr_put_close(out, '}');
}

static void query(imr_buf *out, const imr_trace *t, const imr_detail *any)
{
    imr_put_open(out, "query", '{');
    imr_put_optional(out, "id", t->query_id);
    imr_put_string(out, "text", t->query_text);
    imr_put_string(out, "prefix", t->query_prefix);
    imr_put_bool(out, "cached", t->query_cached);
    imr_json_words(out, any ? any->query_words : NULL, t->settings.delta, imr_report_adapted(t));
    imr_json_tokens_read(out, any ? &any->why.query_tokens : NULL);
    imr_put_close(out, '}');
}

static void lift(imr_buf *out, const imr_lift *l)
{
    imr_put_open(out, "lift", '{');
    imr_put_number(out, "total", l->total);
    imr_put_number(out, "projector", l->projector);
    imr_put_number(out, "modulation", l->modulation);
    imr_put_close(out, '}');
}

/* What a ranking knows of a document. */
static void standing(imr_buf *out, const imr_trace_document *d, bool adapter, const imr_why *why)
{
    imr_put_string(out, "id", d->id);
    imr_put_string(out, "title", d->title);
    imr_put_rank(out, "rank_encoder", d->rank_encoder);
    imr_put_rank(out, "rank_before", adapter ? d->rank_before : 0);
    imr_put_rank(out, "rank_after", adapter ? d->rank_after : 0);
    if (adapter && d->rank_after) {
        imr_put_int(out, "move", d->move);
        imr_put_int(out, "move_encoder", d->move_encoder);
        lift(out, &d->lift);
    } else {
        imr_buf_str(out, "\"move\":null,\"move_encoder\":null,\"lift\":null,");
    }
    imr_put_number(out, "sim_encoder", (double)d->sim_encoder);
    imr_put_number(out, "sim_before", adapter ? (double)d->sim_before : NAN);
    imr_put_number(out, "sim_after", adapter && d->rank_after ? (double)d->sim_after : NAN);
    IMR_AUTOBUF imr_buf plain = {0};
    imr_report_plain(&plain, why ? why->sentence : d->sentence);
    imr_put_optional(out, "sentence", imr_buf_text(&plain));
    if (d->relevance >= 0)
        imr_put_int(out, "relevance", d->relevance);
    else
        imr_put_null(out, "relevance");
}

static void document(imr_buf *out, const imr_trace *t, const imr_report_context *context, size_t i)
{
    const imr_trace_document *d = &t->documents[i];
    const imr_detail *about = imr_report_detail(context, i);
    const bool adapter = imr_report_adapted(t);
    imr_put_open(out, NULL, '{');
    standing(out, d, adapter, about ? &about->why : NULL);
    imr_put_number(out, "delta_sim", adapter ? (double)d->delta_sim : NAN);
    imr_put_number(out, "delta_sim_relative", adapter ? (double)d->delta_sim_relative : NAN);
    imr_json_why(out, about ? &about->why : NULL, t->settings.delta, adapter,
                 context ? context->pairs : IMR_REPORT_PAIRS_STRONGEST);
    imr_put_bool(out, "feedback", d->feedback);
    imr_put_close(out, '}');
}

static void metrics(imr_buf *out, const imr_trace *t)
{
    const bool adapter = imr_report_adapted(t);
    imr_put_open(out, "metrics", '{');
    for (size_t i = 0; i < t->n_metrics; i++) {
        imr_put_open(out, t->metrics[i].name, '{');
        imr_put_number(out, "encoder", t->metrics[i].encoder);
        imr_put_number(out, "before", adapter ? t->metrics[i].before : NAN);
        imr_put_number(out, "after", adapter ? t->metrics[i].after : NAN);
        imr_put_close(out, '}');
    }
    imr_put_close(out, '}');
}

static void tokens(imr_buf *out, const char *name, const imr_trace_token *v, size_t n)
{
    imr_put_open(out, name, '[');
    for (size_t i = 0; i < n; i++) {
        imr_put_open(out, NULL, '{');
        imr_put_string(out, "token", v[i].text);
        imr_put_number(out, "cosine", (double)v[i].cosine);
        imr_put_close(out, '}');
    }
    imr_put_close(out, ']');
}

/* One pair alone, as the authors' package has it. */
static void pair(imr_buf *out, const imr_trace *t)
{
    const imr_trace_pair *p = t->pair;
    imr_put_number(out, "base_score", (double)t->documents[0].sim_encoder);
    imr_put_number(out, "adapted_score", (double)t->documents[0].sim_after);
    tokens(out, "query_tokens", p->query, p->n_query);
    tokens(out, "document_tokens", p->document, p->n_document);
}

static void head(imr_buf *out, const imr_trace *t, const imr_report_context *context)
{
    imr_put_string(out, "schema", "imrnn.explanation/1");
    imr_put_open(out, "tool", '{');
    imr_put_string(out, "name", "imrnn");
    imr_put_string(out, "version", IMR_VERSION);
    imr_put_close(out, '}');
    imr_put_open(out, "command", '[');
    for (size_t i = 0; context && i < context->n_command; i++)
        imr_put_string(out, NULL, context->command[i]);
    imr_put_close(out, ']');
    inputs(out, &t->inputs);
    imr_put_open(out, "settings", '{');
    imr_put_int(out, "feedback_k", t->settings.feedback_k);
    imr_put_string(out, "scope", imr_scope_name(t->settings.scope));
    imr_put_string(out, "candidates", imr_candidates_name(t->settings.candidates));
    imr_put_string(out, "delta", imr_change_kind_name(t->settings.delta));
    imr_put_string(out, "order", imr_token_order_name(t->settings.order));
    imr_put_int(out, "tokens", t->settings.tokens);
    imr_put_close(out, '}');
    imr_put_optional(out, "warning", t->warning);
    imr_put_open(out, "warnings", '[');
    for (size_t i = 0; i < t->n_warnings; i++) {
        imr_put_open(out, NULL, '{');
        imr_put_string(out, "code", t->warnings[i].code);
        imr_put_string(out, "text", t->warnings[i].text);
        imr_put_close(out, '}');
    }
    imr_put_close(out, ']');
}

void imr_report_json(const imr_trace *t, const imr_report_context *context, imr_buf *out)
{
    const bool adapter = imr_report_adapted(t);
    IMR_AUTOBUF imr_buf plain = {0};
    imr_put_open(out, NULL, '{');
    head(out, t, context);
    query(out, t, imr_report_query(t, context));
    imr_report_plain(&plain, t->sentence);
    imr_put_optional(out, "sentence", imr_buf_text(&plain));
    imr_put_int(out, "scored", (int64_t)t->n_scored);
    imr_put_number(out, "median_delta_sim", adapter ? (double)t->median_delta_sim : NAN);
    imr_put_number(out, "kendall_tau", adapter ? t->kendall_tau : NAN);
    imr_put_number(out, "tau_encoder", adapter ? t->tau_encoder : NAN);
    if (adapter)
        imr_put_int(out, "moved_encoder", t->moved_encoder);
    else
        imr_put_null(out, "moved_encoder");
    metrics(out, t);
    if (t->pair)
        pair(out, t);
    imr_put_open(out, "documents", '[');
    for (size_t i = 0; i < t->n_documents; i++)
        document(out, t, context, i);
    imr_put_close(out, ']');
    imr_put_open(out, "left", '[');
    for (size_t i = 0; i < t->n_left; i++) {
        imr_put_open(out, NULL, '{');
        standing(out, &t->left[i], adapter, NULL);
        imr_put_close(out, '}');
    }
    imr_put_close(out, ']');
    imr_put_close(out, '}');
    if (!out->failed)
        out->data[out->len - 1] = '\n';
}
