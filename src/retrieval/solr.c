/*
 * Solr as an engine.
 *
 *   nearest   {!knn f=V topK=K}   Lucene's HNSW. Each shard gives its K nearest and Solr merges;
 *                                 filters come before the search. `effort` is a larger topK.
 *   exact     vectorSimilarity(V,[...]), a scan of all vectors
 *   find      {!terms f=ID}       between ids a newline, which none has
 *   sample    {!hash workers=W}   the documents whose id hashes to one of W parts
 */
#include <fnmatch.h>
#include <inttypes.h>

#include "base/number.h"
#include "retrieval/solr_internal.h"
#include "text/utf8.h"

/* ---- documents ---- */

/* A string, an integer, or several in a row. */
static void put_text(imr_buf *out, const imr_json *node)
{
    const int64_t n = imr_json_int_or(node, "", INT64_MIN);
    if (n != INT64_MIN)
        imr_buf_printf(out, "%" PRId64, n);
    imr_buf_str(out, imr_json_string_or(node, "", ""));
    for (const imr_json *i = imr_json_child(node); i; i = imr_json_next(i))
        imr_buf_printf(out, imr_json_next(i) ? "%s, " : "%s", imr_json_string_or(i, "", ""));
}

static imr_status read_row(imr_engine_rows *out, const imr_solr *s, const imr_json *document,
                           imr_buf *text, imr_error *err)
{
    const char *const names[] = {s->id, s->title, s->text};
    const imr_json *v = imr_json_at(document, s->vector);
    const size_t at = (size_t)imr_json_int_or(v, "", -1); /* imr_json_lift */
    const bool lifted = at < s->vectors.ends.n;
    const size_t start = lifted && at ? s->vectors.ends.v[at - 1] : 0;
    size_t end[3];
    if (!v)
        return IMR_OK; /* it has no vector */
    imr_buf_clear(text);
    for (size_t i = 0; i < 3; end[i++] = text->len)
        put_text(text, names[i] ? imr_json_at(document, names[i]) : NULL);
    IMR_TRY(imr_buf_check(text, err));
    const char *id = imr_buf_text(text);
    const imr_engine_row row = {id,
                                id + end[0],
                                id + end[1],
                                end[0],
                                end[1] - end[0],
                                end[2] - end[1],
                                s->vectors.v.v + start,
                                lifted ? s->vectors.ends.v[at] - start : 0};
    return imr_engine_add(out, &row, err);
}

imr_status imr_solr_select(uint64_t *found, imr_engine_rows *out, imr_engine *e,
                           const imr_solr_request *r, const imr_progress *progress, imr_error *err)
{
    const imr_solr *s = e->state;
    const char *mine = r->filter, *users = r->users ? e->options.filter : NULL;
    IMR_AUTOBUF imr_buf body = {0}, text = {0};
    IMR_AUTOJSON imr_json *root = NULL;
    imr_json_printf(&body, "{'query':%s,'limit':%zu,'fields':%s", r->query, r->limit, s->fields);
    if (r->name)
        imr_json_printf(&body, ",'params':{%s:%s}", r->name, r->value);
    if (r->by_id)
        imr_buf_printf(&body, ",\"sort\":\"%s asc\"", s->id);
    if (mine || users)
        imr_json_printf(&body, mine && users ? ",'filter':[%s,%s]" : ",'filter':[%s]",
                        mine ? mine : users, users);
    imr_buf_char(&body, '}');
    /* A ${...} in an id or a filter stays what it is. */
    IMR_TRY(imr_solr_ask(&root, e, &body, progress, err, s->collection,
                         "/select?wt=json&indent=false&expandMacros=false", s->rest));
    const int64_t there = imr_json_int_or(root, "response/numFound", -1);
    const imr_json *documents = imr_json_at(root, "response/docs");
    if (there < 0 || !imr_json_is_array(documents))
        return imr_fail(err, IMR_E_FORMAT, "Solr at %s/%s answers without a list of documents",
                        s->root, s->collection);
    for (const imr_json *d = imr_json_child(documents); out && d; d = imr_json_next(d))
        IMR_TRY(read_row(out, s, d, &text, err));
    if (found)
        *found = (uint64_t)there;
    return IMR_OK;
}

