/* ui/view_adapter.c */
#include "report/report.h"
#include "ui/views.h"

void ui_build_adapter(ui_rows *out, const imr_session_facts *f, const imr_quality *q,
                      const imr_error *error)
{
    const imr_trace_inputs *in = f ? &f->inputs : NULL;
    if (!in || !*in->adapter_form) {
        ui_rows_text(out, 1, UI_TEXT,
                     f ? "No adapter is open: the encoder ranks alone. imrnn explore --checkpoint "
                         "FILE opens one, imrnn run makes one."
                       : "It is being opened.");
        return;
    }
    ui_rows_text(out, 1, UI_STRONG, *in->adapter_path ? in->adapter_path : f->adapter_name);
    ui_rows_text(out, 1, UI_DIM,
                 ui_textf("form %s (%s), input %u, working %u, hidden %u, sha256 %.12s",
                          in->adapter_form, in->adapter_form_from, in->input_dim, in->working_dim,
                          in->hidden_dim, in->adapter_sha256)
                     .s);
    if (!q) {
        ui_rows_text(out, 1, UI_TEXT,
                     error->status == IMR_OK
                         ? "It is being tried on queries of the cache; C-c stops that."
                         : ui_textf("%.500s; 7 tries again", error->text).s);
        return;
    }
    ui_rows_heading(out, "Verdict", q->code);
    ui_rows_text(out, 1, UI_STRONG, q->verdict);
    ui_rows_heading(out, "What this means", NULL);
    ui_rows_text(out, 1, UI_TEXT, q->meaning);
    IMR_AUTOBUF imr_buf lines = {0};
    imr_report_quality(&lines, q);
    ui_rows_lines(out, imr_buf_text(&lines));
}
