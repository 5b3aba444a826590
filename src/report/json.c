/* The explanation as JSON, schema imrnn.explanation/1 (assets/report.schema.json). */
#include <math.h>

#include "report/formats.h"

/* Every value leaves a comma behind, which this turns into the bracket. */
static void shut(imr_buf *out, char bracket)
{
    if (!out->failed && out->len && out->data[out->len - 1] == ',')
        out->data[out->len - 1] = bracket;
    else
        imr_buf_char(out, bracket);
    imr_buf_char(out, ',');
}

static void sentence(imr_buf *out, const char *text)
{
    IMR_AUTOBUF imr_buf plain = {0};
    imr_sentence_plain(&plain, text);
    imr_json_printf(out, "'sentence':%-s,", imr_buf_text(&plain));
}

/* An integer, or null where there is none. */
static void integer(imr_buf *out, const char *name, bool there, int64_t value)
{
    imr_json_printf(out, "%s:", name);
    imr_buf_printf(out, there ? "%lld," : "null,", (long long)value);
}

/* ---- words ---- */

static void side(imr_buf *out, const char *name, const imr_word_score *v, size_t n)
{
    imr_json_printf(out, "%s:[", name);
    for (; n; v++, n--)
        imr_json_printf(out,
                        "{'token':%s,'id':%u,'cosine':%g,'visibility':%g,'z':%g,"
                        "'background_z':%g,'hub_count':%u,'hub':%hhd,'effect':%g,"
                        "'significant':%hhd,'in':%s},",
                        v->text, v->id, (double)v->cosine, (double)v->visibility, (double)v->z,
                        (double)v->background_z, v->hub_count, v->hub, (double)v->effect,
                        v->significant, imr_where_names[v->where]);
    shut(out, ']');
}

static void sides(imr_buf *out, const imr_word_list *list)
{
    side(out, "positive", list->positive, list->n_positive);
    side(out, "negative", list->negative, list->n_negative);
}

/* "tokens", "alignment", "coverage", "words"; lists NULL: none. kind: of the words under "tokens". */
static void words(imr_buf *out, const imr_word_list *lists, imr_change_kind kind, bool adapter)
{
    static const imr_word_list none = {.alignment = NAN, .common_part = NAN, .coverage = NAN};
    const imr_word_list *chosen = lists ? &lists[adapter ? kind : IMR_CHANGE_VECTOR] : &none;
    imr_json_printf(out, "'tokens':{");
    sides(out, chosen);
    shut(out, '}');
    imr_json_printf(out, "'alignment':%g,'coverage':%g,'words':", (double)chosen->alignment,
                    (double)chosen->coverage);
    imr_buf_str(out, lists ? "{" : "null,");
    for (int k = 0; lists && k < IMR_CHANGE_COUNT; k++) {
        if ((k == IMR_CHANGE_VECTOR) == adapter || k == IMR_CHANGE_CONTRAST)
            continue;
        imr_json_printf(out, "%s:{", imr_change_kind_names[k]);
        sides(out, &lists[k]);
        imr_json_printf(out, "'alignment':%g,'common_part':%g},", (double)lists[k].alignment,
                        (double)lists[k].common_part);
    }
    if (lists)
        shut(out, '}');
}

static void tokens_read(imr_buf *out, const imr_tokens_read *tokens)
{
    if (tokens && tokens->total)
        imr_json_printf(out, "'tokens_read':{'read':%u,'total':%u},", tokens->read, tokens->total);
    else
        imr_json_printf(out, "'tokens_read':null,");
}

/* ---- a document's why ---- */

/* A number of each stage there is, as members. */
static void stages(imr_buf *out, const imr_pairs *p, const double v[IMR_STAGE_COUNT])
{
    for (int s = 0; s < IMR_STAGE_COUNT; s++)
        if (p->raw[s])
            imr_json_printf(out, "%s:%g,", imr_stage_names[s], v[s]);
    shut(out, '}');
}

