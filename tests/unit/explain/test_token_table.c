#include "base/limits.h"
#include "base/mem.h"
#include "explain/lens.h"
#include "tests/support/test.h"

TEST("special, unused, punctuation, digits and single letters are told from words")
{
    static const struct {
        const char *text;
        imr_token_kind kind;
    } cases[] = {
        {"[CLS]", IMR_KIND_SPECIAL},
        {"[UNK]", IMR_KIND_SPECIAL},
        {"<s>", IMR_KIND_SPECIAL},
        {"</s>", IMR_KIND_SPECIAL},
        {"<|endoftext|>", IMR_KIND_SPECIAL},
        {"[unused0]", IMR_KIND_UNUSED},
        {"[unused993]", IMR_KIND_UNUSED},
        {"[", IMR_KIND_PUNCTUATION},
        {"]", IMR_KIND_PUNCTUATION},
        {"...", IMR_KIND_PUNCTUATION},
        {"[]", IMR_KIND_PUNCTUATION},
        {"##", IMR_KIND_PUNCTUATION},
        {"#", IMR_KIND_PUNCTUATION},
        {"\xe2\x80\x94", IMR_KIND_PUNCTUATION}, /* em dash */
        {"\xff", IMR_KIND_PUNCTUATION},
        {"", IMR_KIND_PUNCTUATION},
        {"7", IMR_KIND_DIGITS},
        {"1945", IMR_KIND_DIGITS},
        {"##42", IMR_KIND_DIGITS},
        {"a", IMR_KIND_LETTER},
        {"##s", IMR_KIND_LETTER},
        {"\xc3\xa9", IMR_KIND_LETTER},       /* e acute */
        {"\xe6\xb0\xb4", IMR_KIND_ORDINARY}, /* CJK: water */
        {"##ing", IMR_KIND_ORDINARY},
        {"bank", IMR_KIND_ORDINARY},
        {"3d", IMR_KIND_ORDINARY},
        {"c++", IMR_KIND_ORDINARY},
    };
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        imr_token_kind found = imr_token_kind_of(cases[i].text);
        if (found != cases[i].kind)
            FAIL("\"%s\" is of kind %d, expected %d", cases[i].text, (int)found,
                 (int)cases[i].kind);
    }
    CHECK_INT(imr_token_kind_of("##s"), IMR_KIND_LETTER);
    CHECK_INT(imr_token_kind_of("##"), IMR_KIND_PUNCTUATION);
}

TEST("a table counts its kinds and hides all but words; the tokeniser's word on specials wins")
{
    imr_error err = {0};
    static const char *const texts[] = {"[CLS]", "[unused1]", ".", "12", "x", "rain", "mask"};
    const uint8_t special[7] = {0, 0, 0, 0, 0, 0, 1};
    float rows[7 * 2] = {0};
    imr_token_table t = {0};
    CHECK_OK(imr_token_table_init(&t, imr_view_of(rows, 7, 2), texts, special, &err));
    CHECK_INT(t.count[IMR_KIND_ORDINARY], 1);
    CHECK_INT(t.count[IMR_KIND_SPECIAL], 2);
    CHECK_INT(t.count[IMR_KIND_DIGITS], 1);
    for (size_t i = 0; i < 7; i++)
        CHECK_INT(t.hidden[i], i != 5);
    imr_token_table_done(&t);
}

TEST("a table that is empty, too large or not finite is refused with the place")
{
    imr_error err = {0};
    static const char *const texts[] = {"rain", "snow"};
    float rows[4] = {1, 2, 3, INFINITY};
    imr_token_table t = {.hidden = NULL};
    CHECK_INT(imr_token_table_init(&t, imr_view_of(rows, 2, 2), texts, NULL, &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "row 1 (\"snow\"), column 1");
    CHECK_INT(imr_token_table_init(&t, imr_view_of(rows, 0, 2), texts, NULL, &err), IMR_E_SHAPE);
    CHECK_INT(imr_token_table_init(&t, imr_view_of(rows, (size_t)IMR_MAX_VOCAB + 1, 2), texts, NULL,
                                   &err),
              IMR_E_LIMIT);
    CHECK(t.rows.rows == 0 && !t.hidden);
}

TEST("every allocation of a token table may fail")
{
    imr_error err = {0};
    static const char *const texts[] = {"rain"};
    float row[1] = {1};
    long i = 0;
    imr_status status;
    do {
        imr_token_table t = {0};
        imr_mem_fail_after(i);
        status = imr_token_table_init(&t, imr_view_of(row, 1, 1), texts, NULL, &err);
        imr_mem_fail_after(-1);
        if (status != IMR_OK)
            CHECK_INT(status, IMR_E_MEMORY);
        imr_token_table_done(&t);
    } while (status != IMR_OK && ++i < 10);
    CHECK_INT(i, 1);
}
