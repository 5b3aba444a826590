/* cli/cmd_verify.c - imrnn verify: a report computed again, and what differs. */
#include <math.h>

#include "base/url.h"
#include "cli/steps.h"
#include "report/report.h"
#include "text/utf8.h"

/* Another CPU adds in another order: what float32 sums differ by, far below what is printed in
 * text. In units of the number where that is above 1. */
#define ROUNDING 1e-4
enum { SHOWN = 10 };

/* ---- what was, and what is ---- */

typedef struct difference {
    size_t values, changed; /* compared, and others now: */
    size_t numbers, beyond; /* of these numbers, and what is more than rounding */
    double most;            /* the largest of the numbers', and where */
    imr_buf where, at, shown;
} difference;

static void difference_done(difference *d)
{
    imr_buf_done(&d->where);
    imr_buf_done(&d->at);
    imr_buf_done(&d->shown);
}

static int kind_of(const imr_json *v)
{
    return imr_json_is_object(v) | imr_json_is_array(v) << 1 | imr_json_is_string(v) << 2 |
           imr_json_is_number(v) << 3 | imr_json_is_bool(v) << 4 | imr_json_is_null(v) << 5;
}

static void put_value(imr_buf *b, const imr_json *v)
{
    if (imr_json_is_number(v))
        imr_json_put_number(b, imr_json_number_or(v, "", 0));
    else if (imr_json_is_string(v))
        imr_buf_printf(b, "\"%.60s\"", imr_json_string_or(v, "", ""));
    else if (imr_json_is_bool(v))
        imr_buf_str(b, imr_json_bool_or(v, "", false) ? "true" : "false");
    else
        imr_buf_printf(b,
                       imr_json_count(v) ? "%zu members"
                       : v               ? "null"
                                         : "nothing",
                       imr_json_count(v));
}

static void differs(difference *d, const imr_json *was, const imr_json *is, bool beyond)
{
    d->changed++;
    d->beyond += beyond;
    if (!beyond || d->beyond > SHOWN)
        return;
    imr_buf_printf(&d->shown, "  %s: ", imr_buf_text(&d->at));
    put_value(&d->shown, was);
    imr_buf_str(&d->shown, ", now ");
    put_value(&d->shown, is);
    imr_buf_char(&d->shown, '\n');
}

static void compare_numbers(difference *d, const imr_json *was, const imr_json *is)
{
    const double a = imr_json_number_or(was, "", 0), off = fabs(a - imr_json_number_or(is, "", 0));
    if (!(off > 0))
        return;
    d->numbers++;
    if (off > d->most) {
        d->most = off;
        imr_buf_clear(&d->where);
        imr_buf_str(&d->where, imr_buf_text(&d->at));
    }
    differs(d, was, is, off > ROUNDING * fmax(1, fabs(a)));
}

static void compare(difference *d, const imr_json *was, const imr_json *is);

/* Where things lie, the line typed, the version, notes, what an index found in the time it had: what
 * the report does not say. */
static bool is_elsewhere(const imr_json *v)
{
    static const char elsewhere[] = " path form_from command tool note recall ";
    return *imr_json_key(v) && strstr(elsewhere, imr_textf(" %s ", imr_json_key(v)).s);
}

static size_t members(const imr_json *v)
{
    size_t n = 0;
    for (const imr_json *x = imr_json_child(v); x; x = imr_json_next(x))
        n += !is_elsewhere(x);
    return n;
}

/* Members in the order of `was`; how many more there are now counts once. */
static void compare_members(difference *d, const imr_json *was, const imr_json *is)
{
    const imr_json *other = imr_json_child(is);
    const size_t len = d->at.len;
    size_t i = 0;
    if (members(was) != members(is))
        differs(d, was, is, true);
    for (const imr_json *x = imr_json_child(was); x; x = imr_json_next(x)) {
        if (imr_json_is_array(was))
            imr_buf_printf(&d->at, "[%zu]", i++);
        else
            imr_buf_printf(&d->at, len ? ".%s" : "%s", imr_json_key(x));
        compare(d, x, imr_json_is_array(was) ? other : imr_json_at(is, imr_json_key(x)));
        other = other ? imr_json_next(other) : NULL;
        if (d->at.failed)
            return;
        d->at.data[d->at.len = len] = '\0';
    }
}

