#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "config/config.h"
#include "support/test.h"

typedef struct pair {
    const char *name, *value;
} pair;

static const char *lookup(void *user, const char *name)
{
    for (const pair *p = user; p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p->value;
    return NULL;
}

static imr_config *fresh(void)
{
    imr_config *c = NULL;
    imr_error err;
    CHECK_OK(imr_config_new(&c, &err));
    return c;
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    CHECK(f && fputs(text, f) >= 0);
    fclose(f);
}

TEST("every default of the table passes its own check, names and letters are unique")
{
    imr_error err;
    for (size_t i = 0; i < IMR_OPT_COUNT; i++) {
        imr_config *c = fresh();
        const imr_option *o = imr_option_of((imr_option_id)i);
        CHECK_INT(o->id, i);
        if (o->fallback)
            CHECK_OK(imr_config_set(c, o->id, o->fallback, IMR_FROM_LINE, "here", 0, &err));
        else
            CHECK(o->kind == IMR_KIND_STRING || o->kind == IMR_KIND_LIST ||
                  strstr(o->help, "default: ")); /* what it is otherwise stands in the help */
        CHECK((o->kind == IMR_KIND_BOOL) == (o->metavar == NULL));
        CHECK((o->kind == IMR_KIND_CHOICE) == (o->choices != NULL));
        CHECK(imr_option_find(o->name, strlen(o->name)) == o);
        CHECK(!o->alias || imr_option_find(o->alias, strlen(o->alias)) == o);
        CHECK(!o->letter || imr_option_by_letter(o->letter) == o);
        CHECK(strncmp(o->name, "no-", 3) != 0);
        imr_config_free(c);
    }
}

TEST("a stronger source wins whatever the order of setting, and the source is told")
{
    static const struct {
        imr_source source;
        const char *value, *where, *told;
        unsigned line;
    } steps[] = {
        {IMR_FROM_USER_FILE, "11", "/home/ann/.config/imrnn/config",
         "user file /home/ann/.config/imrnn/config:3", 3},
        {IMR_FROM_PROJECT_FILE, "12", "./.imrnn", "project file ./.imrnn:1", 1},
        {IMR_FROM_ENVIRONMENT, "13", "IMRNN_FEEDBACK_K", "IMRNN_FEEDBACK_K in the environment", 0},
        {IMR_FROM_LINE, "14", "--feedback-k", "--feedback-k on the command line", 0},
    };
    imr_error err;
    for (int backwards = 0; backwards < 2; backwards++) {
        imr_config *c = fresh();
        imr_buf b = {0};
        imr_config_source(&b, c, IMR_OPT_FEEDBACK_K);
        CHECK_STR(imr_buf_text(&b), "default");
        CHECK_INT(imr_config_int(c, IMR_OPT_FEEDBACK_K), 100);
        CHECK(!imr_config_is_set(c, IMR_OPT_FEEDBACK_K));
        for (size_t i = 0; i < 4; i++) {
            size_t at = backwards ? 3 - i : i, best = backwards ? 3 : i;
            CHECK_OK(imr_config_set(c, IMR_OPT_FEEDBACK_K, steps[at].value, steps[at].source,
                                    steps[at].where, steps[at].line, &err));
            CHECK_INT(imr_config_int(c, IMR_OPT_FEEDBACK_K), 11 + (int)best);
            imr_buf_clear(&b);
            imr_config_source(&b, c, IMR_OPT_FEEDBACK_K);
            CHECK_STR(imr_buf_text(&b), steps[best].told);
        }
        imr_buf_done(&b);
        imr_config_free(c);
    }
}

TEST("lists append within one source and are replaced by a stronger one")
{
    imr_error err;
    imr_config *c = fresh();
    CHECK_OK(imr_config_set(c, IMR_OPT_CHECKPOINT, "a.pt", IMR_FROM_ENVIRONMENT, "E", 0, &err));
    CHECK_OK(imr_config_set(c, IMR_OPT_CHECKPOINT, "b.pt", IMR_FROM_LINE, "--adapter", 0, &err));
    CHECK_OK(imr_config_set(c, IMR_OPT_CHECKPOINT, "c.pt", IMR_FROM_LINE, "--adapter", 0, &err));
    CHECK_INT(imr_config_count(c, IMR_OPT_CHECKPOINT), 2);
    CHECK_STR(imr_config_item(c, IMR_OPT_CHECKPOINT, 0), "b.pt");
    CHECK_STR(imr_config_item(c, IMR_OPT_CHECKPOINT, 1), "c.pt");
    imr_buf b = {0};
    imr_config_value(&b, c, IMR_OPT_CHECKPOINT);
    CHECK_STR(imr_buf_text(&b), "b.pt, c.pt");
    imr_buf_done(&b);
    imr_config_free(c);
}

TEST("a settings file sets values, keeps bind lines, and names file and line of a mistake")
{
    imr_error err;
    imr_config *c = fresh();
    const char *text = "# comment\r\n\r\n  seed =  7 \r\nquery-prefix = \"query: \"\n"
                       "progress=off\nscope = corpus\nlr = 0.5\nbind LIST x :stage next\n";
    CHECK_OK(imr_config_parse(c, text, strlen(text), "f", IMR_FROM_USER_FILE, &err));
    CHECK_INT(imr_config_int(c, IMR_OPT_SEED), 7);
    CHECK_STR(imr_config_string(c, IMR_OPT_QUERY_PREFIX), "query: ");
    CHECK(!imr_config_bool(c, IMR_OPT_PROGRESS));
    CHECK_INT(imr_config_choice(c, IMR_OPT_SCOPE), 2);
    CHECK_NEAR(imr_config_float(c, IMR_OPT_LR), 0.5, 0);
    const imr_bind *binds;
    CHECK_INT(imr_config_binds(c, &binds), 1);
    CHECK_STR(binds[0].text, "LIST x :stage next");
    CHECK_INT(binds[0].line, 8);
    static const pair wrong[] = {
        {"seed = x\n", "f:1: seed: 'x' is not a whole number"},
        {"\nepoch = 3\n", "f:2: there is no setting 'epoch'; did you mean 'epochs'?"},
        {"seed\n", "f:1: expected 'key = value'"},
        {"query = abc\n", "only the command line can give --query"},
        {"scope = all\n", "not one of rerank|rescore|corpus"},
    };
    for (size_t i = 0; i < IMR_LEN(wrong); i++) {
        CHECK_INT(imr_config_parse(c, wrong[i].name, strlen(wrong[i].name), "f", IMR_FROM_USER_FILE,
                                   &err),
                  IMR_E_USAGE);
        CHECK_CONTAINS(err.text, wrong[i].value);
    }
    CHECK_INT(imr_config_parse(c, "a\0b", 3, "f", IMR_FROM_USER_FILE, &err), IMR_E_USAGE);
    CHECK_INT(imr_config_int(c, IMR_OPT_SEED), 7);
    imr_config_free(c);
}

TEST("loading reads environment, project file and user file where the rules say they are")
{
    imr_error err;
    char xdg[512], home[512];
    snprintf(xdg, sizeof xdg, "%s", test_tmpdir());
    snprintf(home, sizeof home, "%s", test_tmpdir());
    CHECK_OK(imr_dir_make(test_path(xdg, "imrnn"), &err));
    CHECK_OK(imr_dir_make(test_path(home, ".config/imrnn"), &err));
    write_text(test_path(xdg, "imrnn/config"), "seed = 1\nepochs = 1\nk = 1\n");
    write_text(test_path(home, ".config/imrnn/config"), "seed = 2\npatience = 2\n");
    pair with_xdg[] = {{"XDG_CONFIG_HOME", xdg}, {"HOME", home}, {"IMRNN_SEED", "4"}, {0}};
    imr_config *c = fresh();
    CHECK_OK(imr_config_load(c, lookup, with_xdg, &err));
    CHECK_OK(
        imr_config_parse(c, "seed = 3\nepochs = 3\n", 20, "p/.imrnn", IMR_FROM_PROJECT_FILE, &err));
    CHECK_INT(imr_config_int(c, IMR_OPT_SEED), 4);
    CHECK_INT(imr_config_int(c, IMR_OPT_EPOCHS), 3);
    CHECK_INT(imr_config_int(c, IMR_OPT_K), 1);
    CHECK_INT(imr_config_int(c, IMR_OPT_PATIENCE), 0); /* a recipe's, unset */
    imr_config_free(c);
    pair with_home[] = {{"XDG_CONFIG_HOME", "relative"}, {"HOME", home}, {0}};
    c = fresh();
    CHECK_OK(imr_config_load(c, lookup, with_home, &err));
    CHECK_INT(imr_config_int(c, IMR_OPT_PATIENCE), 2);
    CHECK_INT(imr_config_int(c, IMR_OPT_SEED), 2);
    imr_config_free(c);
}

TEST("a project file sets what is shown and computed, inside its folder, and tells what it set")
{
    imr_error err;
    char dir[512], file[600];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    snprintf(file, sizeof file, "%s/.imrnn", dir);
    CHECK_OK(imr_dir_make(test_path(dir, "inside"), &err));
    CHECK(symlink("/", test_path(dir, "out")) == 0);
    CHECK(symlink("inside", test_path(dir, "in")) == 0);
    static const char *const fine[] = {"cache-dir = c\n",     "encoder = org/name\n",
                                       "encoder = minilm\n",  "dataset = in\n",
                                       "dataset = in/x..y\n", "checkpoint = $(touch x).pt\n",
                                       "output-dir = ./o\n",  "seed = 3\n"};
    for (size_t i = 0; i < IMR_LEN(fine); i++) {
        imr_config *c = fresh();
        CHECK_OK(imr_config_parse(c, fine[i], strlen(fine[i]), file, IMR_FROM_PROJECT_FILE, &err));
        imr_config_free(c);
    }
    static const char *const bad[] = {"cache-dir = ../c\n",
                                      "cache-dir = /tmp/c\n",
                                      "output-dir = a/../../b\n",
                                      "encoder = ..\n",
                                      "dataset = out\n",
                                      "token-table = out/etc\n",
                                      "quiet = yes\n",
                                      "query = x\n",
                                      "assets-root = a/..\n",
                                      "checkpoint = x/../../y\n",
                                      "store = ../c\n",
                                      "store = out\n",
                                      "dataset = a://../../../etc\n",
                                      "netrc = yes\n"};
    for (size_t i = 0; i < IMR_LEN(bad); i++) {
        imr_config *c = fresh();
        CHECK_INT(imr_config_parse(c, bad[i], strlen(bad[i]), file, IMR_FROM_PROJECT_FILE, &err),
                  IMR_E_USAGE);
        CHECK_OK(strncmp(bad[i], "query", 5) == 0
                     ? IMR_OK
                     : imr_config_parse(c, bad[i], strlen(bad[i]), file, IMR_FROM_USER_FILE, &err));
        imr_config_free(c);
    }
    imr_config *c = fresh();
    CHECK_OK(imr_config_parse(c, "assets-root = in\n", 17, file, IMR_FROM_PROJECT_FILE, &err));
    CHECK_INT(imr_config_derive(c, IMR_OPT_CACHE_DIR, "out/etc", IMR_OPT_ASSETS_ROOT, &err),
              IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "leads out of the folder");
    CHECK_OK(imr_config_derive(c, IMR_OPT_CACHE_DIR, "in/c", IMR_OPT_ASSETS_ROOT, &err));
    CHECK_OK(imr_config_derive(c, IMR_OPT_CACHE_DIR, "in/d", IMR_OPT_ASSETS_ROOT, &err));
    CHECK_STR(imr_config_string(c, IMR_OPT_CACHE_DIR), "in/c");
    imr_config_free(c);
    c = fresh();
    const char *text = "seed = 3\nbind LIST x :stage next\n";
    CHECK_OK(imr_config_parse(c, text, strlen(text), file, IMR_FROM_PROJECT_FILE, &err));
    CHECK_OK(imr_config_parse(c, "k = 5\n", 6, "mine", IMR_FROM_USER_FILE, &err));
    imr_buf told = {0};
    imr_config_project(&told, c);
    CHECK_STR(imr_buf_text(&told), "seed = 3, bind LIST x :stage next");
    imr_buf_done(&told);
    imr_config_free(c);
}

TEST(
    "a URL as --cache-dir is --store, no password in it is taken or said, the stronger source wins")
{
    imr_error err;
    static const char *const secrets[] = {
        "postgresql://me:pearl@h/d", "solr+https://a:pearl@h/solr/c",
        "postgres://h/d?user=x&PASSWORD=pearl", "postgresql://h/d?sslpassword=pearl",
        "solr+http://me:@pearl@h/solr/c"};
    static const imr_option_id ids[] = {IMR_OPT_STORE, IMR_OPT_CACHE_DIR, IMR_OPT_DATASET};
    for (size_t i = 0; i < IMR_LEN(secrets) * IMR_LEN(ids); i++) {
        imr_config *c = fresh();
        const imr_option_id id = ids[i % IMR_LEN(ids)];
        CHECK_INT(imr_config_set(c, id, secrets[i / IMR_LEN(ids)],
                                 i & 1 ? IMR_FROM_LINE : IMR_FROM_PROJECT_FILE, "here", 0, &err),
                  IMR_E_USAGE);
        CHECK_CONTAINS(err.text, "here: ");
        CHECK(!strstr(err.text, "pearl") && !imr_config_is_set(c, id));
        imr_config_free(c);
    }
    static const struct {
        const char *said;
        imr_source cache_by, store_by; /* DEFAULT: not said */
        bool cache, store;
    } both[] = {{"one place says both", IMR_FROM_LINE, IMR_FROM_LINE, true, true},
                {"the line's cache", IMR_FROM_LINE, IMR_FROM_PROJECT_FILE, true, false},
                {"the line's store", IMR_FROM_USER_FILE, IMR_FROM_LINE, false, true},
                {"a store alone", IMR_FROM_DEFAULT, IMR_FROM_ENVIRONMENT, false, true}};
    for (size_t i = 0; i < 2 * IMR_LEN(both); i++) {
        imr_config *c = fresh();
        for (size_t j = 0; j < 2; j++) { /* whichever is read first */
            const bool cache = (i + j) & 1;
            const imr_source by = cache ? both[i / 2].cache_by : both[i / 2].store_by;
            if (by)
                CHECK_OK(imr_config_set(c, IMR_OPT_CACHE_DIR,
                                        cache ? "c" : "postgresql://me:@h/d/../x?table=t", by, "x",
                                        1, &err));
        }
        CHECK_INT(imr_config_is_set(c, IMR_OPT_CACHE_DIR), both[i / 2].cache);
        CHECK_INT(imr_config_is_set(c, IMR_OPT_STORE), both[i / 2].store);
        imr_config_free(c);
    }
}

TEST("a size is a number of bytes or one with a unit, and no project file sets one")
{
    imr_error err;
    static const struct {
        const char *text;
        double bytes; /* -1: none */
    } sizes[] = {{"0", 0},           {"1000", 1000},        {"64K", 65536}, {"1.5M", 1572864},
                 {"4G", 4294967296}, {"1T", 1099511627776}, {"", -1},       {"G", -1},
                 {"4g", -1},         {"4GB", -1},           {"-1M", -1},    {"1e30T", -1},
                 {"nan", -1},        {"9000T", -1}};
    for (size_t i = 0; i < IMR_LEN(sizes); i++) {
        imr_config *c = fresh();
        const imr_status status = imr_config_set(c, IMR_OPT_MAX_MEMORY, sizes[i].text,
                                                 IMR_FROM_LINE, "--max-memory", 0, &err);
        CHECK_INT(status, sizes[i].bytes < 0 ? IMR_E_USAGE : IMR_OK);
        if (status == IMR_OK)
            CHECK((double)imr_config_int(c, IMR_OPT_MAX_MEMORY) == sizes[i].bytes);
        else
            CHECK_CONTAINS(err.text, "is not a size such as 512M or 4G");
        CHECK_INT(
            imr_config_parse(c, "max-memory = 1T\n", 16, ".imrnn", IMR_FROM_PROJECT_FILE, &err),
            IMR_E_USAGE);
        CHECK_STR(err.text, ".imrnn:1: max-memory: a project file cannot set this");
        imr_config_free(c);
    }
}

TEST("every allocation that fails while setting values is reported and nothing leaks")
{
    for (long i = 0;; i++) {
        imr_error err;
        imr_config *c = NULL;
        const char *text = "checkpoint = a\ncheckpoint = b\nbind x y z\nseed = 1\n";
        imr_mem_fail_after(i);
        imr_status status = imr_config_new(&c, &err);
        if (status == IMR_OK)
            status = imr_config_parse(c, text, strlen(text), "f", IMR_FROM_USER_FILE, &err);
        imr_mem_fail_after(-1);
        imr_config_free(c);
        if (status == IMR_OK)
            break;
        CHECK_INT(status, IMR_E_MEMORY);
        CHECK(i < 100);
    }
}

TEST("the nearest word is offered only when it is near")
{
    static const char *const words[] = {"explain", "explore", "evaluate", NULL};
    CHECK_STR(imr_nearest("expalin", words, 3), "explain");
    CHECK_STR(imr_nearest("evalute", words, 4), "evaluate");
    CHECK(imr_nearest("banana", words, 4) == NULL);
    CHECK(imr_nearest("", words, 4) == NULL);
}
