/* cli/cmd_explain.c - imrnn explain: rankings, changes and words of one query, several, or a whole
 * split. */
#include <errno.h>
#include <stdlib.h>

#include "cli/steps.h"
#include "report/folder.h"
#include "retrieval/store.h"

/* ---- one pair ---- */

/*
 * Which query and which document, and a cache to say so in.
 *   imrnn explain --pair QUERY DOCUMENT [CACHE]        two texts, or ids of the cache
 *   imrnn explain --pair --query-id Q --document D [CACHE]
 * CACHE may stand before the two as well. Without a cache or dataset the document is the
 * collection: a cache of it is made in a folder of TMPDIR that goes when the command ends.
 */
typedef struct pair {
    const char *query, *query_id; /* one of them */
    const char *document;
    char *folder; /* ours, or NULL */
} pair;

static void pair_done(pair *p)
{
    if (p->folder)
        (void)imr_derived_bytes(p->folder, "", true);
    imr_free(p->folder);
    *p = (pair){0};
}

static imr_status usage(imr_error *err)
{
    return imr_fail(err, IMR_E_USAGE,
                    "--pair takes a query and a document: imrnn explain --pair QUERY DOCUMENT "
                    "(texts or ids), or --pair --query-id Q --document D");
}

/* A collection of this document, where there is no other. */
static imr_status make_collection(pair *p, imr_cli *cli, imr_error *err)
{
    if (!imr_config_encoder(cli->config))
        return imr_fail(err, IMR_E_USAGE,
                        "--pair of two texts takes --encoder E; of two ids the cache they are in");
    if (!p->document[strspn(p->document, " \t\r\n")])
        return imr_fail(err, IMR_E_USAGE, "the document of the pair is empty");
    const char *tmp = getenv("TMPDIR");
    IMR_AUTOFREE char *folder = imr_path_join(tmp && *tmp ? tmp : "/tmp", "imrnn-pair-XXXXXX");
    IMR_NEED(folder, err);
    if (!mkdtemp(folder))
        return imr_fail_errno(err, IMR_E_IO, errno, "cannot make a folder %s", folder);
    p->folder = IMR_TAKE(folder);
    const imr_path texts = imr_path_in(p->folder, "texts"), cache = imr_path_in(p->folder, "cache");
    IMR_TRY(imr_dir_make(texts.s, err));
    IMR_TRY(imr_file_write(imr_path_in(texts.s, "document.txt").s, p->document, strlen(p->document),
                           err));
    IMR_TRY(imr_config_set(cli->config, IMR_OPT_DATASET, texts.s, IMR_FROM_LINE, texts.s, 0, err));
    return imr_config_set(cli->config, IMR_OPT_CACHE_DIR, cache.s, IMR_FROM_LINE, cache.s, 0, err);
}

static imr_status take_words(pair *p, imr_cli *cli, imr_error *err)
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

/* Leaves the cache, if there is one, as the only argument. IMR_E_USAGE says what is missing. */
static imr_status take_pair(pair *out, imr_cli *cli, imr_error *err)
{
    const imr_config *c = cli->config;
    const size_t queries =
        imr_config_count(c, IMR_OPT_QUERY) + imr_config_count(c, IMR_OPT_QUERY_ID);
    const size_t documents = imr_config_count(c, IMR_OPT_DOCUMENT);
    IMR_CLEANUP(pair_done) pair p = {0};
    if (queries > 1 || documents > 1 || queries != documents)
        return usage(err);
    if (!queries) {
        IMR_TRY(take_words(&p, cli, err));
    } else {
        p.document = imr_config_item(c, IMR_OPT_DOCUMENT, 0);
        p.query = imr_config_item(c, IMR_OPT_QUERY, 0);
        p.query_id = p.query ? NULL : imr_config_item(c, IMR_OPT_QUERY_ID, 0);
    }
    if (cli->n_arguments > 1)
        return usage(err);
    if (!cli->n_arguments && !imr_config_string(c, IMR_OPT_CACHE_DIR) &&
        !imr_config_string(c, IMR_OPT_DATASET))
        IMR_TRY(make_collection(&p, cli, err));
    return IMR_GIVE(out, p);
}

/* ---- explaining ---- */