static void names(imr_buf *out, const char *name, const imr_pair_word *v, size_t n)
{
    imr_json_printf(out, "%s:[", name);
    for (size_t i = 0; i < n; i++)
        imr_json_printf(out, "%s,", v[i].text);
    imr_buf_str(out, "null],");
}

static void matrix(imr_buf *out, const imr_pairs *p, imr_stage stage)
{
    const double *v = imr_pairs_shares(p, stage);
    if (!v)
        return;
    imr_json_printf(out, "%s:[", imr_stage_names[stage]);
    for (size_t a = 0; a <= p->n_query; a++) {
        imr_buf_char(out, '[');
        for (size_t b = 0; b <= p->n_document; b++)
            imr_json_printf(out, "%g,", v[a * (p->n_document + 1) + b]);
        shut(out, ']');
    }
    shut(out, ']');
}

static void pairs(imr_buf *out, const imr_why *w, imr_report_pairs which)
{
    const imr_pairs *p = &w->pairs;
    imr_json_printf(out, "'pairs_problem':%-s,'pairs':", p->problem);
    if (which == IMR_REPORT_PAIRS_NONE || p->problem[0]) {
        imr_buf_str(out, "null,");
        return;
    }
    double mean[IMR_STAGE_COUNT], sd[IMR_STAGE_COUNT];
    for (int s = 0; s < IMR_STAGE_COUNT; s++)
        mean[s] = p->reference[s].mean, sd[s] = p->reference[s].sd;
    const struct {
        const char *name;
        const double *v;
    } numbers[] = {{"similarity", p->similarity},
                   {"reference_mean", mean},
                   {"reference_sd", sd},
                   {"residual", p->residual}};
    imr_json_printf(out, "{'reference':%s,", p->centred[IMR_STAGE_ENCODER] ? "candidates" : "none");
    names(out, "query_words", p->query, p->n_query);
    names(out, "document_words", p->document, p->n_document);
    for (size_t i = 0; i < IMR_LEN(numbers); i++) {
        imr_json_printf(out, "%s:{", numbers[i].name);
        stages(out, p, numbers[i].v);
    }
    imr_json_printf(out, "'strongest':[");
    for (size_t i = 0; i < w->n_strongest; i++) {
        const imr_strong_pair *s = &w->strongest[i];
        imr_json_printf(out, "{'query':%s,'document':%s,", p->query[s->query].text,
                        p->document[s->document].text);
        stages(out, p, s->value);
    }
    shut(out, ']');
    for (int s = 0; which == IMR_REPORT_PAIRS_ALL && s < IMR_STAGE_COUNT; s++)
        matrix(out, p, (imr_stage)s);
    shut(out, '}');
}

/* Words by what leaving them out costs, for encoders whose vectors are no sum. */
static void deletion(imr_buf *out, const imr_why *w, bool adapter)
{
    imr_json_printf(out, "'deletion':");
    imr_buf_str(out, w->n_deletion ? "[" : "null,");
    for (size_t i = 0; i < w->n_deletion; i++) {
        imr_json_printf(out, "{'word':%s,", w->deletion[i].text);
        for (int s = 0; s < (adapter ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); s++)
            imr_json_printf(out, "%s:%g,", imr_stage_names[s], w->deletion[i].total[s]);
        shut(out, '}');
    }
    if (w->n_deletion)
        shut(out, ']');
}

static void shares(imr_buf *out, const imr_why *w)
{
    imr_json_printf(out, "'share':{'query':%g,'document':%g,'residual':%g},'stages':[",
                    w->share_query, w->share_document, w->share_residual);
    for (int i = 0; w->has_steps && i < IMR_STEP_COUNT; i++)
        imr_json_printf(out, "{'name':%s,'cosine':%g,'change':%g},", imr_step_names[i],
                        w->steps[i].cosine, w->steps[i].change);
    shut(out, ']');
    imr_json_printf(out, "'dimensions':[");
    for (size_t i = 0; i < w->n_dimensions; i++)
        imr_json_printf(out, "{'index':%u,'before':%g,'after':%g,'share':%g},",
                        w->dimensions[i].index, (double)w->dimensions[i].before,
                        (double)w->dimensions[i].after, (double)w->dimensions[i].share);
    shut(out, ']');
}

