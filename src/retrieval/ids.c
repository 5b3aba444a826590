#include "retrieval/ids.h"

#include <assert.h>

#include "base/sort.h"

#define MAGIC        UINT64_C(0x3153444944524D49) /* "IMRDIDS1" */
#define HEAD         4                            /* u64 before the tables */
#define ORDER_SAMPLE 1024
#define PART         65536

void imr_ids_done(imr_ids *ids)
{
    for (size_t i = 0; i < IMR_LEN(ids->owned); i++)
        imr_scratch_free(ids->scratch, ids->owned[i]);
    imr_file_unmap(&ids->file);
    *ids = (imr_ids){0};
}

imr_ids imr_ids_borrow(const imr_ids *ids)
{
    return (imr_ids){.n = ids->n,
                     .bytes = ids->bytes,
                     .text = ids->text,
                     .start = ids->start,
                     .order = ids->order,
                     .places = ids->places};
}

typedef struct sought {
    const imr_ids *ids;
    const char *id;
} sought;

static int by_row_id(const void *key, const void *row)
{
    const sought *s = key;
    return strcmp(s->id, imr_ids_at(s->ids, *(const uint32_t *)row));
}

bool imr_ids_find(const imr_ids *ids, const char *id, uint32_t *row)
{
    const sought s = {ids, id};
    const uint32_t *found =
        ids->n ? bsearch(&s, ids->order, ids->n, sizeof *found, by_row_id) : NULL;
    if (found)
        *row = *found;
    return found;
}

bool imr_ids_find_near(const imr_ids *ids, const char *id, uint32_t guess, uint32_t *row)
{
    if (guess >= ids->n || strcmp(imr_ids_at(ids, guess), id) != 0)
        return imr_ids_find(ids, id, row);
    *row = guess;
    return true;
}

/* ---- made in memory ---- */

typedef struct sorted_id {
    uint64_t key; /* eight bytes of it, so that most comparisons need no string */
    const char *id;
    uint32_t row;
} sorted_id;

static int by_id(const void *a, const void *b)
{
    const sorted_id *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : strcmp(x->id, y->id);
}

/* How many bytes all ids begin with: "doc-" says nothing about their order. */
static size_t common_prefix(const imr_ids *ids)
{
    size_t n = ids->n ? strlen(ids->text) : 0;
    for (size_t i = 1; i < ids->n && n; i++) {
        const char *id = imr_ids_at(ids, i);
        size_t same = 0;
        while (same < n && id[same] == ids->text[same])
            same++;
        n = same;
    }
    return n;
}

