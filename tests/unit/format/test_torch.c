#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "format/safetensors.h"
#include "format/torch_pt.h"
#include "format_support.h"

static imr_error err;

/* The state dict of a golden file, in *t and *table; the caller frees both. */
static void open_state(const char *name, imr_torch **t, imr_tensors *table)
{
    CHECK_OK(imr_torch_open(t, test_golden(name), &err));
    const imr_pickle_value *root = imr_torch_root(*t), *state = imr_pickle_get(root, "model_state");
    CHECK_OK(imr_torch_tensors(table, *t, state ? state : root, &err));
}

/* Every tensor of `got` against the one of `want` with the same name behind the last "_" of the
 * projector's legacy names. Returns how many were compared. */
static size_t compare(const imr_tensors *got, const imr_tensors *want, double tolerance)
{
    size_t n = 0;
    for (size_t i = 0; i < got->n; i++) {
        const char *name = got->v[i].name, *projector = strstr(name, "_projector.");
        const imr_tensor *w = imr_tensors_find(want, projector ? projector + 1 : name);
        static float a[768], b[768];
        if (!w)
            continue;
        CHECK(imr_tensor_has_shape(w, got->v[i].rank, got->v[i].shape));
        CHECK(imr_tensor_count(w) <= IMR_LEN(a));
        CHECK_OK(imr_tensor_to_f32(&got->v[i], a, &err));
        CHECK_OK(imr_tensor_to_f32(w, b, &err));
        CHECK_ALL_NEAR_REL(a, b, imr_tensor_count(w), tolerance);
        n++;
    }
    return n;
}

TEST("every container of the tiny adapter holds the same tensors")
{
    static const struct {
        const char *name;
        imr_dtype dtype;
        double tolerance; /* relative: half a unit in the last place */
    } files[] = {
        {"tiny/adapter-v1.pt", IMR_F32, 0},
        {"tiny/adapter-bare-state-dict.pt", IMR_F32, 0},
        {"tiny/adapter-legacy-e5.pt", IMR_F32, 0},
        {"tiny/adapter-legacy-sbert.pt", IMR_F32, 0},
        {"tiny/adapter-pre-1.6-tar-free-pickle.pt", IMR_F32, 0},
        {"tiny/adapter-fp64.pt", IMR_F64, 1e-7},
        {"tiny/adapter-fp16.pt", IMR_F16, 0x1p-11},
        {"tiny/adapter-bf16.pt", IMR_BF16, 0x1p-8},
    };
    imr_tensors want = {0};
    CHECK_OK(imr_safetensors_open(&want, test_golden("tiny/adapter.safetensors"), &err));
    for (size_t i = 0; i < IMR_LEN(files); i++) {
        imr_torch *t = NULL;
        imr_tensors got = {0};
        open_state(files[i].name, &t, &got);
        CHECK_INT(got.v[0].dtype, files[i].dtype);
        CHECK_INT(compare(&got, &want, files[i].tolerance), 18);
        imr_tensors_done(&got);
        imr_torch_free(t);
    }
    imr_tensors_done(&want);
}

TEST("metadata of a published file comes as plain values")
{
    imr_torch *t = NULL;
    CHECK_OK(imr_torch_open(&t, test_shared("adapters/imrnns-minilm-nq.pt"), &err));
    const imr_pickle_value *meta = imr_pickle_get(imr_torch_root(t), "metadata");
    CHECK(meta && meta->kind == IMR_PK_DICT && meta->len > 0);
    imr_tensors table = {0};
    CHECK_OK(imr_torch_tensors(&table, t, imr_pickle_get(imr_torch_root(t), "model_state"), &err));
    const imr_tensor *w = imr_tensors_find(&table, "projector.weight");
    CHECK(w && imr_tensor_has_shape(w, 2, (uint64_t[]){256, 384}));
    imr_tensors_done(&table);
    imr_torch_free(t);
}

