#include "text/normalise.h"

#include <string.h>
#include <utf8proc.h>

#include "base/array.h"
#include "base/limits.h"
#include "base/mem.h"
#include "text/unicode.h"
#include "text/utf8.h"

void imr_chars_done(imr_chars *c)
{
    imr_free(c->v);
    *c = (imr_chars){0};
}

size_t imr_normalise_bert(imr_normalise_step *steps, bool clean, bool cjk_spaces,
                          bool strip_accents, bool lower)
{
    size_t n = 0;
    if (clean)
        steps[n++] = (imr_normalise_step){.op = IMR_NORM_CLEAN};
    if (cjk_spaces)
        steps[n++] = (imr_normalise_step){.op = IMR_NORM_CJK_SPACES};
    if (strip_accents) {
        steps[n++] = (imr_normalise_step){.op = IMR_NORM_NFD};
        steps[n++] = (imr_normalise_step){.op = IMR_NORM_STRIP_MN};
    }
    if (lower)
        steps[n++] = (imr_normalise_step){.op = IMR_NORM_LOWER};
    return n;
}

static utf8proc_category_t category(uint32_t cp)
{
    return utf8proc_category((utf8proc_int32_t)cp);
}

bool imr_char_is_space(uint32_t cp)
{
    if (cp < 0x80)
        return cp == ' ' || (cp >= '\t' && cp <= '\r');
    return cp == 0x85 || cp == 0xA0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) ||
           cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

bool imr_char_is_punctuation(uint32_t cp)
{
    if (cp < 0x80)
        return (cp >= 33 && cp <= 47) || (cp >= 58 && cp <= 64) || (cp >= 91 && cp <= 96) ||
               (cp >= 123 && cp <= 126);
    return imr_unicode_flags(cp) & IMR_UNICODE_PUNCTUATION;
}

bool imr_char_is_cjk(uint32_t cp)
{
    return cp >= 0x3400 && ((cp <= 0x4DBF) || (cp >= 0x4E00 && cp <= 0x9FFF) ||
                            (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0x20000 && cp <= 0x2A6DF) ||
                            (cp >= 0x2A700 && cp <= 0x2B73F) || (cp >= 0x2B740 && cp <= 0x2B81F) ||
                            (cp >= 0x2B920 && cp <= 0x2CEAF) || (cp >= 0x2F800 && cp <= 0x2FA1F));
}

/* Of Rust's regex: letters, marks, decimal and letter numbers, connectors, joiners. */
bool imr_char_is_word(uint32_t cp)
{
    if (cp < 0x80)
        return (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') ||
               cp == '_';
    return imr_unicode_flags(cp) & IMR_UNICODE_WORD;
}

/* BERT counts the categories Cc, Cf and Co as control but keeps tab, line feed and return as white space. */
static bool is_control(uint32_t cp)
{
    if (cp < 0x80)
        return (cp < 0x20 && cp != '\t' && cp != '\n' && cp != '\r') || cp == 0x7F;
    return imr_unicode_flags(cp) & IMR_UNICODE_CONTROL;
}

/* ---- steps that only drop or change single code points work in place ---- */

static void step_clean(imr_chars *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        imr_char k = c->v[i];
        if (k.cp == 0 || k.cp == IMR_UTF8_BAD || is_control(k.cp))
            continue;
        if (imr_char_is_space(k.cp))
            k.cp = ' ';
        c->v[n++] = k;
    }
    c->n = n;
}

static void step_strip_marks(imr_chars *c, bool all)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (!(imr_unicode_flags(c->v[i].cp) & (all ? IMR_UNICODE_MARK : IMR_UNICODE_NONSPACING)))
            c->v[n++] = c->v[i];
    }
    c->n = n;
}

static void step_trim(imr_chars *c, bool left)
{
    if (!left) {
        while (c->n > 0 && imr_char_is_space(c->v[c->n - 1].cp))
            c->n--;
        return;
    }
    size_t first = 0;
    while (first < c->n && imr_char_is_space(c->v[first].cp))
        first++;
    c->n -= first;
    memmove(c->v, c->v + first, c->n * sizeof *c->v);
}

/* ---- steps that may grow the text write to a second array ---- */

static bool push(imr_chars *to, uint32_t cp, uint32_t start, uint32_t end)
{
    return IMR_PUSH(to, (imr_char){cp, start, end});
}

static bool step_cjk(const imr_chars *from, imr_chars *to)
{
    for (size_t i = 0; i < from->n; i++) {
        imr_char k = from->v[i];
        bool cjk = imr_char_is_cjk(k.cp);
        if (cjk && !push(to, ' ', k.start, k.start))
            return false;
        if (!push(to, k.cp, k.start, k.end))
            return false;
        if (cjk && !push(to, ' ', k.end, k.end))
            return false;
    }
    return true;
}

static bool is_cased(uint32_t cp)
{
    utf8proc_category_t c = category(cp);
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LT;
}

