/* Pages of a made-up trace: well formed, safe whatever a document says, and the folder of many. */
#include "tests/unit/report/report_support.h"

#include <ctype.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/strmap.h"
#include "report/folder.h"
#include "session/notes.h"
#include "text/utf8.h"

/* ---- XML, strictly ---- */

typedef struct reader {
    const char *at;
    char stack[64][24];
    size_t depth, elements, headings, tables, drawings, links;
    imr_strmap ids;
    imr_arena *arena; /* of these */
    imr_buf wanted;   /* of links within the page, each ended by '\n' */
    imr_buf text;     /* all text, entities resolved */
} reader;

static void entity(reader *r, imr_buf *out)
{
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < IMR_LEN(names); i++)
        if (strncmp(r->at, names[i], strlen(names[i])) == 0) {
            imr_buf_char(out, "&<>\"'"[i]);
            r->at += strlen(names[i]);
            return;
        }
    FAIL("an & that begins no entity: %.20s", r->at);
}

static void attribute(reader *r, const char *element, bool *scope, bool *role)
{
    char name[32];
    size_t n = 0;
    imr_buf value = {0};
    while ((islower((unsigned char)*r->at) || isdigit((unsigned char)*r->at) ||
            strchr("-BV", *r->at)) &&
           *r->at && n < sizeof name - 1)
        name[n++] = *r->at++;
    name[n] = '\0';
    CHECK(n > 0 && r->at[0] == '=' && r->at[1] == '"');
    for (r->at += 2; *r->at != '"';) {
        CHECK(*r->at && *r->at != '<' && *r->at != '\n');
        if (*r->at == '&')
            entity(r, &value);
        else
            imr_buf_char(&value, *r->at++);
    }
    r->at++;
    CHECK(strncmp(name, "on", 2) != 0 && strcmp(name, "src") != 0 && strcmp(name, "style") != 0);
    *scope |= strcmp(name, "scope") == 0;
    *role |= strcmp(name, "role") == 0 && strcmp(imr_buf_text(&value), "img") == 0;
    if (strcmp(name, "id") == 0) {
        bool fresh = false;
        const char *id = imr_arena_strdup(r->arena, imr_buf_text(&value));
        CHECK(imr_strmap_add(&r->ids, id, value.len, 1, NULL, &fresh));
        CHECK(fresh);
    }
    if (strcmp(name, "href") == 0) {
        CHECK(strcmp(element, "a") == 0);
        r->links++;
        if (*imr_buf_text(&value) == '#')
            imr_buf_printf(&r->wanted, "%s\n", imr_buf_text(&value) + 1);
        else
            CHECK(strspn(imr_buf_text(&value),
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_.-") == value.len);
    }
    imr_buf_done(&value);
}

/* What an element that begins here must have inside first. */
static void check_element(reader *r, const char *name, bool scope, bool role, bool bar)
{
    static const char *const known[] = {
        "html",    "head",  "meta",  "title", "style",  "body", "a",       "main",
        "h1",      "h2",    "h3",    "h4",    "p",      "b",    "div",     "table",
        "caption", "thead", "tbody", "tr",    "th",     "td",   "details", "summary",
        "svg",     "path",  "g",     "text",  "circle", "desc", "pre"};
    bool there = false;
    for (size_t i = 0; i < IMR_LEN(known); i++)
        there |= strcmp(name, known[i]) == 0;
    if (!there)
        FAIL("an element of no page of ours: <%s>", name);
    r->elements++;
    r->headings += name[0] == 'h' && isdigit((unsigned char)name[1]);
    r->tables += strcmp(name, "table") == 0;
    if (strcmp(name, "table") == 0)
        CHECK(strncmp(r->at, "<caption>", 9) == 0);
    if (strcmp(name, "th") == 0)
        CHECK(scope);
    if (strcmp(name, "svg") == 0 && !bar) {
        r->drawings++;
        CHECK(role && strncmp(r->at, "<title>", 7) == 0);
        CHECK(strstr(r->at, "</title><desc>") < strstr(r->at, "</svg>"));
    }
}

static void element(reader *r)
{
    char name[24];
    size_t n = 0;
    bool scope = false, role = false;
    const bool end = *++r->at == '/';
    r->at += end;
    while (isalnum((unsigned char)*r->at) && n < sizeof name - 1)
        name[n++] = *r->at++;
    name[n] = '\0';
    const bool bar = strncmp(r->at, " class=\"bar\"", 12) == 0 && strstr(r->at, "aria-hidden");
    while (!end && *r->at == ' ') {
        r->at++;
        attribute(r, name, &scope, &role);
    }
    const bool empty = !end && *r->at == '/';
    r->at += empty;
    if (*r->at != '>')
        FAIL("<%s ... %.20s", name, r->at);
    r->at++;
    if (end) {
        CHECK(r->depth > 0);
        CHECK_STR(r->stack[--r->depth], name);
    } else {
        check_element(r, name, scope, role, bar);
        if (!empty) {
            CHECK(r->depth < IMR_LEN(r->stack));
            memcpy(r->stack[r->depth++], name, sizeof name);
        }
    }
}

static void read_page(reader *r, const imr_buf *page)
{
    static const char start[] = "<!DOCTYPE html>\n";
    *r = (reader){.at = imr_buf_text(page), .arena = imr_arena_new()};
    CHECK(strlen(r->at) == page->len && imr_utf8_first_bad(r->at, page->len) == page->len);
    CHECK(strncmp(r->at, start, strlen(start)) == 0);
    for (r->at += strlen(start); *r->at;) {
        CHECK((unsigned char)*r->at >= ' ' || *r->at == '\n');
        CHECK(*r->at != '>');
        if (*r->at == '<')
            element(r);
        else if (*r->at == '&')
            entity(r, &r->text);
        else
            imr_buf_char(&r->text, *r->at++);
    }
    CHECK_INT(r->depth, 0);
    for (const char *at = imr_buf_text(&r->wanted); *at; at += strcspn(at, "\n") + 1)
        if (strncmp(at, "main\n", 5) != 0 && !imr_strmap_get(&r->ids, at, strcspn(at, "\n"), NULL))
            FAIL("a link leads nowhere: %.*s", (int)strcspn(at, "\n"), at);
}

static void reader_done(reader *r)
{
    imr_strmap_done(&r->ids);
    imr_arena_free(r->arena);
    imr_buf_done(&r->wanted);
    imr_buf_done(&r->text);
}

static void render(imr_buf *out, const made_report *m, const char *format,
                   const imr_report_context *context)
{
    imr_error err;
    imr_buf_clear(out);
    CHECK_OK(imr_report_render(&m->trace, format, context, out, &err));
}

TEST("a page is well formed, loads nothing, and says what the text report says")
{
    for (int adapter = 0; adapter < 2; adapter++) {
        made_report m;
        reader r;
        imr_buf out = {0};
        made_report_init(&m, adapter);
        const char *command[] = {"imrnn", "explain", "--query", "a b"};
        const imr_report_context context = {
            .command = command, .n_command = 4, .details = &m.details};
        render(&out, &m, "html", &context);
        read_page(&r, &out);
        CHECK(r.tables >= 6 && r.headings >= 8 && r.drawings == (adapter ? 2 : 1));
        static const char *const said[] = {
            "vitamin homocysteine",
            "Warning: the table reads this collection poorly",
            "2nd for the encoder, 1st now; it is here for homocysteine, acid ~ vitamin",
            "imrnn explain --query \"a b\"",
            "Reading ended here: the encoder read 256 of its 300 tokens",
            "nobody asked",
            "what the cosine loses without a word",
            "\xe2\x98\x85\xc2\xa0relevant",
            "cos(q', d')",
            "Of the first 2 now, 1 were judged by nobody"};
        for (size_t i = 0; i < IMR_LEN(said); i++)
            CHECK_CONTAINS(imr_buf_text(&r.text), said[i]);
        CHECK((strstr(r.text.data, "training saw no document relevant to it") != NULL) == adapter);
        CHECK(strstr(out.data, "http://") == NULL && strstr(out.data, "<script") == NULL);
        CHECK_CONTAINS(out.data, "content=\"default-src 'none'; style-src 'unsafe-inline'\"");
        reader_done(&r);
        imr_buf_done(&out);
    }
}

TEST("several explanations on one page have one head, and links of their own")
{
    made_report m;
    reader r;
    imr_error err;
    imr_buf out = {0};
    made_report_init(&m, true);
    for (size_t i = 0; i < 3; i++) {
        const imr_report_context context = {.details = &m.details, .done = i, .total = 3};
        CHECK_OK(imr_report_render(&m.trace, "html", &context, &out, &err));
    }
    read_page(&r, &out);
    CHECK(strstr(strstr(out.data, "</html>") + 1, "</html>") == NULL);
    reader_done(&r);
    imr_buf_done(&out);
}

static const char hostile[] = "</title><script>alert(1)</script> \" onload='x' & &lt; <!-- ]]> "
                              "\xe2\x80\xae"
                              "desrever\x1b]0;t\a\x1b[31m ![i](http://x) `c` | <b>";

TEST("whatever a document, id, query, note or path says stays text in a page")
{
    char settings[65];
    memset(settings, 'a', 64), settings[64] = '\0';
    const imr_note note = {.verdict_name = "reject",
                           .verdict = IMR_REJECT,
                           .time = "2026-11-30T05:29:06Z",
                           .reviewer = "<i>",
                           .reason = "</p><script>",
                           .query_id = "",
                           .query = "plain",
                           .document = "",
                           .adapter = "",
                           .encoder = "",
                           .cache = "",
                           .table = "",
                           .settings = settings,
                           .previous = ""};
    made_report m;
    reader r;
    imr_error err;
    imr_buf out = {0}, long_text = {0}, line = {0};
    imr_notes *notes = NULL;
    made_report_init(&m, true);
    imr_buf_printf(&long_text, "%s\n", hostile);
    for (size_t i = 0; i < 1 << 20; i++)
        imr_buf_char(&long_text, "<a&\"'"[i % 5]);
    m.trace.query_text = hostile, m.trace.query_id = "";
    m.documents[0].title = m.documents[0].id = m.left[0].id = hostile;
    m.trace.inputs.cache_path = m.trace.inputs.split = hostile;
    m.detail.text = long_text.data, m.detail.read_end = 40;
    m.query[1].text = m.words[1].text = "<b>|'\"&*", m.score[0].text = "<td>";
    m.warnings[0].text = hostile;
    const imr_report_context context = {.details = &m.details};
    render(&out, &m, "html", &context);
    read_page(&r, &out);
    CHECK(out.len < 200000); /* what was not read is cut */
    CHECK_CONTAINS(r.text.data, "</title><script>alert(1)</script> \" onload='x' & &lt; <!-- ]]> ");
    CHECK_CONTAINS(r.text.data, "<U+202E>desrever<U+001B>]0;t<U+0007><U+001B>[31m");
    CHECK_CONTAINS(r.text.data, "bytes more");
    CHECK(strstr(out.data, "\xe2\x80\xae") == NULL);
    reader_done(&r);
    render(&out, &m, "md", &context);
    CHECK(strstr(out.data, "\xe2\x80\xae") == NULL && strchr(out.data, '\x1b') == NULL);
    CHECK_CONTAINS(out.data, "\\!\\[i\\](http://x) \\`c\\` \\| \\<b\\>");
    for (const char *at = out.data; *at; at += strcspn(at, "\n") + 1) /* four blanks: as it is */
        for (const char *c = at; strncmp(at, "    ", 4) != 0 && *c != '\n'; c++)
            CHECK(!strchr("<`", *c) || c[-1] == '\\');
    m.trace.query_text = "plain";
    imr_note_put(&line, &note);
    CHECK_OK(imr_notes_parse(&notes, line.data, line.len, "notes", &err));
    CHECK_STR(notes->problem, "");
    const imr_report_context noted = {.details = &m.details, .notes = notes};
    render(&out, &m, "html", &noted);
    read_page(&r, &out);
    CHECK_CONTAINS(r.text.data, "Reject by <i> 2026-11-30T05:29:06Z: </p><script>");
    reader_done(&r);
    imr_notes_free(notes);
    imr_buf_done(&line);
    imr_buf_done(&long_text);
    imr_buf_done(&out);
}

TEST("Markdown has a row of as many cells as its head for every row of a table")
{
    made_report m;
    imr_buf out = {0};
    size_t columns = 0, rows = 0;
    made_report_init(&m, true);
    m.documents[0].title = "a | b \\| c", m.query[1].text = "|";
    const imr_report_context context = {.details = &m.details};
    render(&out, &m, "md", &context);
    for (const char *at = out.data; *at; at += strcspn(at, "\n") + (at[strcspn(at, "\n")] != 0)) {
        size_t bars = 0;
        for (const char *c = at; *at == '|' && *c != '\n'; c++) {
            c += *c == '\\';
            bars += *c == '|' && (c == at || c[-1] != '\\');
        }
        if (bars) {
            CHECK(!columns || bars == columns);
            rows++;
        }
        columns = bars;
    }
    CHECK(rows > 60);
    CHECK_CONTAINS(out.data, "# vitamin homocysteine\n");
    CHECK_CONTAINS(out.data, "> **Warning:**");
    CHECK_CONTAINS(out.data, "**homocysteine**");
    imr_buf_done(&out);
}

/* ---- the folder ---- */

static imr_status add(imr_report_folder *f, made_report *m, const char *id, double encoder,
                      double after, const char *seen, imr_error *err)
{
    const imr_report_context context = {.details = &m->details};
    m->trace.query_id = m->trace.query_text = id;
    m->trace.seen = seen;
    m->trace.metrics[0].encoder = encoder, m->trace.metrics[0].after = after;
    m->trace.n_metrics = seen[0] != '\0';
    return imr_report_folder_add(f, &m->trace, &context, err);
}

TEST("a folder has a page a query and an index from the largest loss on")
{
    const char *dir = test_tmpdir();
    made_report m;
    imr_error err;
    imr_report_folder f = {0};
    reader r;
    made_report_init(&m, true);
    const imr_path path = imr_path_in(dir, "out");
    CHECK_OK(imr_report_folder_open(&f, path.s, imr_report_format_of("html", &err), false, &err));
    CHECK_OK(add(&f, &m, "gain", .25, .75, "seen", &err));
    CHECK_OK(add(&f, &m, "../loss<b>", .75, .5, "unseen", &err));
    CHECK_OK(add(&f, &m, "nobody", 0, 0, "", &err));
    CHECK_OK(add(&f, &m, "same", .5, .5, "unseen", &err));
    CHECK(!imr_file_exists(imr_path_in(path.s, "index.html").s));
    CHECK_OK(imr_report_folder_close(&f, 6, &err));
    imr_file file;
    CHECK_OK(imr_file_map_as(&file, imr_path_in(path.s, "index.html").s, IMR_FILE_TEXT, &err));
    imr_buf index = {0};
    imr_buf_add(&index, file.data, file.len);
    imr_file_unmap(&file);
    read_page(&r, &index);
    static const char *const order[] = {"q0002-___loss_b_.html", "q0004-same.html",
                                        "q0001-gain.html", "q0003-nobody.html"};
    const char *at = index.data;
    for (size_t i = 0; i < IMR_LEN(order); i++) {
        CHECK_CONTAINS(at, order[i]);
        at = strstr(at, order[i]);
        CHECK(imr_file_exists(imr_path_in(path.s, order[i]).s));
    }
    CHECK_CONTAINS(index.data, "4 of 6 queries explained: it was stopped");
    CHECK_CONTAINS(index.data, "../loss&lt;b&gt;");
    CHECK_CONTAINS(r.text.data, "all that are judged3+0.0833"); /* mean .5 for the encoder */
    CHECK_CONTAINS(r.text.data, "training saw documents relevant to them1+0.50000.2500");
    CHECK_CONTAINS(r.text.data, "training saw none2-0.12500.6250");
    reader_done(&r);
    imr_buf_done(&index);
    imr_report_folder_done(&f);
    CHECK_INT(imr_report_folder_open(&f, path.s, imr_report_format_of("html", &err), false, &err),
              IMR_E_IO);
    CHECK_CONTAINS(err.text, "--overwrite");
    CHECK_OK(imr_report_folder_open(&f, path.s, imr_report_format_of("md", &err), true, &err));
    CHECK_OK(add(&f, &m, "gain", .25, .75, "seen", &err));
    CHECK_OK(imr_report_folder_close(&f, 0, &err));
    CHECK(imr_file_exists(imr_path_in(path.s, "q0001-gain.md").s));
    imr_report_folder_done(&f);
}

TEST("a folder that cannot be written, or goes away, is said, and leaves no half file")
{
    const char *dir = test_tmpdir();
    made_report m;
    imr_error err;
    imr_report_folder f = {0};
    made_report_init(&m, true);
    const imr_path path = imr_path_in(dir, "out"), file = imr_path_in(dir, "file");
    const imr_report_format *html = imr_report_format_of("html", &err);
    CHECK_OK(imr_file_write(file.s, "x", 1, &err));
    CHECK_INT(imr_report_folder_open(&f, imr_path_in(file.s, "in").s, html, false, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, file.s);
    CHECK_OK(imr_report_folder_open(&f, path.s, html, false, &err));
    CHECK_OK(add(&f, &m, "one", .25, .75, "seen", &err));
    CHECK(unlink(imr_path_in(path.s, "q0001-one.html").s) == 0 && rmdir(path.s) == 0);
    CHECK_INT(add(&f, &m, "two", .25, .75, "seen", &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "q0002-two.html");
    imr_report_folder_done(&f);
}