typedef struct explaining {
    imr_cli *cli;
    imr_session *session;
    imr_session_options options;
    imr_report_context context;
    pair pair;
    const imr_report_format *format;
    const char *view;           /* instead of it, or NULL */
    imr_report_details details; /* what they tell of */
    imr_report_folder folder;   /* --output-dir; path NULL: not there */
    bool leave_out;             /* words, where they add up to nothing */
    size_t done, total;
    const char *named[IMR_MOST_PINNED]; /* documents */
    size_t n_named;
    bool why_not; /* of those */
    imr_notes *notes;
    bool deletion; /* instead: */
    imr_report_deletion tests;
} explaining;

static void explaining_done(explaining *e)
{
    for (int k = 0; k < IMR_STAGE_COUNT; k++)
        imr_detail_free(e->tests.tested[k]);
    imr_faith_done(&e->tests.faith);
    imr_report_folder_done(&e->folder);
    imr_notes_free(e->notes);
    imr_session_close(e->session);
    pair_done(&e->pair);
}

static bool go_on(IMR_UNUSED void *user, IMR_UNUSED const imr_progress_info *info)
{
    return !imr_interrupted();
}
static const imr_progress quiet = {go_on, NULL};

static imr_status emit(explaining *e, const imr_trace *t, imr_report_context *context,
                       imr_error *err)
{
    if (e->folder.path)
        return imr_report_folder_add(&e->folder, t, context, err);
    IMR_AUTOBUF imr_buf out = {0};
    context->done = e->done++;
    context->total = e->total;
    IMR_TRY(imr_report_render(t, e->view ? e->view : e->format->name, context, &out, err));
    return imr_cli_emit(e->cli, &out, err);
}

static imr_status not_listed(const char *id, const imr_trace *t, imr_error *err)
{
    return imr_fail(err, IMR_E_NOT_FOUND,
                    "document %s is not among the %zu listed of \"%s\": check the id, or list more "
                    "with --feedback-k",
                    id, t->n_documents, t->query_text);
}

/* The two of --compare A,B. */
static imr_status find_compared(size_t place[2], const char *ids, const imr_trace *t,
                                imr_error *err)
{
    const char *comma = strchr(ids, ',');
    IMR_AUTOFREE char *first = imr_strdup(ids);
    IMR_NEED(first, err);
    if (!comma)
        return imr_fail(err, IMR_E_USAGE, "--compare takes two documents: --compare A,B");
    first[comma - ids] = '\0';
    for (size_t i = 0; i < 2; i++)
        if ((place[i] = imr_trace_place(t, i ? comma + 1 : first)) == SIZE_MAX)
            return not_listed(i ? comma + 1 : first, t, err);
    return IMR_OK;
}

static imr_status ask(imr_trace **out, const explaining *e, const char *text, const char *id,
                      const imr_trace *beside, imr_error *err)
{
    const imr_request request = {.text = text,
                                 .query_id = id,
                                 .document = e->pair.document,
                                 .pinned = e->named,
                                 .n_pinned = e->n_named,
                                 .beside = beside,
                                 .alone = e->deletion,
                                 .settings = e->options.settings,
                                 .progress = &quiet};
    return imr_session_run(e->session, &request, out, err);
}

/* A against B: two documents, or one for another query or under the other adapter. NULL: nobody
 * asked. */
static imr_status compare(imr_comparison **out, const explaining *e, imr_trace *t, imr_error *err)
{
    const char *ids = imr_config_string(e->cli->config, IMR_OPT_COMPARE);
    const char *document = imr_config_item(e->cli->config, IMR_OPT_DOCUMENT, 0);
    size_t place[2];
    if (!ids && (!t->beside || !document))
        return IMR_OK;
    if (ids)
        IMR_TRY(find_compared(place, ids, t, err));
    else if ((place[0] = place[1] = imr_trace_place(t, document)) == SIZE_MAX)
        return not_listed(document, t, err);
    return imr_session_compare(out, e->session, t, place, &quiet, err);
}