static void compare(difference *d, const imr_json *was, const imr_json *is)
{
    if (is_elsewhere(was))
        return;
    const bool same = kind_of(was) == kind_of(is);
    if (same && (imr_json_is_object(was) || imr_json_is_array(was))) {
        compare_members(d, was, is);
        return;
    }
    d->values++;
    if (same && imr_json_is_number(was))
        compare_numbers(d, was, is);
    else if (!same ||
             strcmp(imr_json_string_or(was, "", ""), imr_json_string_or(is, "", "")) != 0 ||
             imr_json_bool_or(was, "", false) != imr_json_bool_or(is, "", false))
        differs(d, was, is, true);
}

/* ---- telling ---- */

/* Inputs by name: those whose hash is another. */
static bool tell_inputs(imr_buf *b, const imr_json *was, const imr_json *is)
{
    const size_t before = b->len;
    for (const imr_json *in = imr_json_child(imr_json_at(was, "inputs")); in;
         in = imr_json_next(in)) {
        const imr_text at = imr_textf("inputs/%.40s/sha256", imr_json_key(in));
        const char *a = imr_json_string_or(in, "sha256", ""), *z = imr_json_string_or(is, at.s, "");
        if (strcmp(a, z) != 0)
            imr_buf_printf(b, "  %s is another: sha256 %.12s then, %.12s now\n", imr_json_key(in),
                           *a ? a : "none", *z ? z : "none");
    }
    return b->len > before;
}

/* Whether a report is the same now, with what differs. */
static bool tell(imr_buf *b, const imr_json *was, const imr_json *is)
{
    static const char *const names[] = {"query/id", "query/text", "inputs/adapter/path",
                                        "inputs/cache/path", "schema"};
    IMR_CLEANUP(difference_done) difference d = {0};
    IMR_AUTOBUF imr_buf inputs = {0};
    const char *name = NULL;
    for (size_t i = 0; !name && i < IMR_LEN(names); i++)
        name = imr_json_string_or(was, names[i], NULL);
    compare(&d, was, is);
    const bool same = !tell_inputs(&inputs, was, is) && !d.beyond;
    const char *where = imr_buf_text(&d.where);
    imr_buf_printf(b, "%s: ", name ? name : "");
    if (same && !d.changed)
        imr_buf_printf(b, "same, %zu values to the last digit printed\n", d.values);
    else if (same)
        imr_buf_printf(b,
                       "same but for rounding: %zu of %zu values differ, by at most %.2g (%s); "
                       "another CPU may (bound %g)\n",
                       d.changed, d.values, d.most, where, ROUNDING);
    else
        imr_buf_printf(b, "different: %zu of %zu values\n", d.changed, d.values);
    if (!same && d.numbers)
        imr_buf_printf(b, "  %zu numbers moved, by at most %.4g (%s)\n", d.numbers, d.most, where);
    imr_buf_printf(b, "%s%s", imr_buf_text(&inputs), imr_buf_text(&d.shown));
    if (d.beyond > SHOWN)
        imr_buf_printf(b, "  and %zu more\n", d.beyond - SHOWN);
    return same;
}

/* ---- computing it again ---- */

/* The command that prints each schema. */
static const struct {
    const char *schema, *command;
} printed[] = {
    {"imrnn.explanation/1", "explain"},
    {"imrnn.evaluation/1", "evaluate"},
    {"imrnn.audit/1", "audit"},
};

/* What a report says of itself, for what its command line left to defaults or the explorer set; the
 * first INPUTS may lie elsewhere now, as verify's line says. */
