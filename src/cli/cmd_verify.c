/* cli/cmd_verify.c - imrnn verify: a report computed again, and what differs. */
#include <math.h>

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

/* Members in the order of `was`; how many more there are now counts once. */
static void compare_members(difference *d, const imr_json *was, const imr_json *is)
{
    const imr_json *other = imr_json_child(is);
    const size_t len = d->at.len;
    size_t i = 0;
    if (imr_json_count(was) != imr_json_count(is))
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

/* But for where things lie, the line typed, the version, notes: what the report does not say. */
static void compare(difference *d, const imr_json *was, const imr_json *is)
{
    static const char elsewhere[] = " path form_from command tool note ";
    char key[32];
    snprintf(key, sizeof key, " %s ", imr_json_key(was));
    if (key[2] && strstr(elsewhere, key))
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

/* ---- computing it again ---- */

/* What the report says an option was; the first choice where it says none. */
static int choice_of(imr_option_id id, const imr_json *report, const char *at)
{
    const char *name = imr_json_string_or(report, at, "");
    const int i = imr_choice_index(imr_option_of(id)->choices, name);
    return i < 0 ? 0 : i;
}

/* An input from where it is said to be now, else from where the report says it was. B's is the
 * second adapter. */
static const char *path_of(const imr_cli *cli, imr_option_id id, const imr_json *report,
                           const char *at)
{
    const bool list = imr_option_of(id)->kind == IMR_KIND_LIST;
    const char *given = list ? imr_config_item(cli->config, id, strncmp(at, "beside/b", 8) == 0)
                             : imr_config_string(cli->config, id);
    return given ? given : imr_json_string_or(report, at, NULL);
}

/* Whether two adapters stand beside each other in it, not two queries. */
static bool has_two(const imr_json *r)
{
    return strcmp(imr_json_string_or(r, "beside/a/adapter/sha256", ""),
                  imr_json_string_or(r, "beside/b/adapter/sha256", "")) != 0;
}

/* What --trained-on said in the line that made it. */
static const char *trained_on(const imr_json *report)
{
    for (const imr_json *x = imr_json_child(imr_json_at(report, "command")); x;
         x = imr_json_next(x)) {
        const char *word = imr_json_string_or(x, "", "");
        if (strncmp(word, "--trained-on=", 13) == 0)
            return word + 13;
        if (strcmp(word, "--trained-on") == 0)
            return imr_json_string_or(imr_json_next(x), "", NULL);
    }
    return NULL;
}

static imr_status settings_of(imr_session_options *o, const imr_json *r, imr_error *err)
{
    int64_t feedback_k, tokens;
    IMR_TRY(imr_json_need_int(&feedback_k, r, "settings/feedback_k", 1, UINT32_MAX, err));
    IMR_TRY(imr_json_need_int(&tokens, r, "settings/tokens", 1, 1000, err));
    if (strcmp(imr_json_string_or(r, "inputs/adapter/form_from", ""), "option") == 0)
        o->form = (imr_form)choice_of(IMR_OPT_FORM, r, "inputs/adapter/form");
    o->settings = (imr_trace_settings){
        .feedback_k = (uint32_t)feedback_k,
        .tokens = (uint32_t)tokens,
        .scope = (imr_scope)choice_of(IMR_OPT_SCOPE, r, "settings/scope"),
        .candidates = (imr_candidates_by)choice_of(IMR_OPT_CANDIDATES, r, "settings/candidates"),
        .delta = (imr_change_kind)choice_of(IMR_OPT_DELTA, r, "settings/delta"),
        .order = (imr_token_order)choice_of(IMR_OPT_ORDER, r, "settings/order"),
        .influence = true, /* as explain asks for it */
    };
    if (strcmp(imr_json_string_or(r, "beside/a/candidates", ""),
               imr_json_string_or(r, "beside/b/candidates", "")) != 0)
        o->settings.candidates = IMR_CANDIDATES_AUTO; /* each went by its form */
    for (const imr_json *x = imr_json_child(imr_json_at(r, "settings/what_if")); x;
         x = imr_json_next(x))
        IMR_TRY(imr_whatif_add(&o->settings.what_if, imr_json_string_or(x, "", ""), err));
    return IMR_OK;
}

static imr_status options_of(imr_session_options *out, const imr_cli *cli, const imr_json *r,
                             imr_error *err)
{
    const char *adapter = has_two(r) ? "beside/a/adapter/path" : "inputs/adapter/path";
    imr_session_options o = {
        .adapter = path_of(cli, IMR_OPT_CHECKPOINT, r, adapter),
        .other = has_two(r) ? path_of(cli, IMR_OPT_CHECKPOINT, r, "beside/b/adapter/path") : NULL,
        .trained_on = trained_on(r),
        .cache = path_of(cli, IMR_OPT_CACHE_DIR, r, "inputs/cache/path"),
        .dataset = path_of(cli, IMR_OPT_DATASET, r, "inputs/dataset/path"),
        .split = imr_json_string_or(r, "inputs/cache/split", NULL),
        .encoder = path_of(cli, IMR_OPT_ENCODER, r, "inputs/encoder/path"),
        .token_table = imr_json_string_or(r, "inputs/token_table/name", NULL),
        .query_prefix = imr_json_string_or(r, "query/prefix", NULL),
        .hub = imr_cli_hub(cli),
        .in_memory = true,
        .background = true};
    if (!o.cache)
        return imr_fail(err, IMR_E_FORMAT, "the report names no cache; say --cache-dir");
    IMR_TRY(imr_cli_kernels(&o.kernels, cli, err));
    IMR_TRY(settings_of(&o, r, err));
    if (imr_json_at(r, "base_score")) /* a pair's one document; words are judged as ever */
        o.settings.feedback_k = 0;
    *out = o;
    return IMR_OK;
}

/* The documents that are in it whatever their rank; and the rank they are compared with. */
static size_t pinned_of(const char *pinned[IMR_MOST_PINNED], uint32_t *k, const imr_json *r)
{
    static const char *const lists[] = {"documents", "left"};
    size_t n = 0;
    for (size_t l = 0; l < IMR_LEN(lists); l++)
        for (const imr_json *d = imr_json_child(imr_json_at(r, lists[l])); d;
             d = imr_json_next(d)) {
            if (l && n < IMR_MOST_PINNED)
                pinned[n++] = imr_json_string_or(d, "id", "");
            const int64_t asked = imr_json_int_or(d, "why_not/k", 0);
            if (asked > 0 && asked <= UINT32_MAX)
                *k = (uint32_t)asked;
        }
    return n;
}

/* What it compares: NULL, nothing. */
static imr_status compare_again(imr_comparison **out, imr_session *s, const imr_json *r,
                                const imr_trace *t, const imr_progress *progress, imr_error *err)
{
    const imr_json *c = imr_json_at(r, "compare");
    const char *of = imr_json_string_or(c, "of", "");
    const bool documents = strcmp(of, imr_compare_names[IMR_COMPARE_DOCUMENTS]) == 0;
    imr_session *const other = imr_session_other(s);
    const imr_trace *const traces[2] = {t, documents ? t : t->beside};
    size_t place[2];
    if (!c)
        return IMR_OK;
    if (!traces[1])
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "the report compares %s and does not say what stands beside: it is of an "
                        "older version",
                        of);
    for (size_t i = 0; i < 2; i++) {
        const char *id = imr_json_string_or(c, i ? "b/document" : "a/document", "");
        if ((place[i] = imr_trace_place(traces[i], id)) == SIZE_MAX)
            return imr_fail(err, IMR_E_NOT_FOUND, "the report compares %s, which is not listed now",
                            id);
    }
    return imr_session_compare(out, (imr_session *const[2]){s, other ? other : s}, traces, place,
                               progress, err);
}

static imr_detail_depth depth_of(const imr_json *d)
{
    if (imr_json_is_array(imr_json_at(d, "deletion")))
        return IMR_DETAIL_DELETION;
    if (imr_json_is_object(imr_json_at(d, "why_not")))
        return IMR_DETAIL_WHY_NOT;
    return strcmp(imr_json_string_or(d, "pairs_problem", ""), imr_words_unasked) != 0
               ? IMR_DETAIL_WORDS
               : IMR_DETAIL_NUMBERS;
}

/* The report as it is made now: the same documents word by word. */
static imr_status again(imr_json **out, imr_cli *cli, imr_session *s, const imr_json *r,
                        const imr_trace *t, imr_error *err)
{
    const size_t listed = t->n_documents, all = listed + t->n_left;
    IMR_CLEANUP(imr_details_done)
    imr_details details = {.v = IMR_NEW_ARRAY(imr_detail *, all)};
    IMR_NEED(details.v, err);
    const imr_notes none = {0}; /* not compared, but members of their own */
    imr_report_context context = {.details = &details,
                                  .notes = imr_json_at(r, "query/note") ? &none : NULL,
                                  .pairs = IMR_REPORT_PAIRS_NONE};
    for (; details.n < all; details.n++) {
        const size_t i = details.n;
        char at[64];
        snprintf(at, sizeof at, i < listed ? "documents/%zu" : "left/%zu",
                 i < listed ? i : i - listed);
        const imr_json *d = imr_json_at(r, at);
        if (i >= listed && !imr_json_at(d, "pairs_problem")) /* nobody asked why */
            continue;
        if (imr_json_at(d, "pairs/encoder"))
            context.pairs = IMR_REPORT_PAIRS_ALL;
        else if (imr_json_is_object(imr_json_at(d, "pairs")) &&
                 context.pairs != IMR_REPORT_PAIRS_ALL)
            context.pairs = IMR_REPORT_PAIRS_STRONGEST;
        IMR_TRY(imr_session_detail(s, t, i, depth_of(d), &cli->meter.progress, &details.v[i], err));
    }
    IMR_CLEANUP(imr_comparison_free_at) imr_comparison *compared = NULL;
    IMR_TRY(compare_again(&compared, s, r, t, &cli->meter.progress, err));
    context.compare = compared;
    IMR_AUTOBUF imr_buf b = {0};
    IMR_TRY(imr_report_render(t, "json", &context, &b, err));
    return imr_json_parse(out, imr_buf_text(&b), b.len, "the report made again", err);
}

/* Inputs by name: those whose hash or number of rows is another. */
static size_t tell_inputs(imr_buf *b, const imr_json *was, const imr_json *is)
{
    static const char *const names[] = {"adapter", "cache", "encoder", "dataset", "token_table"};
    size_t changed = 0;
    for (size_t i = 0; i < IMR_LEN(names); i++) {
        char at[64];
        snprintf(at, sizeof at, "inputs/%s/sha256", names[i]);
        const char *a = imr_json_string_or(was, at, ""), *z = imr_json_string_or(is, at, "");
        if (strcmp(a, z) == 0)
            continue;
        changed++;
        imr_buf_printf(b, "  %s is another: sha256 %.12s then, %.12s now\n", names[i],
                       *a ? a : "none", *z ? z : "none");
    }
    return changed;
}

static void tell(imr_buf *b, const char *id, const difference *d, size_t inputs, bool *same)
{
    *same = !inputs && !d->beyond;
    imr_buf_printf(b, "%s: ", id);
    if (*same && !d->changed)
        imr_buf_printf(b, "same, %zu values to the last digit printed\n", d->values);
    else if (*same)
        imr_buf_printf(b,
                       "same but for rounding: %zu of %zu values differ, by at most %.2g (%s); "
                       "another CPU may (bound %g)\n",
                       d->changed, d->values, d->most, imr_buf_text(&d->where), ROUNDING);
    else
        imr_buf_printf(b, "different: %zu of %zu values\n", d->changed, d->values);
    if (!*same && d->numbers)
        imr_buf_printf(b, "  %zu numbers moved, by at most %.4g (%s)\n", d->numbers, d->most,
                       imr_buf_text(&d->where));
}

typedef struct work {
    imr_session *session;
    const imr_json *of; /* the report whose inputs it was opened with */
} work;

static void work_done(work *w)
{
    imr_session_close(w->session);
}

/* Reports of one list have the same inputs, and then one session. */
static imr_status reopen(work *w, imr_cli *cli, const imr_json *r, const imr_session_options *o,
                         imr_error *err)
{
    IMR_CLEANUP(difference_done) difference d = {0};
    compare(&d, imr_json_at(w->of, "inputs"), imr_json_at(r, "inputs"));
    if (w->of && !d.changed)
        return IMR_OK;
    work_done(w);
    *w = (work){.of = r};
    return imr_session_open(&w->session, o, &cli->meter.progress, err);
}

static imr_status verify(bool *same, imr_buf *b, work *w, imr_cli *cli, const imr_json *r,
                         imr_error *err)
{
    static const char schema[] = "imrnn.explanation/1";
    const char *has = imr_json_string_or(r, "schema", "");
    if (strcmp(has, schema) != 0)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "its schema is '%.60s'; imrnn " IMR_VERSION " computes %s again", has,
                        schema);
    imr_session_options o;
    imr_json *now IMR_AUTOJSON = NULL;
    IMR_CLEANUP(imr_trace_free_at) imr_trace *trace = NULL, *beside = NULL;
    IMR_CLEANUP(difference_done) difference d = {0};
    IMR_AUTOBUF imr_buf inputs = {0};
    IMR_TRY(options_of(&o, cli, r, err));
    IMR_TRY(reopen(w, cli, r, &o, err));
    const char *document = imr_json_string_or(r, "documents/0/id", "");
    if (strcmp(document, "text") == 0) /* of somebody's own */
        document = imr_json_string_or(r, "documents/0/title", document);
    const char *pinned[IMR_MOST_PINNED];
    const size_t n_pinned = pinned_of(pinned, &o.settings.ranking_k, r);
    imr_session *const other = imr_session_other(w->session);
    imr_session *const s = other && strcmp(imr_json_string_or(r, "beside/in_force", ""), "b") == 0
                               ? other
                               : w->session;
    const imr_request second = {.text = imr_json_string_or(r, "beside/b/query", NULL),
                                .settings = o.settings,
                                .progress = &cli->meter.progress};
    if (second.text && !other)
        IMR_TRY(imr_session_run(s, &second, &beside, err));
    const imr_request request = {.text = imr_json_string_or(r, "query/text", NULL),
                                 .beside = beside,
                                 .query_id = imr_json_string_or(r, "query/id", NULL),
                                 .pinned = pinned,
                                 .n_pinned = n_pinned,
                                 .document = imr_json_at(r, "base_score") ? document : NULL,
                                 .settings = o.settings,
                                 .progress = &cli->meter.progress};
    IMR_TRY(imr_session_run(s, &request, &trace, err));
    IMR_TRY(again(&now, cli, s, r, trace, err));
    compare(&d, r, now);
    const size_t changed = tell_inputs(&inputs, r, now);
    tell(b, request.query_id ? request.query_id : request.text, &d, changed, same);
    imr_buf_str(b, imr_buf_text(&inputs));
    imr_buf_str(b, imr_buf_text(&d.shown));
    if (d.beyond > SHOWN)
        imr_buf_printf(b, "  and %zu more\n", d.beyond - SHOWN);
    return imr_buf_check(b, err);
}

