/* report/inspect.c - telling what a file is, and writing down what was found. */
#include "report/inspect.h"

#include "base/number.h"
#include "report/formats.h"
#include "text/utf8.h"

#define COLUMNS 80
#define VALUES  23 /* where the words beside a label begin */

/* ---- facts and problems ---- */

enum { MOST_TEXT = 4096, MOST_JSON = 65536, MOST_PROBLEMS = 100 };

/* The text, or in `room` its first `most` bytes and how many are left out. */
static const char *brief(imr_buf *room, const char *text, size_t most)
{
    const size_t n = strlen(text);
    if (n <= most)
        return text;
    const size_t end = imr_utf8_prev(text, n, most + 1);
    imr_buf_add(room, text, end);
    imr_buf_printf(room, "... %zu more bytes", n - end);
    return imr_buf_text(room);
}

static void clean(imr_buf *b, const char *text)
{
    imr_utf8_clean(b, text, strlen(text), IMR_CLEAN_LINE);
}

/* Cleaned, in lines of 80 columns; what fits into two of them stays one, which grep finds. */
static void put_wrapped(imr_buf *b, const char *text, size_t at, size_t indent)
{
    IMR_AUTOBUF imr_buf safe = {0}, room = {0};
    clean(&safe, brief(&room, text, MOST_TEXT));
    const bool one = at + imr_utf8_width(imr_buf_text(&safe), safe.len) <= 2 * COLUMNS;
    imr_report_wrap(b, imr_buf_text(&safe), at, indent, one ? SIZE_MAX : COLUMNS);
}

static void put_line(imr_inspection *i, const char *label, const char *text)
{
    if (!label)
        return;
    imr_buf_printf(&i->facts.text, "  %-20s ", label);
    put_wrapped(&i->facts.text, text, VALUES, VALUES);
}

void imr_fact_int(imr_inspection *i, const char *key, const char *label, size_t value)
{
    imr_json_printf(&i->facts.json, ",\n %s: %zu", key, value);
    put_line(i, label, imr_textf("%zu", value).s);
}

void imr_fact_number(imr_inspection *i, const char *key, const char *label, double value,
                     int decimals)
{
    imr_json_printf(&i->facts.json, ",\n %s: %g", key, value);
    put_line(i, label, IMR_FIXED(value, decimals));
}

void imr_fact_string(imr_inspection *i, const char *key, const char *label, const char *text)
{
    IMR_AUTOBUF imr_buf room = {0};
    if (!text)
        return;
    imr_json_printf(&i->facts.json, ",\n %s: %s", key, brief(&room, text, MOST_JSON));
    put_line(i, label, text);
}

void imr_fact_buf(imr_inspection *i, const char *key, const char *label, imr_buf *json,
                  imr_buf *text)
{
    IMR_AUTOBUF imr_buf room = {0};
    const char *value = brief(&room, imr_buf_text(json), MOST_JSON);
    imr_json_printf(&i->facts.json, room.len ? ",\n %s: %s" : ",\n %s: ", key, value);
    if (!room.len)
        imr_buf_str(&i->facts.json, value);
    i->facts.json.failed |= json->failed || text->failed;
    put_line(i, label, imr_buf_text(text));
    imr_buf_clear(json);
    imr_buf_clear(text);
}

void imr_found(imr_inspection *i, imr_severity severity, const char *where, const char *what,
               const char *fix)
{
    struct imr_findings *p = &i->problems;
    IMR_AUTOBUF imr_buf text = {0};
    const char *name = imr_severity_names[severity];
    if (p->n++ >= MOST_PROBLEMS)
        return;
    imr_buf_str(&p->json, p->json.len ? "," : "");
    imr_json_printf(&p->json, "\n  {'severity': %s, 'what': %s, 'where': %s, 'fix': %s}", name,
                    what, where, fix);
    /* Readers name the path themselves. */
    const bool here = strcmp(where, i->path) == 0;
    imr_buf_printf(&text, "%s: %s%s%s", name, here ? "" : where, here ? "" : ": ", what);
    if (fix[0])
        imr_buf_printf(&text, " (%s)", fix);
    imr_buf_str(&p->text, "  ");
    put_wrapped(&p->text, imr_buf_text(&text), 2, 4);
}