TEST("a pickle that would run a command is refused by the command's name and nothing runs")
{
    imr_torch *t = NULL;
    char before[1024], after[1024];
    const char *dir = test_tmpdir();
    CHECK(getcwd(before, sizeof before) && chdir(dir) == 0);
    imr_status status = imr_torch_open(&t, test_golden("tiny/bad-evil-pickle.pt"), &err);
    imr_names names = {.n = 99};
    CHECK_OK(imr_dir_list(&names, ".", &err));
    imr_names_done(&names);
    CHECK(chdir(before) == 0 && getcwd(after, sizeof after));
    CHECK_INT(names.n, 0);
    CHECK(status == IMR_E_UNSUPPORTED);
    status = imr_torch_open(&t, test_golden("tiny/bad-evil-pickle.pt"), &err);
    CHECK_CONTAINS(err.text, "posix.system");
    CHECK_CONTAINS(err.text, "nothing in it was executed");
    CHECK(t == NULL);
}

TEST("files whose tensors are wrong for an adapter still open: the adapter judges them")
{
    static const char *const names[] = {"tiny/bad-nan.pt", "tiny/bad-missing-key.pt",
                                        "tiny/bad-unexpected-key.pt", "tiny/bad-wrong-shape.pt"};
    for (size_t i = 0; i < IMR_LEN(names); i++) {
        imr_torch *t = NULL;
        imr_tensors table = {0};
        open_state(names[i], &t, &table);
        CHECK(table.n >= 17);
        imr_tensors_done(&table);
        imr_torch_free(t);
    }
}

TEST("a .pt file cut short at any byte is refused")
{
    static const char *const names[] = {"tiny/adapter-v1.pt",
                                        "tiny/adapter-pre-1.6-tar-free-pickle.pt"};
    for (size_t f = 0; f < IMR_LEN(names); f++) {
        size_t len;
        char *whole = test_read(test_golden(names[f]), &len);
        for (size_t n = 0; n < len; n++) {
            void *cut = exact_copy(whole, n);
            imr_torch *t = NULL;
            if (imr_torch_parse(&t, cut, n, "cut.pt", &err) == IMR_OK)
                FAIL("%s is accepted when cut to %zu of %zu bytes", names[f], n, len);
            free(cut);
        }
        imr_torch *t = NULL; /* test_read puts a zero behind: one byte too many */
        CHECK(imr_torch_parse(&t, whole, len + 1, "long.pt", &err) != IMR_OK);
        CHECK_CONTAINS(err.text, "long.pt: ");
        free(whole);
    }
}

static imr_status load(const char *path)
{
    imr_torch *t = NULL;
    imr_tensors table = {0};
    IMR_TRY(imr_torch_open(&t, path, &err));
    imr_status status = imr_torch_tensors(&table, t, imr_torch_root(t), &err);
    imr_tensors_done(&table);
    imr_torch_free(t);
    return status;
}

TEST("loading a .pt file survives the failure of every allocation")
{
    CHECK_EVERY_ALLOCATION(load(test_golden("tiny/adapter-bare-state-dict.pt")));
    CHECK_EVERY_ALLOCATION(load(test_golden("tiny/adapter-pre-1.6-tar-free-pickle.pt")));
}

TEST("any byte of a .pt file may be damaged without a crash")
{
    static const char *const names[] = {"tiny/adapter-v1.pt",
                                        "tiny/adapter-pre-1.6-tar-free-pickle.pt"};
    for (size_t f = 0; f < IMR_LEN(names); f++) {
        size_t len;
        char *whole = test_read(test_golden(names[f]), &len);
        uint8_t *copy = exact_copy(whole, len);
        for (size_t i = 0; i < len; i++) {
            imr_torch *t = NULL;
            imr_tensors table = {0};
            copy[i] ^= (uint8_t)(1 + i % 255);
            if (imr_torch_parse(&t, copy, len, "damaged.pt", &err) == IMR_OK) {
                const imr_pickle_value *root = imr_torch_root(t);
                const imr_pickle_value *state = imr_pickle_get(root, "model_state");
                if (imr_torch_tensors(&table, t, state ? state : root, &err) == IMR_OK)
                    imr_tensors_done(&table);
                imr_torch_free(t);
            }
            copy[i] = (uint8_t)whole[i];
        }
        free(copy);
        free(whole);
    }
    test_count();
}

