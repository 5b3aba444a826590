#include "session/notes.h"

#include <time.h>

#include "base/clock.h"
#include "base/kept.h"
#include "text/utf8.h"

const char *const imr_verdict_names[] = {"accept", "reject", "unsure", "note"};
static const char schema[] = "imrnn.note/1";
#define LINE_BYTES ((size_t)1 << 20)

/* The texts of a record; least 0: it may be empty, or null. */
static const struct {
    const char *path;
    size_t at, least, most;
} fields[] = {
    {"verdict", offsetof(imr_note, verdict_name), 1, 10},
    {"time", offsetof(imr_note, time), 20, 20},
    {"reviewer", offsetof(imr_note, reviewer), 1, 200},
    {"reason", offsetof(imr_note, reason), 0, 8192},
    {"query/id", offsetof(imr_note, query_id), 0, IMR_MAX_ID_BYTES},
    {"query/text", offsetof(imr_note, query), 0, IMR_MAX_QUERY_BYTES},
    {"document", offsetof(imr_note, document), 0, IMR_MAX_ID_BYTES},
    {"hashes/adapter", offsetof(imr_note, adapter), 0, 64},
    {"hashes/encoder", offsetof(imr_note, encoder), 0, 64},
    {"hashes/cache", offsetof(imr_note, cache), 0, 64},
    {"hashes/table", offsetof(imr_note, table), 0, 64},
    {"hashes/settings", offsetof(imr_note, settings), 64, 64},
    {"previous", offsetof(imr_note, previous), 0, 64},
};
static const char *const ranks[] = {"ranks/encoder", "ranks/before", "ranks/after"};

static const char **text_at(const imr_note *n, size_t field)
{
    return (const char **)((uintptr_t)n + fields[field].at);
}

static imr_status check(const imr_note *n, imr_error *err)
{
    for (size_t i = 0; i < IMR_LEN(fields); i++) {
        const size_t len = strlen(*text_at(n, i));
        if (len < fields[i].least || len > fields[i].most)
            return imr_fail(err, IMR_E_USAGE, "%s has %zu bytes, expected %zu to %zu",
                            fields[i].path, len, fields[i].least, fields[i].most);
    }
    if (n->verdict == IMR_REMARK && !n->reason[strspn(n->reason, " \t\r\n")])
        return imr_fail(err, IMR_E_USAGE, "a note needs words");
    return IMR_OK;
}

/* ---- reading ---- */

static imr_status record(imr_note *out, const imr_json *o, imr_arena *arena, imr_error *err)
{
    int verdict = 0;
    int64_t rank;
    if (strcmp(imr_json_string_or(o, "schema", ""), schema) != 0)
        return imr_fail(err, IMR_E_UNSUPPORTED, "its schema is not %s", schema);
    for (size_t i = 0; i < IMR_LEN(fields); i++) {
        const char *text = "";
        if (fields[i].least || !imr_json_is_null(imr_json_at(o, fields[i].path)))
            IMR_TRY(imr_json_need_string(&text, o, fields[i].path, err));
        IMR_NEED(*text_at(out, i) = imr_line_keep(text, strlen(text), arena), err);
    }
    while (verdict < 4 && strcmp(imr_verdict_names[verdict], out->verdict_name) != 0)
        verdict++;
    if (verdict == 4)
        return imr_fail(err, IMR_E_FORMAT, "its verdict is none");
    out->verdict = (imr_verdict)verdict;
    for (int k = 0; k < IMR_STAGE_COUNT; k++) {
        rank = 0;
        if (!imr_json_is_null(imr_json_at(o, ranks[k])))
            IMR_TRY(imr_json_need_int(&rank, o, ranks[k], 1, UINT32_MAX, err));
        out->rank[k] = (uint32_t)rank;
    }
    return check(out, err);
}

/* What records on the same have in common. */
static void key_of(imr_buf *b, const char *query_id, const char *query, const char *document)
{
    imr_buf_printf(b, "%c%s\n%s", *query_id ? 'i' : 't', *query_id ? query_id : query, document);
}

