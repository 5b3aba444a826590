/*
 * assets/pgvector.h - the statement that looks up columns of vectors (retrieval/pgvector.c).
 */
#ifndef ASSETS_PGVECTOR_H
#define ASSETS_PGVECTOR_H

#include "assets/demo.h"

extern const unsigned char imr_sql_pgvector[]; /* a zero byte ends it */
extern const size_t imr_sql_pgvector_len;
extern const imr_asset imr_sql_files[];
extern const size_t imr_sql_files_count;

#endif