TEST("thousands of views of one storage share its bytes")
{
    static const char *const names[] = {"cache/test/embeddings.pt",
                                        "cache/test-fp16/embeddings.pt"};
    for (size_t f = 0; f < IMR_LEN(names); f++) {
        imr_torch *t = NULL;
        imr_tensors table = {0};
        CHECK_OK(imr_torch_open(&t, test_golden(names[f]), &err));
        CHECK_OK(imr_torch_tensors(&table, t, imr_torch_root(t), &err));
        CHECK(table.n > 100);
        size_t shared = 0;
        for (size_t i = 1; i < table.n; i++) {
            double norm = 0;
            float v[48];
            CHECK_INT(imr_tensor_count(&table.v[i]), 48);
            CHECK_OK(imr_tensor_to_f32(&table.v[i], v, &err));
            for (size_t k = 0; k < 48; k++)
                norm += (double)v[k] * (double)v[k];
            CHECK_NEAR(norm, 1, 2e-3); /* unit vectors, half precision in one file */
            shared += table.v[i].bytes > 48 * imr_dtype_size(table.v[i].dtype);
        }
        CHECK(f == 1 || shared > 100);
        imr_tensors_done(&table);
        imr_torch_free(t);
    }
}

/* ---- what is no such file ---- */

static const char *refusal(const void *data, size_t len)
{
    imr_torch *t = NULL;
    void *copy = exact_copy(data, len);
    imr_status status = imr_torch_parse(&t, copy, len, "x.pt", &err);
    free(copy);
    imr_torch_free(t);
    test_count();
    return status == IMR_OK ? "" : err.text;
}