static imr_status keep(imr_notes *n, imr_note *note, imr_error *err)
{
    IMR_AUTOBUF imr_buf key = {0};
    uint32_t subject = 0;
    bool added = false;
    key_of(&key, note->query_id, note->query, note->document);
    IMR_TRY(imr_buf_check(&key, err));
    const char *kept = imr_arena_strndup(n->arena, key.data, key.len);
    if (!kept || !IMR_PUSH(&n->v, note) || !IMR_GROW(&n->newest, 1) ||
        !imr_strmap_add(&n->subjects, kept, key.len, (uint32_t)n->newest.n, &subject, &added))
        return imr_fail_memory(err);
    n->newest.n += added;
    note->earlier = added ? NULL : n->newest.v[subject];
    n->newest.v[subject] = note;
    return IMR_OK;
}

/* Whether a line that is no JSON can be what a crash left of a record. */
static bool begun(const imr_jsonl *it)
{
    static const char begin[] = "{\"schema\":\"imrnn.note/";
    const size_t n = it->line_len < sizeof begin - 1 ? it->line_len : sizeof begin - 1;
    return memcmp(it->data + it->line_start, begin, n) == 0;
}

/* A line: kept, cut off or broken. status: of taking it for JSON, with err. */
static imr_status take(imr_notes *n, const imr_jsonl *it, const imr_json *o, imr_status status,
                       imr_error *err)
{
    char hash[IMR_SHA256_HEX];
    imr_note *note = imr_arena_alloc(n->arena, 1, sizeof *note);
    IMR_NEED(note, err);
    if (status == IMR_OK && it->line_len > LINE_BYTES)
        status = imr_fail(err, IMR_E_LIMIT, "it has more than %zu bytes", LINE_BYTES);
    const bool cut = status == IMR_E_FORMAT && begun(it);
    if (status == IMR_OK && (status = record(note, o, n->arena, err)) == IMR_OK)
        IMR_TRY(keep(n, note, err));
    if (status == IMR_E_MEMORY || status == IMR_E_BUDGET)
        return status;
    n->cut = cut && !n->cut ? it->line : n->cut;
    if (status == IMR_OK && strcmp(note->previous, n->last) != 0)
        status = imr_fail(err, IMR_E_DIFFERENT,
                          "it does not follow the line before: one of the "
                          "two was changed, or there were others between");
    if (status != IMR_OK && !cut && !n->broken) {
        n->broken = it->line;
        memcpy(n->problem, err->text, sizeof n->problem);
    }
    IMR_TRY(imr_sha256_memory(it->data + it->line_start, it->line_len, hash, err));
    memcpy(n->last, hash, sizeof hash);
    return IMR_OK;
}

imr_status imr_notes_parse(imr_notes **out, const void *data, size_t len, const char *name,
                           imr_error *err)
{
    IMR_BUDGET(name);
    IMR_CLEANUP(imr_jsonl_done) imr_jsonl it;
    imr_jsonl_init(&it, data, len, name);
    IMR_CLEANUP(imr_notes_free_at) imr_notes *n = IMR_NEW(imr_notes);
    IMR_NEED(n && (n->arena = imr_arena_new()), err);
    for (;;) {
        const imr_json *o = NULL;
        imr_error why = {0};
        imr_status status = imr_jsonl_next(&it, &o, &why);
        if (status == IMR_OK && !o)
            break;
        if ((status = take(n, &it, o, status, &why)) != IMR_OK)
            return imr_fail(err, status, "%s", why.text);
    }
    return IMR_GIVE(out, n);
}

