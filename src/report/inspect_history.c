/* report/inspect_history.c - the history of a training, drawn in text. */
#include <math.h>

#include "base/mem.h"
#include "base/number.h"
#include "format/json.h"
#include "report/inspect_kinds.h"

enum { BAR = 40, ROWS = 60 /* longer histories show every second epoch, every third ... */ };

typedef struct range {
    double low, high;
} range;

static range range_of(const imr_json *epochs)
{
    range r = {INFINITY, -INFINITY};
    for (const imr_json *e = imr_json_child(epochs); e; e = imr_json_next(e)) {
        const double v = imr_json_number_or(e, "validation", (double)NAN);
        r.low = v < r.low ? v : r.low;
        r.high = v > r.high ? v : r.high;
    }
    return r;
}

static void put_number(imr_buf *b, double value)
{
    char text[64];
    imr_buf_printf(b, "%10s", isfinite(value) ? imr_format_fixed(text, value, 4, false) : "-");
}

static void put_rows(imr_buf *b, const imr_json *epochs, int64_t best)
{
    const range r = range_of(epochs);
    const size_t step = 1 + imr_json_count(epochs) / ROWS;
    size_t i = 0;
    for (const imr_json *e = imr_json_child(epochs); e; e = imr_json_next(e), i++) {
        const int64_t epoch = imr_json_int_or(e, "epoch", 0);
        const double v = imr_json_number_or(e, "validation", (double)NAN);
        if (i % step && epoch != best)
            continue;
        imr_buf_printf(b, "\n  %6lld", (long long)epoch);
        put_number(b, imr_json_number_or(e, "loss", (double)NAN));
        put_number(b, v);
        imr_buf_str(b, "    |");
        if (isfinite(v))
            imr_buf_fill(b, '#',
                         r.high > r.low ? (size_t)((v - r.low) / (r.high - r.low) * BAR) : 0);
        imr_buf_str(b, epoch == best ? " best" : "");
    }
}

imr_status imr_inspect_history(imr_inspection *i, const imr_json *root, imr_error *err)
{
    const imr_json *epochs = imr_json_at(root, "epochs");
    const int64_t best = imr_json_int_or(root, "best_epoch", -1);
    static const char *const texts[] = {"recipe", "form", "loss", "optimizer", "cache"};
    for (size_t k = 0; k < IMR_LEN(texts); k++)
        IMR_TRY(imr_inspection_string(i, texts[k], texts[k],
                                      imr_json_string_or(root, texts[k], NULL), err));
    IMR_TRY(imr_inspection_int(i, "best_epoch", "best epoch", best, err));
    IMR_AUTOBUF imr_buf b = {0};
    imr_buf_printf(&b, "%6s%10s  validation", "epoch", "loss");
    put_rows(&b, epochs, best);
    IMR_TRY(imr_buf_check(&b, err));
    i->words = imr_strdup(imr_buf_text(&b));
    return i->words ? IMR_OK : imr_fail_memory(err);
}