/* Why it is not higher; w NULL: nobody asked. */
static void why_not(imr_buf *out, const imr_why_not *w)
{
    if (!w) {
        imr_json_printf(out, "'why_not':null,");
        return;
    }
    imr_json_printf(out, "'why_not':{'k':%u,'above':%s,'rank':{", w->k, w->above);
    for (int s = 0; s < (w->adapter ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); s++)
        imr_json_printf(out, "%s:%u,", imr_stage_names[s], w->rank[s]);
    shut(out, '}');
    imr_json_printf(out, "'candidate':%hhd,'smallest_k':%u,", w->candidate, w->smallest_k);
    integer(out, "rank_then", w->rank_then, w->rank_then);
    imr_json_printf(out, "'gap':%g,'gap_sd':%g,'lacks':[", w->gap, w->gap_sd);
    for (size_t i = 0; i < w->n_lacks; i++)
        imr_json_printf(out, "{'query':%s,'document':%s,'share':%g},", w->lacks[i].query,
                        w->lacks[i].document, w->lacks[i].share);
    shut(out, ']');
    imr_json_printf(out, "'words':[");
    for (size_t i = 0; i < w->n_words; i++)
        imr_json_printf(out, "{'word':%s,'rank':%u},", w->words[i].text, w->words[i].rank);
    shut(out, ']');
    integer(out, "bm25", w->bm25, w->bm25);
    sentence(out, w->sentence);
    shut(out, '}');
}

/* A document's shares, pairs, words and what was read of it; w NULL: nobody asked. */
static void put_why(imr_buf *out, const imr_why *w, imr_change_kind kind, bool adapter,
                    imr_report_pairs which)
{
    if (w && adapter)
        shares(out, w);
    else
        imr_json_printf(out, "'share':null,'stages':[],'dimensions':[],");
    if (w) {
        pairs(out, w, which);
        deletion(out, w, adapter);
    } else {
        imr_json_printf(out, "'pairs':null,'deletion':null,");
    }
    words(out, w ? w->words : NULL, kind, adapter);
    tokens_read(out, w ? &w->document_tokens : NULL);
    why_not(out, w ? w->why_not : NULL);
}

/* ---- what went in ---- */

static void lens(imr_buf *out, const imr_lens_quality *q)
{
    imr_json_printf(out, "'lens':{'precision_at_10':%g,'chance':%g,'rank':%g},", q->precision,
                    q->chance, q->rank);
}

static void inputs(imr_buf *out, const imr_trace_inputs *in)
{
    imr_json_printf(out, "'inputs':{'adapter':");
    if (in->adapter_path[0])
        imr_json_printf(out,
                        "{'path':%s,'sha256':%s,'form':%s,'form_from':%s,'input_dim':%u,"
                        "'working_dim':%u,'hidden_dim':%u,'rank':%u,'condition_number':%g},",
                        in->adapter_path, in->adapter_sha256, in->adapter_form,
                        in->adapter_form_from, in->input_dim, in->working_dim, in->hidden_dim,
                        in->rank, in->condition_number);
    else
        imr_buf_str(out, "null,");
    imr_json_printf(out, "'cache':{'path':%s,'sha256':%-s,'documents':%zu,'split':%-s},",
                    in->cache_path, in->cache_sha256, (size_t)in->cache_documents, in->split);
    if (in->store.kind) {
        imr_buf_str(out, "\"store\":");
        imr_trace_store_json(out, &in->store);
        imr_buf_char(out, ',');
    }
    imr_json_printf(out,
                    "'encoder':{'path':%-s,'name':%-s,'kind':%-s,'sha256':%-s},"
                    "'dataset':{'path':%-s,'sha256':%-s,'sha256_from':%-s},"
                    "'token_table':{'name':%-s,'sha256':%-s,'rows':%zu,'lens_quality':%g,",
                    in->encoder_path, in->encoder_name, in->encoder_kind, in->encoder_sha256,
                    in->dataset_path, in->dataset_sha256,
                    !in->dataset_sha256[0]  ? ""
                    : in->dataset_untouched ? "manifest"
                                            : "corpus",
                    in->table_name, in->table_sha256, (size_t)in->table_rows, in->lens.rank);
    lens(out, &in->lens);
    imr_json_printf(out, "'alternatives':[");
    for (size_t i = 0; i < in->n_others; i++) {
        imr_json_printf(out, "{'name':%s,'rows':%zu,", in->others[i].name,
                        (size_t)in->others[i].rows);
        lens(out, &in->others[i].lens);
        shut(out, '}');
    }
    shut(out, ']');
    shut(out, '}');
    shut(out, '}');
}