void imr_solr_put_vector(imr_buf *out, const float *vector, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        imr_buf_char(out, i ? ',' : '[');
        imr_json_put_number(out, (double)vector[i]);
    }
    imr_buf_char(out, ']');
}

static imr_status nearest(imr_engine *e, imr_engine_rows *out, const float *vector, size_t k,
                          bool exact, const imr_progress *progress, imr_error *err)
{
    const imr_solr *s = e->state;
    IMR_AUTOBUF imr_buf query = {0}, value = {0};
    if (exact)
        imr_buf_printf(&value, "vectorSimilarity(%s,", s->vector);
    imr_solr_put_vector(&value, vector, e->facts.dim);
    imr_buf_str(&value, exact ? ")" : "");
    imr_buf_printf(&query, "{!knn f=%s topK=%zu v=$imrnn}", s->vector,
                   k > e->options.effort ? k : e->options.effort);
    IMR_TRY(imr_buf_check(&value, err));
    IMR_TRY(imr_buf_check(&query, err));
    const imr_solr_request request = {.query = exact ? "{!func v=$imrnn}" : query.data,
                                      .name = "imrnn",
                                      .value = value.data,
                                      .limit = k,
                                      .users = true};
    const imr_status status = imr_solr_select(NULL, out, e, &request, progress, err);
    /* An older Solr has no such function. */
    return exact && status != IMR_OK && s->code == 400 ? IMR_E_UNSUPPORTED : status;
}

static imr_status find(imr_engine *e, imr_engine_rows *out, const char *const *ids, size_t n,
                       const imr_progress *progress, imr_error *err)
{
    enum { BYTES = 1 << 18 }; /* Solr's nodes pass them on in forms of at most 2 MB */
    IMR_AUTOBUF imr_buf query = {0}, value = {0};
    imr_buf_printf(&query, "{!terms f=%s separator='\\n' v=$imrnn}", ((imr_solr *)e->state)->id);
    IMR_TRY(imr_buf_check(&query, err));
    for (size_t i = 0, asked = 0; i < n; i++) {
        if (*ids[i] && !strchr(ids[i], '\n')) /* no document has such an id (imr_engine_add) */
            imr_buf_printf(&value, asked++ ? "\n%s" : "%s", ids[i]);
        if (asked < IMR_ENGINE_MOST_IDS && value.len < BYTES && (i + 1 < n || !asked))
            continue;
        IMR_TRY(imr_buf_check(&value, err));
        IMR_TRY(imr_solr_select(
            NULL, out, e,
            &(imr_solr_request){
                .query = query.data, .name = "imrnn", .value = value.data, .limit = asked},
            progress, err));
        imr_buf_clear(&value);
        asked = 0;
    }
    return IMR_OK;
}

static imr_status sample(imr_engine *e, imr_engine_rows *out, size_t n,
                         const imr_progress *progress, imr_error *err)
{
    uint64_t all = 0;
    char part[64];
    imr_solr_request request = {.query = "*:*", .users = true};
    IMR_TRY(imr_solr_select(&all, NULL, e, &request, progress, err));
    snprintf(part, sizeof part, "{!hash workers=%" PRIu64 " worker=0}", n ? all / n : 0);
    request.name = "partitionKeys";
    request.value = ((imr_solr *)e->state)->id;
    request.limit = out->most;
    request.filter = n && all >= 2 * n ? part : NULL; /* Solr refuses to have one worker alone */
    request.by_id = true;
    return imr_solr_select(NULL, out, e, &request, progress, err);
}

/* ---- fields ---- */

