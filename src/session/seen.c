#include "session/seen.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/json.h"
#include "retrieval/reference_split.h"
#include "text/utf8.h"

void imr_seen_done(imr_seen *s)
{
    imr_qrels_free(s->train);
    imr_free(s->words);
    *s = (imr_seen){0};
}

/* ---- judgements ---- */

/* Every judged query of the sources. */
static imr_status join(imr_qrels **out, const imr_qrels *const *sources, size_t n, imr_error *err)
{
    size_t count = 0, at = 0;
    for (size_t s = 0; s < n; s++)
        count += imr_qrels_count(sources[s]);
    IMR_AUTOFREE const char **ids = IMR_NEW_ARRAY(const char *, count + 1);
    if (!ids)
        return imr_fail_memory(err);
    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; i < imr_qrels_count(sources[s]); i++)
            ids[at++] = imr_qrels_at(sources[s], i).id;
    return count ? imr_qrels_subset(out, sources, n, ids, count, err) : IMR_OK;
}

/* Those of the cache's split train, and in the authors' layout of validation, which is cut out of
 * it; none: *out stays NULL. */
static imr_status from_splits(imr_qrels **out, const imr_cache *cache, imr_error *err)
{
    static const char *const names[] = {"train", "validation"};
    const imr_qrels *sources[IMR_LEN(names)];
    const bool cut = strcmp(imr_cache_layout(cache), "reference") == 0;
    size_t n = 0, split;
    for (size_t i = 0; i < (cut ? IMR_LEN(names) : 1); i++)
        if (imr_cache_find_split(cache, names[i], &split) && imr_cache_split_qrels(cache, split))
            sources[n++] = imr_cache_split_qrels(cache, split);
    return join(out, sources, n, err);
}

/* Those of the training and validation queries of the authors' splits, when these are the ones the
 * metadata hold hashes of. */
static imr_status from_hashes(imr_qrels **out, const imr_cache *cache, const imr_json *metadata,
                              imr_error *err)
{
    const imr_json *said = imr_json_at(metadata, "dataset_manifest/splits");
    if (!said || !imr_cache_dataset(cache))
        return IMR_OK;
    const int64_t seed = imr_json_int_or(metadata, "dataset_manifest/seed", IMR_REFERENCE_SEED);
    IMR_CLEANUP(imr_reference_splits_done) imr_reference_splits s = {0};
    imr_error none;
    if (imr_reference_splits_make(&s, imr_cache_dataset(cache), (uint32_t)seed, &none) != IMR_OK)
        return IMR_OK;
    for (size_t i = 0; i < 2; i++) {
        char found[IMR_SHA256_HEX];
        const imr_json *split = imr_json_at(said, s.v[i].name);
        IMR_TRY(imr_reference_hash(&s.v[i], found, err));
        if (strcmp(imr_json_string_or(split, "query_ids_sha256", ""), found) != 0)
            return IMR_OK;
    }
    /* Their ids lie one split after the other. */
    return imr_qrels_subset(out, &s.v[0].qrels, 1, s.v[0].ids, s.v[0].n + s.v[1].n, err);
}

/* ---- words ---- */

static void put_name(imr_buf *b, const char *name)
{
    imr_buf_char(b, '"');
    imr_utf8_clean(b, name, strlen(name), IMR_CLEAN_LINE);
    imr_buf_char(b, '"');
}

static void put_count(imr_buf *b, const imr_qrels *train)
{
    imr_buf_printf(b, " (%zu queries)", train ? imr_qrels_count(train) : 0);
}

/* ---- sources of knowledge ---- */

static imr_status from_option(imr_seen *s, imr_buf *words, const imr_cache *cache,
                              const char *trained_on, imr_error *err)
{
    size_t split;
    s->known = true;
    if (strcmp(trained_on, "none") == 0) {
        imr_buf_str(words, "trained on no judgement, as --trained-on says");
        return IMR_OK;
    }
    if (imr_cache_find_split(cache, trained_on, &split) && imr_cache_split_qrels(cache, split)) {
        const imr_qrels *qrels = imr_cache_split_qrels(cache, split);
        IMR_TRY(join(&s->train, &qrels, 1, err));
    } else if (imr_file_exists(trained_on)) {
        IMR_TRY(imr_qrels_open(&s->train, trained_on, err));
    } else {
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "--trained-on %s is neither a judged split of the cache %s nor a file of "
                        "judgements",
                        trained_on, imr_cache_path(cache));
    }
    imr_buf_str(words, "trained on the judgements of ");
    put_name(words, trained_on);
    imr_buf_str(words, ", as --trained-on says");
    put_count(words, s->train);
    return IMR_OK;
}