void imr_found_error(imr_inspection *i, const char *where, const char *what, const char *fix)
{
    i->usable = false;
    imr_found(i, IMR_SEVERITY_ERROR, where, what, fix);
}

imr_status imr_found_failure(imr_inspection *i, imr_status status, const imr_error *why,
                             const char *fix, imr_error *err)
{
    if (status == IMR_E_MEMORY || status == IMR_E_CANCELLED)
        return imr_fail(err, status, "%s", why->text);
    if (status != IMR_OK)
        imr_found_error(i, i->path, why->text, fix);
    return IMR_OK;
}

/* ---- what is it? ---- */

typedef struct kind {
    const char *name;
    imr_look_fn *look;
} kind;

static const kind adapter = {"adapter", imr_inspect_adapter}, array = {"array", imr_inspect_array},
                  cache = {"cache", imr_inspect_cache}, dataset = {"dataset", imr_inspect_dataset},
                  encoder = {"encoder", imr_inspect_encoder}, qrels = {"qrels", imr_inspect_qrels},
                  report = {"report", imr_inspect_report}, run = {"run", imr_inspect_run};

static bool begins(const imr_file *f, const char *magic, size_t n)
{
    return f->len >= n && memcmp(f->data, magic, n) == 0;
}

/* Fields of the first line, separated by blanks; the line ends at len. */
static size_t first_line_fields(const imr_file *f, char second[3])
{
    size_t fields = 0, at = 0;
    bool inside = false;
    for (; at < f->len && f->data[at] != '\n' && at < 65536; at++) {
        bool space = f->data[at] == ' ' || f->data[at] == '\t' || f->data[at] == '\r';
        if (!space && !inside)
            fields++;
        if (!space && fields == 2 && !inside && at + 2 < f->len) {
            second[0] = (char)f->data[at];
            second[1] = (char)f->data[at + 1];
            second[2] = '\0';
        }
        inside = !space;
    }
    return fields;
}

/* The first entry of a zip is named in its first bytes; torch.save puts <folder>/data.pkl there. */
static bool zip_of_torch(const imr_file *f)
{
    if (f->len < 30)
        return false;
    size_t n = (size_t)f->data[26] | (size_t)f->data[27] << 8;
    if (n > f->len - 30)
        return true; /* cut short: let the reader say where */
    const char *name = (const char *)f->data + 30;
    return n >= 8 && memcmp(name + n - 8, "data.pkl", 8) == 0;
}

/* JSON lines of texts: the first line is an object or string by itself and more follows. */
static bool is_jsonl(const imr_file *f)
{
    const char *text = (const char *)f->data, *newline = memchr(text, '\n', f->len);
    IMR_AUTOJSON imr_json *node = NULL;
    if (!newline || newline == text ||
        imr_json_parse(&node, text, (size_t)(newline - text), "", NULL) != IMR_OK)
        return false;
    return imr_json_is_string(node) || imr_json_at(node, "_id") || imr_json_at(node, "text");
}

/* NULL: none of those. */
static const kind *kind_of_file(const imr_file *f)
{
    char second[3] = "";
    if (begins(f, "\x93NUMPY", 6))
        return &array;
    const bool zip = begins(f, "PK\003\004", 4);
    if ((zip && zip_of_torch(f)) || begins(f, "\x80\002", 2) ||
        (f->len > 8 && f->data[8] == '{' && f->data[5] == 0 && f->data[6] == 0))
        return &adapter;
    if (zip || is_jsonl(f))
        return &dataset;
    if (f->data[0] == '{' || f->data[0] == '[')
        return &report;
    const size_t fields = first_line_fields(f, second);
    if (fields == 6 && second[0] == 'Q')
        return &run;
    return fields == 3 || fields == 4 ? &qrels : NULL;
}

static const kind *kind_of_folder(const char *path)
{
    static const struct {
        const char *marks[8];
        const kind *kind;
    } kinds[] = {
        {{"corpus.jsonl"}, &dataset},
        {{"modules.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin", "vocab.txt",
          "0_StaticEmbedding", "config.json"},
         &encoder},
        {{"manifest.json", "documents.npy", "journal", "test/embeddings.pt", "train/embeddings.pt",
          "val/embeddings.pt"},
         &cache},
    };
    for (size_t k = 0; k < IMR_LEN(kinds); k++)
        for (size_t m = 0; kinds[k].marks[m]; m++) {
            const imr_path mark = imr_path_in(path, kinds[k].marks[m]);
            if (imr_file_exists(mark.s) || imr_dir_exists(mark.s))
                return kinds[k].kind;
        }
    return &dataset;
}