static const imr_json *named(const imr_json *list, const char *name)
{
    const imr_json *i = imr_json_child(list);
    while (i && strcmp(imr_json_string_or(i, "name", ""), name) != 0)
        i = imr_json_next(i);
    return i;
}

/* As Solr picks it: the field of that name, else the dynamic one ("*_v") of the longest pattern. */
static const imr_json *field_of(const imr_json *schema, const char *name)
{
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")])
        return NULL; /* we do not write it */
    const imr_json *best = named(imr_json_at(schema, "fields"), name);
    const imr_json *i = best ? NULL : imr_json_child(imr_json_at(schema, "dynamicFields"));
    for (; i; i = imr_json_next(i)) {
        const char *pattern = imr_json_string_or(i, "name", "");
        if (fnmatch(pattern, name, 0) == 0 &&
            (!best || strlen(pattern) > strlen(imr_json_string_or(best, "name", ""))))
            best = i;
    }
    return best;
}

static const imr_json *type_of(const imr_json *schema, const imr_json *field)
{
    return named(imr_json_at(schema, "fieldTypes"), imr_json_string_or(field, "type", ""));
}

static bool says_no(const imr_json *schema, const imr_json *field, const char *key)
{
    return !imr_json_bool_or(field, key, imr_json_bool_or(type_of(schema, field), key, true));
}

/* "DenseVectorField", or one derived from it; "": another type. */
static const char *vector_class(const imr_json *schema, const imr_json *field)
{
    const char *class = imr_json_string_or(type_of(schema, field), "class", "");
    const char *dot = strrchr(class, '.');
    return strstr(class, "DenseVectorField") ? dot ? dot + 1 : class : "";
}

static imr_status keep(const char **out, imr_engine *e, const char *text, imr_error *err)
{
    IMR_NEED(*out = imr_line_keep(text, strlen(text), e->arena), err);
    return IMR_OK;
}

/* names: of the parameter, and what to look for without it. *field stays NULL if none is there. */
static imr_status choose_text(const char **field, imr_engine *e, const imr_json *schema,
                              const char *const *names, imr_error *err)
{
    const char *wanted = *field, *const alone[] = {wanted, NULL};
    for (const char *const *n = wanted ? alone : names; *n; n++) {
        const imr_json *f = field_of(schema, *n);
        if (f && !says_no(schema, f, "stored") && !*vector_class(schema, f))
            return keep(field, e, *n, err);
    }
    return wanted ? imr_fail(err, IMR_E_NOT_FOUND, "the collection %s has no stored field %s (%s=)",
                             ((imr_solr *)e->state)->collection, wanted, names[0])
                  : IMR_OK;
}

static imr_status take_vector(imr_engine *e, const imr_json *schema, const imr_json *field,
                              imr_error *err)
{
    const char *name = ((imr_solr *)e->state)->vector;
    const imr_json *type = type_of(schema, field);
    const char *dim = imr_json_string_or(type, "vectorDimension", "");
    const char *similarity = imr_json_string_or(type, "similarityFunction", "");
    int64_t n = imr_json_int_or(type, "vectorDimension", 0);
    if ((!n && !imr_parse_int(dim, strlen(dim), &n)) || n < 1 || n > IMR_MAX_DIM)
        return imr_fail(err, IMR_E_FORMAT, "the vectorDimension of the field %s is no number to %u",
                        name, IMR_MAX_DIM);
    if (strcmp(imr_json_string_or(type, "vectorEncoding", ""), "BYTE") == 0)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "the vectors of the field %s are bytes (vectorEncoding); FLOAT32 is read",
                        name);
    const bool hidden = says_no(schema, field, "stored");
    if (hidden || says_no(schema, field, "indexed"))
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "the field %s is not %s: change the schema and index the documents again",
                        name,
                        hidden ? "stored, so its vectors cannot be read back"
                               : "indexed, so nothing is found by its vectors");
    e->facts.dim = (size_t)n;
    e->facts.index = "hnsw";
    e->facts.effort = e->options.effort;
    e->facts.metric = strcmp(similarity, "cosine") == 0        ? IMR_METRIC_OF_COSINE
                      : strcmp(similarity, "dot_product") == 0 ? IMR_METRIC_OF_INNER_PRODUCT
                                                               : IMR_METRIC_OF_L2;
    return keep(&e->facts.type, e, vector_class(schema, field), err);
}

