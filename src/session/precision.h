/*
 * session/precision.h - what an encoder of less precision costs and gains on a dataset.
 */
#ifndef IMR_SESSION_PRECISION_H
#define IMR_SESSION_PRECISION_H

#include "encoder/encoder.h"
#include "retrieval/dataset.h"

#define IMR_PRECISION_SAMPLE 256u

typedef struct imr_precision_effect {
    size_t documents;   /* compared: the first ones of the dataset */
    double mean_cosine; /* of a document's two vectors */
    double least_cosine;
    double seconds, exact_seconds; /* to encode them */
} imr_precision_effect;

/* Encodes the first IMR_PRECISION_SAMPLE documents with both. */
imr_status imr_precision_compare(imr_precision_effect *out, const imr_encoder *encoder,
                                 const imr_encoder *exact, const imr_dataset *dataset,
                                 imr_error *err) IMR_NODISCARD;

#endif
