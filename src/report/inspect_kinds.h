/* report/inspect_kinds.h - what report/inspect.c calls once it knows the kind; i->path is set. */
#ifndef IMR_REPORT_INSPECT_KINDS_H
#define IMR_REPORT_INSPECT_KINDS_H

#include "format/json.h"
#include "report/inspect.h"

imr_status imr_inspect_adapter(imr_inspection *i, const imr_progress *progress,
                               imr_error *err) IMR_NODISCARD;
imr_status imr_inspect_dataset(imr_inspection *i, const imr_progress *progress,
                               imr_error *err) IMR_NODISCARD;
imr_status imr_inspect_cache(imr_inspection *i, const imr_progress *progress,
                             imr_error *err) IMR_NODISCARD;
imr_status imr_inspect_encoder(imr_inspection *i, const imr_progress *progress,
                               imr_error *err) IMR_NODISCARD;

/* root: of a file whose schema is imrnn.training/1. */
imr_status imr_inspect_history(imr_inspection *i, const imr_json *root,
                               imr_error *err) IMR_NODISCARD;

/* What scales and biases of these sizes do to a ranking, in plain words. scale_*: over all
 * dimensions and queries; bias_*: length of a query's bias. Pure. */
void imr_survey_words(imr_buf *b, imr_form form, const double scale[3], const double bias[3],
                      size_t queries);

#endif