/* The documents to be printed: those of --document or --compare, else the first. */
static imr_status choose(bool *printed, const explaining *e, const imr_trace *t,
                         const imr_comparison *compared, imr_error *err)
{
    if (!t->pair && imr_config_is_set(e->cli->config, IMR_OPT_RANKING_K) &&
        e->context.top > t->n_documents)
        return imr_fail(err, IMR_E_USAGE,
                        "--ranking-k is %u, but %zu documents are listed: --feedback-k says how "
                        "many, at most all %llu",
                        e->context.top, t->n_documents,
                        (unsigned long long)imr_session_facts_of(e->session)->documents);
    for (size_t i = 0; i < e->n_named; i++) {
        const char *id = e->named[i];
        const size_t place = imr_trace_place(t, id);
        if (place == SIZE_MAX)
            return imr_fail(err, IMR_E_NOT_FOUND, "the cache %s has no document '%s'",
                            t->inputs.cache_path, id);
        if (place >= t->n_documents && !e->why_not)
            return not_listed(id, t, err);
        printed[place] = true;
    }
    for (size_t i = 0; compared && i < 2; i++)
        if (compared->trace[i] == t && compared->place[i] < t->n_documents)
            printed[compared->place[i]] = true;
    for (size_t i = 0; e->n_named == 0 && !compared && i < t->n_documents && i < e->context.top;
         i++)
        printed[i] = true;
    return IMR_OK;
}

/* Word by word for the documents that are printed; where all are told of, for judged ones too. */
static imr_status explain(explaining *e, imr_trace *t, imr_error *err)
{
    const size_t all = t->n_documents + t->n_left;
    IMR_CLEANUP(imr_comparison_free_at) imr_comparison *compared = NULL;
    IMR_AUTOFREE bool *printed = IMR_NEW_ARRAY(bool, all);
    IMR_CLEANUP(imr_details_done) imr_details details = {0};
    IMR_NEED(printed, err);
    IMR_TRY(compare(&compared, e, t, err));
    IMR_TRY(choose(printed, e, t, compared, err));
    const imr_details_ask of = {.all = e->details == IMR_REPORT_ALL,
                                .why_not = e->why_not && e->n_named > 0,
                                .leave_out = e->leave_out};
    if (e->details != IMR_REPORT_NONE)
        IMR_TRY(imr_session_details(e->session, t, printed, &of, &quiet, &details, err));
    imr_report_context context = e->context;
    context.printed = printed;
    context.chosen = e->n_named > 0;
    context.details = &details;
    context.compare = compared;
    return emit(e, t, &context, err);
}

/* Tests the first document for the encoder and the first now: session/carry.h. */
static imr_status test_one(explaining *e, const imr_trace *t, imr_error *err)
{
    for (imr_stage k = 0; k < (t->working_dim ? IMR_STAGE_COUNT : 1); k += IMR_STAGE_AFTER) {
        size_t place = 0;
        while (imr_trace_at(t, place)->rank[k] != 1)
            place++;
        imr_detail_free(e->tests.tested[k]);
        e->tests.tested[k] = NULL;
        IMR_TRY(imr_session_detail(e->session, t, place, IMR_DETAIL_DELETION,
                                   &e->cli->meter.progress, &e->tests.tested[k], err));
        const imr_why *w = &e->tests.tested[k]->why;
        imr_carry_add(&e->tests.stage[k], w->carry[k]);
        if (!w->carry[k])
            snprintf(e->tests.problem, sizeof e->tests.problem, "%s",
                     w->pairs.problem[0]
                         ? w->pairs.problem
                         : "there is no average candidate to compare with: one document is "
                           "listed, or all are alike");
    }
    e->tests.queries++;
    return imr_faith_add(&e->tests.faith, t, err);
}

static imr_status one(explaining *e, const char *text, const char *id, imr_error *err)
{
    IMR_CLEANUP(imr_trace_free_at) imr_trace *t = NULL, *beside = NULL;
    const char *other = imr_config_string(e->cli->config, IMR_OPT_COMPARE_QUERY);
    if (other && ask(&beside, e, NULL, other, NULL, NULL) != IMR_OK)
        IMR_TRY(ask(&beside, e, other, NULL, NULL, err));
    IMR_TRY(ask(&t, e, text, id, beside, err));
    return e->deletion ? test_one(e, t, err) : explain(e, t, err);
}

/* The pair, the whole split, or the queries named. */
static imr_status each(explaining *e, bool whole_split, imr_error *err)
{
    const imr_config *c = e->cli->config;
    const size_t texts = imr_config_count(c, IMR_OPT_QUERY);
    for (size_t i = 0; i < e->total; i++) {
        const char *text = NULL, *id = NULL;
        if (e->pair.document)
            text = e->pair.query, id = e->pair.query_id;
        else if (whole_split)
            id = imr_session_query(e->session, i).query_id;
        else if (i < texts)
            text = imr_config_item(c, IMR_OPT_QUERY, i);
        else
            id = imr_config_item(c, IMR_OPT_QUERY_ID, i - texts);
        const imr_status status = one(e, text, id, err);
        if (status != IMR_OK)
            return whole_split ? imr_error_prefix(err, status, id) : status;
        if (whole_split &&
            !imr_progress_step(&e->cli->meter.progress, "explaining queries", i + 1, e->total))
            return imr_fail(err, IMR_E_CANCELLED, "stopped after %zu of %zu queries", i + 1,
                            e->total);
    }
    return IMR_OK;
}

