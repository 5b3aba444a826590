/* Opening, listing what is wrong, saving. */
#include "tests/unit/adapter/adapter_support.h"

#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "math/linalg.h"

static imr_adapter *open_tiny(const char *name)
{
    imr_error err;
    imr_adapter *a = NULL;
    char path[256];
    snprintf(path, sizeof path, "tiny/%s", name);
    CHECK_OK(imr_adapter_open(&a, test_golden(path), IMR_FORM_AUTO, &err));
    return a;
}

TEST("the tiny adapter is the same in every container")
{
    static const struct {
        const char *name;
        double tolerance; /* half precision keeps 11 bits, bfloat16 8, of values below 1 or so */
    } files[] = {{"adapter-bare-state-dict.pt", 0},
                 {"adapter-legacy-e5.pt", 0},
                 {"adapter-legacy-sbert.pt", 0},
                 {"adapter.safetensors", 0},
                 {"adapter-fp64.pt", 0},
                 {"adapter-fp16.pt", 1e-3},
                 {"adapter-bf16.pt", 8e-3}};
    imr_adapter *first = open_tiny("adapter-v1.pt");
    CHECK_INT(first->problems.n, 0);
    CHECK_STR(imr_form_name(first->w.form), "diagonal");
    CHECK_STR(first->container, "PyTorch");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        imr_adapter *a = open_tiny(files[i].name);
        CHECK_INT(a->w.n, 48);
        CHECK_INT(a->w.m, 16);
        CHECK_INT(a->w.h, 12);
        CHECK_ALL_NEAR(a->w.v, first->w.v, first->w.count, files[i].tolerance);
        imr_adapter_free(a);
    }
    imr_adapter_free(first);
}

TEST("stray encoder weights are passed over with one note")
{
    imr_adapter *a = open_tiny("adapter-legacy-sbert.pt");
    CHECK_INT(a->problems.n, 1);
    CHECK(a->problems.v[0].severity == IMR_SEVERITY_NOTE);
    CHECK_CONTAINS(a->problems.v[0].where, "sbert.0.auto_model");
    CHECK(a->usable);
    imr_adapter_free(a);
}

TEST("metadata is kept as JSON, nested as in the file")
{
    imr_error err;
    imr_adapter *a = open_tiny("adapter-v1.pt"), *b = open_tiny("adapter.safetensors");
    imr_json *json = NULL;
    CHECK_OK(imr_json_parse(&json, a->metadata, strlen(a->metadata), "metadata", &err));
    CHECK_STR(imr_json_string_or(json, "checkpoint_format", ""), "imrnns-adapter-only-v1");
    CHECK_INT(imr_json_int_or(json, "model_config/hidden_dim", 0), 12);
    CHECK_NEAR(imr_json_number_or(json, "model_config/dropout", 0), 0.1, 1e-12);
    CHECK_NEAR(imr_json_number_or(json, "training/train_loss", 0), 0.5, 0);
    imr_json_free(json);
    CHECK_OK(imr_json_parse(&json, b->metadata, strlen(b->metadata), "metadata", &err));
    CHECK_STR(imr_json_string_or(json, "dataset", ""), "made-up");
    imr_json_free(json);
    imr_adapter *bare = open_tiny("adapter-bare-state-dict.pt");
    CHECK(bare->metadata == NULL);
    CHECK_INT(strlen(bare->sha256), 64);
    imr_adapter_free(a), imr_adapter_free(b), imr_adapter_free(bare);
}

static void check_bad(const char *name, imr_status status, const char *words)
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK_INT(imr_adapter_open(&a, test_golden(name), IMR_FORM_AUTO, &err), status);
    CHECK(a == NULL);
    CHECK_CONTAINS(err.text, words);
    CHECK_CONTAINS(err.text, name);
    CHECK_OK(imr_adapter_examine(&a, test_golden(name), IMR_FORM_AUTO, &err));
    CHECK(!a->usable);
    CHECK_INT(a->problems.n, 1);
    CHECK_CONTAINS(a->problems.v[0].what, ": it ");
    imr_adapter_free(a);
}

