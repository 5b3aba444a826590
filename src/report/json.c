/* The explanation as JSON, schema imrnn.explanation/1 (assets/report.schema.json). */
#include "format/json.h"

#include <math.h>
#include <string.h>

#include "report/formats.h"

static void key(imr_buf *out, const char *name)
{
    imr_json_put_string(out, name);
    imr_buf_char(out, ':');
}

static void put_string(imr_buf *out, const char *name, const char *value)
{
    key(out, name);
    imr_json_put_string(out, value);
    imr_buf_char(out, ',');
}

/* "" stands for absent in the trace and for null in JSON. */
static void put_optional(imr_buf *out, const char *name, const char *value)
{
    key(out, name);
    if (value && value[0])
        imr_json_put_string(out, value);
    else
        imr_buf_str(out, "null");
    imr_buf_char(out, ',');
}

static void put_number(imr_buf *out, const char *name, double value)
{
    key(out, name);
    imr_json_put_number(out, value);
    imr_buf_char(out, ',');
}

static void put_int(imr_buf *out, const char *name, int64_t value)
{
    key(out, name);
    imr_json_put_int(out, value);
    imr_buf_char(out, ',');
}

static void put_rank(imr_buf *out, const char *name, uint32_t rank)
{
    if (rank) {
        put_int(out, name, rank);
        return;
    }
    key(out, name);
    imr_buf_str(out, "null,");
}

static void put_bool(imr_buf *out, const char *name, bool value)
{
    key(out, name);
    imr_buf_str(out, value ? "true," : "false,");
}

static void open_object(imr_buf *out, const char *name)
{
    if (name)
        key(out, name);
    imr_buf_char(out, '{');
}

static void open_array(imr_buf *out, const char *name)
{
    key(out, name);
    imr_buf_char(out, '[');
}

/* Replaces the comma the last member left. */
static void close_with(imr_buf *out, char bracket)
{
    if (!out->failed && out->len && out->data[out->len - 1] == ',')
        out->data[out->len - 1] = bracket;
    else
        imr_buf_char(out, bracket);
    imr_buf_char(out, ',');
}

static void token(imr_buf *out, const imr_word_score *t)
{
    open_object(out, NULL);
    put_string(out, "token", t->text);
    put_int(out, "id", t->id);
    put_number(out, "cosine", (double)t->cosine);
    put_number(out, "visibility", (double)t->visibility);
    put_number(out, "z", (double)t->z);
    put_number(out, "background_z", (double)t->background_z);
    put_int(out, "hub_count", t->hub_count);
    put_number(out, "effect", (double)t->effect);
    put_bool(out, "significant", t->significant);
    put_string(out, "in", imr_where_name(t->where));
    close_with(out, '}');
}

static void token_list(imr_buf *out, const char *name, const imr_word_score *v, size_t n)
{
    open_array(out, name);
    for (size_t i = 0; i < n; i++)
        token(out, &v[i]);
    close_with(out, ']');
}

static void token_lists(imr_buf *out, const imr_word_list *lists)
{
    open_object(out, "tokens");
    token_list(out, "positive", lists->positive, lists->n_positive);
    token_list(out, "negative", lists->negative, lists->n_negative);
    close_with(out, '}');
    put_number(out, "alignment", (double)lists->alignment);
    put_number(out, "coverage", (double)lists->coverage);
}

static void inputs(imr_buf *out, const imr_trace_inputs *in)
{
    open_object(out, "inputs");
    open_object(out, "adapter");
    put_string(out, "path", in->adapter_path);
    put_string(out, "sha256", in->adapter_sha256);
    put_string(out, "form", in->adapter_form);
    put_string(out, "form_from", in->adapter_form_from);
    put_int(out, "input_dim", in->input_dim);
    put_int(out, "working_dim", in->working_dim);
    put_int(out, "hidden_dim", in->hidden_dim);
    put_int(out, "rank", in->rank);
    put_number(out, "condition_number", in->condition_number);
    close_with(out, '}');
    open_object(out, "cache");
    put_string(out, "path", in->cache_path);
    put_optional(out, "sha256", in->cache_sha256);
    put_int(out, "documents", (int64_t)in->cache_documents);
    put_optional(out, "split", in->split);
    close_with(out, '}');
    open_object(out, "encoder");
    put_optional(out, "path", in->encoder_path);
    put_optional(out, "name", in->encoder_name);
    put_optional(out, "kind", in->encoder_kind);
    put_optional(out, "sha256", in->encoder_sha256);
    close_with(out, '}');
    open_object(out, "dataset");
    put_optional(out, "path", in->dataset_path);
    put_optional(out, "sha256", in->dataset_sha256);
    put_optional(out, "sha256_from",
                 !in->dataset_sha256[0]  ? ""
                 : in->dataset_untouched ? "manifest"
                                         : "corpus");
    close_with(out, '}');
    open_object(out, "token_table");
    put_optional(out, "name", in->table_name);
    put_optional(out, "sha256", in->table_sha256);
    put_int(out, "rows", (int64_t)in->table_rows);
    put_number(out, "lens_quality", (double)in->lens_quality);
    close_with(out, '}');
    close_with(out, '}');
}

