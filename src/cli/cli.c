/* cli/cli.c - what every command may ask for: output, words for people, options that must be there.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/url.h"
#include "cli/steps.h"
#include "encoder/encoder.h"
#include "math/blas.h"
#include "retrieval/cache.h"
#include "text/utf8.h"

/* ---- output ---- */

imr_status imr_output_open(imr_output *o, const char *path, bool overwrite, imr_error *err)
{
    *o = (imr_output){0};
    if (path && strcmp(path, "-") != 0 && strcmp(path, "/dev/stdout") != 0)
        return imr_writer_open_named(&o->writer, path, overwrite, err);
    o->stream = stdout;
    return IMR_OK;
}

void imr_output_add(imr_output *o, const void *bytes, size_t n)
{
    if (!o->stream)
        imr_writer_add(&o->writer, bytes, n);
    else if (!o->failure && n && fwrite(bytes, 1, n, o->stream) != n)
        o->failure = errno ? errno : EIO;
}

imr_status imr_output_close(imr_output *o, imr_error *err)
{
    if (!o->stream)
        return imr_writer_commit(&o->writer, err);
    if (fflush(o->stream) != 0 && !o->failure)
        o->failure = errno ? errno : EIO;
    return o->failure ? imr_fail_errno(err, IMR_E_IO, o->failure, "cannot write to standard output")
                      : IMR_OK;
}

imr_status imr_cli_emit(imr_cli *cli, const imr_buf *b, imr_error *err)
{
    IMR_TRY(imr_buf_check(b, err));
    imr_meter_clear(&cli->meter); /* both may be the same terminal */
    imr_output_add(&cli->output, imr_buf_text(b), b->len);
    return IMR_OK;
}

void imr_cli_say(imr_cli *cli, const char *format, ...)
{
    char text[2048];
    IMR_AUTOBUF imr_buf clean = {0};
    va_list args;
    if (cli->quiet)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    imr_utf8_clean(&clean, text, strlen(text), IMR_CLEAN_LINE);
    if (!*text)
        return;
    imr_meter_clear(&cli->meter);
    fprintf(stderr, "%s\n", imr_buf_text(&clean));
}