/* What the report is to look like. A table of words is for one document unless more are asked for. */
static imr_status look(explaining *e, imr_error *err)
{
    const imr_config *c = e->cli->config;
    const char *view = imr_config_string(c, IMR_OPT_VIEW);
    const bool words = strcmp(view, "words") == 0, map = strcmp(view, "map") == 0;
    if (!(e->format = imr_report_format_of(imr_config_string(c, IMR_OPT_FORMAT), err)))
        return IMR_E_USAGE;
    e->view = words || map ? view : NULL;
    if (e->view && strcmp(e->format->name, "text") != 0)
        return imr_fail(err, IMR_E_USAGE, "--view %s is text%s", view,
                        words ? "; --format json has the tables with --pairs all" : "");
    e->leave_out = words || imr_config_choice(c, IMR_OPT_PAIRS) == (int64_t)IMR_REPORT_PAIRS_ALL;
    e->details = map ? IMR_REPORT_NONE : e->format->details;
    const bool documents = imr_config_string(c, IMR_OPT_COMPARE) != NULL;
    const bool queries = imr_config_string(c, IMR_OPT_COMPARE_QUERY) != NULL;
    if (documents + queries + (imr_config_count(c, IMR_OPT_CHECKPOINT) > 1) > 1)
        return imr_fail(err, IMR_E_USAGE,
                        "one at a time is compared: two documents with --compare A,B, two queries "
                        "with --compare-query, or two adapters with two of --checkpoint");
    e->why_not = !words && !map && !documents && !queries;
    if (imr_config_count(c, IMR_OPT_DOCUMENT) > IMR_MOST_PINNED)
        return imr_fail(err, IMR_E_USAGE, "--document: %zu at most", IMR_MOST_PINNED);
    for (; !imr_config_bool(c, IMR_OPT_PAIR) && e->n_named < imr_config_count(c, IMR_OPT_DOCUMENT);
         e->n_named++)
        e->named[e->n_named] = imr_config_item(c, IMR_OPT_DOCUMENT, e->n_named);
    e->deletion = imr_config_bool(c, IMR_OPT_DELETION);
    if (e->deletion && (!e->why_not || e->n_named || imr_config_bool(c, IMR_OPT_PAIR)))
        return imr_fail(err, IMR_E_USAGE,
                        "--deletion looks at the first documents of rankings; it goes with neither "
                        "--view, --compare, --pair nor --document");
    if (e->deletion && strcmp(e->format->name, "json") != 0 && strcmp(e->format->name, "text") != 0)
        return imr_fail(err, IMR_E_USAGE, "--deletion is text or json");
    e->context = (imr_report_context){
        .command = e->cli->argv,
        .n_command = (size_t)e->cli->argc,
        .top = words && !imr_config_is_set(c, IMR_OPT_RANKING_K)
                   ? 1
                   : (uint32_t)imr_config_int(c, IMR_OPT_RANKING_K),
        .pairs = (imr_report_pairs)imr_config_choice(c, IMR_OPT_PAIRS),
        .width = (size_t)imr_config_int(c, IMR_OPT_WIDTH),
    };
    return IMR_OK;
}