static bool is_case_ignorable(uint32_t cp)
{
    switch (cp) {
    case '\'':
    case '.':
    case ':':
    case 0xB7:
    case 0x2018:
    case 0x2019:
    case 0x2024:
    case 0x2027:
        return true;
    default:
        break;
    }
    utf8proc_category_t c = category(cp);
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

static bool step_lower(const imr_chars *from, imr_chars *to)
{
    for (size_t i = 0; i < from->n; i++) {
        imr_char k = from->v[i];
        k.cp = k.cp == 0x130                        ? 'i'
               : k.cp == 0x3A3 && is_final(from, i) ? 0x3C2
                                                    : imr_unicode_lower(k.cp);
        if (!push(to, k.cp, k.start, k.end))
            return false;
        /* The one character whose lower case is two: dotted capital I. */
        if (from->v[i].cp == 0x130 && !push(to, 0x307, k.start, k.end))
            return false;
    }
    return true;
}

static int combining_class(uint32_t cp)
{
    return imr_unicode_flags(cp) & IMR_UNICODE_MARK
               ? utf8proc_get_property((utf8proc_int32_t)cp)->combining_class
               : 0;
}

static bool step_decompose(const imr_chars *from, imr_chars *to, bool compat)
{
    enum { LONGEST = 32 }; /* U+FDFA, 18 code points, is the longest decomposition there is */
    /* Sorting looks no further back than real text needs (UAX 15, stream-safe format: 30 marks), so
     * that megabytes of marks cost linear time. */
    enum { STREAM_SAFE = 32 };
    for (size_t i = 0; i < from->n; i++) {
        imr_char k = from->v[i];
        utf8proc_int32_t parts[LONGEST] = {(utf8proc_int32_t)k.cp};
        utf8proc_ssize_t n = 1;
        if (imr_unicode_flags(k.cp) & IMR_UNICODE_DECOMPOSES) {
            int bounds = UTF8PROC_BOUNDCLASS_START;
            n = utf8proc_decompose_char(
                (utf8proc_int32_t)k.cp, parts, LONGEST,
                compat ? (UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT) : UTF8PROC_DECOMPOSE, &bounds);
            if (n < 1 || n > LONGEST) {
                parts[0] = (utf8proc_int32_t)k.cp;
                n = 1;
            }
        }
        for (utf8proc_ssize_t j = 0; j < n; j++) {
            if (!push(to, (uint32_t)parts[j], k.start, k.end))
                return false;
            int ccc = combining_class((uint32_t)parts[j]);
            size_t lowest = to->n > STREAM_SAFE ? to->n - STREAM_SAFE : 1;
            for (size_t at = to->n - 1; ccc && at >= lowest; at--) {
                if (combining_class(to->v[at - 1].cp) <= ccc)
                    break;
                imr_char swap = to->v[at];
                to->v[at] = to->v[at - 1];
                to->v[at - 1] = swap;
            }
        }
    }
    return true;
}

static bool decode_into(imr_chars *to, const char *text, size_t len, size_t base)
{
    if (!imr_array_grow(&to->v, to->n, &to->cap, len, sizeof *to->v))
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
    if (what->n > c->n - at)
        return false;
    for (size_t i = 0; i < what->n; i++)
        if (c->v[at + i].cp != what->v[i].cp)
            return false;
    return what->n > 0;
}

/* The replacement's code points span everything they replace. */
static bool step_replace(const imr_chars *from, imr_chars *to, const imr_normalise_step *step)
{
    imr_chars old = {0}, new = {0};
    bool ok = decode_into(&old, step->from, strlen(step->from), 0) &&
              decode_into(&new, step->to, strlen(step->to), 0);
    for (size_t i = 0; ok && i < from->n;) {
        if (!matches(from, i, &old)) {
            ok = IMR_PUSH(to, from->v[i]);
            i++;
            continue;
        }
        for (size_t j = 0; ok && j < new.n; j++)
            ok = push(to, new.v[j].cp, from->v[i].start, from->v[i + old.n - 1].end);
        i += old.n;
    }
    imr_chars_done(&old);
    imr_chars_done(&new);
    return ok;
}

static bool is_ascii(const imr_chars *c)
{
    uint32_t any = 0;
    for (size_t i = 0; i < c->n; i++)
        any |= c->v[i].cp;
    return any < 0x80;
}

static bool run_step(const imr_normalise_step *step, imr_chars *c, imr_chars *spare)
{
    spare->n = 0;
    bool ok = true;
    switch (step->op) {
    case IMR_NORM_CLEAN:
        step_clean(c);
        return true;
    case IMR_NORM_STRIP_MN:
        step_strip_marks(c, false);
        return true;
    case IMR_NORM_STRIP_MARKS:
        step_strip_marks(c, true);
        return true;
    case IMR_NORM_STRIP_LEFT:
        step_trim(c, true);
        return true;
    case IMR_NORM_STRIP_RIGHT:
        step_trim(c, false);
        return true;
    case IMR_NORM_CJK_SPACES:
        if (is_ascii(c))
            return true;
        ok = step_cjk(c, spare);
        break;
    case IMR_NORM_NFD:
    case IMR_NORM_NFKD:
        if (is_ascii(c))
            return true;
        ok = step_decompose(c, spare, step->op == IMR_NORM_NFKD);
        break;
    case IMR_NORM_LOWER:
        ok = step_lower(c, spare);
        break;
    case IMR_NORM_REPLACE:
        ok = step_replace(c, spare, step);
        break;
    case IMR_NORM_COUNT:
        return true;
    }
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
    imr_chars spare = {0};
    out->n = 0;
    bool ok = decode_into(out, text, len, base);
    for (size_t i = 0; ok && i < n_steps; i++)
        ok = run_step(&steps[i], out, &spare);
    imr_chars_done(&spare);
    return ok ? IMR_OK : imr_fail_memory(err);
}