void imr_cli_say_lines(imr_cli *cli, const char *text)
{
    while (*text) {
        const size_t n = strcspn(text, "\n");
        imr_cli_say(cli, "%.*s", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

bool imr_cli_xdg(char **out, const char *variable, const char *name, const char *below_home)
{
    const char *base = getenv(variable);
    const char *home = getenv("HOME");
    if (base && *base == '/')
        *out = imr_path_join(base, name);
    else if (home && *home == '/')
        *out = imr_path_join(home, below_home);
    else
        return false;
    return true;
}

imr_status imr_cli_need(const char **out, const imr_cli *cli, imr_option_id id, imr_error *err)
{
    const char *text = imr_config_string(cli->config, id);
    if (!text) {
        const imr_option *o = imr_option_of(id);
        const bool store = id == IMR_OPT_CACHE_DIR && imr_config_is_set(cli->config, IMR_OPT_STORE);
        return imr_fail(err, IMR_E_USAGE, "--%s %s is needed%s (imrnn %s --help)", o->name,
                        o->metavar, store ? ", a store does not do here" : "", cli->command->name);
    }
    *out = text;
    return IMR_OK;
}

imr_status imr_cli_format(int *out, const imr_cli *cli, const char *choices, imr_error *err)
{
    const char *name = imr_config_string(cli->config, IMR_OPT_FORMAT);
    const int i = imr_choice_index(choices, name);
    if (i < 0)
        return imr_fail(err, IMR_E_USAGE, "--format: '%s' is not one of %s", name, choices);
    *out = i;
    return IMR_OK;
}

imr_status imr_cli_json(bool *out, const imr_cli *cli, imr_error *err)
{
    int i;
    IMR_TRY(imr_cli_format(&i, cli, "text|json", err));
    *out = i == 1;
    return IMR_OK;
}

imr_status imr_cli_vacant(const imr_cli *cli, const char *dir, const char *const *names,
                          imr_error *err)
{
    const bool overwrite = imr_config_bool(cli->config, IMR_OPT_OVERWRITE);
    for (; *names; names++)
        IMR_TRY(imr_file_vacant(imr_path_in(dir, *names).s, overwrite, err));
    return IMR_OK;
}

imr_status imr_cli_argument(imr_cli *cli, imr_option_id id, imr_error *err)
{
    const char *word = cli->n_arguments ? cli->arguments[0] : NULL;
    return word ? imr_config_set(cli->config, id, word, IMR_FROM_LINE, word, 0, err) : IMR_OK;
}

imr_status imr_cli_cache_argument(imr_cli *cli, imr_error *err)
{
    static const char *const marks[] = {
        "manifest.json",       "journal",           "update",
        "train/embeddings.pt", "val/embeddings.pt", "test/embeddings.pt"};
    const char *folder = cli->n_arguments ? cli->arguments[0] : NULL;
    if (folder)
        IMR_TRY(imr_dir_admits(folder, err));
    bool cache = folder && (imr_is_url(folder) || /* which stands for --store */
                            (!imr_dir_exists(folder) && !imr_file_exists(folder)));
    for (size_t i = 0; folder && !cache && i < IMR_LEN(marks); i++) {
        const imr_path mark = imr_path_in(folder, marks[i]);
        cache = imr_file_exists(mark.s) || imr_dir_exists(mark.s);
    }
    return imr_cli_argument(cli, cache ? IMR_OPT_CACHE_DIR : IMR_OPT_DATASET, err);
}

imr_engine_options imr_cli_store(const imr_cli *cli)
{
    const imr_config *c = cli->config;
    return (imr_engine_options){.url = imr_config_string(c, IMR_OPT_STORE),
                                .filter = imr_config_string(c, IMR_OPT_STORE_FILTER),
                                .timeout = imr_config_float(c, IMR_OPT_STORE_TIMEOUT),
                                .effort = (uint32_t)imr_config_int(c, IMR_OPT_STORE_EFFORT),
                                .netrc = imr_config_bool(c, IMR_OPT_NETRC)};
}

imr_status imr_cli_assets(const imr_cli *cli, imr_error *err)
{
    const char *root = imr_config_string(cli->config, IMR_OPT_ASSETS_ROOT);
    const char *dataset = imr_config_string(cli->config, IMR_OPT_DATASET);
    const char *encoder = imr_config_encoder(cli->config);
    if (!root)
        return IMR_OK;
    IMR_TRY(imr_config_derive(cli->config, IMR_OPT_DATASETS_DIR, imr_path_in(root, "datasets").s,
                              IMR_OPT_ASSETS_ROOT, err));
    IMR_TRY(imr_config_derive(cli->config, IMR_OPT_OUTPUT_DIR, root, IMR_OPT_ASSETS_ROOT, err));
    if (!dataset || cli->n_arguments || imr_config_is_set(cli->config, IMR_OPT_STORE))
        return IMR_OK;
    IMR_AUTOBUF imr_buf name = {0};
    imr_buf_printf(&name, "cache_%s_%s", encoder ? encoder : "custom", imr_path_base(dataset));
    IMR_TRY(imr_buf_check(&name, err));
    for (char *c = name.data; *c; c++)
        if (*c == '/')
            *c = '-';
    return imr_config_derive(cli->config, IMR_OPT_CACHE_DIR, imr_path_in(root, name.data).s,
                             IMR_OPT_ASSETS_ROOT, err);
}

imr_status imr_cli_dataset_path(char **out, const imr_cli *cli, imr_error *err)
{
    const char *name = imr_config_string(cli->config, IMR_OPT_DATASET);
    const char *dir = imr_config_string(cli->config, IMR_OPT_DATASETS_DIR);
    IMR_AUTOFREE char *path = NULL;
    if (name && dir && !imr_dir_exists(name) && !imr_file_exists(name)) {
        path = imr_path_join(dir, name);
        if (path && !imr_dir_exists(path) && !imr_file_exists(path))
            return imr_fail(err, IMR_E_NOT_FOUND, "--dataset %s: neither a path nor in %s", name,
                            dir);
    } else if (name) {
        path = imr_strdup(name);
    }
    IMR_NEED(!name || path, err);
    return IMR_GIVE(out, path);
}

imr_status imr_cli_kernels(const imr_kernels **out, const imr_cli *cli, imr_error *err)
{
    const char *name = imr_config_string(cli->config, IMR_OPT_KERNELS);
    const imr_kernels *found =
        strcmp(name, "auto") == 0 ? imr_kernels_at(0) : imr_kernels_find(name);
    if (!found) {
        IMR_AUTOBUF imr_buf list = {0};
        for (size_t i = 0; imr_kernels_at(i); i++)
            imr_buf_printf(&list, "%s%s", i ? ", " : "", imr_kernels_at(i)->name);
        return imr_fail(err, IMR_E_USAGE, "--kernels %s: not on this CPU, which has %s", name,
                        imr_buf_text(&list));
    }
    *out = found;
    return IMR_OK;
}

static imr_status need_encoder_name(const char **name, const imr_cli *cli, imr_error *err)
{
    *name = imr_config_encoder(cli->config);
    return *name ? IMR_OK
                 : imr_fail(err, IMR_E_USAGE, "--encoder DIR is needed (imrnn %s --help)",
                            cli->command->name);
}

imr_hub imr_cli_hub(const imr_cli *cli)
{
    return (imr_hub){.sentence_transformers_home = getenv("SENTENCE_TRANSFORMERS_HOME"),
                     .hf_hub_cache = getenv("HF_HUB_CACHE"),
                     .huggingface_hub_cache = getenv("HUGGINGFACE_HUB_CACHE"),
                     .hf_home = getenv("HF_HOME"),
                     .home = getenv("HOME"),
                     .revision = imr_config_string(cli->config, IMR_OPT_ENCODER_REVISION)};
}

/* What an encoder has to notice, once a run. */
static void tell(imr_cli *cli, const char *name, const char *notice)
{
    if (*notice && !cli->told)
        imr_cli_say(cli, "%s: %s", name, notice);
    cli->told |= *notice != '\0';
}

imr_status imr_cli_tokenizer(imr_encoder **out, imr_cli *cli, imr_error *err)
{
    const char *name;
    IMR_TRY(need_encoder_name(&name, cli, err));
    const imr_encoder_options options = {.hub = imr_cli_hub(cli), .tokens_only = true};
    IMR_TRY(imr_encoder_open(out, name, &options, err));
    tell(cli, name, imr_buf_text(&(*out)->notice));
    return IMR_OK;
}

static imr_status open_encoder(imr_encoder **out, imr_cli *cli, const char *name,
                               imr_encoder_options options, imr_error *err)
{
    const int64_t wanted = imr_config_int(cli->config, IMR_OPT_EMBEDDING_DIM);
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *e = NULL;
    options.hub = imr_cli_hub(cli);
    IMR_TRY(imr_cli_kernels(&options.kernels, cli, err));
    IMR_TRY(imr_encoder_open(&e, name, &options, err));
    tell(cli, name, imr_buf_text(&e->notice));
    if (wanted && (size_t)wanted != e->dim)
        return imr_fail(err, IMR_E_SHAPE,
                        "%s makes vectors of %zu dimensions, --embedding-dim is %lld", name, e->dim,
                        (long long)wanted);
    return IMR_GIVE(out, e);
}

imr_status imr_cli_encoder_as(imr_encoder **out, imr_cli *cli, imr_precision precision,
                              imr_error *err)
{
    const char *name;
    IMR_TRY(need_encoder_name(&name, cli, err));
    const imr_encoder_options options = {
        .query_prefix = imr_config_string(cli->config, IMR_OPT_QUERY_PREFIX),
        .passage_prefix = imr_config_string(cli->config, IMR_OPT_PASSAGE_PREFIX),
        .precision = precision};
    return open_encoder(out, cli, name, options, err);
}

imr_status imr_cli_encoder_of_cache(imr_encoder **out, imr_cli *cli, const imr_cache *cache,
                                    imr_error *err)
{
    const imr_encoder_identity *made = &cache->encoder;
    const char *named = imr_config_encoder(cli->config), *path = cache->path;
    const bool bf16 = strcmp(made->precision, imr_precision_name(IMR_BFLOAT16)) == 0;
    const imr_encoder_options options = {.query_prefix = made->query_prefix,
                                         .passage_prefix = made->passage_prefix,
                                         .precision = bf16 ? IMR_BFLOAT16 : IMR_FLOAT32};
    char sha256[IMR_SHA256_HEX];
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *e = NULL;
    if (!named && !*made->path && !*made->name)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s does not name its encoder: name it with --encoder", path);
    const char *stored = *made->path ? made->path : made->name;
    IMR_TRY(open_encoder(&e, cli, named ? named : stored, options, err));
    IMR_TRY(imr_encoder_sha256(e, sha256, err));
    if (*made->sha256 && strcmp(sha256, made->sha256) != 0)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s has other weights (sha256 %.12s) than the encoder %s was made with "
                        "(%.12s): name that one with --encoder",
                        e->folder.path, sha256, path, made->sha256);
    return IMR_GIVE(out, e);
}

imr_status imr_cli_check_encoder(imr_cli *cli, const imr_cache *cache, imr_error *err)
{
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *e = NULL;
    return imr_config_encoder(cli->config) ? imr_cli_encoder_of_cache(&e, cli, cache, err) : IMR_OK;
}

imr_status imr_cli_encoder(imr_encoder **out, imr_cli *cli, imr_error *err)
{
    const char *name = imr_config_string(cli->config, IMR_OPT_PRECISION);
    const bool bf16 = strcmp(name, imr_precision_name(IMR_BFLOAT16)) == 0;
    return imr_cli_encoder_as(out, cli, bf16 ? IMR_BFLOAT16 : IMR_FLOAT32, err);
}

imr_status imr_cli_dataset(imr_dataset **out, imr_cli *cli, imr_scratch *scratch, imr_error *err)
{
    IMR_AUTOFREE char *path = NULL;
    const char *named;
    IMR_TRY(imr_cli_need(&named, cli, IMR_OPT_DATASET, err));
    IMR_TRY(imr_cli_dataset_path(&path, cli, err));
    const imr_dataset_options how = {.skip_bad_lines =
                                         imr_config_bool(cli->config, IMR_OPT_SKIP_BAD_LINES),
                                     .scratch = scratch,
                                     .without_judgements = scratch != NULL,
                                     .progress = &cli->meter.progress};
    imr_dataset *d;
    IMR_TRY(imr_dataset_open(&d, path, &how, err));
    if (d->summary[0])
        imr_cli_say(cli, "%s: %s", path, d->summary);
    if (d->n_bad)
        imr_cli_say(cli, "%zu malformed lines left out, the first: %s", d->n_bad, d->bad[0]);
    *out = d;
    return IMR_OK;
}

void imr_cli_say_absent(imr_cli *cli, const imr_cache *cache)
{
    for (size_t i = 0; i < cache->n_splits; i++) {
        const imr_qrels *q = cache->splits[i].qrels;
        const char *first = "";
        const size_t n = q ? imr_qrels_absent(q, &cache->documents.ids, &first) : 0;
        if (n)
            imr_cli_say(cli,
                        "%zu of the %zu documents judged in %s are not in the corpus, the first is "
                        "'%.80s': no ranking can find them",
                        n, q->documents.n, cache->splits[i].name, first);
    }
}

imr_status imr_cli_open_cache(imr_cache **out, imr_cli *cli, const char *dir, const char *dataset,
                              imr_error *err)
{
    const imr_cache_options options = {.dataset = dataset,
                                       .skip_bad_lines =
                                           imr_config_bool(cli->config, IMR_OPT_SKIP_BAD_LINES),
                                       .progress = &cli->meter.progress};
    return imr_cache_open(out, dir, &options, err);
}

imr_status imr_cli_cache(imr_cache **out, imr_cli *cli, imr_error *err)
{
    const char *dir;
    IMR_AUTOFREE char *dataset = NULL;
    imr_cache *c;
    IMR_TRY(imr_cli_need(&dir, cli, IMR_OPT_CACHE_DIR, err));
    IMR_TRY(imr_cli_dataset_path(&dataset, cli, err));
    IMR_TRY(imr_cli_open_cache(&c, cli, dir, dataset, err));
    imr_cli_say(cli, "%s", c->notice);
    imr_cli_say_absent(cli, c);
    *out = c;
    return IMR_OK;
}

uint32_t imr_cli_feedback_k(imr_cli *cli, const imr_cache *cache)
{
    size_t k = (size_t)imr_config_int(cli->config, IMR_OPT_FEEDBACK_K);
    size_t n = cache->documents.ids.n;
    if (k > n && !imr_config_is_set(cli->config, IMR_OPT_FEEDBACK_K)) {
        imr_cli_say(cli, "the cache has %zu documents: all of them are candidates (feedback-k %zu)",
                    n, n);
        k = n;
    }
    return (uint32_t)k;
}

/* ---- libraries ---- */

void imr_cli_tune_libraries(IMR_UNUSED char **argv)
{
#ifdef _OPENMP
    char path[PATH_MAX]; /* by name, so that process lists show ours and not "exe" */
    if (getenv("OMP_WAIT_POLICY") || setenv("OMP_WAIT_POLICY", "passive", 1) != 0)
        return;
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1); /* Linux */
    if (n > 0) {
        path[n] = '\0';
        execv(path, argv);
    } else if (argv[0]) { /* found as whoever started it found it */
        execvp(argv[0], argv);
    }
#endif
}

void imr_cli_blas_text(imr_buf *out)
{
    const char *asked = getenv("OPENBLAS_CORETYPE");
    const char *library = imr_blas_config(); /* its first words are name and version */
    size_t len = strcspn(library, " ");
    len += library[len] ? 1 + strcspn(library + len + 1, " ") : 0;
    imr_buf_printf(out, "OPENBLAS_CORETYPE = %s (", imr_blas_core());
    if (asked && *asked)
        imr_buf_printf(out, "%s in the environment)", asked);
    else
        imr_buf_printf(out, "chosen by %.*s)", (int)len, library);
}
