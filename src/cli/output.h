/*
 * cli/output.h - where a command's result goes: standard output, or a file published whole.
 *
 * Failures stick (a full disk, a closed pipe) and are reported once by imr_output_close.
 */
#ifndef IMR_CLI_OUTPUT_H
#define IMR_CLI_OUTPUT_H

#include "base/file.h"

typedef struct imr_output {
    FILE *stream; /* NULL while writing to a file */
    imr_writer writer;
    bool to_file;
    int failure;
} imr_output;

/* path NULL or "-": standard output. */
imr_status imr_output_open(imr_output *o, const char *path, imr_error *err) IMR_NODISCARD;
void imr_output_add(imr_output *o, const void *bytes, size_t n);
/* Flushes and publishes. */
imr_status imr_output_close(imr_output *o, imr_error *err) IMR_NODISCARD;
void imr_output_drop(imr_output *o); /* an unpublished file is removed; {0} is fine */

#endif