enum { INPUTS = 4 };
static const struct {
    imr_option_id id;
    const char *at;
} stated[] = {
    {IMR_OPT_CHECKPOINT, ""}, /* the line names it */
    {IMR_OPT_CACHE_DIR, "inputs/cache/path"},
    {IMR_OPT_DATASET, "inputs/dataset/path"},
    {IMR_OPT_ENCODER, "inputs/encoder/path"},
    {IMR_OPT_TOKEN_TABLE, "inputs/token_table/name"},
    {IMR_OPT_QUERY_PREFIX, "query/prefix"},
    {IMR_OPT_SPLIT, "split"},
    {IMR_OPT_SPLIT, "inputs/cache/split"},
    {IMR_OPT_SCOPE, "settings/scope"},
    {IMR_OPT_DELTA, "settings/delta"},
    {IMR_OPT_ORDER, "settings/order"},
    {IMR_OPT_TOKENS, "settings/tokens"},
    {IMR_OPT_FEEDBACK_K, "settings/feedback_k"},
    {IMR_OPT_SEED, "settings/seed"},
    {IMR_OPT_WHAT_IF, "settings/what_if"},
    {IMR_OPT_K, "settings/k"},
    {IMR_OPT_MAX_QUERIES, "settings/max_queries"},
    {IMR_OPT_SORT, "settings/sort"},
    {IMR_OPT_FILTER, "settings/filter"},
};

typedef struct typed {
    IMR_ARRAY(const char *) words;
    imr_config *config;
    imr_line line;
    char *text;
} typed;

static void typed_done(typed *t)
{
    imr_free(t->words.v);
    imr_config_free(t->config);
    imr_line_done(&t->line);
    free(t->text); /* of open_memstream */
}

/* A value, or a list of them; null says nothing. */
static imr_status state(imr_config *c, imr_option_id id, const imr_json *v, imr_error *err)
{
    const bool list = imr_json_is_array(v);
    if (!list && !imr_json_is_string(v) && !imr_json_is_number(v))
        return IMR_OK;
    imr_config_unset(c, id);
    for (const imr_json *x = list ? imr_json_child(v) : v; x; x = list ? imr_json_next(x) : NULL) {
        const imr_text number = imr_textf("%lld", (long long)imr_json_int_or(x, "", 0));
        IMR_TRY(imr_config_set(c, id, imr_json_string_or(x, "", number.s), IMR_FROM_LINE,
                               "the report", 0, err));
    }
    return IMR_OK;
}

/* A report may be a stranger's: a store is connected to when verify's own line names it. */
static imr_status settle_store(imr_cli *again, typed *t, const imr_cli *cli, const imr_json *r,
                               imr_error *err)
{
    static const imr_option_id ids[] = {IMR_CLI_STORE_OPTIONS};
    const char *named = imr_json_string_or(r, "inputs/store/name", NULL);
    if (imr_config_is_set(t->config, IMR_OPT_STORE))
        named = imr_config_string(t->config, IMR_OPT_STORE);
    for (size_t i = 0; i < again->n_arguments; i++)
        named = imr_is_url(again->arguments[i]) ? again->arguments[i] : named;
    if (!named)
        return IMR_OK;
    if (!imr_config_is_set(cli->config, IMR_OPT_STORE))
        return imr_fail(err, IMR_E_USAGE,
                        "its documents are in the store %.300s; verify connects to it when its own "
                        "line says so: --store URL",
                        named);
    for (size_t i = 0; i < IMR_LEN(ids); i++) {
        IMR_AUTOBUF imr_buf value = {0};
        imr_config_unset(t->config, ids[i]);
        if (!imr_config_is_set(cli->config, ids[i]))
            continue;
        imr_config_value(&value, cli->config, ids[i]);
        IMR_TRY(imr_buf_check(&value, err));
        IMR_TRY(imr_config_set(t->config, ids[i], imr_buf_text(&value), IMR_FROM_LINE, "verify", 0,
                               err));
    }
    imr_config_unset(t->config, IMR_OPT_CACHE_DIR);
    again->n_arguments = 0;
    return IMR_OK;
}

