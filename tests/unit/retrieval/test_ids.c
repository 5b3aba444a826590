#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/random.h"
#include "math/topk.h"
#include "retrieval/ids.h"
#include "tests/support/test.h"

/* A table of the n zero-terminated ids in text. */
static imr_status take(imr_ids *out, imr_ids_repeats *repeats, const char *text, size_t bytes,
                       size_t n, imr_error *err)
{
    char *copy = imr_alloc(bytes, 1);
    if (!copy)
        return imr_fail_memory(err);
    memcpy(copy, text, bytes);
    return imr_ids_take(out, repeats, NULL, copy, bytes, n, "here", err);
}

/* Ids of all lengths over few letters, so that many are alike; without repeats: the row is in it.
 */
static void random_ids(imr_buf *out, size_t n, imr_random *random, const char *before)
{
    for (size_t i = 0; i < n; i++) {
        imr_buf_str(out, before);
        for (size_t k = imr_random_below(random, 14); k > 0; k--)
            imr_buf_char(out, "ab\xc3"[imr_random_below(random, 3)]);
        imr_buf_printf(out, "%zu", i);
        imr_buf_char(out, '\0');
    }
}

TEST("rows, order and places are those of strcmp, whatever the ids begin with")
{
    static const char *const before[] = {"", "d", "a-long-common-beginning-"};
    for (size_t b = 0; b < IMR_LEN(before); b++) {
        enum { N = 700 };
        imr_error err = {0};
        imr_random random;
        imr_random_init(&random, 5 + b);
        imr_buf text = {0};
        random_ids(&text, N, &random, before[b]);
        imr_ids ids;
        CHECK_OK(take(&ids, NULL, imr_buf_text(&text), text.len, N, &err));
        const char *at = imr_buf_text(&text), *all[N];
        for (size_t i = 0; i < N; i++, at += strlen(at) + 1) {
            uint32_t row = UINT32_MAX;
            all[i] = at;
            CHECK_STR(imr_ids_at(&ids, i), at);
            CHECK(imr_ids_find(&ids, at, &row) && row == i);
            CHECK(imr_ids_find_near(&ids, at, (uint32_t)(i ^ 1), &row) && row == i);
            CHECK(imr_ids_find_near(&ids, at, (uint32_t)i, &row) && row == i);
        }
        uint32_t row, places[N];
        CHECK(!imr_ids_find(&ids, "", &row));
        CHECK(!imr_ids_find(&ids, "zzz", &row));
        CHECK(!imr_ids_find_near(&ids, "zzz", UINT32_MAX, &row));
        CHECK_OK(imr_topk_places(places, all, N, &err));
        for (size_t i = 0; i < N; i++) {
            CHECK_INT(ids.places[i], places[i]);
            CHECK_INT(ids.order[ids.places[i]], i);
        }
        imr_ids_done(&ids);
        imr_buf_done(&text);
    }
}

