/* The rows of the tokeniser's oracle: text, and the ids the published tokeniser gives. */
#ifndef TESTS_TEXT_ORACLE_H
#define TESTS_TEXT_ORACLE_H

#include "format/json.h"
#include "tests/support/test.h"
#include "text/tokenizer.h"

static inline void check_oracle(const imr_tokenizer *t)
{
    imr_error err;
    size_t len, rows = 0, wrong = 0;
    char *bytes = test_read(test_shared("oracle/tokenizer/bert-uncased.json"), &len);
    imr_json *json = NULL;
    CHECK_OK(imr_json_parse(&json, bytes, len, "oracle", &err));
    free(bytes);
    imr_tokens tokens = {0};
    imr_encode_options whole = {.special = true};
    for (const imr_json *row = imr_json_child(json); row; row = imr_json_next(row), rows++) {
        const char *source = imr_json_string_or(row, "text", "");
        const imr_json *ids = imr_json_at(row, "ids");
        CHECK_OK(imr_tokenizer_encode(t, source, strlen(source), &whole, &tokens, &err));
        size_t i = 0;
        for (const imr_json *id = imr_json_child(ids); id; id = imr_json_next(id), i++)
            if (i >= tokens.n || tokens.v[i].id != (uint32_t)imr_json_int_or(id, "", -1))
                break;
        if (i != tokens.n || i != imr_json_count(ids)) {
            fprintf(stderr, "row %zu differs at token %zu: %s\n", rows, i, source);
            wrong++;
        }
    }
    CHECK_INT(rows, 244);
    CHECK_INT(wrong, 0);
    imr_tokens_done(&tokens);
    imr_json_free(json);
}

#endif