TEST("missing, misshapen and non-finite tensors are refused by name, and listed")
{
    check_bad("tiny/bad-missing-key.pt", IMR_E_NOT_FOUND, "tensor doc_norm.bias: missing");
    check_bad("tiny/bad-wrong-shape.pt", IMR_E_SHAPE,
              "tensor query_norm.weight: wrong shape: found 7, expected 16");
    check_bad("tiny/bad-nan.pt", IMR_E_NUMERIC, "not finite");
}

TEST("an unexpected tensor is only reported")
{
    imr_adapter *a = open_tiny("bad-unexpected-key.pt");
    CHECK_INT(a->problems.n, 1);
    CHECK(a->problems.v[0].severity == IMR_SEVERITY_WARNING);
    CHECK_STR(a->problems.v[0].where, "surprise.weight");
    imr_adapter_free(a);
}

TEST("a pickle that would run code is refused and runs nothing")
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK(imr_adapter_examine(&a, test_golden("tiny/bad-evil-pickle.pt"), IMR_FORM_AUTO, &err) !=
          IMR_OK);
    CHECK(a == NULL);
    CHECK_CONTAINS(err.text, "bad-evil-pickle.pt");
}

TEST("a file of the old format opens or says how to convert it")
{
    imr_error err;
    imr_adapter *a = NULL;
    imr_status status = imr_adapter_open(&a, test_golden("tiny/adapter-pre-1.6-tar-free-pickle.pt"),
                                         IMR_FORM_AUTO, &err);
    if (status != IMR_OK)
        CHECK_CONTAINS(err.text, "torch.save");
    else
        CHECK_INT(a->w.n, 48);
    imr_adapter_free(a);
}

TEST("a file that is absent or no adapter is refused with its name")
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK(imr_adapter_open(&a, "/nowhere/x.pt", IMR_FORM_AUTO, &err) == IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "/nowhere/x.pt");
    const char *path = test_path(test_tmpdir(), "text.pt");
    CHECK_OK(imr_file_write(path, "this is text", 12, &err));
    CHECK(imr_adapter_open(&a, path, IMR_FORM_AUTO, &err) != IMR_OK);
    CHECK_CONTAINS(err.text, "text.pt");
}

/* Saves items as safetensors and examines the file. */
static imr_adapter *examine_items(const imr_torch_item *items, size_t n)
{
    imr_error err;
    imr_adapter *a = NULL;
    const char *path = test_path(test_tmpdir(), "x.safetensors");
    CHECK_OK(imr_safetensors_write(path, items, n, NULL, 0, &err));
    CHECK_OK(imr_adapter_examine(&a, path, IMR_FORM_AUTO, &err));
    return a;
}

TEST("another model's file gives a short list that says so, not thousands of lines")
{
    static float zero[4];
    static char names[80][16];
    imr_torch_item items[80] = {{0}};
    for (size_t i = 0; i < 80; i++) {
        snprintf(names[i], sizeof names[i], "layer.%zu.w", i);
        items[i] = (imr_torch_item){names[i], zero, 1, {4}};
    }
    imr_adapter *a = examine_items(items, 80);
    CHECK(!a->usable);
    size_t warnings = 0, errors = 0;
    for (size_t i = 0; i < a->problems.n; i++) {
        warnings += a->problems.v[i].severity == IMR_SEVERITY_WARNING;
        errors += a->problems.v[i].severity == IMR_SEVERITY_ERROR;
    }
    CHECK_INT(warnings, 51);
    CHECK_INT(errors, 18);
    imr_adapter_free(a);
}

