#include "base/mem.h"
#include "encoder/folder.h"
#include "tests/unit/encoder/folders.h"

static imr_error err;

TEST("a path is taken as it is, and a known name in it tells the model")
{
    const char *dir = keep(test_path(test_tmpdir(), "all-MiniLM-L6-v2-copy"));
    put_file(dir, "config.json", "{}");
    imr_folder f = {0};
    char *slashed = malloc(strlen(dir) + 3);
    CHECK(slashed != NULL);
    memcpy(slashed, dir, strlen(dir) + 1);
    memcpy(slashed + strlen(dir), "//", 3);
    CHECK_OK(imr_folder_find(&f, slashed, NULL, &err));
    free(slashed);
    CHECK_STR(f.path, dir);
    CHECK_STR(f.name, "all-MiniLM-L6-v2-copy");
    CHECK_STR(f.model_id, "sentence-transformers/all-MiniLM-L6-v2");
    char *path = NULL;
    CHECK_OK(imr_folder_need(&path, &f, "", "config.json", "the config is", &err));
    imr_free(path);
    CHECK_INT(imr_folder_need(&path, &f, "", "x.bin", "the weights are", &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "the weights are missing (no x.bin)");
    CHECK_CONTAINS(err.text, "huggingface-cli download sentence-transformers/all-MiniLM-L6-v2 "
                             "--local-dir ");
    imr_folder_done(&f);
}

TEST("a model id is found in the cache the environment names, first set first")
{
    const char *home = keep(test_tmpdir());
    put_file(home, ".cache/huggingface/hub/models--intfloat--e5-large-v2/refs/main", "abc123\n");
    put_file(home,
             ".cache/huggingface/hub/models--intfloat--e5-large-v2/snapshots/abc123/config.json",
             "{}");
    const char *other = keep(test_tmpdir());
    put_file(other, "models--intfloat--e5-large-v2/refs/main", "def");
    put_file(other, "models--intfloat--e5-large-v2/snapshots/def/config.json", "{}");
    const char *st = keep(test_tmpdir());
    put_file(st, "sentence-transformers_all-MiniLM-L6-v2/config.json", "{}");
    imr_hub hub = {.home = home};
    imr_folder f = {0};
    CHECK_OK(imr_folder_find(&f, "e5", &hub, &err));
    CHECK_STR(f.name, "intfloat/e5-large-v2");
    CHECK_CONTAINS(f.path, "snapshots/abc123");
    CHECK(f.in_hub);
    imr_folder_done(&f);
    hub.hf_hub_cache = other;
    CHECK_OK(imr_folder_find(&f, "intfloat/e5-large-v2", &hub, &err));
    CHECK_CONTAINS(f.path, "snapshots/def");
    char *path = NULL;
    CHECK_INT(imr_folder_need(&path, &f, "", "vocab.txt", "the vocabulary is", &err),
              IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "huggingface-cli download intfloat/e5-large-v2");
    imr_folder_done(&f);
    hub.sentence_transformers_home = st;
    CHECK_OK(imr_folder_find(&f, "all-MiniLM-L6-v2", &hub, &err));
    CHECK_STR(f.name, "sentence-transformers/all-MiniLM-L6-v2");
    imr_folder_done(&f);
    hub = (imr_hub){.hf_home = home, .huggingface_hub_cache = other};
    CHECK_OK(imr_folder_find(&f, "e5", &hub, &err));
    imr_folder_done(&f);
    hub.huggingface_hub_cache = NULL;
    CHECK_INT(imr_folder_find(&f, "e5", &hub, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "/hub");
}

TEST("a snapshot without refs is taken when it is the only one or the reference's, else named")
{
    const char *home = keep(test_tmpdir());
    imr_hub hub = {.hf_hub_cache = home};
    imr_folder f = {0};
    put_file(home, "models--sentence-transformers--all-MiniLM-L6-v2/snapshots/abc/config.json",
             "{}");
    CHECK_OK(imr_folder_find(&f, "minilm", &hub, &err));
    CHECK_CONTAINS(f.path, "snapshots/abc");
    CHECK_STR(f.model_id, "sentence-transformers/all-MiniLM-L6-v2");
    imr_folder_done(&f);
    put_file(home, "models--sentence-transformers--all-MiniLM-L6-v2/snapshots/def/config.json",
             "{}");
    CHECK_INT(imr_folder_find(&f, "minilm", &hub, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "give the path of one of abc, def");
    put_file(home,
             "models--sentence-transformers--all-MiniLM-L6-v2/snapshots/"
             "c9745ed1d9f207416be6d2e6f8de32d1f16199bf/config.json",
             "{}");
    CHECK_OK(imr_folder_find(&f, "minilm", &hub, &err));
    CHECK_CONTAINS(f.path, "snapshots/c9745ed1d9f2");
    imr_folder_done(&f);
    /* refs/main of a snapshot that was not fetched. */
    put_file(home, "models--a--b/refs/main", "abc");
    put_file(home, "models--a--b/snapshots/def/config.json", "{}");
    CHECK_OK(imr_folder_find(&f, "a/b", &hub, &err));
    CHECK_CONTAINS(f.path, "snapshots/def");
    imr_folder_done(&f);
}

TEST("a revision is a commit, or a name in refs, of a model id; never another one, nor a path")
{
    const char *home = keep(test_tmpdir());
    imr_hub hub = {.hf_hub_cache = home};
    imr_folder f = {0};
    put_file(home, "models--a--b/refs/main", "abc");
    put_file(home, "models--a--b/refs/v2", "def");
    put_file(home, "models--a--b/snapshots/abc/config.json", "{}");
    put_file(home, "models--a--b/snapshots/def/config.json", "{}");
    static const char *const rows[][2] = {
        {NULL, "abc"}, {"abc", "abc"}, {"def", "def"}, {"v2", "def"}, {"main", "abc"}};
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        hub.revision = rows[i][0];
        CHECK_OK(imr_folder_find(&f, "a/b", &hub, &err));
        CHECK_CONTAINS(f.path, test_path("snapshots", rows[i][1]));
        imr_folder_done(&f);
    }
    hub.revision = "ghi";
    CHECK_INT(imr_folder_find(&f, "a/b", &hub, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "huggingface-cli download a/b --revision ghi");
    CHECK_INT(imr_folder_find(&f, home, &hub, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "is a folder, which has one revision");
    static const char *const bad[] = {"", "../../x", "/etc", ".hidden", "a\nb", "a b"};
    for (size_t i = 0; i < IMR_LEN(bad); i++) {
        hub.revision = bad[i];
        CHECK_INT(imr_folder_find(&f, "a/b", &hub, &err), IMR_E_USAGE);
        CHECK_CONTAINS(err.text, "is no commit, branch or tag");
    }
}

TEST("a snapshot named by its path keeps the model's name, and its prefixes with it")
{
    static const struct {
        const char *path, *name;
        bool hub;
    } rows[] = {
        {"models--intfloat--e5-large-v2/snapshots/f169", "intfloat/e5-large-v2", true},
        {"models--intfloat--e5-large-v2/snapshots/f169/", "intfloat/e5-large-v2", true},
        {"models--intfloat/snapshots/f169", "f169", false},
        {"models--/snapshots/f169", "f169", false},
        {"models----x/snapshots/f169", "f169", false},
        {"models--a--/snapshots/f169", "f169", false},
        {"x-models--a--b/snapshots/f169", "f169", false},
        {"models--a--b/snapshot/f169", "f169", false},
        {"models--a--b/c/snapshots/f169", "f169", false},
    };
    const char *root = keep(test_tmpdir());
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        char file[200];
        snprintf(file, sizeof file, "%s/config.json", rows[i].path);
        put_file(root, file, "{}");
        imr_folder f = {0};
        CHECK_OK(imr_folder_find(&f, test_path(root, rows[i].path), NULL, &err));
        CHECK_STR(f.name, rows[i].name);
        CHECK_INT(f.in_hub, rows[i].hub);
        if (rows[i].hub) {
            CHECK_STR(f.model_id, rows[i].name);
            CHECK_STR(imr_known_prefix(f.model_id, false), "query: ");
        }
        imr_folder_done(&f);
    }
}

TEST("what is nowhere is named with the command that fetches it, and no id leaves the cache")
{
    imr_folder f = {0};
    imr_hub hub = {.home = keep(test_tmpdir())};
    CHECK_INT(imr_folder_find(&f, "bge", &hub, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "huggingface-cli download BAAI/bge-large-en-v1.5");
    CHECK_INT(imr_folder_find(&f, "bge", NULL, &err), IMR_E_NOT_FOUND);
    static const char *const bad[] = {"../x", "/no/such/folder", "a/b/c", "a/../b", "a/.b",
                                      "a b/c"};
    for (size_t i = 0; i < IMR_LEN(bad); i++) {
        CHECK_INT(imr_folder_find(&f, bad[i], &hub, &err), IMR_E_NOT_FOUND);
        CHECK_CONTAINS(err.text, "no such folder");
    }
    CHECK_INT(imr_folder_find(&f, "", &hub, &err), IMR_E_USAGE);
    put_file(hub.home, ".cache/huggingface/hub/models--a--b/refs/main", "../../..");
    CHECK_INT(imr_folder_find(&f, "a/b", &hub, &err), IMR_E_FORMAT);
    CHECK(f.path == NULL);
}

TEST("modules are known by the last part of their type, others are refused by name")
{
    const char *dir = keep(test_tmpdir());
    imr_folder f = {0};
    imr_modules m;
    CHECK_OK(imr_folder_find(&f, dir, NULL, &err));
    CHECK_OK(imr_folder_modules(&m, &f, &err));
    CHECK_INT(m.n, 0);
    put_file(
        dir, "modules.json",
        "[{\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"},"
        "{\"path\":\"1_P\",\"type\":\"sentence_transformers.models.pooling.Pooling\"},"
        "{\"path\":\"2\",\"type\":\"Normalize\"},{\"path\":\".\",\"type\":\"x.StaticEmbedding\"}]");
    CHECK_OK(imr_folder_modules(&m, &f, &err));
    CHECK_INT(m.n, 4);
    CHECK(m.kind[0] == IMR_MODULE_TRANSFORMER && m.kind[1] == IMR_MODULE_POOLING &&
          m.kind[2] == IMR_MODULE_NORMALIZE && m.kind[3] == IMR_MODULE_STATIC);
    CHECK_STR(m.path[1], "1_P");
    CHECK_STR(m.path[3], "");
    static const struct {
        const char *json, *expect;
    } rows[] = {{"[{\"type\":\"sentence_transformers.models.CLIPModel\"}]", "CLIPModel"},
                {"[{\"type\":\"Pooling\",\"path\":\"../x\"}]", "leaves the folder"},
                {"[]", "empty"},
                {"[{}]", "type"},
                {"[", "modules.json"}};
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        put_file(dir, "modules.json", rows[i].json);
        CHECK(imr_folder_modules(&m, &f, &err) != IMR_OK);
        CHECK_CONTAINS(err.text, rows[i].expect);
    }
    imr_folder_done(&f);
}

TEST("E5 models have prefixes, others none")
{
    CHECK_STR(imr_known_prefix("intfloat/e5-large-v2", false), "query: ");
    CHECK_STR(imr_known_prefix("intfloat/multilingual-e5-base", true), "passage: ");
    CHECK_STR(imr_known_prefix("sentence-transformers/all-MiniLM-L6-v2", false), "");
    CHECK_STR(imr_known_prefix("BAAI/bge-large-en-v1.5", true), "");
    CHECK(imr_known_model("nothing") == NULL);
}