/* The field that is named, or the only one there is. */
static imr_status choose_vector(imr_engine *e, const imr_json *schema, imr_error *err)
{
    imr_solr *s = e->state;
    IMR_AUTOBUF imr_buf there = {0};
    const imr_json *field = NULL;
    size_t n = 0;
    for (const imr_json *i = imr_json_child(imr_json_at(schema, "fields")); i; i = imr_json_next(i))
        if (*vector_class(schema, i)) {
            field = n++ ? NULL : i;
            if (there.len < 300)
                imr_buf_printf(&there, n > 1 ? ", %s" : "%s", imr_json_string_or(i, "name", ""));
        }
    if (s->vector)
        field = field_of(schema, s->vector);
    if (!field || !*vector_class(schema, field))
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the collection %s has %s%s; fields of vectors (solr.DenseVectorField) "
                        "there: %s",
                        s->collection,
                        s->vector ? "no vectors in a field "
                        : n       ? "several (vector= chooses)"
                                  : "no vectors",
                        s->vector ? s->vector : "", n ? imr_buf_text(&there) : "none");
    if (!s->vector)
        IMR_TRY(keep(&s->vector, e, imr_json_string_or(field, "name", ""), err));
    return take_vector(e, schema, field, err);
}

/* What was noted when it was filled; who may not ask for that, or has no SolrCloud, sees none. */
static imr_status read_mark(imr_engine *e, const imr_progress *progress, imr_error *err)
{
    imr_solr *s = e->state;
    IMR_AUTOJSON imr_json *root = NULL, *mark = NULL;
    const imr_status status =
        imr_solr_ask(&root, e, NULL, progress, err, "admin/collections",
                     "?action=CLUSTERSTATUS&wt=json&collection=", s->collection);
    if (status == IMR_E_CANCELLED || status == IMR_E_MEMORY)
        return status;
    const char *text = imr_json_string_or(imr_json_child(imr_json_at(root, "cluster/collections")),
                                          IMR_SOLR_MARK, "");
    if (imr_json_parse(&mark, text, strlen(text), "mark", NULL) != IMR_OK)
        mark = NULL; /* most often none is there */
    s->documents = imr_json_int_or(mark, "documents", -1);
    const bool here = strcmp(imr_json_string_or(mark, "vector", ""), s->vector) == 0;
    const imr_json *by = here ? imr_json_at(mark, "encoder") : NULL;
    return imr_engine_keep_encoder(e, by, err);
}

static imr_status no_collection(imr_engine *e, const imr_progress *progress, imr_error *err)
{
    const imr_solr *s = e->state;
    IMR_AUTOBUF imr_buf names = {0};
    IMR_AUTOJSON imr_json *root = NULL;
    IMR_TRY(imr_solr_ask(&root, e, NULL, progress, err, "admin/collections", "?action=LIST&wt=json",
                         ""));
    put_text(&names, imr_json_at(root, "collections"));
    return imr_fail(err, IMR_E_NOT_FOUND, "Solr at %s has no collection %s; it has: %.200s",
                    s->root, s->collection, names.len ? names.data : "none");
}