static void head(imr_buf *out, const imr_trace *t, const imr_report_context *context)
{
    imr_json_printf(out,
                    "'schema':'imrnn.explanation/1','tool':{'name':'imrnn','version':%s},"
                    "'command':[",
                    IMR_VERSION);
    for (size_t i = 0; context && i < context->n_command; i++)
        imr_json_printf(out, "%s,", context->command[i]);
    shut(out, ']');
    inputs(out, &t->inputs);
    imr_json_printf(out, "'settings':");
    imr_trace_settings_json(out, &t->settings);
    imr_buf_char(out, ',');
    imr_json_printf(out, "'warning':%-s,'warnings':[", t->warning);
    for (size_t i = 0; i < t->n_warnings; i++)
        imr_json_printf(out, "{'code':%s,'text':%s},", t->warnings[i].code, t->warnings[i].text);
    shut(out, ']');
}

/* ---- the ranking ---- */

static void note(imr_buf *out, const imr_trace *t, const imr_report_context *context,
                 const char *document)
{
    const imr_note *n = imr_report_note(t, context, document);
    if (!context || !context->notes)
        return;
    imr_json_printf(out, "'note':");
    if (n)
        imr_note_put(out, n);
    imr_buf_str(out, n ? "," : "null,");
}

/* What a ranking knows of a document. */
static void standing(imr_buf *out, const imr_trace *t, const imr_report_context *context, size_t i)
{
    const imr_trace_document *d = imr_trace_at(t, i);
    const imr_detail *about = imr_report_detail(context, i);
    const bool adapter = imr_report_adapted(t), after = adapter && d->rank_after;
    imr_json_printf(out, "'id':%s,'title':%s,", d->id, d->title);
    integer(out, "rank_encoder", d->rank_encoder, d->rank_encoder);
    integer(out, "rank_before", adapter && d->rank_before, d->rank_before);
    integer(out, "rank_after", after, d->rank_after);
    integer(out, "move", after, d->move);
    integer(out, "move_encoder", after, d->move_encoder);
    if (after)
        imr_json_printf(out, "'lift':{'total':%g,'projector':%g,'modulation':%g},", d->lift.total,
                        d->lift.projector, d->lift.modulation);
    else
        imr_json_printf(out, "'lift':null,");
    imr_json_printf(out, "'sim_encoder':%g,'sim_before':%g,'sim_after':%g,", (double)d->sim_encoder,
                    adapter ? (double)d->sim_before : NAN, after ? (double)d->sim_after : NAN);
    sentence(out, about ? about->why.sentence : d->sentence);
    integer(out, "relevance", d->relevance >= 0, d->relevance);
    if (t->beside) {
        uint32_t rank[2];
        const double gain = imr_trace_gain(rank, t, d);
        integer(out, "rank_beside", d->rank_beside, d->rank_beside);
        integer(out, "gain", isfinite(gain), isfinite(gain) ? (int64_t)gain : 0);
    }
    note(out, t, context, d->id);
}

