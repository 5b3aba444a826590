/* Code points as Hugging Face's tokenisers 0.23.3 see them, whatever utf8proc is installed. */
#include "base/attr.h"
#include "tests/support/test.h"
#include "text/normalise.h"
#include "text/normalise.h"

TEST("what is unassigned is a letter like any other, never a control character")
{
    static const uint32_t unassigned[] = {0x378, 0x1FAE9, 0x1FADC, 0x1FAC6,
                                          0x890, 0x30000, 0xE1234};
    for (size_t i = 0; i < IMR_LEN(unassigned); i++)
        CHECK(!(imr_unicode_flags(unassigned[i]) &
                (IMR_UNICODE_CONTROL | IMR_UNICODE_PUNCTUATION | IMR_UNICODE_NONSPACING)));
    CHECK(imr_unicode_flags(0xAD) & IMR_UNICODE_CONTROL);
    CHECK(imr_unicode_flags(0xE000) & IMR_UNICODE_CONTROL);
    CHECK(imr_unicode_flags(0x10FFFD) & IMR_UNICODE_CONTROL);
    CHECK(imr_unicode_flags(0xE007F) & IMR_UNICODE_CONTROL);
    CHECK(!imr_unicode_flags(0x10FFFF) && !imr_unicode_flags(0x110000) && !imr_unicode_flags('a'));
}

TEST("punctuation and marks are those of the tokenisers' older tables")
{
    CHECK(imr_char_is_punctuation(0x2014) && imr_char_is_punctuation(0x3002));
    CHECK(imr_char_is_punctuation(0x166D)); /* a symbol since Unicode 12 */
    CHECK(!imr_char_is_punctuation(0x2E43) && !imr_char_is_punctuation(0x61D));
    CHECK(imr_unicode_flags(0x301) & IMR_UNICODE_NONSPACING);
    CHECK(imr_unicode_flags(0x1734) & IMR_UNICODE_NONSPACING); /* spacing since Unicode 14 */
    CHECK(!(imr_unicode_flags(0x1DF9) & IMR_UNICODE_NONSPACING));
    CHECK(imr_unicode_flags(0x200C) & IMR_UNICODE_WORD);
    CHECK(!imr_char_is_cjk(0x2B820) && imr_char_is_cjk(0x2B920));
}

TEST("case is lowered as far as the tables know it")
{
    static const uint32_t pairs[][2] = {
        {'A', 'a'},       {0xC9, 0xE9},   {0x39A, 0x3BA},      {0x100, 0x101},     {0x101, 0x101},
        {0x212A, 'k'},    {0x1E9E, 0xDF}, {0xA7DA, 0xA7DB},    {0x10D50, 0x10D70}, {0x13A0, 0xAB70},
        {0x1F88, 0x1F80}, {0x3A2, 0x3A2}, {0x10FFFF, 0x10FFFF}};
    for (size_t i = 0; i < IMR_LEN(pairs); i++)
        CHECK_INT(imr_unicode_lower(pairs[i][0]), pairs[i][1]);
}

TEST("characters newer than the tables neither decompose nor move")
{
    imr_error err;
    imr_chars c IMR_AUTOFREE = {0};
    const imr_normalise_step nfkd = {.op = IMR_NORM_NFKD};
    static const char old[] = "\xC3\xA9", newer[] = "\xF0\x91\xA4\xB8"; /* U+00E9, U+11938 */
    CHECK_OK(imr_normalise(&nfkd, 1, old, 2, 0, &c, &err));
    CHECK_INT(c.n, 2);
    CHECK_OK(imr_normalise(&nfkd, 1, newer, 4, 0, &c, &err));
    CHECK_INT(c.n, 1);
}
