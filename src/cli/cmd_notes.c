/* cli/cmd_notes.c - imrnn notes: prints, checks and exports notes and verdicts, or adds one. */
#include <pwd.h>
#include <unistd.h>

#include "cli/steps.h"
#include "format/json.h"
#include "session/notes.h"
#include "text/utf8.h"

const char *imr_cli_reviewer(const imr_cli *cli)
{
    const char *name = imr_config_string(cli->config, IMR_OPT_REVIEWER);
    const struct passwd *user = name ? NULL : getpwuid(getuid());
    return name ? name : user ? user->pw_name : "unknown";
}

imr_path imr_cli_notes(const imr_cli *cli, const char *cache)
{
    const char *named = imr_config_string(cli->config, IMR_OPT_NOTES);
    return imr_path_in(named ? "" : cache, named ? named : "notes.jsonl");
}

static imr_status add(imr_cli *cli, imr_error *err)
{
    const imr_config *c = cli->config;
    IMR_CLEANUP(imr_cli_paths_done) imr_cli_paths paths = {0};
    IMR_CLEANUP(imr_session_close_at) imr_session *s = NULL;
    IMR_CLEANUP(imr_trace_free_at) imr_trace *t = NULL;
    imr_session_options options;
    const char *reason = imr_config_string(c, IMR_OPT_REASON);
    const char *document = imr_config_item(c, IMR_OPT_DOCUMENT, 0);
    IMR_TRY(imr_cli_session_options(&options, &paths, cli, err));
    options.words_later = true; /* and are not opened */
    options.background = false;
    const imr_request request = {.text = imr_config_item(c, IMR_OPT_QUERY, 0),
                                 .query_id = imr_config_item(c, IMR_OPT_QUERY_ID, 0),
                                 .pinned = &document,
                                 .n_pinned = document != NULL,
                                 .settings = options.settings};
    if (!request.text && !request.query_id)
        return imr_fail(err, IMR_E_USAGE,
                        "--add judges a query: --query TEXT or --query-id ID, and "
                        "one of its documents with --document ID");
    IMR_TRY(imr_session_open(&s, &options, &cli->meter.progress, err));
    IMR_TRY(imr_session_run(s, &request, &t, err));
    const size_t place = document ? imr_trace_place(t, document) : SIZE_MAX;
    if (document && place == SIZE_MAX)
        return imr_fail(err, IMR_E_NOT_FOUND, "the cache %s has no document '%s'", options.cache,
                        document);
    const imr_path path = imr_cli_notes(cli, options.cache);
    IMR_AUTOBUF imr_buf done = {0};
    IMR_TRY(imr_notes_add(path.s, t, place, (imr_verdict)imr_config_choice(c, IMR_OPT_ADD),
                          imr_cli_reviewer(cli), reason ? reason : "", err));
    imr_buf_printf(&done, "%s: noted\n", path.s);
    return imr_cli_emit(cli, &done, err);
}

static void state(imr_buf *b, const imr_notes *n, const char *path)
{
    if (n->broken)
        imr_buf_printf(b, "%s: the chain breaks at line %llu: %s\n", path,
                       (unsigned long long)n->broken, n->problem);
    else
        imr_buf_printf(b, "%s: chain holds, %zu records%s%s\n", path, n->v.n,
                       n->v.n ? ", the last line's sha256 is " : "", n->last);
    if (n->n_cut)
        imr_buf_printf(b, "%s: line %llu was cut off (%zu such lines) and is no record\n", path,
                       (unsigned long long)n->cut, n->n_cut);
}

static void text(imr_buf *out, const imr_notes *n, const char *path)
{
    IMR_AUTOBUF imr_buf b = {0};
    for (size_t i = 0; i < n->v.n; i++) {
        const imr_note *v = n->v.v[i];
        imr_buf_printf(&b, "%s  %-6s  %s  query %s %s", v->time, v->verdict_name, v->reviewer,
                       v->query_id, v->query);
        if (*v->document)
            imr_buf_printf(&b, "  document %s  ranks %u %u %u", v->document, v->rank[0], v->rank[1],
                           v->rank[2]);
        imr_buf_printf(&b, *v->reason ? "\n    %s\n" : "%s\n", v->reason);
    }
    state(&b, n, path);
    imr_utf8_clean(out, imr_buf_text(&b), b.len, IMR_CLEAN_NEWLINES);
}