static void document(imr_buf *out, const imr_trace *t, const imr_report_context *context, size_t i)
{
    const imr_trace_document *d = &t->documents[i];
    const imr_detail *about = imr_report_detail(context, i);
    const bool adapter = imr_report_adapted(t);
    imr_buf_char(out, '{');
    standing(out, t, context, i);
    imr_json_printf(out, "'delta_sim':%g,'delta_sim_relative':%g,",
                    adapter ? (double)d->delta_sim : NAN,
                    adapter ? (double)d->delta_sim_relative : NAN);
    put_why(out, about ? &about->why : NULL, t->settings.delta, adapter,
            context ? context->pairs : IMR_REPORT_PAIRS_STRONGEST);
    imr_json_printf(out, "'feedback':%hhd,'influence':", d->feedback);
    if (isnan(d->influence))
        imr_buf_str(out, "null},");
    else
        imr_json_printf(out, "{'query_change':%g,'moves_in_top_10':%u}},", (double)d->influence,
                        d->influence_moves);
}

static void tokens(imr_buf *out, const char *name, const imr_trace_token *v, size_t n)
{
    imr_json_printf(out, "%s:[", name);
    for (size_t i = 0; i < n; i++)
        imr_json_printf(out, "{'token':%s,'cosine':%g},", v[i].text, (double)v[i].cosine);
    shut(out, ']');
}

/* One pair alone, as the authors' package has it. */
static void pair(imr_buf *out, const imr_trace *t)
{
    const imr_trace_pair *p = t->pair;
    imr_json_printf(out, "'base_score':%g,'adapted_score':%g,", (double)t->documents[0].sim_encoder,
                    (double)t->documents[0].sim_after);
    tokens(out, "query_tokens", p->query, p->n_query);
    tokens(out, "document_tokens", p->document, p->n_document);
}

/* ---- A against B ---- */

static void beside(imr_buf *out, const imr_trace *t)
{
    const imr_trace_exchange x = imr_trace_exchanged(t);
    imr_json_printf(out, "'beside':{'in_force':%s,", t->second ? "b" : "a");
    for (int i = 0; i < 2; i++) {
        const imr_trace *of = imr_trace_side(t, i);
        imr_json_printf(out,
                        "%s:{'query':%s,'seen':%-s,'adapter':{'path':%-s,'sha256':%-s,"
                        "'form':%-s},'candidates':%s,'metrics':{",
                        i ? "b" : "a", of->query_text, of->seen, of->inputs.adapter_path,
                        of->inputs.adapter_sha256, of->inputs.adapter_form,
                        imr_candidates_names[of->settings.candidates]);
        for (size_t m = 0; m < of->n_metrics; m++)
            imr_json_printf(out, "%s:%g,", of->metrics[m].name,
                            of->metrics[m].value[imr_trace_now(of)]);
        shut(out, '}');
        shut(out, '}');
    }
    for (int i = 0; i < 2; i++)
        imr_json_printf(out, "%s:{'documents':%u,'relevant':%u},",
                        i ? "enter_top_10" : "leave_top_10", x.documents[i], x.relevant[i]);
    shut(out, '}');
}

static void by_stage(imr_buf *out, const char *name, const double v[IMR_STAGE_COUNT])
{
    imr_json_printf(out, "%s:{'encoder':%g,'before':%g,'after':%g},", name, v[0], v[1], v[2]);
}

static void entries(imr_buf *out, const char *name, const imr_compare_entry *v, size_t n)
{
    imr_json_printf(out, "%s:[", name);
    for (; n; v++, n--) {
        imr_json_printf(out, "{'word':%-s,", v->text ? v->text : "");
        if (v->with)
            imr_json_printf(out, "'with':%s,", v->with);
        by_stage(out, "a", v->value[0]);
        by_stage(out, "b", v->value[1]);
        shut(out, '}');
    }
    shut(out, ']');
}