imr_status imr_notes_read(imr_notes **out, const char *path, imr_error *err)
{
    IMR_BUDGET(path);
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    /* Without a line's end somebody may be in the middle of it. */
    for (int i = 0; i < 5 && imr_file_exists(path) && (!f.len || f.data[f.len - 1] != '\n'); i++) {
        if (i)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        imr_file_unmap(&f);
        IMR_TRY(imr_file_map_as(&f, path, IMR_FILE_TEXT, err));
    }
    if (f.len > IMR_MAX_JSON_BYTES)
        return imr_fail(err, IMR_E_LIMIT, "%s is too long for notes: %zu bytes", path, f.len);
    return imr_notes_parse(out, f.data, f.len, path, err);
}

void imr_notes_free(imr_notes *n)
{
    if (!n)
        return;
    imr_strmap_done(&n->subjects);
    imr_arena_free(n->arena);
    IMR_FREE(n->v.v, n->newest.v, n);
}

const imr_note *imr_notes_find(const imr_notes *n, const char *query_id, const char *query,
                               const char *document)
{
    IMR_AUTOBUF imr_buf key = {0};
    uint32_t subject;
    if (!n || !n->newest.n) /* asked of every row of every frame */
        return NULL;
    key_of(&key, query_id, query, document);
    return !key.failed && imr_strmap_get(&n->subjects, key.data, key.len, &subject)
               ? n->newest.v[subject]
               : NULL;
}

const imr_note *imr_note_verdict(const imr_note *note)
{
    const imr_note *n = note;
    while (n && n->verdict == IMR_REMARK)
        n = n->earlier;
    return n ? n : note;
}

/* ---- writing ---- */

void imr_note_put(imr_buf *b, const imr_note *n)
{
    imr_json_printf(b,
                    "{'schema':%s,'time':%s,'reviewer':%s,'verdict':%s,'reason':%s,"
                    "'query':{'id':%-s,'text':%s},'document':%-s,'ranks':{",
                    schema, n->time, n->reviewer, n->verdict_name, n->reason, n->query_id, n->query,
                    n->document);
    for (int k = 0; k < IMR_STAGE_COUNT; k++)
        imr_buf_printf(b, n->rank[k] ? "%s\"%s\":%u" : "%s\"%s\":null", k ? "," : "",
                       imr_stage_names[k], n->rank[k]);
    imr_json_printf(b,
                    "},'hashes':{'adapter':%-s,'encoder':%-s,'cache':%-s,'table':%-s,"
                    "'settings':%s},'previous':%-s}",
                    n->adapter, n->encoder, n->cache, n->table, n->settings, n->previous);
}

/* An accept or reject that another reviewer holds against it, looked for among the 64 before. */
static const imr_note *against(const imr_note *verdict)
{
    const imr_note *n = verdict, *later;
    for (int i = 0; n && i < 64; i++, n = n->earlier) {
        for (later = verdict; later != n; later = later->earlier)
            if (later->verdict != IMR_REMARK && strcmp(later->reviewer, n->reviewer) == 0)
                break; /* who thought again */
        if (later == n && n->verdict <= IMR_REJECT && n->verdict != verdict->verdict)
            return n;
    }
    return NULL;
}

/* Whether an id is a field of a TREC file, and safe to print. */
static bool is_field(const char *id)
{
    IMR_AUTOBUF imr_buf clean = {0};
    imr_utf8_clean(&clean, id, strlen(id), IMR_CLEAN_LINE);
    return *id && !strchr(id, ' ') && strcmp(imr_buf_text(&clean), id) == 0;
}

void imr_notes_qrels(imr_buf *b, imr_buf *said, const imr_notes *n)
{
    size_t left_out = 0;
    for (size_t i = 0; i < n->newest.n; i++) {
        const imr_note *v = imr_note_verdict(n->newest.v[i]), *other = against(v);
        const bool named = is_field(v->query_id) && is_field(v->document);
        if (v->verdict > IMR_REJECT || !*v->document)
            continue;
        left_out += !named;
        if (named)
            imr_buf_printf(b, "%s 0 %s %d\n", v->query_id, v->document, v->verdict == IMR_ACCEPT);
        if (other)
            imr_buf_printf(said,
                           "%s and %s disagree on document %s of query %s: the newer counts, %s\n",
                           other->reviewer, v->reviewer, v->document,
                           *v->query_id ? v->query_id : v->query, v->verdict_name);
    }
    if (left_out)
        imr_buf_printf(said,
                       "%zu verdicts are left out: typed queries have no id, and TREC files "
                       "no ids with blanks or controls\n",
                       left_out);
}

