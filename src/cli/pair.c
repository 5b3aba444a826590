#include "cli/pair.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static int forget(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void imr_cli_pair_done(imr_cli_pair *p)
{
    if (p->folder)
        nftw(p->folder, forget, 8, FTW_DEPTH | FTW_PHYS);
    imr_free(p->folder);
    *p = (imr_cli_pair){0};
}

static imr_status usage(imr_error *err)
{
    return imr_fail(err, IMR_E_USAGE,
                    "--pair takes a query and a document: imrnn explain --pair QUERY DOCUMENT "
                    "(texts or ids), or --pair --query-id Q --document D");
}

/* A collection of this document, where there is no other. */
static imr_status make_collection(imr_cli_pair *p, imr_cli *cli, imr_error *err)
{
    if (!imr_config_encoder(cli->config))
        return imr_fail(err, IMR_E_USAGE,
                        "--pair of two texts takes --encoder E; of two ids the cache they are in");
    if (!p->document[strspn(p->document, " \t\r\n")])
        return imr_fail(err, IMR_E_USAGE, "the document of the pair is empty");
    const char *tmp = imr_cli_environment(cli, "TMPDIR");
    IMR_AUTOFREE char *folder = imr_path_join(tmp && *tmp ? tmp : "/tmp", "imrnn-pair-XXXXXX");
    if (!folder)
        return imr_fail_memory(err);
    if (!mkdtemp(folder))
        return imr_fail_errno(err, IMR_E_IO, errno, "cannot make a folder %s", folder);
    p->folder = folder;
    folder = NULL;
    IMR_AUTOFREE char *texts = imr_path_join(p->folder, "texts");
    IMR_AUTOFREE char *file = imr_path_join(p->folder, "texts/document.txt");
    IMR_AUTOFREE char *cache = imr_path_join(p->folder, "cache");
    if (!texts || !file || !cache)
        return imr_fail_memory(err);
    IMR_TRY(imr_dir_make(texts, err));
    IMR_TRY(imr_file_write(file, p->document, strlen(p->document), err));
    IMR_TRY(imr_config_set(cli->config, IMR_OPT_DATASET, texts, IMR_FROM_LINE, texts, 0, err));
    return imr_config_set(cli->config, IMR_OPT_CACHE_DIR, cache, IMR_FROM_LINE, cache, 0, err);
}

static imr_status take_words(imr_cli_pair *p, imr_cli *cli, imr_error *err)
{
    const char *const *words = cli->arguments;
    const size_t n = cli->n_arguments;
    if (n != 2 && n != 3)
        return usage(err);
    const bool first = n == 3 && imr_dir_exists(words[0]);
    p->query = words[first];
    p->document = words[first + 1];
    cli->arguments = first ? words : words + 2;
    cli->n_arguments = n - 2;
    return IMR_OK;
}

imr_status imr_cli_pair_take(imr_cli_pair *out, imr_cli *cli, imr_error *err)
{
    const imr_config *c = cli->config;
    const size_t queries =
        imr_config_count(c, IMR_OPT_QUERY) + imr_config_count(c, IMR_OPT_QUERY_ID);
    const size_t documents = imr_config_count(c, IMR_OPT_DOCUMENT);
    imr_cli_pair p = {0};
    if (queries > 1 || documents > 1 || queries != documents)
        return usage(err);
    if (!queries) {
        IMR_TRY(take_words(&p, cli, err));
    } else {
        p.document = imr_config_item(c, IMR_OPT_DOCUMENT, 0);
        p.query = imr_config_count(c, IMR_OPT_QUERY) ? imr_config_item(c, IMR_OPT_QUERY, 0) : NULL;
        p.query_id = p.query ? NULL : imr_config_item(c, IMR_OPT_QUERY_ID, 0);
    }
    if (cli->n_arguments > 1)
        return usage(err);
    imr_status status = IMR_OK;
    if (!cli->n_arguments && !imr_config_string(c, IMR_OPT_CACHE_DIR) &&
        !imr_config_string(c, IMR_OPT_DATASET))
        status = make_collection(&p, cli, err);
    if (status != IMR_OK)
        imr_cli_pair_done(&p);
    else
        *out = p;
    return status;
}