TEST("wrapper prefixes are stripped and a second tensor of one meaning is reported")
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_new(&a, IMR_FORM_FULL, 6, 4, 2, 1, &err));
    imr_torch_item items[IMR_W_COUNT + 1] = {{0}};
    static char names[IMR_W_COUNT][96];
    size_t n = 0;
    for (int id = 0; id < IMR_W_COUNT; id++) {
        if (!imr_weight_name(IMR_FORM_FULL, (imr_weight_id)id))
            continue;
        snprintf(names[n], sizeof names[n], "module.model_state.%s",
                 imr_weight_name(IMR_FORM_FULL, (imr_weight_id)id));
        items[n].name = names[n];
        items[n].data = imr_weight(&a->w, (imr_weight_id)id);
        items[n].rank = (uint32_t)imr_weight_shape(&a->w, (imr_weight_id)id, items[n].shape);
        n++;
    }
    CHECK_INT(n, 13);
    items[n] = items[0];
    items[n++].name = "e5_projector.weight";
    imr_adapter *b = examine_items(items, n);
    CHECK(b->usable);
    CHECK_STR(imr_form_name(b->w.form), "full");
    CHECK_ALL_NEAR(b->w.v, a->w.v, a->w.count, 0);
    CHECK_INT(b->problems.n, 1);
    CHECK_CONTAINS(b->problems.v[0].what, "a second tensor that means projector.weight");
    imr_adapter_free(a), imr_adapter_free(b);
}

static void check_round_trip(imr_form form, size_t m, size_t h, const char *name,
                             const char *format)
{
    imr_error err;
    imr_adapter *a = NULL, *b = NULL;
    CHECK_OK(imr_adapter_new(&a, form, 10, m, h, 7, &err));
    imr_torch_meta metadata[] = {{.name = "encoder", .kind = 's', .s = "made up"}};
    const char *path = test_path(test_tmpdir(), name);
    CHECK_OK(imr_adapter_save(a, path, metadata, 1, &err));
    CHECK_OK(imr_adapter_open(&b, path, IMR_FORM_AUTO, &err));
    CHECK_INT(b->w.form, form);
    CHECK_STR(imr_form_source_name(b->form_from), "metadata");
    CHECK_CONTAINS(b->metadata, format);
    CHECK_INT(b->problems.n, 0);
    CHECK_ALL_NEAR(b->w.v, a->w.v, a->w.count, 0);
    CHECK_CONTAINS(b->metadata, "made up");
    CHECK_CONTAINS(b->metadata, "input_dim");
    imr_adapter_free(a), imr_adapter_free(b);
}

TEST("what is saved opens again with the same weights, form and metadata")
{
    static const char *const names[] = {"a.pt", "a.safetensors"};
    for (size_t i = 0; i < 2; i++) {
        check_round_trip(IMR_FORM_DIAGONAL, 6, 4, names[i], "imrnns-adapter-only-v1");
        check_round_trip(IMR_FORM_FULL, 6, 4, names[i], "imrnns-adapter-only-v1");
        check_round_trip(IMR_FORM_MEAN, 10, 128, names[i], "imrnns-final-v1");
        check_round_trip(IMR_FORM_MEAN, 6, 128, names[i], "imrnn-mean-v1");
        check_round_trip(IMR_FORM_MEAN, 10, 4, names[i], "imrnn-mean-v1");
    }
}

/* Form mean's tensors of n x m, h, in a file that says `format`; changed by `change` (may be NULL),
 * which returns how many there are now. */
