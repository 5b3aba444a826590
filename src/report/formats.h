/*
 * report/formats.h - the writers behind report/report.h, one a file. Failures stick to the buffer.
 */
#ifndef IMR_REPORT_FORMATS_H
#define IMR_REPORT_FORMATS_H

#include "report/report.h"

void imr_report_text(const imr_trace *t, const imr_report_context *context, imr_buf *out);
void imr_report_json(const imr_trace *t, const imr_report_context *context, imr_buf *out);

#endif
