#include "explain/lens.h"

#include "base/limits.h"
#include "base/mem.h"
#include "text/utf8.h"

static bool all_of(const char *text, size_t len, const char *set)
{
    return len > 0 && strspn(text, set) >= len;
}

/* [CLS], [unused3], <mask>, </s>: the bracketed names tokenisers reserve. */
static imr_token_kind bracketed(const char *text, size_t len)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_|/0123456789";
    static const char digits[] = "0123456789";
    if (len < 3)
        return IMR_KIND_ORDINARY;
    const bool square = text[0] == '[' && text[len - 1] == ']';
    const bool angle = text[0] == '<' && text[len - 1] == '>';
    if (square && len > 8 && memcmp(text, "[unused", 7) == 0 && all_of(text + 7, len - 8, digits))
        return IMR_KIND_UNUSED;
    return (square || angle) && all_of(text + 1, len - 2, letters) ? IMR_KIND_SPECIAL
                                                                   : IMR_KIND_ORDINARY;
}

imr_token_kind imr_token_kind_of(const char *text)
{
    if (text[0] == '#' && text[1] == '#' && text[2]) /* a continuation */
        text += 2;
    const size_t len = strlen(text);
    imr_token_kind kind = bracketed(text, len);
    if (kind != IMR_KIND_ORDINARY)
        return kind;
    if (all_of(text, len, "0123456789"))
        return IMR_KIND_DIGITS;
    size_t count = 0, words = 0;
    uint32_t cp = 0;
    for (size_t at = 0; at < len; count++) {
        at += imr_utf8_decode(text + at, len - at, &cp);
        words += cp != IMR_UTF8_BAD && imr_utf8_is_word(cp);
    }
    if (words == 0)
        return IMR_KIND_PUNCTUATION;
    return count == 1 && imr_utf8_cp_width(cp) < 2 ? IMR_KIND_LETTER : IMR_KIND_ORDINARY;
}

bool imr_token_is_word(const char *text)
{
    size_t count = 0, len = strlen(text);
    bool letter = false;
    for (size_t at = 0; at < len && !(letter && count > 1); count++) {
        uint32_t cp;
        at += imr_utf8_decode(text + at, len - at, &cp);
        letter = letter || imr_utf8_is_letter(cp);
    }
    return letter && count > 1;
}

imr_status imr_token_table_init(imr_token_table *out, imr_view rows, const char *const *texts,
                                const uint8_t *special, imr_error *err)
{
    if (rows.rows == 0 || rows.cols == 0)
        return imr_fail(err, IMR_E_SHAPE, "token table is [%zu,%zu]; it needs at least one token",
                        rows.rows, rows.cols);
    if (rows.rows > IMR_MAX_VOCAB)
        return imr_fail(err, IMR_E_LIMIT, "token table has %zu rows, at most %u are allowed",
                        rows.rows, IMR_MAX_VOCAB);
    const size_t bad = imr_view_first_bad(rows);
    if (bad < rows.rows * rows.cols)
        return imr_fail(err, IMR_E_NUMERIC,
                        "token table row %zu (\"%s\"), column %zu is not finite: the file is "
                        "damaged, fetch it again",
                        bad / rows.cols, texts[bad / rows.cols], bad % rows.cols);
    imr_token_table t = {.rows = rows, .texts = texts, .hidden = imr_alloc(rows.rows, 1)};
    IMR_NEED(t.hidden, err);
    for (size_t i = 0; i < rows.rows; i++) {
        imr_token_kind kind =
            special && special[i] ? IMR_KIND_SPECIAL : imr_token_kind_of(texts[i]);
        t.hidden[i] = kind != IMR_KIND_ORDINARY;
        t.count[kind]++;
    }
    *out = t;
    return IMR_OK;
}

void imr_token_table_done(imr_token_table *t)
{
    imr_free(t->hidden);
    *t = (imr_token_table){0};
}