/* One report, or a list of them. */
static imr_status run_verify(imr_cli *cli, imr_error *err)
{
    const char *path = cli->arguments[0];
    imr_json *root IMR_AUTOJSON = NULL;
    IMR_CLEANUP(work_done) work w = {0};
    size_t others = 0;
    IMR_TRY(imr_json_open(&root, path, err));
    const bool list = imr_json_is_array(root);
    for (const imr_json *r = list ? imr_json_child(root) : root; r;
         r = list ? imr_json_next(r) : NULL) {
        IMR_AUTOBUF imr_buf told = {0}, clean = {0};
        bool same;
        const imr_status status = verify(&same, &told, &w, cli, r, err);
        if (status != IMR_OK)
            return imr_error_prefix(err, status, path);
        imr_utf8_clean(&clean, imr_buf_text(&told), told.len, IMR_CLEAN_NEWLINES);
        IMR_TRY(imr_cli_emit(cli, &clean, err));
        others += !same;
    }
    return others ? imr_fail(err, IMR_E_DIFFERENT, "%s is not what is computed now", path) : IMR_OK;
}

const imr_command imr_command_verify = {
    .name = "verify",
    .usage = "REPORT.json [--checkpoint FILE] [--cache-dir DIR] [--dataset DIR] [--encoder DIR]",
    .summary = "a report computed again: the same, or which input changed and what moved",
    .details =
        "Takes what `explain --format json` wrote, opens the inputs it names (or those named here, "
        "where they lie elsewhere now), ranks and explains again, and compares every value. The "
        "same machine and version give the last digit for any number of threads; another CPU may "
        "round otherwise, within 1e-4, which is said. Paths, the command line and the version do "
        "not count; hashes do.\n"
        "The exit status is 0 when it is the same, 1 when not, 3 when an input is missing or "
        "cannot be read.",
    .example = "  imrnn explain --checkpoint demo/adapter.pt demo/cache --query 'growing java on "
               "volcanic soil' --format json -o report.json\n"
               "  imrnn verify report.json",
    .options = IMR_OPTIONS(IMR_OPT_CHECKPOINT, IMR_OPT_CACHE_DIR, IMR_OPT_DATASET, IMR_OPT_ENCODER,
                           IMR_OUTPUT_OPTIONS),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_verify,
};