TEST("repeated ids are an error, or given back with the row they were first on and left out")
{
    static const char text[] = "b\0a\0b\0c\0a\0b\0a-long-id-1\0a-long-id-2\0a-long-id-1";
    imr_error err = {0};
    imr_ids ids;
    CHECK_INT(take(&ids, NULL, text, sizeof text, 9, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "stands there twice");
    imr_ids_repeats r = {0};
    CHECK_OK(take(&ids, &r, text, sizeof text, 9, &err));
    static const uint32_t rows[] = {2, 4, 5, 8}, firsts[] = {0, 1, 0, 6};
    CHECK_INT(r.n, IMR_LEN(rows));
    for (size_t i = 0; i < r.n; i++) {
        CHECK_INT(r.v[i].row, rows[i]);
        CHECK_INT(r.v[i].first, firsts[i]);
    }
    static const char *const left[] = {"b", "a", "c", "a-long-id-1", "a-long-id-2"};
    static const uint32_t places[] = {3, 0, 4, 1, 2};
    CHECK_INT(ids.n, IMR_LEN(left));
    for (size_t i = 0; i < ids.n; i++) {
        uint32_t row = 0;
        CHECK_STR(imr_ids_at(&ids, i), left[i]);
        CHECK(imr_ids_find(&ids, left[i], &row) && row == i);
        CHECK_INT(ids.places[i], places[i]);
    }
    imr_free(r.v);
    imr_ids_done(&ids);
}

TEST("a text of more or fewer ids than were announced is refused, none at all is fine")
{
    imr_error err = {0};
    imr_ids ids;
    CHECK_INT(take(&ids, NULL, "a\0b", 4, 3, &err), IMR_E_FORMAT);
    CHECK_INT(take(&ids, NULL, "a\0b", 4, 1, &err), IMR_E_FORMAT);
    CHECK_INT(take(&ids, NULL, "a\0b", 3, 2, &err), IMR_E_FORMAT);
    CHECK_OK(imr_ids_take(&ids, NULL, NULL, NULL, 0, 0, "here", &err));
    uint32_t row;
    CHECK(!imr_ids_find(&ids, "a", &row));
    imr_ids_done(&ids);
}

/* ---- the file ---- */

enum { FILE_IDS = 200 };

/* A written table and the lines it is of. */
typedef struct written {
    char path[512];
    imr_buf lines;
    char *bytes;
    size_t len;
} written;

static void write_some(written *w)
{
    imr_error err = {0};
    imr_random random;
    imr_random_init(&random, 9);
    imr_buf text = {0};
    random_ids(&text, FILE_IDS, &random, "x");
    *w = (written){0};
    snprintf(w->path, sizeof w->path, "%s/ids", test_tmpdir());
    imr_buf_add(&w->lines, imr_buf_text(&text), text.len);
    for (size_t i = 0; i < w->lines.len; i++)
        if (!w->lines.data[i])
            w->lines.data[i] = '\n';
    imr_ids ids;
    CHECK_OK(take(&ids, NULL, imr_buf_text(&text), text.len, FILE_IDS, &err));
    CHECK_OK(imr_ids_write(&ids, w->path, &err));
    w->bytes = test_read(w->path, &w->len);
    imr_ids_done(&ids);
    imr_buf_done(&text);
}

static void written_done(written *w)
{
    imr_buf_done(&w->lines);
    free(w->bytes);
}

static bool opens(imr_ids *ids, const written *w, size_t n)
{
    imr_error err = {0};
    bool found = false;
    CHECK_OK(imr_ids_open(&found, ids, w->path, w->lines.data, w->lines.len, n, &err));
    return found;
}

TEST("a written table opens as what was written, beside its own lines only")
{
    written w;
    write_some(&w);
    imr_ids ids;
    CHECK(opens(&ids, &w, FILE_IDS));
    const char *line = w.lines.data;
    for (size_t i = 0; i < FILE_IDS; i++, line = strchr(line, '\n') + 1) {
        uint32_t row = 0;
        size_t len = strlen(imr_ids_at(&ids, i));
        CHECK(strncmp(line, imr_ids_at(&ids, i), len) == 0 && line[len] == '\n');
        CHECK(imr_ids_find(&ids, imr_ids_at(&ids, i), &row) && row == i);
    }
    imr_ids_done(&ids);
    CHECK(!opens(&ids, &w, FILE_IDS - 1));
    CHECK(!opens(&ids, &w, FILE_IDS + 1));
    for (size_t i = 0; i < w.lines.len; i += 7) {
        char kept = w.lines.data[i];
        w.lines.data[i] = kept == 'q' ? 'r' : 'q';
        CHECK(!opens(&ids, &w, FILE_IDS));
        w.lines.data[i] = '\0';
        CHECK(!opens(&ids, &w, FILE_IDS));
        w.lines.data[i] = kept;
    }
    CHECK_INT(remove(w.path), 0);
    CHECK(!opens(&ids, &w, FILE_IDS));
    written_done(&w);
}

TEST("a table cut anywhere or with any byte changed is not believed, or still in range")
{
    written w;
    imr_error err = {0};
    write_some(&w);
    imr_ids ids;
    for (size_t len = 0; len < w.len; len += len < 64 ? 1 : 61) {
        CHECK_OK(imr_file_write(w.path, w.bytes, len, &err));
        CHECK(!opens(&ids, &w, FILE_IDS));
    }
    size_t believed = 0;
    for (size_t i = 0; i < w.len; i++) {
        w.bytes[i] ^= (char)(1 << i % 8);
        CHECK_OK(imr_file_write(w.path, w.bytes, w.len, &err));
        w.bytes[i] ^= (char)(1 << i % 8);
        if (!opens(&ids, &w, FILE_IDS))
            continue;
        believed++;
        imr_ids_done(&ids);
    }
    CHECK_INT(believed, 8); /* the unused number of the head */
    written_done(&w);
}

TEST("two ids exchanged in the order are noticed where few ids make the sample whole")
{
    written w;
    imr_error err = {0};
    write_some(&w);
    uint32_t order[FILE_IDS], places[FILE_IDS];
    char *at = w.bytes + 32 + 8 * FILE_IDS;
    memcpy(order, at, sizeof order);
    uint32_t kept = order[10];
    order[10] = order[150];
    order[150] = kept;
    for (uint32_t i = 0; i < FILE_IDS; i++)
        places[order[i]] = i;
    memcpy(at, order, sizeof order);
    memcpy(at + sizeof order, places, sizeof places);
    CHECK_OK(imr_file_write(w.path, w.bytes, w.len, &err));
    imr_ids ids;
    CHECK(!opens(&ids, &w, FILE_IDS));
    written_done(&w);
}

TEST("every allocation of making a table may fail once")
{
    static const char text[] = "b\0a\0b\0c";
    for (int i = 0;; i++) {
        imr_error err = {0};
        imr_ids ids = {0};
        imr_ids_repeats r = {0};
        imr_mem_fail_after(i);
        imr_status status = take(&ids, &r, text, sizeof text, 4, &err);
        imr_mem_fail_after(-1);
        imr_free(r.v);
        imr_ids_done(&ids);
        if (status == IMR_OK)
            break;
        CHECK_INT(status, IMR_E_MEMORY);
    }
    CHECK(true);
}