static const char *called(const char *name, const char *format, size_t n, size_t m, size_t h,
                          size_t (*change)(imr_torch_item *items, size_t count))
{
    imr_error err;
    imr_adapter *a = NULL;
    imr_torch_item items[IMR_W_COUNT + 1] = {{0}};
    CHECK_OK(imr_adapter_new(&a, IMR_FORM_MEAN, n, m, h, 1, &err));
    for (int id = 0; id < IMR_W_COUNT; id++) {
        items[id].name = imr_weight_name(IMR_FORM_MEAN, (imr_weight_id)id);
        items[id].data = imr_weight(&a->w, (imr_weight_id)id);
        items[id].rank = (uint32_t)imr_weight_shape(&a->w, (imr_weight_id)id, items[id].shape);
    }
    const size_t count = change ? change(items, IMR_W_COUNT) : IMR_W_COUNT;
    const imr_torch_meta config[] = {{.name = "hidden_dim", .kind = 'i', .i = 128}};
    const imr_torch_meta metadata[] = {
        {.name = "checkpoint_format", .kind = 's', .s = format},
        {.name = "model_config", .kind = 'd', .items = config, .n_items = 1}};
    const char *path = test_path(test_tmpdir(), name);
    CHECK_OK(imr_torch_write(path, items, count, metadata, 2, &err));
    imr_adapter_free(a);
    return path;
}

static size_t leave_one_out(imr_torch_item *items, size_t count)
{
    (void)items;
    return count - 1;
}

static size_t add_one(imr_torch_item *items, size_t count)
{
    items[count] = items[0];
    items[count].name = "e5_model.weight"; /* the first release's files may hold an encoder */
    return count + 1;
}

static void check_refused(const char *path, const char *words, const char *more)
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK(imr_adapter_open(&a, path, IMR_FORM_AUTO, &err) != IMR_OK);
    CHECK_CONTAINS(err.text, words);
    CHECK_CONTAINS(err.text, more);
}

TEST("what calls itself imrnns-final-v1 and is none is refused, each in a sentence")
{
    const char *const format = "imrnns-final-v1";
    imr_error err;
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_open(&a, called("good.pt", format, 8, 8, 128, NULL), IMR_FORM_AUTO, &err));
    CHECK_STR(imr_form_name(a->w.form), "mean");
    imr_adapter_free(a);
    check_refused(called("flat.pt", format, 8, 6, 128, NULL),
                  "calls itself imrnns-final-v1, but its projector is not square",
                  "--form mean or --form diagonal");
    check_refused(called("hidden.pt", format, 8, 8, 64, NULL), "its hidden size is 64",
                  "expected 128");
    check_refused(called("less.pt", format, 8, 8, 128, leave_one_out), "doc_norm.bias", "missing");
    check_refused(called("more.pt", format, 8, 8, 128, add_one), "e5_model.weight",
                  "its format allows no others");
}

TEST("--form reads the same tensors another way, whatever the file calls itself")
{
    imr_error err;
    const char *path = called("flat.pt", "imrnns-final-v1", 8, 6, 64, add_one);
    for (int form = IMR_FORM_DIAGONAL; form <= IMR_FORM_MEAN; form++) {
        imr_adapter *a = NULL;
        CHECK_OK(imr_adapter_open(&a, path, (imr_form)form, &err));
        CHECK_INT(a->w.form, form);
        CHECK_STR(imr_form_source_name(a->form_from), "option");
        imr_adapter_free(a);
    }
    imr_adapter *a = NULL;
    CHECK(imr_adapter_open(&a, path, IMR_FORM_FULL, &err) == IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "query_adapter.0.weight: missing");
    /* Without a word of its own a file is of the first release. */
    CHECK_OK(imr_adapter_open(&a, called("new.pt", "imrnns-final-v3", 8, 8, 128, NULL),
                              IMR_FORM_AUTO, &err));
    CHECK_STR(imr_form_name(a->w.form), "diagonal");
    CHECK_STR(imr_form_source_name(a->form_from), "shapes");
    CHECK_CONTAINS(a->problems.v[0].what, "imrnns-final-v3");
    imr_adapter_free(a);
}

TEST("the authors' adapter of today is of form mean")
{
    imr_error err;
    imr_adapter *a = NULL;
    const char *path = test_shared("adapters/final/imrnns-final-minilm-scifact.pt");
    CHECK_OK(imr_adapter_open(&a, path, IMR_FORM_AUTO, &err));
    CHECK_STR(imr_form_name(a->w.form), "mean");
    CHECK(a->w.n == 384 && a->w.m == 384 && a->w.h == 128);
    CHECK_INT(a->problems.n, 0);
    imr_adapter_free(a);
}