static void compare(imr_buf *out, const imr_comparison *c)
{
    static const char *const ranks[] = {"rank_encoder", "rank_before", "rank_after"};
    const imr_compare *w = &c->why;
    imr_json_printf(out, "'compare':{'of':%s,", imr_compare_names[w->of]);
    for (size_t i = 0; i < 2; i++) {
        const imr_trace *t = c->trace[i];
        const imr_trace_document *d = imr_trace_at(t, c->place[i]);
        imr_json_printf(out, "%s:{'document':%s,'query':%s,'adapter':%-s,", i ? "b" : "a", d->id,
                        t->query_text, t->inputs.adapter_path);
        for (size_t k = 0; k < IMR_STAGE_COUNT; k++)
            integer(out, ranks[k], d->rank[k], d->rank[k]);
        imr_json_printf(out, "'share':{'query':%g,'document':%g}},", w->sides[i][0],
                        w->sides[i][1]);
    }
    sentence(out, w->sentence);
    by_stage(out, "standing", w->standing);
    by_stage(out, "similarity", w->similarity);
    by_stage(out, "rounding", w->rounding);
    imr_json_printf(out, "'projector':%g,'modulation':%g,'residual':%g,'stages':[", w->projector,
                    w->modulation, w->residual);
    for (size_t i = 1; i < IMR_STEP_COUNT && !isnan(w->steps[i]); i++)
        imr_json_printf(out, "{'name':%s,'change':%g},", imr_step_names[i], w->steps[i]);
    shut(out, ']');
    imr_json_printf(out, "'unit':%s,'problem':%-s,", w->in_sd ? "sd" : "cosine", w->problem);
    entries(out, "words", w->words, w->n_words);
    entries(out, "pairs", w->pairs, w->n_pairs);
    imr_json_printf(out, "'contrast':{");
    sides(out, &c->contrast);
    shut(out, '}');
    shut(out, '}');
}

void imr_report_json(const imr_trace *t, const imr_report_context *context, imr_buf *out)
{
    const bool adapter = imr_report_adapted(t);
    const imr_detail *any = imr_report_query(t, context);
    imr_buf_char(out, '{');
    head(out, t, context);
    imr_json_printf(out, "'query':{'id':%-s,'text':%s,'prefix':%s,'cached':%hhd,", t->query_id,
                    t->query_text, t->query_prefix, t->query_cached);
    note(out, t, context, "");
    words(out, any ? any->query_words : NULL, t->settings.delta, adapter);
    tokens_read(out, any ? &any->why.query_tokens : NULL);
    shut(out, '}');
    sentence(out, t->sentence);
    imr_json_printf(out, "'scored':%zu,'median_delta_sim':%g,'kendall_tau':%g,'tau_encoder':%g,",
                    (size_t)t->n_scored, adapter ? (double)t->median_delta_sim : NAN,
                    adapter ? t->kendall_tau : NAN, adapter ? t->tau_encoder : NAN);
    integer(out, "moved_encoder", adapter, t->moved_encoder);
    imr_json_printf(out, "'metrics':{");
    for (size_t i = 0; i < t->n_metrics; i++)
        imr_json_printf(out, "%s:{'encoder':%g,'before':%g,'after':%g},", t->metrics[i].name,
                        t->metrics[i].encoder, adapter ? t->metrics[i].before : NAN,
                        adapter ? t->metrics[i].after : NAN);
    shut(out, '}');
    if (t->pair)
        pair(out, t);
    if (t->beside)
        beside(out, t);
    if (context && context->compare)
        compare(out, context->compare);
    imr_json_printf(out, "'documents':[");
    for (size_t i = 0; i < t->n_documents; i++)
        document(out, t, context, i);
    shut(out, ']');
    imr_json_printf(out, "'left':[");
    for (size_t i = 0; i < t->n_left; i++) {
        imr_buf_char(out, '{');
        const imr_detail *about = imr_report_detail(context, t->n_documents + i);
        standing(out, t, context, t->n_documents + i);
        if (about)
            put_why(out, &about->why, t->settings.delta, false,
                    context ? context->pairs : IMR_REPORT_PAIRS_STRONGEST);
        shut(out, '}');
    }
    shut(out, ']');
    shut(out, '}');
    if (!out->failed)
        out->data[out->len - 1] = '\n';
}
