#include "base/buf.h"
#include "base/mem.h"
#include "tests/support/test.h"
#include "text/utf8.h"

static const char *cleaned(imr_buf *b, const char *text, size_t len, imr_clean_flags flags)
{
    imr_buf_clear(b);
    imr_utf8_clean(b, text, len, flags);
    return imr_buf_text(b);
}

#define CLEAN(text) cleaned(&b, text, sizeof(text) - 1, IMR_CLEAN_LINE)

TEST("every scalar value survives encode and decode, and nothing else does")
{
    for (uint32_t cp = 0; cp <= 0x110000; cp++) {
        char bytes[4];
        uint32_t back;
        size_t n = imr_utf8_encode(cp, bytes);
        bool scalar = cp <= 0x10FFFF && (cp < 0xD800 || cp > 0xDFFF);
        if (imr_utf8_decode(bytes, n, &back) != n || back != (scalar ? cp : 0xFFFD))
            FAIL("U+%04X came back as U+%04X", (unsigned)cp, (unsigned)back);
        if (imr_utf8_first_bad(bytes, n) != n)
            FAIL("U+%04X is written ill-formed", (unsigned)cp);
    }
    CHECK(true);
}

TEST("ill-formed parts are replaced as the Unicode standard's examples say")
{
    static const struct {
        const char *bytes;
        size_t len, parts;
    } rows[] = {
        {"\xC0\xAF", 2, 2},                 /* overlong */
        {"\xE0\x80\xAF", 3, 3},             /* overlong */
        {"\xED\xA0\x80", 3, 3},             /* surrogate */
        {"\xF4\x90\x80\x80", 4, 4},         /* beyond U+10FFFF */
        {"\xE2\x82", 2, 1},                 /* cut */
        {"\xF0\x9F\x98", 3, 1},             /* cut */
        {"\xF1\x80\x80\xE1\x80\xC2", 6, 3}, /* three cut sequences */
        {"\x80\xBF", 2, 2},                 /* stray continuations */
        {"\xFF\xFE", 2, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t parts = 0;
        for (size_t pos = 0; pos < rows[i].len; parts++) {
            uint32_t cp;
            size_t n = imr_utf8_decode(rows[i].bytes + pos, rows[i].len - pos, &cp);
            CHECK(n >= 1 && cp == IMR_UTF8_BAD);
            pos += n;
        }
        CHECK_INT(parts, rows[i].parts);
        CHECK_INT(imr_utf8_first_bad(rows[i].bytes, rows[i].len), 0);
    }
    CHECK_INT(imr_utf8_first_bad("ab\xFF", 3), 2);
    CHECK_INT(imr_utf8_count("a\xC3\xA9\xF0\x9F\x98\x80", 7), 3);
}

TEST("widths follow East Asian Width; marks and controls take no column")
{
    CHECK_INT(imr_utf8_cp_width('a'), 1);
    CHECK_INT(imr_utf8_cp_width('\t'), 0);
    CHECK_INT(imr_utf8_cp_width(0x301), 0);
    CHECK_INT(imr_utf8_cp_width(0x20DD), 0);
    CHECK_INT(imr_utf8_cp_width(0x5317), 2);
    CHECK_INT(imr_utf8_cp_width(0xFF21), 2);
    CHECK_INT(imr_utf8_cp_width(0x1F600), 2);
    CHECK_INT(imr_utf8_cp_width(0x2588), 1); /* Ambiguous */
    CHECK_INT(imr_utf8_cp_width(0x2026), 1);
    CHECK_INT(imr_utf8_cp_width(0x200B), 0);
    CHECK_INT(imr_utf8_cp_width(0x1160), 0);
    CHECK_INT(imr_utf8_cp_width(0x0903), 1); /* Mc */
    CHECK_INT(imr_utf8_cp_width(0x110000), 1);
    CHECK_INT(imr_utf8_width("a\xE5\x8C\x97"
                             "e\xCC\x81",
                             7),
              4);
}

TEST("stepping forward and back visits the same cluster boundaries")
{
    static const char text[] = "ab \xE5\x8C\x97"
                               "e\xCC\x81\xCC\x82\r\nx\xF0\x9F\x87\xA9\xF0\x9F\x87"
                               "\xAA\xF0\x9F\x87\xAB\xE1\x84\x80\xE1\x85\xA1\xFF z";
    size_t len = sizeof text - 1, bounds[64], n = 0;
    for (size_t pos = 0; pos < len; pos = imr_utf8_next(text, len, pos))
        bounds[n++] = pos;
    CHECK_INT(n, 13);
    size_t pos = len;
    while (n > 0) {
        pos = imr_utf8_prev(text, len, pos);
        CHECK_INT(pos, bounds[--n]);
    }
    CHECK_INT(imr_utf8_prev(text, len, 0), 0);
    CHECK_INT(imr_utf8_next(text, len, len), len);
}

TEST("a cut never passes the width asked for and never splits a cluster")
{
    static const char text[] = "a\xE5\x8C\x97\xE4\xBA\xAC e\xCC\x81 plain \xF0\x9F\x98\x80 end";
    imr_buf b = {0};
    for (size_t columns = 0; columns < 30; columns++) {
        imr_buf_clear(&b);
        size_t used = imr_utf8_clip(&b, text, sizeof text - 1, columns, "\xE2\x80\xA6");
        if (used > columns || used != imr_utf8_width(imr_buf_text(&b), b.len) ||
            imr_utf8_first_bad(imr_buf_text(&b), b.len) != b.len)
            FAIL("%zu columns gave \"%s\" of %zu", columns, imr_buf_text(&b), used);
    }
    imr_buf_clear(&b);
    CHECK_INT(imr_utf8_clip(&b, text, sizeof text - 1, 4, "\xE2\x80\xA6"), 4);
    CHECK_STR(imr_buf_text(&b), "a\xE5\x8C\x97\xE2\x80\xA6");
    imr_buf_clear(&b);
    CHECK_INT(imr_utf8_clip(&b, text, sizeof text - 1, 3, "\xE2\x80\xA6"), 2);
    CHECK_STR(imr_buf_text(&b), "a\xE2\x80\xA6");
    imr_buf_clear(&b);
    CHECK_INT(imr_utf8_clip(&b, "abc", 3, 3, "..."), 3);
    CHECK_STR(imr_buf_text(&b), "abc");
    imr_buf_clear(&b);
    CHECK_INT(imr_utf8_clip(&b, "abcdef", 6, 2, "..."), 2);
    CHECK_STR(imr_buf_text(&b), "..");
    imr_buf_done(&b);
}

TEST("untrusted text shows what could act on a terminal, or hide")
{
    imr_buf b = {0};
    CHECK_STR(CLEAN("a\x1b[31mb\x07\x7f\xC2\x9B"
                    "c"),
              "a<U+001B>[31mb<U+0007><U+007F><U+009B>c");
    CHECK_STR(CLEAN("a\tb\nc\r\nd\re"), "a b c d e");
    CHECK_STR(cleaned(&b, "a\tb\nc\r\nd", 8, IMR_CLEAN_NEWLINES), "a b\nc\nd");
    CHECK_STR(CLEAN("x\0y"), "x\xEF\xBF\xBDy");
    CHECK_STR(CLEAN("a\xFF"
                    "b\xC3"),
              "a\xEF\xBF\xBD"
              "b\xEF\xBF\xBD");
    /* zero width, bidi, BOM, ZWJ, variation selectors 15 and 16 */
    CHECK_STR(CLEAN("a\xE2\x80\x8B"
                    "b\xE2\x80\xAE"
                    "c\xE2\x81\xA6"
                    "d\xEF\xBB\xBF"
                    "e"),
              "a<U+200B>b<U+202E>c<U+2066>d<U+FEFF>e");
    /* joiners and selectors where scripts and emoji are written with them, and anywhere else */
    CHECK_STR(CLEAN("\xE2\x9D\xA4\xEF\xB8\x8F!"), "\xE2\x9D\xA4!");
    CHECK_STR(CLEAN("\xE2\x9D\xA4\xEF\xB8\x8F\xEF\xB8\x8E!"), "\xE2\x9D\xA4<U+FE0E>!");
    CHECK_STR(CLEAN("\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xAE"), "\xD9\x85\xDB\x8C\xD8\xAE");
    CHECK_STR(CLEAN("a\xE2\x80\x8D"
                    "b\xEF\xB8\x8F"),
              "a<U+200D>b<U+FE0F>");
    CHECK_STR(CLEAN("\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9"),
              "\xF0\x9F\x91\xA8\xF0\x9F\x91\xA9");
    CHECK_STR(CLEAN("e\xCC\x81\xCC\x82\xCC\x83\xCC\x84x"), "e\xCC\x81\xCC\x82x");
    CHECK_STR(CLEAN("\xCC\x81x"), "x");
    CHECK_STR(CLEAN("\xEF\xBF\xBF"), "\xEF\xBF\xBD");
    imr_buf_done(&b);
}

TEST("no code point leaves the cleaner unless it can be shown")
{
    imr_buf b = {0};
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        char bytes[5] = "a";
        size_t n = 1 + imr_utf8_encode(cp, bytes + 1);
        cleaned(&b, bytes, n, IMR_CLEAN_LINE);
        uint32_t shown;
        if (b.len == 1)
            continue;
        imr_utf8_decode(b.data + 1, b.len - 1, &shown);
        if (shown < 0x20 || (shown >= 0x7F && shown < 0xA0) ||
            (shown >= 0x200B && shown <= 0x200F) || (shown >= 0x2028 && shown <= 0x202E) ||
            (shown >= 0x2066 && shown <= 0x2069) || shown == 0xFEFF || shown == 0xFE0E ||
            shown == 0xFE0F)
            FAIL("U+%04X is shown as U+%04X", (unsigned)cp, (unsigned)shown);
    }
    CHECK(!b.failed);
    imr_buf_done(&b);
}

