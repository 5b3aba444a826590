#include "session/audit.h"

#include <math.h>

#include "explain/sentence.h"
#include "session/internal.h"

/* ---- a row ---- */

/* As much of a text as fits, whole characters. */
static void put_text(char *out, size_t size, const char *text)
{
    size_t n = strlen(text);
    if (n >= size)
        for (n = size - 1; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    snprintf(out, size, "%.*s", (int)n, text);
}

static double discount(uint32_t rank)
{
    return 1 / log2(1 + (double)rank);
}

static size_t find_change(const imr_trace *t)
{
    double most = -1;
    size_t at = 0;
    for (size_t i = 0; i < t->n_documents; i++) {
        const imr_trace_document *d = &t->documents[i];
        const double moved = fabs(discount(d->rank_after) - discount(d->rank_encoder));
        at = moved > most ? i : at;
        most = fmax(most, moved);
    }
    return at;
}

/* The three that gained most, then the three that lost most. */
static void take_pairs(imr_audit_row *r, const imr_why *w)
{
    uint64_t taken = 0; /* there are at most 30 */
    for (size_t k = 0, n = 0; k < IMR_AUDIT_PAIRS; k++) {
        const double sign = k < IMR_AUDIT_PAIRS / 2 ? 1 : -1;
        double best = IMR_SENTENCE_NAMED;
        size_t at = SIZE_MAX;
        for (size_t i = 0; i < w->n_strongest && i < 64; i++)
            if (!(taken >> i & 1) && sign * w->strongest[i].change > best) {
                at = i;
                best = sign * w->strongest[i].change;
            }
        if (at == SIZE_MAX)
            continue;
        struct imr_audit_pair *p = &r->pairs[n++];
        const imr_strong_pair *of = &w->strongest[at];
        taken |= UINT64_C(1) << at;
        p->change = of->change;
        put_text(p->query, sizeof p->query, w->pairs.query[of->query].text);
        put_text(p->document, sizeof p->document, w->pairs.document[of->document].text);
    }
}

static imr_status explain(const imr_audit *a, imr_audit_row *r, const imr_trace *t, imr_error *err)
{
    imr_session *s = a->session;
    IMR_CLEANUP(imr_detail_free_at) imr_detail *d = NULL;
    IMR_AUTOBUF imr_buf plain = {0};
    const size_t place = find_change(t);
    r->document = t->documents[place].row;
    if (t->window)
        IMR_NEED(a->names[r - a->rows] = imr_arena_strdup(a->arena, t->documents[place].id), err);
    r->number[IMR_AUDIT_FROM] = t->documents[place].rank_encoder;
    r->number[IMR_AUDIT_TO] = t->documents[place].rank_after;
    if (a->options.no_words || !imr_cache_has_texts(s->cache))
        return IMR_OK;
    IMR_TRY(imr_session_detail(s, t, place, IMR_DETAIL_PAIRS, a->progress, &d, err));
    imr_sentence_plain(&plain, d->why.sentence);
    IMR_TRY(imr_buf_check(&plain, err));
    put_text(r->sentence, sizeof r->sentence, imr_buf_text(&plain));
    take_pairs(r, &d->why);
    return IMR_OK;
}

/* The evaluator's last row. */
static void take_numbers(imr_audit_row *r, const imr_eval *e)
{
    const size_t row = e->queries - 1;
    r->seen = e->seen[row];
    for (size_t i = 0; i < IMR_AUDIT_COLUMNS; i++)
        r->number[i] = NAN;
    for (size_t k = 0; e->metrics && k < (e->has_adapter ? IMR_STAGE_COUNT : 1); k++) {
        for (size_t m = 0; m < e->metrics; m++)
            r->number[4 * m + k] = e->values[k][row * e->metrics + m];
        r->number[IMR_AUDIT_FIRST + k] = e->more[row].first[k];
        r->number[IMR_AUDIT_JUDGED + k] = 1 - e->more[row].unjudged[k];
    }
    for (double *of = r->number; of < r->number + IMR_AUDIT_FIRST; of += 4)
        of[3] = of[2] - of[0];
    if (e->has_adapter) {
        r->number[IMR_AUDIT_RBO] = e->more[row].rbo_encoder;
        r->number[IMR_AUDIT_RBO + 1] = e->rbo[row];
    }
}

/* A kept row becomes the evaluator's next. */
static void give_numbers(imr_eval *e, const imr_audit_row *r, uint32_t query)
{
    const size_t row = e->queries++;
    e->query[row] = query;
    e->seen[row] = r->seen != 0;
    for (size_t k = 0; k < (e->has_adapter ? IMR_STAGE_COUNT : 1); k++) {
        for (size_t m = 0; m < e->metrics; m++)
            e->values[k][row * e->metrics + m] = r->number[4 * m + k];
        e->more[row].unjudged[k] = e->metrics ? 1 - r->number[IMR_AUDIT_JUDGED + k] : 0;
    }
    e->more[row].rbo_encoder = r->number[IMR_AUDIT_RBO];
}

static imr_status make_row(void *user, size_t first, IMR_UNUSED size_t count, void *const out[],
                           imr_error *err)
{
    imr_audit *a = user;
    imr_eval *e = imr_evaluator_result(a->evaluator);
    IMR_CLEANUP(imr_trace_free_at) imr_trace *t = NULL;
    const imr_request request = {.query_id = imr_audit_query(a, first).query_id,
                                 .alone = true,
                                 .settings = a->session->options.settings,
                                 .progress = a->progress};
    imr_audit_row *r = &a->rows[first];
    memset(r, 0, sizeof *r);
    r->document = UINT32_MAX;
    e->queries = first; /* the row may have been begun before */
    IMR_TRY(imr_session_run(a->session, &request, &t, err));
    IMR_TRY(imr_evaluator_add(a->evaluator, a->query[first], t, a->progress, err));
    take_numbers(r, e);
    if (e->has_adapter)
        IMR_TRY(explain(a, r, t, err));
    if (out[0] != r)
        memcpy(out[0], r, sizeof *r);
    a->done = first + 1;
    return IMR_OK;
}

/* ---- what is kept ---- */

/* Of all that rows depend on, their bytes in this machine's order included. */
static imr_status find_key(const imr_audit *a, char out[IMR_SHA256_HEX], imr_error *err)
{
    const imr_trace_inputs *in = &a->session->facts.inputs;
    const imr_eval_options *o = &a->measured;
    const char *const texts[] = {IMR_VERSION,        in->adapter_sha256, in->adapter_form,
                                 in->cache_sha256,   in->encoder_sha256, in->dataset_sha256,
                                 a->session->prefix, a->split.name};
    const uint32_t numbers[] = {sizeof(imr_audit_row), (uint32_t)a->n, o->feedback_k,      o->scope,
                                o->candidates,         a->options.k,   a->options.no_words};
    char judged[2][IMR_SHA256_HEX];
    IMR_TRY(imr_qrels_sha256(judged[0], a->split.qrels, err));
    IMR_TRY(imr_qrels_sha256(judged[1], a->split.train, err));
    IMR_AUTOSHA256 imr_sha256 s = {0};
    imr_sha256_init(&s);
    imr_sha256_add(&s, judged, sizeof judged);
    for (size_t i = 0; i < IMR_LEN(texts); i++)
        imr_sha256_add(&s, texts[i], strlen(texts[i]) + 1);
    imr_sha256_add(&s, numbers, sizeof numbers);
    return imr_sha256_hex(&s, out, err);
}

/* From here on rows are in memory only. */
static void give_up(imr_audit *a, const char *why)
{
    if (a->done < a->n)
        snprintf(a->notice, sizeof a->notice, "the audit is not kept: %.300s", why);
    imr_kept_close(&a->kept.file);
    imr_kept_close(&a->journal);
    a->kept.memory = (uint8_t *)a->rows;
}

static imr_status open_kept(imr_audit *a, imr_error *err)
{
    char key[IMR_SHA256_HEX], header[IMR_SHA256_HEX + 24], name[IMR_SHA256_HEX + 8];
    imr_error why;
    imr_kept_notes notes = {0};
    IMR_TRY(find_key(a, key, err));
    snprintf(header, sizeof header, "imrnn-audit 1 %s\n", key);
    const imr_path dir = imr_path_in(a->cache->path, "audits");
    snprintf(name, sizeof name, "%s.rows", key);
    const imr_path rows = imr_path_in(dir.s, name);
    snprintf(name, sizeof name, "%s.notes", key);
    const imr_path journal = imr_path_in(dir.s, name);
    imr_status status = imr_dir_make_own(dir.s, &why);
    if (status == IMR_OK)
        status = imr_dir_room(dir.s, a->n * sizeof *a->rows, &why);
    if (status == IMR_OK)
        status = imr_kept_lock(&a->journal, journal.s, &why);
    if (status == IMR_OK)
        status = imr_kept_open(&a->kept.file, rows.s, &why);
    /* What another process writes, or nobody may, is read all the same. */
    if ((status == IMR_OK || imr_kept_open_read(&a->kept.file, rows.s, NULL) == IMR_OK) &&
        imr_kept_rows_check(&notes, journal.s, header, &a->kept, 1, NULL, NULL) == IMR_OK &&
        imr_kept_read(&a->kept.file, a->rows, a->kept.done * sizeof *a->rows, 0))
        a->done = a->kept.done;
    a->kept.done = a->done;
    for (size_t i = 0; i < a->done; i++) { /* whoever wrote it */
        imr_audit_row *r = &a->rows[i];
        r->sentence[sizeof r->sentence - 1] = '\0';
        if (r->document >= a->cache->documents.ids.n)
            r->document = UINT32_MAX;
        for (size_t p = 0; p < IMR_AUDIT_PAIRS; p++)
            r->pairs[p].query[39] = r->pairs[p].document[39] = '\0';
        give_numbers(imr_evaluator_result(a->evaluator), r, a->query[i]);
    }
    if (status == IMR_OK)
        status = imr_kept_resume(&a->journal, notes.end, header, &why);
    if (status != IMR_OK)
        give_up(a, why.text);
    return IMR_OK;
}

/* ---- all of them ---- */

void imr_audit_free(imr_audit *a)
{
    if (!a)
        return;
    imr_eval_summary_done(&a->summary);
    imr_evaluator_free(a->evaluator);
    imr_arena_free(a->arena);
    imr_kept_close(&a->kept.file);
    imr_kept_close(&a->journal);
    IMR_FREE(a->rows, a);
}

/* The queries that are judged; without judgements all. */
static imr_status choose(imr_audit *a, imr_error *err)
{
    const imr_session *s = a->session;
    const imr_cache *c = a->cache;
    size_t *total = &a->split.n_queries, at;
    a->split = (imr_eval_split){
        .name = s->facts.inputs.split, .train = s->seen.train, .n_queries = s->facts.queries};
    if (imr_cache_find_split(c, a->split.name, &at))
        a->split.qrels = c->splits[at].qrels;
    if (a->options.max_queries && a->options.max_queries < *total)
        *total = a->options.max_queries;
    uint32_t *query = IMR_ARENA_ARRAY(a->arena, uint32_t, *total + 1), judged;
    IMR_NEED(query, err);
    for (size_t i = 0; i < *total; i++) {
        query[a->n] = s->split ? s->split[i] : (uint32_t)i;
        a->n += !a->split.qrels ||
                imr_qrels_find(a->split.qrels, imr_ids_at(&c->queries.ids, query[a->n]), &judged);
    }
    a->query = query;
    return a->n ? IMR_OK
                : imr_fail(err, IMR_E_NOT_FOUND, "split '%s' of the cache %s has no %squeries",
                           a->split.name, c->path, *total ? "judged " : "");
}

imr_status imr_audit_new(imr_audit **out, imr_session *s, const imr_audit_options *options,
                         const imr_progress *progress, imr_error *err)
{
    const imr_trace_settings *set = &s->options.settings;
    IMR_CLEANUP(imr_audit_free_at) imr_audit *a = IMR_NEW(imr_audit);
    IMR_NEED(a && (a->arena = imr_arena_new()), err);
    a->session = s;
    a->cache = s->cache;
    a->adapter = s->adapter;
    a->seen = &s->seen;
    a->options = *options;
    for (size_t m = 0; m < IMR_AUDIT_METRICS; m++)
        a->metric[m] = (imr_metric){m == 0   ? IMR_METRIC_NDCG
                                    : m == 1 ? IMR_METRIC_RR
                                             : IMR_METRIC_RECALL,
                                    options->k};
    a->measured = (imr_eval_options){.feedback_k = set->feedback_k,
                                     .scope = set->scope,
                                     .candidates = set->candidates,
                                     .engine = s->engine,
                                     .metrics = a->metric,
                                     .n_metrics = IMR_AUDIT_METRICS};
    IMR_TRY(choose(a, err));
    IMR_TRY(imr_evaluator_new(&a->evaluator, &s->ranker, s->cache, s->adapter, a->split.qrels, a->n,
                              a->split.train, &a->measured, progress, err));
    a->eval = imr_evaluator_result(a->evaluator);
    IMR_NEED(a->rows = IMR_NEW_ARRAY(imr_audit_row, a->n), err);
    a->store = s->facts.inputs.store;
    a->names = s->engine ? IMR_ARENA_ARRAY(a->arena, const char *, a->n) : NULL;
    IMR_NEED(!s->engine || a->names, err);
    a->kept = (imr_kept_rows){.what = "auditing queries",
                              .note = "",
                              .head = "",
                              .rows = a->n,
                              .block = 1,
                              .column = {{0, sizeof *a->rows}}};
    if (s->options.in_memory || !a->cache->sha256[0] || strcmp(a->cache->layout, "store") != 0)
        give_up(a, "the cache is no store, or --no-projected-files");
    else if (!imr_cache_is_own(a->cache->path))
        give_up(a, "the cache is another user's");
    else
        IMR_TRY(open_kept(a, err));
    return IMR_GIVE(out, a);
}

imr_status imr_audit_end(imr_audit *a, const imr_progress *progress, imr_error *err)
{
    const imr_session *s = a->session;
    imr_eval *e = imr_evaluator_result(a->evaluator);
    size_t n = 0; /* of the split, up to the last row */
    if (a->ended)
        return IMR_OK;
    for (size_t row = 0; row < a->done; n++)
        row += (s->split ? s->split[n] : n) == a->query[row];
    n = a->done < a->n ? n : a->split.n_queries;
    a->n_first = n < s->facts.queries ? n : 0;
    e->queries = a->done; /* the next may have been begun */
    e->unjudged = n - a->done;
    imr_doubts_done(&e->doubts);
    if (a->n_first) {
        IMR_AUTOBUF imr_buf part = {0};
        imr_buf_printf(&part, "Only the first %zu of the %zu queries of the split were looked at.",
                       n, s->facts.queries);
        e->doubts.v[0] = (imr_trace_warning){"part", imr_buf_take(&part)};
        IMR_NEED(e->doubts.v[0].text, err);
        e->doubts.n = 1;
    }
    IMR_TRY(imr_evaluator_end(a->evaluator, err));
    imr_eval_summary_done(&a->summary);
    IMR_TRY(imr_eval_summarise(&a->summary, e, a->metric, a->seen, a->options.seed, true, progress,
                               err));
    return imr_audit_count_words(a, err);
}

imr_status imr_audit_run(imr_audit *a, const imr_progress *progress, imr_error *err)
{
    imr_error why;
    if (a->ended)
        return IMR_OK;
    a->progress = progress;
    while (a->kept.done < a->n) {
        const bool kept = !a->kept.memory;
        const imr_status status =
            imr_kept_rows_make(&a->kept, kept ? &a->journal : NULL, make_row, a, progress, &why);
        if (status == IMR_E_IO && kept)
            give_up(a, why.text);
        else if (status != IMR_OK)
            return imr_fail(err, status, "%s", why.text);
    }
    imr_kept_close(&a->kept.file);
    imr_kept_close(&a->journal);
    IMR_TRY(imr_audit_end(a, progress, err));
    a->ended = true;
    return IMR_OK;
}