/* As the report says; nothing is written. */
static imr_status settle(typed *t, const imr_cli *cli, const imr_json *r, imr_error *err)
{
    imr_config *c = t->config;
    for (size_t i = 0; i < IMR_LEN(stated); i++) {
        const imr_option_id id = stated[i].id;
        const bool list = imr_option_of(id)->kind == IMR_KIND_LIST;
        /* a pair's one document is no feedback; words are judged as ever */
        if (id != IMR_OPT_FEEDBACK_K || !imr_json_at(r, "base_score"))
            IMR_TRY(state(c, id, imr_json_at(r, stated[i].at), err));
        if (i >= INPUTS || !imr_config_is_set(cli->config, id))
            continue;
        imr_config_unset(c, id);
        for (size_t k = 0; k < (list ? imr_config_count(cli->config, id) : 1); k++)
            IMR_TRY(imr_config_set(c, id,
                                   list ? imr_config_item(cli->config, id, k)
                                        : imr_config_string(cli->config, id),
                                   IMR_FROM_LINE, "verify", 0, err));
    }
    if (imr_config_is_set(c, IMR_OPT_ENCODER))
        imr_config_unset(c, IMR_OPT_ENCODER_MODEL_NAME);
    imr_config_unset(c, IMR_OPT_WRITE_RUNS);
    imr_config_unset(c, IMR_OPT_OUTPUT_DIR);
    IMR_TRY(imr_config_set(c, IMR_OPT_PROJECTED_FILES, "no", IMR_FROM_LINE, "", 0, err));
    return imr_config_set(c, IMR_OPT_FORMAT, "json", IMR_FROM_LINE, "", 0, err);
}

/* What the explorer reported: the audit of one of its adapters, or the query it asked, explained;
 * influence when it was asked for. */
static imr_status ask(imr_cli *again, typed *t, const imr_json *r, const char *name, imr_error *err)
{
    const imr_json *id = imr_json_at(r, "query/id");
    if (strcmp(name, "audit") == 0)
        return state(t->config, IMR_OPT_CHECKPOINT, imr_json_at(r, "inputs/adapter/path"), err);
    again->plain = true;
    for (const imr_json *d = imr_json_child(imr_json_at(r, "documents")); d; d = imr_json_next(d))
        again->plain &= !imr_json_is_object(imr_json_at(d, "influence"));
    if (imr_config_count(t->config, IMR_OPT_CHECKPOINT) < 2)
        IMR_TRY(state(t->config, IMR_OPT_COMPARE_QUERY, imr_json_at(r, "beside/b/query"), err));
    return imr_json_is_string(id)
               ? state(t->config, IMR_OPT_QUERY_ID, id, err)
               : state(t->config, IMR_OPT_QUERY, imr_json_at(r, "query/text"), err);
}

/* The line that made a report, which may be a stranger's, read as if typed here. */
static imr_status retype(imr_cli *again, typed *t, const imr_cli *cli, const imr_json *r,
                         imr_error *err)
{
    const char *has = imr_json_string_or(r, "schema", ""), *name = NULL;
    const imr_command *command;
    size_t taken;
    for (size_t i = 0; i < IMR_LEN(printed); i++)
        if (strcmp(has, printed[i].schema) == 0)
            name = printed[i].command;
    if (!name)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "its schema is '%.60s', which imrnn " IMR_VERSION
                        " does not compute again: "
                        "take the version of imrnn that wrote it",
                        has);
    for (const imr_json *x = imr_json_child(imr_json_at(r, "command")); x; x = imr_json_next(x))
        IMR_NEED(IMR_PUSH(&t->words, imr_json_string_or(x, "", "")), err);
    IMR_TRY(imr_config_new(&t->config, err));
    IMR_TRY(imr_line_parse(&t->line, t->config, (int)t->words.n, t->words.v, err));
    IMR_TRY(imr_line_command(&command, &taken, &t->line, cli->commands, err));
    again->arguments = t->line.words.v + taken;
    again->n_arguments = t->line.words.n - taken;
    for (const imr_command *const *c = cli->commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            again->command = *c;
    if (command == again->command)
        IMR_TRY(imr_line_check(&t->line, command, again->n_arguments, err));
    else if (command && strcmp(name, "evaluate") != 0 && strstr("explore demo", command->name))
        IMR_TRY(ask(again, t, r, name, err));
    else
        return imr_fail(err, IMR_E_FORMAT, "the line that made it is not one of imrnn %s", name);
    IMR_TRY(settle(t, cli, r, err));
    IMR_TRY(settle_store(again, t, cli, r, err));
    const size_t keep = imr_config_bool(t->config, IMR_OPT_PAIR) && again->n_arguments > 1 ? 2 : 0;
    if (imr_config_string(t->config, IMR_OPT_CACHE_DIR)) { /* instead of the first argument */
        again->arguments += again->n_arguments - keep;
        again->n_arguments = keep;
    }
    return IMR_OK;
}

