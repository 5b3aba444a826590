/*
 * report/quality.h - what an adapter does to real queries (session/quality.h): lines and JSON.
 */
#ifndef IMR_REPORT_QUALITY_H
#define IMR_REPORT_QUALITY_H

#include "session/quality.h"

/* Lines of at most 76 columns for a screen or a terminal: a heading begins at the first column,
 * what belongs to it behind a blank. Failure to allocate sticks in the buffer, as below. */
void imr_report_quality(imr_buf *b, const imr_quality *q);
/* One object. */
void imr_report_quality_json(imr_buf *b, const imr_quality *q);

#endif