/* Of the first detail: they all say the same of the query. */
static const imr_word_list *query_words(const imr_trace *t, const imr_details *details)
{
    static const imr_word_list none;
    return details && details->n ? &details->v[0]->query_words[t->settings.delta] : &none;
}

static void query(imr_buf *out, const imr_trace *t, const imr_details *details)
{
    open_object(out, "query");
    put_optional(out, "id", t->query_id);
    put_string(out, "text", t->query_text);
    put_string(out, "prefix", t->query_prefix);
    put_bool(out, "cached", t->query_cached);
    token_lists(out, query_words(t, details));
    close_with(out, '}');
}

static void document(imr_buf *out, const imr_trace_document *d, const imr_why *why,
                     imr_change_kind kind)
{
    static const imr_why none;
    if (!why)
        why = &none;
    open_object(out, NULL);
    put_string(out, "id", d->id);
    put_string(out, "title", d->title);
    put_rank(out, "rank_encoder", d->rank_encoder);
    put_rank(out, "rank_before", d->rank_before);
    put_rank(out, "rank_after", d->rank_after);
    put_int(out, "move", d->move);
    put_number(out, "sim_encoder", (double)d->sim_encoder);
    put_number(out, "sim_before", (double)d->sim_before);
    put_number(out, "sim_after", (double)d->sim_after);
    put_number(out, "delta_sim", (double)d->delta_sim);
    put_number(out, "delta_sim_relative", (double)d->delta_sim_relative);
    open_object(out, "share");
    put_number(out, "query", why->share_query);
    put_number(out, "document", why->share_document);
    put_number(out, "residual", why->share_residual);
    close_with(out, '}');
    open_array(out, "stages");
    for (imr_step i = 0; i < IMR_STEP_COUNT && why->has_steps; i++) {
        open_object(out, NULL);
        put_string(out, "name", imr_step_name(i));
        put_number(out, "cosine", why->steps[i].cosine);
        put_number(out, "change", why->steps[i].change);
        close_with(out, '}');
    }
    close_with(out, ']');
    open_array(out, "dimensions");
    for (size_t i = 0; i < why->n_dimensions; i++) {
        open_object(out, NULL);
        put_int(out, "index", why->dimensions[i].index);
        put_number(out, "before", (double)why->dimensions[i].before);
        put_number(out, "after", (double)why->dimensions[i].after);
        put_number(out, "share", (double)why->dimensions[i].share);
        close_with(out, '}');
    }
    close_with(out, ']');
    token_lists(out, &why->words[kind]);
    put_bool(out, "feedback", d->feedback);
    key(out, "relevance");
    if (d->relevance >= 0)
        imr_json_put_int(out, d->relevance);
    else
        imr_buf_str(out, "null");
    imr_buf_char(out, ',');
    close_with(out, '}');
}

static void metrics(imr_buf *out, const imr_trace *t)
{
    open_object(out, "metrics");
    for (size_t i = 0; i < t->n_metrics; i++) {
        open_object(out, t->metrics[i].name);
        put_number(out, "encoder", t->metrics[i].encoder);
        put_number(out, "before", t->metrics[i].before);
        put_number(out, "after", t->metrics[i].after);
        close_with(out, '}');
    }
    close_with(out, '}');
}

void imr_report_json(const imr_trace *t, const imr_report_context *context, imr_buf *out)
{
    open_object(out, NULL);
    put_string(out, "schema", "imrnn.explanation/1");
    open_object(out, "tool");
    put_string(out, "name", "imrnn");
    put_string(out, "version", IMR_VERSION);
    close_with(out, '}');
    open_array(out, "command");
    for (size_t i = 0; context && i < context->n_command; i++) {
        imr_json_put_string(out, context->command[i]);
        imr_buf_char(out, ',');
    }
    close_with(out, ']');
    inputs(out, &t->inputs);
    open_object(out, "settings");
    put_int(out, "feedback_k", t->settings.feedback_k);
    put_string(out, "scope", imr_scope_name(t->settings.scope));
    put_string(out, "candidates", imr_candidates_name(t->settings.candidates));
    put_string(out, "delta", imr_change_kind_name(t->settings.delta));
    put_string(out, "order", imr_token_order_name(t->settings.order));
    put_int(out, "tokens", t->settings.tokens);
    close_with(out, '}');
    put_optional(out, "warning", t->warning);
    const imr_details *details = context ? context->details : NULL;
    query(out, t, details);
    put_int(out, "scored", (int64_t)t->n_scored);
    put_number(out, "median_delta_sim", (double)t->median_delta_sim);
    put_number(out, "kendall_tau", t->kendall_tau);
    metrics(out, t);
    open_array(out, "documents");
    for (size_t i = 0; i < t->n_documents; i++)
        document(out, &t->documents[i], details && i < details->n ? &details->v[i]->why : NULL,
                 t->settings.delta);
    close_with(out, ']');
    close_with(out, '}');
    if (!out->failed)
        out->data[out->len - 1] = '\n';
}