imr_status imr_solr_look_up(imr_engine *e, const imr_progress *progress, imr_error *err)
{
    imr_solr *s = e->state;
    IMR_AUTOBUF imr_buf all = {0}, found = {0};
    IMR_AUTOJSON imr_json *root = NULL;
    const imr_status status =
        imr_solr_ask(&root, e, NULL, progress, err, s->collection, "/schema?wt=json", "");
    if (status == IMR_E_NOT_FOUND)
        return no_collection(e, progress, err);
    IMR_TRY(status);
    const imr_json *schema = imr_json_at(root, "schema");
    s->id = s->id ? s->id : imr_json_string_or(schema, "uniqueKey", "");
    const char **const fields[] = {&s->id, &s->title, &s->text};
    static const char *const names[][4] = {
        {"id", NULL}, {"title", "name", NULL}, {"text", "body", "content", NULL}};
    IMR_TRY(choose_vector(e, schema, err));
    imr_buf_str(&all, s->vector);
    imr_buf_printf(&found, "collection %s, vector %s", s->collection, s->vector);
    for (size_t i = 0; i < IMR_LEN(fields); i++) {
        IMR_TRY(choose_text(fields[i], e, schema, names[i], err));
        if (*fields[i]) {
            imr_buf_printf(&all, ",%s", *fields[i]);
            imr_buf_printf(&found, ", %s %s", names[i][0], *fields[i]);
        }
    }
    IMR_TRY(imr_buf_check(&all, err));
    IMR_TRY(imr_buf_check(&found, err));
    IMR_TRY(keep(&s->fields, e, all.data, err));
    IMR_TRY(keep(&e->facts.fields, e, found.data, err));
    e->facts.has_texts = s->text || s->title;
    return read_mark(e, progress, err);
}

/* ---- opening ---- */

static imr_status read_url(imr_engine *e, imr_error *err)
{
    static const char *const names[] = {"id", "vector", "title", "text"};
    imr_solr *s = e->state;
    const char **const fields[] = {&s->id, &s->vector, &s->title, &s->text};
    IMR_AUTOBUF imr_buf url = {0};
    imr_buf_str(&url, e->options.url + strlen("solr+"));
    IMR_TRY(imr_buf_check(&url, err));
    for (size_t i = 0; i < IMR_LEN(names); i++)
        IMR_TRY(imr_engine_parameter(fields[i], e, &url, names[i], err));
    char *query = url.data + strcspn(url.data, "?");
    *query = *query ? '&' : '\0';
    IMR_NEED(s->rest = imr_arena_strdup(e->arena, query), err);
    do
        *query-- = '\0';
    while (*query == '/');
    char *slash = strrchr(url.data, '/');
    if (slash <= strstr(url.data, "://") + 2)
        return imr_fail(err, IMR_E_USAGE,
                        "'%s' names no collection; solr+http://HOST:8983/solr/COLLECTION is "
                        "expected",
                        e->facts.name);
    *slash = '\0';
    IMR_TRY(keep(&s->collection, e, slash + 1, err));
    return keep(&s->root, e, url.data, err);
}

static imr_status open_solr(imr_engine *e, const imr_progress *progress, imr_error *err)
{
    imr_solr *s = e->state = IMR_NEW(imr_solr);
    char with_vector[300];
    IMR_NEED(s, err);
    IMR_TRY(read_url(e, err));
    IMR_TRY(imr_solr_connect(e, err));
    if (e->options.fill)
        return IMR_OK;
    IMR_TRY(imr_solr_look_up(e, progress, err));
    imr_solr_request request = {.query = "*:*", .filter = with_vector};
    snprintf(with_vector, sizeof with_vector, "{!frange l=1}exists(%s)", s->vector);
    imr_status status = imr_solr_select(&e->facts.documents, NULL, e, &request, progress, err);
    if (status == IMR_OK || s->code != 400)
        return status;
    request.filter = NULL; /* an older Solr: documents without a vector count too */
    return imr_solr_select(&e->facts.documents, NULL, e, &request, progress, err);
}

const imr_engine_driver imr_engine_solr = {
    .kind = "solr",
    .schemes = (const char *const[]){"solr+http://", "solr+https://", NULL},
    .open = open_solr,
    .close = imr_solr_close,
    .nearest = nearest,
    .find = find,
    .sample = sample,
    .fill_begin = imr_solr_fill_begin,
    .fill_add = imr_solr_fill_add,
    .fill_end = imr_solr_fill_end};
