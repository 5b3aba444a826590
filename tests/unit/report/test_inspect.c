/* What strangers' files say at length. */
#include "adapter/adapter.h"
#include "format/json.h"
#include "report/inspect.h"
#include "tests/support/schema.h"
#include "tests/support/test.h"

enum { LONG = 10 << 20, MANY = 100000 };

static imr_error err;

static void check_schema(const imr_buf *json)
{
    imr_json *parsed = NULL, *schema = NULL;
    CHECK_OK(imr_json_parse(&parsed, imr_buf_text(json), json->len, "json", &err));
    CHECK_OK(imr_json_open(&schema, IMRNN_SOURCE_ROOT "/assets/inspection.schema.json", &err));
    CHECK_STR(schema_problem(schema, parsed), "");
    imr_json_free(parsed);
    imr_json_free(schema);
}

/* Inspects an adapter with this metadata: both outputs stay short and the rest is counted. */
static void check_cut(const imr_torch_meta *metadata)
{
    imr_adapter *a = NULL;
    imr_inspection i;
    imr_buf text = {0}, json = {0};
    const char *path = test_path(test_tmpdir(), "a.pt");
    CHECK_OK(imr_adapter_new(&a, IMR_FORM_DIAGONAL, 8, 8, 128, 1, &err));
    CHECK_OK(imr_adapter_save(a, path, metadata, 1, &err));
    CHECK_OK(imr_inspect(&i, path, IMR_FORM_AUTO, NULL, NULL, &err));
    imr_inspection_text(&text, &i);
    imr_inspection_json(&json, &i);
    CHECK(i.usable);
    CHECK(text.len < 10000);
    CHECK(json.len < 100000);
    CHECK_CONTAINS(imr_buf_text(&json), " more bytes\"");
    check_schema(&json);
    imr_buf_done(&text);
    imr_buf_done(&json);
    imr_inspection_done(&i);
    imr_adapter_free(a);
}

TEST("10 MB of metadata are cut, as one string and as a map of many")
{
    char *text = malloc(LONG + 1), (*names)[12] = malloc(MANY * sizeof *names);
    imr_torch_meta *items = calloc(MANY, sizeof *items);
    memset(text, 'x', LONG);
    text[LONG] = '\0';
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof *names, "%d", i);
        items[i] = (imr_torch_meta){.name = names[i], .kind = 's', .s = "a value"};
    }
    check_cut(&(imr_torch_meta){.name = "note", .kind = 's', .s = text});
    check_cut(&(imr_torch_meta){.name = "map", .kind = 'd', .items = items, .n_items = MANY});
    free(text);
    free(names);
    free(items);
}

TEST("of many problems the first are told and the rest is counted")
{
    imr_inspection i = {.kind = "adapter", .path = "x", .usable = true};
    imr_buf text = {0}, json = {0};
    for (int k = 0; k < 1000; k++)
        imr_found_error(&i, "tensor", "is of nothing", "");
    imr_inspection_text(&text, &i);
    imr_inspection_json(&json, &i);
    CHECK_CONTAINS(imr_buf_text(&text), "... 900 more problems");
    CHECK_CONTAINS(imr_buf_text(&json), "\"problems_left_out\": 900, \"problems\": [");
    check_schema(&json);
    imr_buf_done(&text);
    imr_buf_done(&json);
    imr_inspection_done(&i);
}
