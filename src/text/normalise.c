#include "text/normalise.h"

#include <pthread.h>
#include <utf8proc.h>

#include "assets/unicode.h"
#include "base/limits.h"
#include "text/utf8.h"

void imr_chars_spell(imr_buf *out, const imr_char *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char bytes[4];
        imr_buf_add(out, bytes, imr_utf8_encode(v[i].cp, bytes));
    }
}

size_t imr_normalise_bert(imr_normalise_step *steps, bool clean, bool cjk_spaces,
                          bool strip_accents, bool lower)
{
    const struct {
        bool wanted;
        imr_normalise_op op;
    } all[IMR_NORMALISE_BERT_STEPS] = {{clean, IMR_NORM_CLEAN},
                                       {cjk_spaces, IMR_NORM_CJK_SPACES},
                                       {strip_accents, IMR_NORM_NFD},
                                       {strip_accents, IMR_NORM_STRIP_MN},
                                       {lower, IMR_NORM_LOWER}};
    size_t n = 0;
    for (size_t i = 0; i < IMR_LEN(all); i++)
        if (all[i].wanted)
            steps[n++] = (imr_normalise_step){.op = all[i].op};
    return n;
}

/* ---- code points ---- */

#define CODE_POINTS 0x110000u

/* Pages nobody touches take no memory. */
static uint8_t flags[CODE_POINTS];
static int32_t to_lower[CODE_POINTS]; /* added to a code point */

static void fill_all(void)
{
    char *at = (char *)(uintptr_t)imr_asset_unicode;
    for (unsigned flag = 1; flag <= IMR_UNICODE_DECOMPOSES; flag *= 2) {
        unsigned long cp = strtoul(at, &at, 10), n;
        for (; (n = strtoul(at, &at, 10)) > 0; cp += strtoul(at, &at, 10))
            for (; n > 0; n--)
                flags[cp++] |= (uint8_t)flag;
    }
    unsigned long cp;
    while ((cp = strtoul(at, &at, 10)) > 0) {
        unsigned long n = strtoul(at, &at, 10), step = strtoul(at, &at, 10);
        const long add = strtol(at, &at, 10);
        for (; n > 0; n--, cp += step)
            to_lower[cp] = (int32_t)add;
    }
}

static bool is_private(uint32_t cp)
{
    return (cp >= 0xE000 && cp <= 0xF8FF) || (cp >= 0xF0000 && (cp & 0xFFFF) <= 0xFFFD);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

unsigned imr_unicode_flags(uint32_t cp)
{
    if (cp < 0x80 || cp >= CODE_POINTS)
        return 0;
    pthread_once(&once, fill_all);
    return is_private(cp) ? IMR_UNICODE_CONTROL : flags[cp];
}

uint32_t imr_unicode_lower(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    if (cp >= CODE_POINTS)
        return cp;
    pthread_once(&once, fill_all);
    return (uint32_t)((int32_t)cp + to_lower[cp]);
}

/* ---- classes ---- */

static bool within(uint32_t cp, uint32_t first, uint32_t last)
{
    return cp - first <= last - first;
}

bool imr_char_is_space(uint32_t cp)
{
    if (cp < 0x80)
        return cp == ' ' || within(cp, '\t', '\r');
    return cp == 0x85 || cp == 0xA0 || cp == 0x1680 || within(cp, 0x2000, 0x200A) || cp == 0x2028 ||
           cp == 0x2029 || cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

bool imr_char_is_punctuation(uint32_t cp)
{
    if (cp < 0x80)
        return within(cp, '!', '/') || within(cp, ':', '@') || within(cp, '[', '`') ||
               within(cp, '{', '~');
    return imr_unicode_flags(cp) & IMR_UNICODE_PUNCTUATION;
}

bool imr_char_is_cjk(uint32_t cp)
{
    static const uint32_t blocks[][2] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},
                                         {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F},
                                         {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}};
    for (size_t i = 0; cp >= blocks[0][0] && i < IMR_LEN(blocks); i++)
        if (within(cp, blocks[i][0], blocks[i][1]))
            return true;
    return false;
}

/* Of Rust's regex: letters, marks, decimal and letter numbers, connectors, joiners. */
bool imr_char_is_word(uint32_t cp)
{
    if (cp < 0x80)
        return within(cp, '0', '9') || within(cp, 'a', 'z') || within(cp, 'A', 'Z') || cp == '_';
    return imr_unicode_flags(cp) & IMR_UNICODE_WORD;
}

/* BERT counts the categories Cc, Cf and Co as control but keeps tab, line feed and return as white
 * space. */
static bool is_control(uint32_t cp)
{
    if (cp < 0x80)
        return (cp < 0x20 && cp != '\t' && cp != '\n' && cp != '\r') || cp == 0x7F;
    return imr_unicode_flags(cp) & IMR_UNICODE_CONTROL;
}

/* ---- steps ---- */

static bool is_cased(uint32_t cp)
{
    const utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LT;
}