static imr_status look(imr_inspection *i, imr_error *err)
{
    const kind *found = NULL;
    imr_error why;
    if (imr_dir_exists(i->path)) {
        found = kind_of_folder(i->path);
    } else {
        IMR_CLEANUP(imr_file_unmap) imr_file file = {0};
        const imr_status status = imr_file_map(&file, i->path, &why);
        if (status != IMR_OK)
            return imr_found_failure(i, status, &why, "check the path", err);
        found = file.len ? kind_of_file(&file) : NULL;
        IMR_TRY(imr_sha256_memory(file.data, file.len, i->sha256, err));
        if (!file.len)
            imr_found_error(i, i->path, "the file is empty",
                            "get it again: it was probably cut short");
        else if (!found)
            imr_found_error(
                i, i->path,
                "none of: adapter, encoder folder, cache, data set, NumPy array, run, judgements, "
                "report",
                "name the folder or file itself, such as the folder that holds corpus.jsonl");
    }
    if (!found)
        return IMR_OK;
    i->kind = found->name;
    return imr_found_failure(i, found->look(i, &why), &why, "", err);
}

void imr_inspection_done(imr_inspection *i)
{
    imr_buf_done(&i->facts.json);
    imr_buf_done(&i->facts.text);
    imr_buf_done(&i->problems.json);
    imr_buf_done(&i->problems.text);
    imr_buf_done(&i->words);
    *i = (imr_inspection){0};
}

imr_status imr_inspect(imr_inspection *out, const char *path, imr_form form, const imr_cache *on,
                       const imr_progress *progress, imr_error *err)
{
    IMR_BUDGET(path);
    imr_budget_add(imr_budget_now, on ? on->documents.rows.rows * on->dim * sizeof(float) : 0);
    IMR_CLEANUP(imr_inspection_done)
    imr_inspection i = {.kind = "unknown",
                        .path = path,
                        .form = form,
                        .cache = on,
                        .progress = progress,
                        .usable = true};
    IMR_TRY(look(&i, err));
    const imr_buf *written[] = {&i.facts.json, &i.facts.text, &i.problems.json, &i.problems.text,
                                &i.words};
    for (size_t k = 0; k < IMR_LEN(written); k++)
        IMR_TRY(imr_buf_check(written[k], err));
    *out = IMR_TAKE(i);
    return IMR_OK;
}

/* ---- writing ---- */

void imr_inspection_text(imr_buf *b, const imr_inspection *i)
{
    clean(b, i->path);
    imr_buf_printf(b, ": %s%s\n", i->kind, i->usable ? "" : ", not usable");
    if (i->sha256[0])
        imr_buf_printf(b, "  %-20s %s\n", "sha256", i->sha256);
    imr_buf_add(b, i->facts.text.data, i->facts.text.len);
    imr_buf_add(b, i->problems.text.data, i->problems.text.len);
    if (i->problems.n > MOST_PROBLEMS)
        imr_buf_printf(b, "  ... %zu more problems\n", i->problems.n - MOST_PROBLEMS);
    const char *words = imr_buf_text(&i->words);
    if (strchr(words, '\n')) {
        imr_buf_printf(b, "  %s\n", words); /* a drawing of ours */
    } else if (*words) {
        imr_buf_str(b, "  ");
        put_wrapped(b, words, 2, 2);
    }
}

void imr_inspection_json(imr_buf *b, const imr_inspection *i)
{
    imr_json_printf(b, "{'kind': %s, 'path': %s, 'sha256': %-s, 'usable': %hhd, ", i->kind, i->path,
                    i->sha256, i->usable);
    if (i->problems.n > MOST_PROBLEMS)
        imr_json_printf(b, "'problems_left_out': %zu, ", i->problems.n - MOST_PROBLEMS);
    imr_json_printf(b, "'problems': [");
    imr_buf_add(b, i->problems.json.data, i->problems.json.len);
    imr_buf_char(b, ']');
    imr_buf_add(b, i->facts.json.data, i->facts.json.len);
    if (i->words.len)
        imr_json_printf(b, ",\n 'meaning': %s", imr_buf_text(&i->words));
    imr_buf_char(b, '}');
}
