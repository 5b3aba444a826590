#include "text/pretokenise.h"

#include "base/array.h"
#include "base/mem.h"

void imr_pieces_done(imr_pieces *p)
{
    imr_free(p->v);
    *p = (imr_pieces){0};
}

/* Neighbours of one class stay together; class 0 is dropped, class 1 always stands alone. */
enum { DROP = 0, ALONE = 1, KEEP = 2, OTHER = 3 };

static int class_of(imr_split_rule rule, uint32_t cp)
{
    switch (rule) {
    case IMR_SPLIT_BERT:
        return imr_char_is_space(cp) ? DROP : imr_char_is_punctuation(cp) ? ALONE : KEEP;
    case IMR_SPLIT_SPACE:
        return imr_char_is_space(cp) ? DROP : KEEP;
    case IMR_SPLIT_PUNCTUATION:
        return imr_char_is_punctuation(cp) ? ALONE : KEEP;
    case IMR_SPLIT_WORDS:
        return imr_char_is_word(cp) ? KEEP : imr_char_is_space(cp) ? DROP : OTHER;
    case IMR_SPLIT_RULE_COUNT:
        break;
    }
    return KEEP;
}

static bool split(imr_split_rule rule, const imr_chars *c, imr_piece in, imr_pieces *out)
{
    uint32_t i = in.first;
    while (i < in.last) {
        int k = class_of(rule, c->v[i].cp);
        uint32_t start = i++;
        while (k != ALONE && i < in.last && class_of(rule, c->v[i].cp) == k)
            i++;
        if (k != DROP && !IMR_PUSH(out, (imr_piece){start, i}))
            return false;
    }
    return true;
}

imr_status imr_pretokenise(const imr_split_rule *rules, size_t n_rules, const imr_chars *c,
                           size_t first, size_t last, imr_pieces *out, imr_error *err)
{
    imr_pieces spare = {0};
    out->n = 0;
    bool ok = first >= last || IMR_PUSH(out, (imr_piece){(uint32_t)first, (uint32_t)last});
    for (size_t r = 0; ok && r < n_rules; r++) {
        spare.n = 0;
        for (size_t i = 0; ok && i < out->n; i++)
            ok = split(rules[r], c, out->v[i], &spare);
        imr_pieces swap = *out;
        *out = spare;
        spare = swap;
    }
    imr_pieces_done(&spare);
    return ok ? IMR_OK : imr_fail_memory(err);
}
