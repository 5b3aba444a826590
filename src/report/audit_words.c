/* report/audit_words.c - words of losing queries against winning ones, as text. */
#include "base/number.h"
#include "report/formats.h"

static void put_words(imr_buf *b, const char *which, const imr_audit_word *w, size_t n)
{
    imr_buf_printf(b, "%-36s%8s%6s%6s%11s%9s\n", which, "queries", "lost", "won", "by chance", "p");
    for (size_t i = 0; i < n; i++, w++) {
        IMR_AUTOBUF imr_buf text = {0};
        imr_buf_printf(&text, " %s%s%s", w->query, w->document ? " ~ " : "",
                       w->document ? w->document : "");
        imr_report_cell(b, imr_buf_text(&text), 36);
        imr_buf_printf(b, "%8zu%6zu%6zu%11s%9s\n", w->queries, w->lost, w->won,
                       IMR_FIXED(w->chance, 1), IMR_FIXED(w->p, 4));
    }
    imr_buf_str(b, n ? "" : " none stands in more of them than by chance\n");
}

void imr_report_audit_words(imr_buf *b, const imr_audit *a)
{
    IMR_AUTOBUF imr_buf note = {0};
    put_words(b, "words of queries that lost", a->lost, a->n_lost);
    put_words(b, "words of queries that won", a->won, a->n_won);
    imr_buf_printf(
        &note,
        "Words of queries, and pairs of words whose share changed; by chance: in how many "
        "such queries each would stand; p: how likely as many or more. Of the %zu that "
        "stand in two queries or more %.0f have a p below .05 by chance.",
        a->words, .05 * (double)a->words);
    imr_report_wrap(b, imr_buf_text(&note), 1, 1, 77);
}