/* ---- appending ---- */

/* The last line that is not blank, as imr_jsonl has it. */
static const uint8_t *last_line(const imr_file *f, size_t *len)
{
    static const uint8_t blank[] = {' ', '\t', '\r', '\n'};
    size_t end = f->len, start;
    while (end && memchr(blank, f->data[end - 1], sizeof blank))
        end--;
    for (start = end; start && f->data[start - 1] != '\n';)
        start--;
    *len = end - start;
    return f->data + start;
}

/* Writes the record, whose `previous` is filled in, behind what is in the file; on failure there is
 * nothing of it. */
static imr_status append(imr_kept *f, const imr_note *n, char previous[IMR_SHA256_HEX],
                         imr_error *err)
{
    IMR_CLEANUP(imr_file_unmap) imr_file before = {0};
    IMR_AUTOBUF imr_buf line = {0};
    size_t len;
    IMR_TRY(imr_file_map_as(&before, f->path, IMR_FILE_TEXT, err));
    const uint8_t *last = last_line(&before, &len);
    if (len)
        IMR_TRY(imr_sha256_memory(last, len, previous, err));
    if (before.len && before.data[before.len - 1] != '\n')
        imr_buf_char(&line, '\n'); /* behind what was cut off */
    imr_note_put(&line, n);
    imr_buf_char(&line, '\n');
    IMR_TRY(imr_buf_check(&line, err));
    f->end = before.len;
    imr_status status = imr_kept_append(f, line.data, line.len, err);
    if (status == IMR_OK)
        status = imr_kept_sync(f, err);
    if (status != IMR_OK && !before.len)
        imr_kept_remove(f);
    else if (status != IMR_OK && imr_kept_resize(f, before.len, NULL) != IMR_OK)
        return status; /* the next record ends what is left */
    return status;
}

imr_status imr_notes_add(const char *path, const imr_trace *t, size_t place, imr_verdict verdict,
                         const char *reviewer, const char *reason, imr_error *err)
{
    const imr_trace_document *d = place == SIZE_MAX ? NULL : imr_trace_at(t, place);
    IMR_AUTOFREE char *folder = imr_path_dir(path);
    IMR_CLEANUP(imr_kept_close) imr_kept f = {0};
    IMR_AUTOBUF imr_buf text = {0};
    char settings[IMR_SHA256_HEX], previous[IMR_SHA256_HEX] = "", when[IMR_CLOCK_UTC];
    imr_error why = {0};
    imr_trace_settings_json(&text, &t->settings);
    IMR_NEED(folder && !text.failed, err);
    IMR_TRY(imr_sha256_memory(text.data, text.len, settings, err));
    imr_clock_utc(when);
    imr_note n = {imr_verdict_names[verdict],
                  when,
                  reviewer,
                  reason,
                  t->query_id,
                  t->query_text,
                  d ? d->id : "",
                  t->inputs.adapter_sha256,
                  t->inputs.encoder_sha256,
                  t->inputs.cache_sha256,
                  t->inputs.table_sha256,
                  settings,
                  previous,
                  verdict};
    if (d)
        memcpy(n.rank, d->rank, sizeof n.rank);
    IMR_TRY(check(&n, err));
    const imr_status status = imr_kept_lock_wait(&f, path, &why);
    if (status != IMR_OK)
        return imr_fail(err, status, "%s (--notes FILE keeps notes elsewhere)", why.text);
    IMR_TRY(append(&f, &n, previous, err));
    imr_dir_sync(folder);
    return IMR_OK;
}
