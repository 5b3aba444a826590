/*
 * report/report.h - a trace as a document for people or programs: one table of formats.
 *
 * Every report begins with what is needed to get it again (tool version, command line, sha256 of
 * every input, settings). Numbers have 9 significant digits in machine formats and 4 decimals in
 * text; both come from the trace unchanged.
 */
#ifndef IMR_REPORT_REPORT_H
#define IMR_REPORT_REPORT_H

#include "base/buf.h"
#include "session/session.h"

typedef struct imr_report_context {
    const char *const *command; /* argv as typed; may be empty */
    size_t n_command;
    uint32_t top;               /* text: documents listed, 0: 10 */
    const imr_details *details; /* whys of the listed documents; NULL: none */
} imr_report_context;

typedef struct imr_report_format {
    const char *name, *extension, *summary;
    void (*write)(const imr_trace *t, const imr_report_context *context, imr_buf *out);
} imr_report_format;

extern const imr_report_format imr_report_formats[];
extern const size_t imr_report_format_count;

/* IMR_E_USAGE for an unknown format, naming the known ones. */
imr_status imr_report_render(const imr_trace *t, const char *format,
                             const imr_report_context *context, imr_buf *out,
                             imr_error *err) IMR_NODISCARD;

#endif