/* safetensors hold texts under one dotted name. */
static bool without_judgements(const imr_json *metadata)
{
    return imr_json_int_or(metadata, "training/judged_queries", -1) == 0 ||
           strcmp(imr_json_string_or(metadata, "training.judged_queries", ""), "0") == 0;
}

/* By the hash of the corpus where both are known, else by the folder's name. */
static bool same_dataset(const imr_cache *cache, const imr_json *metadata)
{
    const imr_dataset *d = imr_cache_dataset(cache);
    const char *hash = imr_json_string_or(metadata, "dataset_sha256", "");
    const char *name = imr_json_string_or(metadata, "dataset", "");
    if (hash[0] && imr_cache_dataset_sha256(cache)[0])
        return strcmp(hash, imr_cache_dataset_sha256(cache)) == 0;
    return d && name[0] && strcasecmp(name, imr_path_base(imr_dataset_path(d))) == 0;
}

static imr_status from_metadata(imr_seen *s, imr_buf *words, const imr_cache *cache,
                                const imr_json *metadata, imr_error *err)
{
    const char *dataset = imr_json_string_or(metadata, "dataset", "");
    const bool ours = imr_json_at(metadata, "tool") != NULL;
    const char *format = imr_json_string_or(metadata, "checkpoint_format", "");
    IMR_TRY(from_hashes(&s->train, cache, metadata, err));
    s->known = s->train != NULL;
    if (s->known) {
        imr_buf_str(words, "trained on the queries whose hashes are in its file");
        put_count(words, s->train);
    } else if (without_judgements(metadata)) {
        s->known = true;
        imr_buf_str(words, "trained on texts alone, without judgements");
    } else if (!dataset[0]) {
        imr_buf_str(words, "unknown what it was trained on: its file does not say; --trained-on "
                           "SPLIT or FILE tells");
    } else if (!same_dataset(cache, metadata)) {
        imr_buf_str(words, "unknown what it was trained on: its file names the data set ");
        put_name(words, dataset);
        imr_buf_str(words, ", which is not this one; --trained-on SPLIT or FILE tells");
    } else if (!ours && strcmp(format, "imrnns-adapter-only-v1") == 0) {
        imr_buf_str(words, "unknown what it was trained on: release 0.1 took its queries out of "
                           "the test judgements, and does not say which; --trained-on FILE tells");
    } else {
        IMR_TRY(from_splits(&s->train, cache, err));
        s->known = s->train != NULL;
        imr_buf_str(words, s->known ? "trained on this data set: all judgements of train count "
                                      "as seen"
                                    : "unknown what it was trained on: this data set, but there "
                                      "are no judged training queries");
        if (s->known)
            put_count(words, s->train);
    }
    return IMR_OK;
}

imr_status imr_seen_find(imr_seen *out, const imr_adapter *a, const imr_cache *cache,
                         const char *trained_on, imr_error *err)
{
    IMR_CLEANUP(imr_seen_done) imr_seen s = {0};
    IMR_AUTOBUF imr_buf words = {0};
    IMR_AUTOJSON imr_json *metadata = NULL;
    if (!trained_on && a->metadata)
        IMR_TRY(imr_json_parse(&metadata, a->metadata, strlen(a->metadata), a->path, err));
    IMR_TRY(trained_on ? from_option(&s, &words, cache, trained_on, err)
                       : from_metadata(&s, &words, cache, metadata, err));
    IMR_TRY(imr_buf_check(&words, err));
    s.words = imr_buf_take(&words);
    if (!s.words)
        return imr_fail_memory(err);
    *out = s;
    s = (imr_seen){0};
    return IMR_OK;
}