TEST("a text is as wide as what the cleaner shows of it")
{
    imr_buf kept = {0}, b = {0};
    for (uint32_t cp = 1; cp <= 0x10FFFF; cp++) {
        char bytes[6] = "a";
        size_t n = 1 + imr_utf8_encode(cp, bytes + 1);
        cleaned(&kept, bytes, n, IMR_CLEAN_KEEP);
        cleaned(&b, imr_buf_text(&kept), kept.len, IMR_CLEAN_LINE);
        if (imr_utf8_width(imr_buf_text(&kept), kept.len) != imr_utf8_width(b.data, b.len))
            FAIL("U+%04X", (unsigned)cp);
    }
    CHECK(!kept.failed && !b.failed);
    imr_buf_done(&kept);
    imr_buf_done(&b);
}

TEST("cleaned bytes know where they came from")
{
    imr_buf b = {0};
    imr_error err;
    uint32_t *map = NULL;
    static const char text[] = "a\x1b\xC3\xA9\xFF"
                               "b";
    CHECK_OK(imr_utf8_clean_map(&b, &map, text, sizeof text - 1, IMR_CLEAN_LINE, &err));
    static const uint32_t expected[] = {0, 1, 2, 2, 4, 4, 4, 5, 6};
    CHECK_STR(imr_buf_text(&b), "a\x1b\xC3\xA9\xEF\xBF\xBD"
                                "b");
    for (size_t i = 0; i <= b.len; i++)
        CHECK_INT(map[i], expected[i]);
    imr_free(map);
    for (long i = 0;; i++) {
        imr_buf_done(&b);
        imr_mem_fail_after(i);
        imr_status s = imr_utf8_clean_map(&b, &map, text, sizeof text - 1, IMR_CLEAN_LINE, &err);
        imr_mem_fail_after(-1);
        if (s == IMR_OK)
            break;
        CHECK_INT(s, IMR_E_MEMORY);
    }
    imr_free(map);
    imr_buf_done(&b);
}