/* What that line prints now. */
static imr_status compute(imr_json **out, const imr_cli *cli, const imr_json *r, imr_error *err)
{
    IMR_CLEANUP(typed_done) typed t = {0};
    imr_cli again = {.commands = cli->commands, .quiet = true, .again = true};
    size_t len = 0;
    IMR_TRY(retype(&again, &t, cli, r, err));
    again.config = t.config;
    again.argv = t.words.v;
    again.argc = (int)t.words.n;
    imr_meter_init(&again.meter, cli->meter.mode, cli->meter.to);
    IMR_NEED(again.output.stream = open_memstream(&t.text, &len), err);
    const imr_status status = again.command->run(&again, err);
    imr_meter_clear(&again.meter);
    const bool whole = fclose(again.output.stream) == 0 && !again.output.failure;
    IMR_TRY(status);
    IMR_NEED(whole, err);
    return imr_json_parse(out, t.text, len, "the report made again", err);
}

/* ---- the command ---- */

/* Names in it are anybody's. */
static imr_status emit_clean(imr_cli *cli, const imr_buf *told, imr_error *err)
{
    IMR_AUTOBUF imr_buf clean = {0};
    IMR_TRY(imr_buf_check(told, err));
    imr_utf8_clean(&clean, imr_buf_text(told), told->len, IMR_CLEAN_NEWLINES);
    return imr_cli_emit(cli, &clean, err);
}

static const imr_json *first_of(const imr_json *root)
{
    return imr_json_is_array(root) ? imr_json_child(root) : root;
}

/* One report, or a list of them, which one line made. Counts those that are others now. */
static imr_status verify(size_t *others, imr_cli *cli, const char *path, imr_error *err)
{
    imr_json *root IMR_AUTOJSON = NULL;
    imr_json *made IMR_AUTOJSON = NULL;
    IMR_TRY(imr_json_open(&root, path, err));
    imr_error cause;
    const imr_status status = compute(&made, cli, first_of(root), err);
    if (status == IMR_E_USAGE) /* what is wrong is in the report */
        return imr_fail(err, IMR_E_FORMAT, "%s: %s", path, (cause = *err).text);
    if (status != IMR_OK)
        return imr_error_prefix(err, status, path);
    const imr_json *was = first_of(root), *is = first_of(made);
    while (was) {
        IMR_AUTOBUF imr_buf told = {0};
        *others += !tell(&told, was, is);
        IMR_TRY(emit_clean(cli, &told, err));
        was = was == root ? NULL : imr_json_next(was);
        is = !is || is == made ? NULL : imr_json_next(is);
    }
    return IMR_OK;
}

/* A report, or a bundle: its files, then its report. */
static imr_status run_verify(imr_cli *cli, imr_error *err)
{
    const char *path = cli->arguments[0];
    const imr_path report = imr_path_in(path, "report.json");
    const bool bundle = imr_dir_exists(path);
    size_t others = 0;
    if (bundle) {
        IMR_AUTOBUF imr_buf told = {0};
        IMR_TRY(imr_cli_bundle_check(&told, &others, path, err));
        IMR_TRY(emit_clean(cli, &told, err));
    }
    if (!bundle || imr_file_exists(report.s) || !others)
        IMR_TRY(verify(&others, cli, bundle ? report.s : path, err));
    return others ? imr_fail(err, IMR_E_DIFFERENT, "%s is not what is computed now", path) : IMR_OK;
}

const imr_command imr_command_verify = {
    .name = "verify",
    .usage = "REPORT.json|BUNDLE [--checkpoint FILE]... [--cache-dir DIR] [--dataset DIR] "
             "[--encoder DIR]",
    .summary = "a report computed again: the same, or which input changed and what moved",
    .options = IMR_OPTIONS(IMR_OPT_CHECKPOINT, IMR_OPT_CACHE_DIR, IMR_OPT_DATASET, IMR_OPT_ENCODER,
                           IMR_CLI_STORE_OPTIONS, IMR_OUTPUT_OPTIONS),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_verify,
};