TEST(
    "initial weights follow the method: projector within 1/sqrt(n), nets of sd 0.01, norms 1 and 0")
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_new(&a, IMR_FORM_DIAGONAL, 100, 64, 32, 7, &err));
    double largest = 0, squares = 0;
    for (size_t i = 0; i < 6400; i++) { /* gcc 12.2 for ARM64 breaks off at an fmax here */
        const double size = fabs((double)imr_weight(&a->w, IMR_W_PROJECTOR)[i]);
        largest = size > largest ? size : largest;
    }
    CHECK(largest <= 0.1 && largest > 0.099);
    CHECK(imr_weight(&a->w, IMR_W_PROJECTOR_BIAS)[3] != 0);
    for (size_t i = 0; i < 2048; i++)
        squares += pow((double)imr_weight(&a->w, IMR_W_DOC_1)[i], 2) / 2048;
    CHECK_NEAR(sqrt(squares), 0.01, 0.0007); /* four standard errors */
    CHECK_NEAR(imr_weight(&a->w, IMR_W_DOC_1_BIAS)[0], 0, 0);
    CHECK_NEAR(imr_weight(&a->w, IMR_W_QUERY_NORM)[5], 1, 0);
    CHECK_NEAR(imr_weight(&a->w, IMR_W_DOC_NORM_BIAS)[5], 0, 0);
    imr_adapter_free(a);
    CHECK(imr_adapter_new(&a, IMR_FORM_FULL, 8, 60000, 60000, 7, &err) == IMR_E_LIMIT);
    CHECK(imr_adapter_new(&a, IMR_FORM_FULL, 0, 6, 6, 7, &err) == IMR_E_SHAPE);
}

TEST("every allocation of opening an adapter may fail")
{
    static const char *const names[] = {"tiny/adapter-legacy-sbert.pt", "tiny/adapter.safetensors",
                                        "tiny/bad-missing-key.pt"};
    imr_error err;
    for (size_t f = 0; f < 3; f++)
        for (long i = 0;; i++) {
            imr_adapter *a = NULL;
            imr_mem_fail_after(i);
            imr_status status = imr_adapter_examine(&a, test_golden(names[f]), IMR_FORM_AUTO, &err);
            imr_mem_fail_after(-1);
            imr_adapter_free(a);
            if (status == IMR_OK) {
                CHECK(i > 10);
                break;
            }
            CHECK_INT(status, IMR_E_MEMORY);
        }
}

TEST("published adapters: form, dimensions, full rank, and how gently they act")
{
    imr_error err;
    for (size_t i = 0; i < IMR_LEN(published); i++) {
        char path[128];
        snprintf(path, sizeof path, "adapters/imrnns-%s.pt", published[i]);
        imr_adapter *a = NULL;
        CHECK_OK(imr_adapter_open(&a, test_shared(path), IMR_FORM_AUTO, &err));
        CHECK_INT(a->w.n, i < 3 ? 1024 : 384);
        CHECK_INT(a->w.m, 256);
        CHECK_INT(a->w.h, 128);
        imr_svd svd;
        CHECK_OK(imr_svd_init(&svd, imr_weight_view(&a->w, IMR_W_PROJECTOR), &err));
        CHECK_INT(svd.rank, 256);
        CHECK(svd.condition > 1 && svd.condition < 100);
        imr_adapter_survey s;
        CHECK_OK(imr_adapter_survey_run(&s, a, 1000, 1, &err));
        CHECK(s.scale_min > 0.45 && s.scale_max < 0.55);
        CHECK(s.bias_max < 0.3);
        imr_svd_done(&svd);
        imr_adapter_free(a);
    }
}
