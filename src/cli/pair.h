/*
 * cli/pair.h - imrnn explain --pair: which query and which document, and a cache to say so in.
 *
 *   imrnn explain --pair QUERY DOCUMENT [CACHE]        two texts, or ids of the cache
 *   imrnn explain --pair --query-id Q --document D [CACHE]
 * CACHE may stand before the two as well. Without a cache or dataset the document is the
 * collection: a cache of it is made in a folder of TMPDIR that goes when the command ends.
 */
#ifndef IMR_CLI_PAIR_H
#define IMR_CLI_PAIR_H

#include "cli/command.h"

typedef struct imr_cli_pair {
    const char *query, *query_id; /* one of them */
    const char *document;
    char *folder; /* ours, or NULL */
} imr_cli_pair;

/* Leaves the cache, if there is one, as the only argument. IMR_E_USAGE says what is missing. */
imr_status imr_cli_pair_take(imr_cli_pair *out, imr_cli *cli, imr_error *err) IMR_NODISCARD;
void imr_cli_pair_done(imr_cli_pair *p); /* {0} is fine */

#endif