static bool is_case_ignorable(uint32_t cp)
{
    static const uint32_t others[] = {'\'', '.', ':', 0xB7, 0x2018, 0x2019, 0x2024, 0x2027};
    for (size_t i = 0; i < IMR_LEN(others); i++)
        if (cp == others[i])
            return true;
    const utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_ME || c == UTF8PROC_CATEGORY_CF ||
           c == UTF8PROC_CATEGORY_LM || c == UTF8PROC_CATEGORY_SK;
}

/* Unicode's Final_Sigma: after a cased letter and not before one, case-ignorables aside. */
static bool is_final(const imr_chars *c, size_t at)
{
    size_t before = at, after = at + 1;
    while (before > 0 && is_case_ignorable(c->v[before - 1].cp))
        before--;
    while (after < c->n && is_case_ignorable(c->v[after].cp))
        after++;
    return before > 0 && is_cased(c->v[before - 1].cp) &&
           !(after < c->n && is_cased(c->v[after].cp));
}

static int combining_class(uint32_t cp)
{
    return imr_unicode_flags(cp) & IMR_UNICODE_MARK
               ? utf8proc_get_property((utf8proc_int32_t)cp)->combining_class
               : 0;
}

static bool decompose(imr_chars *to, imr_char k, bool compat)
{
    enum { LONGEST = 32 }; /* U+FDFA, 18 code points, is the longest decomposition there is */
    /* Sorting looks no further back than real text needs (UAX 15, stream-safe format: 30 marks), so
     * that megabytes of marks cost linear time. */
    enum { STREAM_SAFE = 32 };
    utf8proc_int32_t parts[LONGEST];
    utf8proc_ssize_t n = 0;
    if (imr_unicode_flags(k.cp) & IMR_UNICODE_DECOMPOSES) {
        int bounds = UTF8PROC_BOUNDCLASS_START;
        n = utf8proc_decompose_char((utf8proc_int32_t)k.cp, parts, LONGEST,
                                    UTF8PROC_DECOMPOSE | (compat ? UTF8PROC_COMPAT : 0), &bounds);
    }
    if (n < 1 || n > LONGEST) {
        parts[0] = (utf8proc_int32_t)k.cp;
        n = 1;
    }
    for (utf8proc_ssize_t j = 0; j < n; j++) {
        k.cp = (uint32_t)parts[j];
        if (!IMR_PUSH(to, k))
            return false;
        const int class = combining_class(k.cp);
        const size_t lowest = to->n > STREAM_SAFE ? to->n - STREAM_SAFE : 1;
        for (size_t at = to->n - 1; class && at >= lowest; at--) {
            if (combining_class(to->v[at - 1].cp) <= class)
                break;
            to->v[at] = to->v[at - 1];
            to->v[at - 1] = k;
        }
    }
    return true;
}

/* What becomes of one code point goes to `to`. False when memory ran out. */
static bool map_one(imr_normalise_op op, const imr_chars *from, size_t i, imr_chars *to)
{
    imr_char k = from->v[i];
    bool cjk = false;
    switch (op) {
    case IMR_NORM_CLEAN:
        if (k.cp == 0 || k.cp == IMR_UTF8_BAD || is_control(k.cp))
            return true;
        if (imr_char_is_space(k.cp))
            k.cp = ' ';
        return IMR_PUSH(to, k);
    case IMR_NORM_CJK_SPACES:
        cjk = imr_char_is_cjk(k.cp);
        return (!cjk || IMR_PUSH(to, (imr_char){' ', k.start, k.start})) && IMR_PUSH(to, k) &&
               (!cjk || IMR_PUSH(to, (imr_char){' ', k.end, k.end}));
    case IMR_NORM_STRIP_MN:
        return imr_unicode_flags(k.cp) & IMR_UNICODE_NONSPACING || IMR_PUSH(to, k);
    case IMR_NORM_STRIP_MARKS:
        return imr_unicode_flags(k.cp) & IMR_UNICODE_MARK || IMR_PUSH(to, k);
    case IMR_NORM_LOWER:
        /* The one character whose lower case is two: dotted capital I. */
        if (k.cp == 0x130)
            return IMR_PUSH(to, (imr_char){'i', k.start, k.end}) &&
                   IMR_PUSH(to, (imr_char){0x307, k.start, k.end});
        k.cp = k.cp == 0x3A3 && is_final(from, i) ? 0x3C2 : imr_unicode_lower(k.cp);
        return IMR_PUSH(to, k);
    default:
        return decompose(to, k, op == IMR_NORM_NFKD);
    }
}

static void trim(imr_chars *c, bool left)
{
    size_t first = 0;
    while (left && first < c->n && imr_char_is_space(c->v[first].cp))
        first++;
    if (first > 0)
        memmove(c->v, c->v + first, (c->n -= first) * sizeof *c->v);
    while (!left && c->n > 0 && imr_char_is_space(c->v[c->n - 1].cp))
        c->n--;
}

