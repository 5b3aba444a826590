/* session/audit_rows.c - rows of an audit: what they are of, named, filtered, ordered. */
#include <math.h>

#include "session/audit.h"
#include "text/filter.h"

imr_suggestion imr_audit_query(const imr_audit *a, size_t row)
{
    return (imr_suggestion){imr_ids_at(&a->cache->queries.ids, a->query[row]),
                            imr_cache_query_text(a->cache, a->query[row])};
}

const char *imr_audit_document(const imr_audit *a, size_t row)
{
    const uint32_t d = a->rows[row].document;
    if (a->names)
        return a->names[row] ? a->names[row] : "";
    return d == UINT32_MAX ? "" : imr_ids_at(&a->cache->documents.ids, d);
}

const char *imr_audit_name(char out[IMR_METRIC_NAME + 16], const imr_audit *a, size_t column)
{
    static const char *const parts[] = {"encoder", "before", "after", "difference"};
    static const char *const rest[] = {
        "first.encoder", "first.before", "first.after", "judged.encoder", "judged.before",
        "judged.after",  "rbo.encoder",  "rbo.before",  "from",           "to"};
    char metric[IMR_METRIC_NAME];
    const bool of = column < IMR_AUDIT_FIRST;
    snprintf(out, IMR_METRIC_NAME + 16, "%s%s%s",
             of ? imr_metric_name(a->metric[column / 4], metric) : "", of ? "." : "",
             of ? parts[column % 4] : rest[column - IMR_AUDIT_FIRST]);
    return out;
}

/* Facts of a row behind its columns. */
enum { LOST = IMR_AUDIT_COLUMNS, WON, LOST_RELEVANT, ENTERED, SEEN, UNSEEN, VALUES };

static bool passes(const imr_filter *f, const imr_audit *a, size_t row)
{
    const imr_audit_row *r = &a->rows[row];
    const double *of = r->number;
    const imr_suggestion q = imr_audit_query(a, row);
    const char *const texts[] = {q.text, q.query_id};
    double v[VALUES] = {[LOST] = (of[IMR_AUDIT_GAIN] < -IMR_TIE),
                        [WON] = (of[IMR_AUDIT_GAIN] > IMR_TIE),
                        [LOST_RELEVANT] = (of[IMR_AUDIT_RECALLED] < -IMR_TIE),
                        [ENTERED] = (of[IMR_AUDIT_RECALLED] > IMR_TIE),
                        [SEEN] = a->eval->has_train && r->seen != 0,
                        [UNSEEN] = a->eval->has_train && !r->seen};
    memcpy(v, of, sizeof r->number);
    return imr_filter_passes(f, v, texts, IMR_LEN(texts));
}

typedef struct sorted {
    double key;
    uint32_t row;
} sorted;

static int by_key(const void *x, const void *y)
{
    const sorted *a = x, *b = y;
    if (a->key < b->key || (isnan(b->key) && !isnan(a->key)))
        return -1;
    if (a->key > b->key || (isnan(a->key) && !isnan(b->key)))
        return 1;
    return a->row < b->row ? -1 : 1;
}

static imr_status find_column(size_t *out, const imr_audit *a, const char *name, imr_error *err)
{
    char of[IMR_METRIC_NAME + 16];
    for (*out = 0; *out < IMR_AUDIT_COLUMNS; ++*out)
        if (strcmp(imr_audit_name(of, a, *out), name) == 0)
            return IMR_OK;
    return strcmp(name, "query") == 0
               ? IMR_OK
               : imr_fail(err, IMR_E_USAGE,
                          "no column is called %.40s; they are query and those of imrnn audit "
                          "--format csv, such as %s",
                          name, imr_audit_name(of, a, 0));
}

imr_status imr_audit_order(uint32_t *order, size_t *shown, const imr_audit *a, size_t n,
                           const char *sort, const char *filter, imr_error *err)
{
    const bool down = sort && sort[0] == '-';
    size_t c = a->eval->metrics ? IMR_AUDIT_GAIN : IMR_AUDIT_RBO, found = 0;
    if (sort && sort[down])
        IMR_TRY(find_column(&c, a, sort + down, err));
    imr_filter_name names[VALUES] = {
        {"lost", LOST, true},       {"won", WON, true},   {"lost relevant", LOST_RELEVANT, true},
        {"entered", ENTERED, true}, {"seen", SEEN, true}, {"unseen", UNSEEN, true}};
    char own[IMR_AUDIT_COLUMNS][IMR_METRIC_NAME + 16];
    for (size_t i = 0; i < IMR_AUDIT_COLUMNS; i++)
        names[VALUES - IMR_AUDIT_COLUMNS + i] =
            (imr_filter_name){imr_audit_name(own[i], a, i), i, false};
    IMR_CLEANUP(imr_filter_done) imr_filter f = {0};
    IMR_TRY(imr_filter_make(&f, filter ? filter : "", names, VALUES, err));
    IMR_AUTOFREE sorted *v = IMR_NEW_ARRAY(sorted, n + 1);
    IMR_NEED(v, err);
    for (uint32_t i = 0; i < n; i++)
        if (passes(&f, a, i)) {
            const double key = c < IMR_AUDIT_COLUMNS ? a->rows[i].number[c] : (double)i;
            v[found++] = (sorted){down ? -key : key, i};
        }
    qsort(v, found, sizeof *v, by_key);
    for (size_t i = 0; i < found; i++)
        order[i] = v[i].row;
    *shown = found;
    return IMR_OK;
}
