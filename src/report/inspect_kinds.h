/*
 * report/inspect_kinds.h - what report/inspect.c calls once it knows the kind, and what is found is
 * written down with. i->path is set; a failure becomes a problem unless memory or cancelling is it.
 */
#ifndef IMR_REPORT_INSPECT_KINDS_H
#define IMR_REPORT_INSPECT_KINDS_H

#include "report/inspect.h"

typedef imr_status imr_look_fn(imr_inspection *i, const imr_progress *progress, imr_error *err);
imr_look_fn imr_inspect_adapter, imr_inspect_array, imr_inspect_cache, imr_inspect_dataset,
    imr_inspect_encoder, imr_inspect_qrels, imr_inspect_report, imr_inspect_run;

/* A fact: a member of the JSON object and, unless label is NULL, a line for people. What cannot be
 * allocated sticks in the buffers of the inspection. */
void imr_fact_int(imr_inspection *i, const char *key, const char *label, size_t value);
void imr_fact_number(imr_inspection *i, const char *key, const char *label, double value,
                     int decimals);
/* text NULL is left out. */
void imr_fact_string(imr_inspection *i, const char *key, const char *label, const char *text);
/* json is put into the object as it is; both are empty afterwards. */
void imr_fact_buf(imr_inspection *i, const char *key, const char *label, imr_buf *json,
                  imr_buf *text);

void imr_found(imr_inspection *i, imr_severity severity, const char *where, const char *what,
               const char *fix);
/* An error that makes it unusable. */
void imr_found_error(imr_inspection *i, const char *where, const char *what, const char *fix);
/* A reader's failure becomes such an error; memory and cancelling stay failures. */
imr_status imr_found_failure(imr_inspection *i, imr_status status, const imr_error *why,
                             const char *fix, imr_error *err) IMR_NODISCARD;

#endif
