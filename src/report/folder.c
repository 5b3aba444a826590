/* Many reports in a folder, and the page that leads to them. */
#include "report/folder.h"

#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "report/explanation.h"

#define INDEX "index.html"

struct imr_folder_row {
    char name[64]; /* of its file */
    const char *id, *text, *sentence, *seen, *metric;
    double value[IMR_STAGE_COUNT], change; /* NaN: nobody judged */
    double order;                          /* among those that are judged, or are not */
    size_t place;
};

imr_status imr_report_folder_open(imr_report_folder *f, const char *path,
                                  const imr_report_format *format, bool overwrite, imr_error *err)
{
    IMR_CLEANUP(imr_names_done) imr_names names = {0};
    IMR_TRY(imr_dir_make(path, err));
    IMR_TRY(imr_dir_list(&names, path, err));
    if (names.n && !overwrite)
        return imr_fail(err, IMR_E_IO,
                        "%s holds %zu file%s already: name another folder, or --overwrite replaces "
                        "those of the same names",
                        path, names.n, names.n == 1 ? "" : "s");
    *f = (imr_report_folder){.path = imr_strdup(path), .format = format, .arena = imr_arena_new()};
    IMR_NEED(f->path && f->arena, err);
    return IMR_OK;
}

void imr_report_folder_done(imr_report_folder *f)
{
    imr_free(f->path);
    imr_free(f->rows.v);
    imr_buf_done(&f->settings);
    imr_arena_free(f->arena);
    *f = (imr_report_folder){0};
}

static void name_file(imr_folder_row *r, const imr_report_folder *f)
{
    char id[41];
    size_t n = 0;
    for (const char *at = r->id; *at && n < sizeof id - 1; at++)
        id[n++] =
            (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9')
                ? *at
                : '_';
    id[n] = '\0';
    snprintf(r->name, sizeof r->name, "q%04zu%s%s.%s", r->place, n ? "-" : "", id,
             f->format->extension);
}

imr_status imr_report_folder_add(imr_report_folder *f, const imr_trace *t,
                                 const imr_report_context *context, imr_error *err)
{
    IMR_AUTOBUF imr_buf out = {0};
    imr_report_context alone = *context;
    imr_folder_row r = {.id = imr_arena_strdup(f->arena, t->query_id),
                        .text = imr_arena_strdup(f->arena, t->query_text),
                        .sentence = imr_arena_strdup(f->arena, t->sentence),
                        .seen = imr_arena_strdup(f->arena, t->seen),
                        .metric = t->n_metrics ? t->metrics[0].name : NULL,
                        .place = f->rows.n + 1};
    IMR_NEED(r.id && r.text && r.sentence && r.seen, err);
    name_file(&r, f);
    for (int s = 0; s < IMR_STAGE_COUNT; s++)
        r.value[s] = t->n_metrics && (!s || imr_report_adapted(t)) ? t->metrics[0].value[s] : NAN;
    r.change = r.value[IMR_STAGE_AFTER] - r.value[IMR_STAGE_ENCODER];
    r.order = !isnan(r.change) ? r.change : imr_report_adapted(t) ? t->tau_encoder : 1;
    if (strcmp(f->format->name, "html") == 0)
        alone.up = INDEX;
    alone.done = alone.total = 0;
    if (!f->rows.n)
        imr_explanation_settings(&(imr_page){.out = &f->settings, .html = true}, t, context);
    IMR_TRY(imr_report_render(t, f->format->name, &alone, &out, err));
    IMR_TRY(imr_file_write(imr_path_in(f->path, r.name).s, imr_buf_text(&out), out.len, err));
    IMR_NEED(IMR_GROW(&f->rows, 1), err);
    f->rows.v[f->rows.n++] = r;
    return IMR_OK;
}

/* ---- the index ---- */

static int by_loss(const void *a, const void *b)
{
    const imr_folder_row *x = a, *y = b;
    if (isnan(x->change) != isnan(y->change))
        return isnan(x->change) ? 1 : -1;
    return x->order != y->order ? (x->order < y->order ? -1 : 1)
                                : (x->place > y->place) - (x->place < y->place);
}

/* seen NULL: of all. */
static void mean(imr_page *p, const imr_report_folder *f, const char *name, const char *seen)
{
    double sum[IMR_STAGE_COUNT] = {0};
    size_t n = 0;
    for (size_t i = 0; i < f->rows.n; i++) {
        const imr_folder_row *r = &f->rows.v[i];
        if (isnan(r->value[0]) || (seen && strcmp(r->seen, seen) != 0))
            continue;
        n++;
        for (int s = 0; s < IMR_STAGE_COUNT; s++)
            sum[s] += r->value[s];
    }
    if (!n)
        return;
    for (int s = 0; s < IMR_STAGE_COUNT; s++)
        sum[s] /= (double)n;
    imr_page_row(p, NULL);
    IMR_PAGE_CELLS(p, name, imr_textf("%zu", n).s);
    imr_page_stages(p, sum, 1);
}

imr_status imr_report_folder_close(imr_report_folder *f, size_t total, imr_error *err)
{
    IMR_AUTOBUF imr_buf out = {0};
    imr_page p = {.out = &out, .html = true};
    if (strcmp(f->format->name, "html") != 0)
        return IMR_OK;
    if (f->rows.n)
        qsort(f->rows.v, f->rows.n, sizeof *f->rows.v, by_loss);
    const imr_text title =
        f->rows.n < total
            ? imr_textf("%zu of %zu queries explained: it was stopped", f->rows.n, total)
            : imr_textf("%zu %s explained", total, total == 1 ? "query" : "queries");
    const char *metric = f->rows.n ? f->rows.v[0].metric : NULL;
    imr_page_begin(&p, title.s);
    imr_page_heading(&p, 1, NULL, title.s);
    imr_page_table(&p, imr_textf("Means of %s", metric ? metric : "nothing: unjudged").s,
                   "*queries|#number|#change|#encoder|#projected|#now");
    mean(&p, f, "all that are judged", NULL);
    mean(&p, f, "training saw documents relevant to them", "seen");
    mean(&p, f, "training saw none", "unseen");
    imr_page_table_end(&p);
    imr_page_heading(&p, 2, "queries", "From the largest loss to the largest gain");
    imr_page_table(&p, "Queries; the link leads to the whole explanation",
                   "*query|#change|#encoder|#projected|#now|training");
    for (size_t i = 0; i < f->rows.n; i++) {
        const imr_folder_row *r = &f->rows.v[i];
        imr_page_row(&p, NULL);
        imr_page_title(&p, r->name, r->text, r->id);
        imr_page_say(&p, "about", r->sentence);
        imr_page_cell_close(&p);
        imr_page_stages(&p, r->value, 1);
        imr_page_cell(&p, NULL, r->seen);
    }
    imr_page_table_end(&p);
    imr_buf_add(&out, f->settings.data, f->settings.len);
    imr_page_end(&p);
    IMR_TRY(imr_buf_check(&out, err));
    return imr_file_write(imr_path_in(f->path, INDEX).s, imr_buf_text(&out), out.len, err);
}
