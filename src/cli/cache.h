/* cli/cache.h - what `cache` and `run` share. */
#ifndef IMR_CLI_CACHE_H
#define IMR_CLI_CACHE_H

#include "cli/command.h"
#include "task/cache.h"

/* --dataset encoded into `dir`, with --dtype, --overwrite, --skip-bad-lines. */
imr_status imr_cli_encode_cache(imr_store_result *result, imr_cli *cli, const char *dir,
                                const imr_encoder *encoder, imr_error *err) IMR_NODISCARD;

#endif
