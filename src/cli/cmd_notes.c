/* cli/cmd_notes.c - imrnn notes: prints, checks and exports notes and verdicts, or adds one. */
#include <pwd.h>
#include <unistd.h>

#include "cli/steps.h"
#include "format/json.h"
#include "report/report.h"
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

imr_status imr_cli_read_notes(imr_notes **out, const imr_cli *cli, const char *cache,
                              imr_error *err)
{
    const imr_path path = imr_cli_notes(cli, cache);
    if (imr_config_is_set(cli->config, IMR_OPT_NOTES) && !imr_file_exists(path.s))
        return imr_fail(err, IMR_E_NOT_FOUND, "--notes %s: no such file", path.s);
    return imr_notes_read(out, path.s, err);
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
    if (!n->broken)
        imr_buf_printf(&b, "%s: chain holds, %zu records%s%s\n", path, n->v.n,
                       n->v.n ? ", the last line's sha256 is " : "", n->last);
    imr_utf8_clean(out, imr_buf_text(&b), b.len, IMR_CLEAN_NEWLINES);
}

static void csv(imr_buf *out, const imr_notes *n)
{
    imr_buf_str(out, "time,reviewer,verdict,reason,query_id,query,document,adapter_sha256,"
                     "encoder_sha256,cache_sha256,table_sha256,settings_sha256,previous,"
                     "rank_encoder,rank_before,rank_after\r\n");
    for (size_t i = 0; i < n->v.n; i++) {
        const imr_note *v = n->v.v[i];
        const char *const cells[] = {v->time,     v->reviewer, v->verdict_name, v->reason,
                                     v->query_id, v->query,    v->document,     v->adapter,
                                     v->encoder,  v->cache,    v->table,        v->settings,
                                     v->previous};
        for (size_t k = 0; k < IMR_LEN(cells); k++)
            imr_report_csv_cell(out, cells[k], ",");
        for (int k = 0; k < IMR_STAGE_COUNT; k++)
            imr_buf_printf(out, v->rank[k] ? "%s%u" : "%s", k ? "," : "", v->rank[k]);
        imr_buf_str(out, "\r\n");
    }
}

static void json(imr_buf *out, const imr_notes *n, const char *path)
{
    imr_json_printf(out, "{'schema':'imrnn.notes/1','path':%s,'records':%zu,", path, n->v.n);
    imr_json_printf(out,
                    "'chain':{'holds':%hhd,'problem':%-s,'line':%zu,'cut_line':%zu,'last':%-s}",
                    (bool)!n->broken, n->problem, (size_t)n->broken, (size_t)n->cut, n->last);
    imr_json_printf(out, ",'notes':[");
    for (size_t i = 0; i < n->v.n; i++) {
        imr_buf_str(out, i ? ",\n" : "\n");
        imr_note_put(out, n->v.v[i]);
    }
    imr_buf_str(out, "]}\n");
}

static imr_status run(imr_cli *cli, imr_error *err)
{
    enum { TEXT, JSON, CSV, QRELS };
    const char *cache;
    int format;
    IMR_CLEANUP(imr_notes_free_at) imr_notes *n = NULL;
    IMR_AUTOBUF imr_buf out = {0}, said = {0};
    if (imr_config_is_set(cli->config, IMR_OPT_ADD))
        return add(cli, err);
    IMR_TRY(imr_cli_format(&format, cli, "text|json|csv|qrels", err));
    IMR_TRY(imr_cli_argument(cli, IMR_OPT_CACHE_DIR, err));
    cache = imr_config_string(cli->config, IMR_OPT_CACHE_DIR);
    if (!cache && !imr_config_is_set(cli->config, IMR_OPT_NOTES))
        return imr_fail(err, IMR_E_USAGE, "whose notes? imrnn notes CACHE, or --notes FILE");
    const imr_path path = imr_cli_notes(cli, cache);
    if (cache && !imr_dir_exists(cache))
        return imr_fail(err, IMR_E_NOT_FOUND, "%s: no such folder", cache);
    IMR_TRY(imr_cli_read_notes(&n, cli, cache, err));
    if (format == TEXT)
        text(&out, n, path.s);
    else if (format == JSON)
        json(&out, n, path.s);
    else if (format == CSV)
        csv(&out, n);
    else
        imr_notes_qrels(&out, &said, n);
    IMR_TRY(imr_cli_emit(cli, &out, err));
    imr_cli_say_lines(cli, imr_buf_text(&said));
    if (n->cut)
        imr_cli_say(cli, "%s: line %llu was cut off and is no record", path.s,
                    (unsigned long long)n->cut);
    if (!n->broken)
        return IMR_OK;
    return imr_fail(err, IMR_E_FORMAT, "%s: the chain of records breaks at line %llu: %s", path.s,
                    (unsigned long long)n->broken, n->problem);
}

const imr_command imr_command_notes = {
    .name = "notes",
    .usage = "(CACHE | --notes FILE)",
    .summary = "what reviewers said of documents and queries: print, check, export, add",
    .options = IMR_OPTIONS(IMR_CLI_SESSION_OPTIONS, IMR_OPT_NOTES, IMR_OPT_REVIEWER, IMR_OPT_ADD,
                           IMR_OPT_REASON, IMR_OPT_QUERY, IMR_OPT_QUERY_ID, IMR_OPT_DOCUMENT,
                           IMR_OPT_FORMAT, IMR_OUTPUT_OPTIONS),
    .max_arguments = 1,
    .run = run,
};