TEST("other files are refused with the way to convert them")
{
    CHECK_CONTAINS(refusal("", 0), "x.pt: is no file of torch.save");
    CHECK_CONTAINS(refusal("\x80\x02}.", 4), "torch.save(torch.load('IN'");
    CHECK_CONTAINS(refusal("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22),
                   "is no file of torch.save");
}

/* ---- writing ---- */

static const imr_torch_meta training[] = {{.name = "epochs", .kind = 'i', .i = 30},
                                          {.name = "big", .kind = 'i', .i = -5000000000},
                                          {.name = "rate", .kind = 'f', .f = 0.1},
                                          {.name = "resumed", .kind = 'b', .i = 1},
                                          {.name = "note", .kind = 'n'}};
static const imr_torch_meta metadata[] = {
    {.name = "encoder", .kind = 's', .s = "t\xc3\xafny"},
    {.name = "training", .kind = 'd', .items = training, .n_items = 5},
    {.name = "empty", .kind = 'd'},
};
static float weight[300];
static const imr_torch_item items[] = {
    {.name = "projector.weight", .data = weight, .rank = 2, .shape = {1, 300}},
    {.name = "projector.bias", .data = weight, .rank = 1, .shape = {7}},
    {.name = "scalar", .data = weight, .rank = 0},
    {.name = "empty", .data = weight, .rank = 2, .shape = {0, 3}},
};

static const char *write_file(void)
{
    const char *path = test_path(test_tmpdir(), "written.pt");
    for (size_t i = 0; i < IMR_LEN(weight); i++)
        weight[i] = (float)i - 1.5f;
    CHECK_OK(imr_torch_write(path, items, 4, metadata, 3, &err));
    return path;
}

TEST("a written .pt file is read back: tensors, order, metadata")
{
    imr_torch *t = NULL;
    imr_tensors table = {0};
    CHECK_OK(imr_torch_open(&t, write_file(), &err));
    const imr_pickle_value *root = imr_torch_root(t), *meta = imr_pickle_get(root, "metadata");
    CHECK_OK(imr_torch_tensors(&table, t, imr_pickle_get(root, "model_state"), &err));
    CHECK_INT(table.n, 4);
    for (size_t i = 0; i < 4; i++) {
        CHECK_STR(table.v[i].name, items[i].name);
        CHECK(imr_tensor_has_shape(&table.v[i], items[i].rank, items[i].shape));
        CHECK(memcmp(table.v[i].data, weight, imr_tensor_count(&table.v[i]) * 4) == 0);
        CHECK_INT((uintptr_t)table.v[i].data % 64, 0);
    }
    CHECK_STR(imr_pickle_get(meta, "encoder")->text, "t\xc3\xafny");
    const imr_pickle_value *sub = imr_pickle_get(meta, "training");
    CHECK_INT(imr_pickle_get(sub, "epochs")->integer, 30);
    CHECK_INT(imr_pickle_get(sub, "big")->integer, -5000000000);
    CHECK_NEAR(imr_pickle_get(sub, "rate")->number, 0.1, 0);
    CHECK_INT(imr_pickle_get(sub, "resumed")->integer, 1);
    CHECK_INT(imr_pickle_get(sub, "note")->kind, IMR_PK_NONE);
    CHECK_INT(imr_pickle_get(meta, "empty")->len, 0);
    CHECK(imr_pickle_get(meta, "none") == NULL);
    imr_tensors_done(&table);
    imr_torch_free(t);
}

TEST("the same adapter is written with the same bytes, and no failure leaves a file")
{
    size_t a_len, b_len;
    char *a = test_read(write_file(), &a_len), *b = test_read(write_file(), &b_len);
    imr_names names;
    CHECK(a_len == b_len && memcmp(a, b, a_len) == 0);
    free(a);
    free(b);
    const char *dir = test_tmpdir(), *path = test_path(dir, "x.pt");
    for (long i = 0;; i++) {
        imr_mem_fail_after(i);
        imr_status status = imr_torch_write(path, items, 4, metadata, 3, &err);
        imr_mem_fail_after(-1);
        if (status == IMR_OK)
            break;
        CHECK(status == IMR_E_MEMORY);
        CHECK_OK(imr_dir_list(&names, dir, &err));
        imr_names_done(&names);
        CHECK_INT(names.n, 0);
    }
    CHECK(imr_torch_write("/no/such/folder/x.pt", items, 4, NULL, 0, &err) == IMR_E_IO);
}

TEST("a .pt file that 32 bits cannot describe is not written")
{
    imr_torch_item huge = {.name = "w", .data = weight, .rank = 2, .shape = {1 << 15, 1 << 15}};
    CHECK(imr_torch_write(test_path(test_tmpdir(), "x.pt"), &huge, 1, NULL, 0, &err) ==
          IMR_E_LIMIT);
    CHECK_CONTAINS(err.text, "write safetensors");
}

static int python(const char *script, const char *argument)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(126);
        execlp("python3", "python3", "-c", script, argument, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST("PyTorch opens a written .pt file and finds the same values")
{
    if (python("import torch", "") != 0)
        SKIP("python3 cannot import torch");
    const char *script =
        "import sys, torch\n"
        "d = torch.load(sys.argv[1], map_location='cpu')\n"
        "s, m = d['model_state'], d['metadata']\n"
        "w = torch.arange(300, dtype=torch.float32) - 1.5\n"
        "assert list(s) == ['projector.weight', 'projector.bias', 'scalar', 'empty']\n"
        "assert s['projector.weight'].shape == (1, 300) and s['empty'].shape == (0, 3)\n"
        "assert torch.equal(s['projector.weight'][0], w)\n"
        "assert torch.equal(s['projector.bias'], w[:7]) and s['scalar'].item() == -1.5\n"
        "assert m == {'encoder': 't\\u00efny', 'empty': {}, 'training': {'epochs': 30,\n"
        "  'big': -5000000000, 'rate': 0.1, 'resumed': True, 'note': None}}, m\n";
    CHECK_INT(python(script, write_file()), 0);
    /* The restricted reader of 1.13 knows no floats, its own included: no metadata here. */
    const char *plain = test_path(test_tmpdir(), "plain.pt");
    CHECK_OK(imr_torch_write(plain, items, 4, NULL, 0, &err));
    CHECK_INT(python("import sys, torch\n"
                     "d = torch.load(sys.argv[1], weights_only=True)\n"
                     "assert d['model_state']['projector.bias'][6].item() == 4.5\n",
                     plain),
              0);
}

TEST("Python's own zip and pickle readers find nothing wrong with a written .pt file")
{
    if (python("import zipfile, pickletools", "") != 0)
        SKIP("there is no python3");
    const char *script = "import sys, zipfile, pickletools\n"
                         "z = zipfile.ZipFile(sys.argv[1])\n"
                         "assert z.testzip() is None\n"
                         "ops = list(pickletools.genops(z.read('archive/data.pkl')))\n"
                         "pickletools.dis(z.read('archive/data.pkl'), open('/dev/null', 'w'))\n"
                         "assert ops[-1][0].name == 'STOP'\n"
                         "assert len(z.read('archive/data/0')) == 1200\n";
    CHECK_INT(python(script, write_file()), 0);
}