static imr_status run(imr_cli *cli, imr_error *err)
{
    const imr_config *c = cli->config;
    const bool whole_split = imr_config_bool(c, IMR_OPT_ALL);
    IMR_CLEANUP(explaining_done) explaining e = {.cli = cli};
    IMR_TRY(look(&e, err));
    const char *folder = imr_config_string(c, IMR_OPT_OUTPUT_DIR);
    if (folder && (e.view || e.deletion || imr_config_string(c, IMR_OPT_OUTPUT)))
        return imr_fail(err, IMR_E_USAGE,
                        "--output-dir takes a report a query: neither --view, --deletion nor -o");
    if (imr_config_bool(c, IMR_OPT_PAIR))
        IMR_TRY(take_pair(&e.pair, cli, err));
    else if (cli->n_arguments > 1)
        return imr_fail(err, IMR_E_USAGE, "too many arguments: one cache (imrnn explain --help)");
    e.total = e.pair.document
                  ? 1
                  : imr_config_count(c, IMR_OPT_QUERY) + imr_config_count(c, IMR_OPT_QUERY_ID);
    if ((e.total != 0) == whole_split)
        return imr_fail(err, IMR_E_USAGE, "%s; give --query TEXT, --query-id ID or --all",
                        e.total ? "--all stands alone" : "which query?");
    IMR_CLEANUP(imr_cli_paths_done) imr_cli_paths paths = {0};
    const bool quietly = cli->quiet;
    cli->quiet |= e.pair.folder != NULL; /* how a cache of one text was made is noise */
    IMR_TRY(imr_cli_session_options(&e.options, &paths, cli, err));
    cli->quiet = quietly;
    e.options.settings.influence = true;
    if (e.n_named && imr_config_is_set(c, IMR_OPT_RANKING_K))
        e.options.settings.ranking_k = e.context.top;
    if (imr_config_is_set(c, IMR_OPT_NOTES))
        IMR_TRY(imr_cli_read_notes(&e.notes, cli, "", err));
    if (e.notes && e.notes->broken)
        imr_cli_say(cli, "--notes: line %llu: %s", (unsigned long long)e.notes->broken,
                    e.notes->problem);
    e.context.notes = e.notes;
    e.options.settings.influence &= !cli->plain;
    IMR_TRY(imr_session_open(&e.session, &e.options, &cli->meter.progress, err));
    const imr_session_facts *facts = imr_session_facts_of(e.session);
    imr_cli_say(cli, "%s", facts->encoder_problem);
    imr_cli_say(cli, "%s", facts->tokens_notice);
    imr_cli_say(cli, "%s", facts->cache_notice);
    const int64_t most = imr_config_int(c, IMR_OPT_MAX_QUERIES);
    if (whole_split)
        e.total = most && (uint64_t)most < facts->queries ? (size_t)most : (size_t)facts->queries;
    if (e.total == 0)
        return imr_fail(err, IMR_E_NOT_FOUND, "the cache %s holds no queries", e.options.cache);
    if (folder)
        IMR_TRY(imr_report_folder_open(&e.folder, folder, e.format,
                                       imr_config_bool(c, IMR_OPT_OVERWRITE), err));
    if (!e.deletion) {
        const imr_status status = each(&e, whole_split, err);
        if (folder && (status == IMR_OK || e.folder.rows.n)) /* also of those before it stopped */
            IMR_TRY(imr_report_folder_close(&e.folder, e.total, status == IMR_OK ? err : NULL));
        return status;
    }
    IMR_TRY(imr_faith_open(&e.tests.faith, e.session, &cli->meter.progress, err));
    IMR_TRY(each(&e, whole_split, err));
    IMR_AUTOBUF imr_buf out = {0};
    if (strcmp(e.format->name, "json") == 0)
        imr_report_deletion_json(&out, &e.tests);
    else
        imr_report_deletion_text(&out, &e.tests, e.context.width);
    return imr_cli_emit(cli, &out, err);
}

const imr_command imr_command_explain = {
    .name = "explain",
    .usage = "[--checkpoint FILE] (CACHE | --dataset D --encoder E) (--query TEXT | --query-id ID "
             "| --all | --pair QUERY DOCUMENT)",
    .summary = "one query, several or a split: the ranking, why it is so, what an adapter changed",
    .options = IMR_OPTIONS(
        IMR_CLI_SESSION_OPTIONS, IMR_OPT_QUERY, IMR_OPT_QUERY_ID, IMR_OPT_ALL, IMR_OPT_MAX_QUERIES,
        IMR_OPT_DOCUMENT, IMR_OPT_COMPARE, IMR_OPT_COMPARE_QUERY, IMR_OPT_PAIR, IMR_OPT_RANKING_K,
        IMR_OPT_VIEW, IMR_OPT_DELETION, IMR_OPT_PAIRS, IMR_OPT_WIDTH, IMR_OPT_WHAT_IF,
        IMR_OPT_FORMAT, IMR_OPT_BUNDLE, IMR_OUTPUT_OPTIONS, IMR_OPT_OUTPUT_DIR, IMR_OPT_NOTES),
    .max_arguments = 3,
    .run = run,
    .two = true,
};
