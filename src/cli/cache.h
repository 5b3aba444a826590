/* cli/cache.h - what `cache`, `run` and caches made on demand share. */
#ifndef IMR_CLI_CACHE_H
#define IMR_CLI_CACHE_H

#include "cli/command.h"
#include "task/cache.h"

/* --dataset encoded into `dir`, with --dtype, --overwrite, --skip-bad-lines. */
imr_status imr_cli_encode_cache(imr_store_result *result, imr_cli *cli, const char *dir,
                                const imr_encoder *encoder, imr_error *err) IMR_NODISCARD;

/* Appends "5 texts encoded, 383 unchanged". */
void imr_cli_made_text(imr_buf *b, const imr_store_result *r, bool imported);

#endif