static void json(imr_buf *out, const imr_notes *n, const char *path)
{
    imr_json_printf(out, "{'schema':'imrnn.notes/1','path':%s,'chain':{'holds':%hhd,'line':", path,
                    !n->broken);
    imr_buf_printf(out, n->broken ? "%llu" : "null", (unsigned long long)n->broken);
    imr_json_printf(out, ",'problem':%-s,'cut_lines':%zu,'last':%-s},'notes':[", n->problem,
                    n->n_cut, n->last);
    for (size_t i = 0; i < n->v.n; i++) {
        imr_buf_str(out, i ? ",\n" : "\n");
        imr_note_put(out, n->v.v[i]);
    }
    imr_buf_str(out, "]}\n");
}

static imr_status run(imr_cli *cli, imr_error *err)
{
    const char *format = imr_config_string(cli->config, IMR_OPT_FORMAT), *cache;
    const bool csv = strcmp(format, "csv") == 0, qrels = strcmp(format, "qrels") == 0;
    IMR_CLEANUP(imr_notes_free_at) imr_notes *n = NULL;
    IMR_AUTOBUF imr_buf out = {0}, said = {0};
    bool as_json = false;
    if (imr_config_is_set(cli->config, IMR_OPT_ADD))
        return add(cli, err);
    if (!csv && !qrels && imr_cli_json(&as_json, cli, err) != IMR_OK)
        return imr_fail(err, IMR_E_USAGE, "--format: '%s' is not one of text|json|csv|qrels",
                        format);
    IMR_TRY(imr_cli_argument(cli, IMR_OPT_CACHE_DIR, err));
    cache = imr_config_string(cli->config, IMR_OPT_CACHE_DIR);
    if (!cache && !imr_config_is_set(cli->config, IMR_OPT_NOTES))
        return imr_fail(err, IMR_E_USAGE, "whose notes? imrnn notes CACHE, or --notes FILE");
    const imr_path path = imr_cli_notes(cli, cache);
    if (cache && !imr_dir_exists(cache))
        return imr_fail(err, IMR_E_NOT_FOUND, "%s: no such folder", cache);
    IMR_TRY(imr_notes_read(&n, path.s, err));
    if (csv)
        imr_notes_csv(&out, n);
    else if (qrels)
        imr_notes_qrels(&out, &said, n);
    else if (as_json)
        json(&out, n, path.s);
    else
        text(&out, n, path.s);
    IMR_TRY(imr_cli_emit(cli, &out, err));
    imr_cli_say_lines(cli, imr_buf_text(&said));
    if (!n->broken)
        return IMR_OK;
    return imr_fail(err, IMR_E_FORMAT, "%s: the chain of records breaks at line %llu: %s", path.s,
                    (unsigned long long)n->broken, n->problem);
}

const imr_command imr_command_notes = {
    .name = "notes",
    .usage = "(CACHE | --notes FILE)",
    .summary = "what reviewers said of documents and queries: print, check, export, add",
    .details = "The explorer keeps notes with J in notes.jsonl of the cache folder, or in --notes "
               "FILE. Each record holds the hash of the one before: exit status 3 tells that one "
               "was changed or is missing, and at which line; with -o nothing is written then.\n"
               "--format qrels writes TREC judgements for imrnn evaluate --qrels: the newest "
               "accept as 1, reject as 0; csv and json have every record.\n"
               "--add appends one, with the ranks the document has for the query.",
    .example = "  imrnn demo --prepare --output-dir demo\n"
               "  imrnn notes demo/cache --checkpoint demo/adapter.pt --add accept --query java "
               "--document coffee-tea-01\n"
               "  imrnn notes demo/cache --format csv",
    .options = IMR_OPTIONS(IMR_CLI_SESSION_OPTIONS, IMR_OPT_NOTES, IMR_OPT_REVIEWER, IMR_OPT_ADD,
                           IMR_OPT_REASON, IMR_OPT_QUERY, IMR_OPT_QUERY_ID, IMR_OPT_DOCUMENT,
                           IMR_OPT_FORMAT, IMR_OPT_OUTPUT),
    .max_arguments = 1,
    .run = run,
};