static int by_row(const void *a, const void *b)
{
    const imr_ids_repeat *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

static imr_status find_repeats(imr_ids_repeats *out, const sorted_id *items, const imr_ids *ids,
                               const char *name, imr_error *err)
{
    for (size_t i = 1, first = 0; i < ids->n; i++) {
        const sorted_id *x = &items[first], *y = &items[i];
        if (by_id(x, y) != 0)
            first = i;
        else if (!out)
            return imr_fail(err, IMR_E_FORMAT, "%s: the id \"%.200s\" stands there twice", name,
                            y->id);
        else
            IMR_NEED(IMR_PUSH(out, (imr_ids_repeat){y->id, y->row, x->row}), err);
    }
    if (out && out->n)
        qsort(out->v, out->n, sizeof *out->v, by_row);
    return IMR_OK;
}

size_t imr_ids_drop(void *table, size_t size, size_t n, const imr_ids_repeats *repeats)
{
    char *v = table;
    size_t kept = 0;
    for (size_t i = 0, next = 0; i < n; i++)
        if (next < repeats->n && repeats->v[next].row == i)
            next++;
        else if (i != kept++ && v)
            memmove(v + (kept - 1) * size, v + i * size, size);
    return kept;
}

/* items[2 * n]: room for the ids, and as much again to sort them. Of equal ones the first row stays
 * the first. */
static void sort_items(sorted_id *items, const imr_ids *ids)
{
    const size_t skip = common_prefix(ids);
    assert(items);
    for (size_t i = 0; i < ids->n; i++) {
        const char *id = imr_ids_at(ids, i);
        items[i] = (sorted_id){.id = id, .row = (uint32_t)i};
        memcpy(&items[i].key, id + skip, strnlen(id + skip, sizeof items[i].key));
        items[i].key = __builtin_bswap64(items[i].key); /* its order is that of the bytes */
    }
    imr_sort(items, items + ids->n, ids->n, sizeof *items, by_id);
}

static imr_status sort(imr_ids *ids, imr_ids_repeats *repeats, const char *name, imr_error *err)
{
    sorted_id *items = imr_scratch_alloc(ids->scratch, ids->n, 2 * sizeof *items);
    uint32_t *tables = imr_scratch_alloc(ids->scratch, ids->n, 2 * sizeof *tables);
    ids->owned[2] = tables;
    imr_status status = IMR_OK;
    if (!items || !tables) {
        status = imr_scratch_fail(ids->scratch, err);
    } else {
        sort_items(items, ids);
        status = find_repeats(repeats, items, ids, name, err);
    }
    if (status == IMR_OK && repeats && repeats->n) {
        ids->n = imr_ids_drop(ids->owned[1], sizeof *ids->start, ids->n, repeats);
        sort_items(items, ids);
    }
    assert(status != IMR_OK || (items && tables));
    for (size_t i = 0; status == IMR_OK && i < ids->n; i++) {
        tables[i] = items[i].row;
        tables[ids->n + items[i].row] = (uint32_t)i;
    }
    ids->order = tables;
    ids->places = tables ? tables + ids->n : NULL;
    imr_scratch_free(ids->scratch, items);
    return status;
}

static imr_status take(imr_ids *ids, imr_ids_repeats *repeats, const char *name, imr_error *err)
{
    uint64_t *start = imr_scratch_alloc(ids->scratch, ids->n, sizeof *start);
    ids->owned[1] = start;
    if (!start)
        return imr_scratch_fail(ids->scratch, err);
    size_t at = 0;
    for (size_t i = 0; i < ids->n; i++) {
        const char *end = at < ids->bytes ? memchr(ids->text + at, '\0', ids->bytes - at) : NULL;
        if (!end)
            return imr_fail(err, IMR_E_FORMAT, "%s holds %zu ids, expected %zu", name, i, ids->n);
        start[i] = at;
        at = (size_t)(end - ids->text) + 1;
    }
    ids->start = start;
    if (at != ids->bytes)
        return imr_fail(err, IMR_E_FORMAT, "%s holds more than %zu ids", name, ids->n);
    return sort(ids, repeats, name, err);
}

imr_status imr_ids_take(imr_ids *out, imr_ids_repeats *repeats, imr_scratch *scratch, char *text,
                        size_t bytes, size_t n, const char *name, imr_error *err)
{
    IMR_CLEANUP(imr_ids_done)
    imr_ids ids = {
        .n = n, .bytes = bytes, .text = bytes ? text : "", .owned = {text}, .scratch = scratch};
    IMR_TRY(take(&ids, repeats, name, err));
    return IMR_GIVE(out, ids);
}

/* ---- the file ---- */

/* The text against the lines it came from: byte by byte the same, a zero for each newline. */
static bool same_text(const char *text, const char *lines, size_t len, size_t n)
{
    size_t ends = 0;
    int wrong = 0;
#pragma omp parallel for simd reduction(+ : ends) reduction(| : wrong) if (len > 8 * PART)
    for (size_t i = 0; i < len; i++) {
        const int newline = lines[i] == '\n';
        wrong |= text[i] != (newline ? '\0' : lines[i]) || lines[i] == '\0';
        ends += (size_t)newline;
    }
    return !wrong && ends == n;
}

/* As many zeros as ids: starts that ascend, each behind a zero, are all of them. */
static bool good_starts(const imr_ids *ids)
{
    int wrong = ids->start[0] != 0;
#pragma omp parallel for reduction(| : wrong) if (ids->n > PART)
    for (size_t i = 1; i < ids->n; i++) {
        uint64_t at = ids->start[i];
        wrong |= at >= ids->bytes || at <= ids->start[i - 1] || ids->text[at - 1] != '\0';
    }
    return !wrong;
}

/* Two tables that undo each other everywhere hold every row once. */
static bool good_order(const imr_ids *ids)
{
    int wrong = 0;
#pragma omp parallel for reduction(| : wrong) if (ids->n > PART)
    for (size_t i = 0; i < ids->n; i++)
        wrong |= ids->order[i] >= ids->n || ids->places[ids->order[i]] != i;
    if (wrong)
        return false;
    size_t step = ids->n / ORDER_SAMPLE + 1;
    for (size_t i = 1; i < ids->n; i += step)
        if (strcmp(imr_ids_at(ids, ids->order[i - 1]), imr_ids_at(ids, ids->order[i])) >= 0)
            return false;
    return true;
}

static bool read_tables(imr_ids *ids, size_t lines_len, size_t n)
{
    const imr_file *f = &ids->file;
    uint64_t head[HEAD];
    size_t each = sizeof(uint64_t) + 2 * sizeof(uint32_t);
    if (n == 0 || f->len < sizeof head || (f->len - sizeof head) / each < n ||
        f->len - sizeof head - n * each != lines_len)
        return false;
    memcpy(head, f->data, sizeof head);
    if (head[0] != MAGIC || head[1] != n || head[2] != lines_len)
        return false;
    ids->n = n;
    ids->bytes = lines_len;
    ids->start = (const uint64_t *)(const void *)(f->data + sizeof head);
    ids->order = (const uint32_t *)(const void *)(ids->start + n);
    ids->places = ids->order + n;
    ids->text = (const char *)(ids->places + n);
    return true;
}

imr_status imr_ids_open(bool *found, imr_ids *out, const char *path, const void *lines,
                        size_t lines_len, size_t n, imr_error *err)
{
    IMR_CLEANUP(imr_ids_done) imr_ids ids = {0};
    IMR_TRY(imr_only_memory(imr_file_map(&ids.file, path, NULL), err));
    *found = read_tables(&ids, lines_len, n) && same_text(ids.text, lines, lines_len, n) &&
             good_starts(&ids) && good_order(&ids);
    if (*found)
        *out = IMR_TAKE(ids);
    return IMR_OK;
}

imr_status imr_ids_write(const imr_ids *ids, const char *path, imr_error *err)
{
    imr_writer w;
    IMR_TRY(imr_writer_open(&w, path, err));
    uint64_t head[HEAD] = {MAGIC, ids->n}, at = 0;
    for (size_t i = 0; i < ids->n; i++)
        head[2] += strlen(imr_ids_at(ids, i)) + 1;
    imr_writer_add(&w, head, sizeof head);
    for (size_t i = 0; i < ids->n; i++) {
        imr_writer_add(&w, &at, sizeof at);
        at += strlen(imr_ids_at(ids, i)) + 1;
    }
    imr_writer_add(&w, ids->order, ids->n * sizeof *ids->order);
    imr_writer_add(&w, ids->places, ids->n * sizeof *ids->places);
    for (size_t i = 0; i < ids->n; i++)
        imr_writer_add(&w, imr_ids_at(ids, i), strlen(imr_ids_at(ids, i)) + 1);
    return imr_writer_commit(&w, err);
}
