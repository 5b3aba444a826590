/* session/notes: what is accepted is told without a control byte, and read back the same. */
#include <string.h>

#include "session/notes.h"
#include "tests/fuzz/fuzz.h"

static void plain(const imr_buf *b)
{
    must(!b->failed);
    for (size_t i = 0; i < b->len; i++)
        must((unsigned char)b->data[i] >= ' ' || strchr("\r\n", b->data[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_notes *n = NULL, *again = NULL;
    imr_error err;
    IMR_AUTOBUF imr_buf lines = {0}, qrels = {0}, said = {0};
    if (imr_notes_parse(&n, data, size, "input", &err) != IMR_OK) {
        must(err.text[0] != '\0');
        return 0;
    }
    must((n->broken == 0) == (n->problem[0] == '\0'));
    must(n->newest.n <= n->v.n && n->subjects.count == n->newest.n);
    for (size_t i = 0; i < n->v.n; i++) {
        const imr_note *one = n->v.v[i];
        const imr_note *newest = imr_notes_find(n, one->query_id, one->query, one->document);
        must(newest && imr_note_verdict(newest));
        must(!one->earlier || one->earlier->verdict <= IMR_REMARK);
        imr_note_put(&lines, one);
        imr_buf_char(&lines, '\n');
    }
    imr_notes_qrels(&qrels, &said, n);
    plain(&lines);
    plain(&qrels);
    must(imr_notes_parse(&again, lines.data, lines.len, "again", &err) == IMR_OK);
    must(again->v.n == n->v.n && again->newest.n == n->newest.n && !again->cut);
    imr_notes_free(again);
    imr_notes_free(n);
    return 0;
}