static bool decode_into(imr_chars *to, const char *text, size_t len, size_t base)
{
    if (!IMR_GROW(to, len))
        return false;
    for (size_t pos = 0; pos < len;) {
        uint32_t cp;
        size_t n = imr_utf8_decode(text + pos, len - pos, &cp);
        to->v[to->n++] = (imr_char){cp, (uint32_t)(base + pos), (uint32_t)(base + pos + n)};
        pos += n;
    }
    return true;
}

static bool matches(const imr_chars *c, size_t at, const imr_chars *what)
{
    size_t same = 0;
    while (same < what->n && at + same < c->n && c->v[at + same].cp == what->v[same].cp)
        same++;
    return same == what->n && same > 0;
}

/* The replacement's code points span everything they replace. Stops above `most` of them. */
static bool replace(const imr_chars *from, imr_chars *to, size_t most,
                    const imr_normalise_step *step)
{
    imr_chars old IMR_AUTOFREE = {0}, new IMR_AUTOFREE = {0};
    if (!decode_into(&old, step->from, strlen(step->from), 0) ||
        !decode_into(&new, step->to, strlen(step->to), 0))
        return false;
    for (size_t i = 0; i < from->n;) {
        const bool found = matches(from, i, &old);
        const size_t next = i + (found ? old.n : 1), n = found ? new.n : 1;
        if (to->n > most)
            return true;
        for (size_t j = 0; j < n; j++)
            if (!IMR_PUSH(to, (imr_char){found ? new.v[j].cp : from->v[i].cp, from->v[i].start,
                                         from->v[next - 1].end}))
                return false;
        i = next;
    }
    return true;
}

/* most: REPLACE stops above it. */
static bool run_step(const imr_normalise_step *step, imr_chars *c, imr_chars *spare, size_t most)
{
    const imr_normalise_op op = step->op;
    if (op == IMR_NORM_STRIP_LEFT || op == IMR_NORM_STRIP_RIGHT) {
        trim(c, op == IMR_NORM_STRIP_LEFT);
        return true;
    }
    uint32_t any = 0;
    for (size_t i = 0; i < c->n; i++)
        any |= c->v[i].cp;
    if (any < 0x80 && op != IMR_NORM_CLEAN && op != IMR_NORM_LOWER && op != IMR_NORM_REPLACE)
        return true; /* ASCII has no ideographs and no marks */
    spare->n = 0;
    bool ok = op == IMR_NORM_REPLACE ? replace(c, spare, most, step) : IMR_GROW(spare, c->n);
    for (size_t i = 0; ok && op != IMR_NORM_REPLACE && i < c->n; i++)
        ok = map_one(op, c, i, spare);
    imr_chars swap = *c;
    *c = *spare;
    *spare = swap;
    return ok;
}

imr_status imr_normalise(const imr_normalise_step *steps, size_t n_steps, const char *text,
                         size_t len, size_t base, imr_chars *out, imr_error *err)
{
    if (base > IMR_MAX_TEXT_BYTES || len > IMR_MAX_TEXT_BYTES - base)
        return imr_fail(err, IMR_E_LIMIT,
                        "a text of %zu bytes is longer than the %zu a text may have", base + len,
                        IMR_MAX_TEXT_BYTES);
    imr_chars spare IMR_AUTOFREE = {0};
    out->n = 0;
    bool ok = decode_into(out, text, len, base);
    const size_t most = IMR_MAX_GROWTH * (len + 1);
    for (size_t i = 0; ok && i < n_steps; i++) {
        ok = run_step(&steps[i], out, &spare, most);
        if (ok && out->n > most)
            return imr_fail(err, IMR_E_LIMIT,
                            "the tokeniser's Replace steps make more than %u characters of a byte",
                            IMR_MAX_GROWTH);
    }
    return ok ? IMR_OK : imr_fail_memory(err);
}

/* ---- words ---- */

/* Neighbours of one class stay together; one of DROP is left out, one of ALONE stands alone. */
enum { DROP, ALONE, KEEP, OTHER };

static int class_of(imr_split_rule rule, uint32_t cp)
{
    if (rule == IMR_SPLIT_WORDS && imr_char_is_word(cp))
        return KEEP;
    if (rule != IMR_SPLIT_PUNCTUATION && imr_char_is_space(cp))
        return DROP;
    if ((rule == IMR_SPLIT_BERT || rule == IMR_SPLIT_PUNCTUATION) && imr_char_is_punctuation(cp))
        return ALONE;
    return rule == IMR_SPLIT_WORDS ? OTHER : KEEP;
}

static bool split(imr_split_rule rule, const imr_chars *c, imr_piece in, imr_pieces *out)
{
    for (uint32_t i = in.first; i < in.last;) {
        const int k = class_of(rule, c->v[i].cp);
        const uint32_t start = i++;
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
    imr_pieces spare IMR_AUTOFREE = {0};
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
    return ok ? IMR_OK : imr_fail_memory(err);
}
