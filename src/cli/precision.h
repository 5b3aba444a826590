/* cli/precision.h - what `cache`, `run` and `encoder bench` say of less precision. */
#ifndef IMR_CLI_PRECISION_H
#define IMR_CLI_PRECISION_H

#include "cli/command.h"
#include "task/precision.h"

/* Compares the encoder, of IMR_BFLOAT16, with --encoder in float32 on a sample of the dataset;
 * appends a table. */
imr_status imr_cli_precision_table(imr_buf *out, imr_cli *cli, const imr_encoder *encoder,
                                   const imr_dataset *dataset, imr_error *err) IMR_NODISCARD;

/* Appends the table of `e`; kernels: what it was measured with. Pure, for tests. */
void imr_precision_text(imr_buf *out, const imr_precision_effect *e, const imr_kernels *kernels);

/* What to say of kernels without has_bf16. */
extern const char imr_no_bf16[];

#endif
