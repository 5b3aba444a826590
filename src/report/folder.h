/*
 * report/folder.h - reports of many queries as a folder: a file a query, and in html a page that
 * leads to them.
 *
 * Files are called q0001-ID.EXTENSION, by their place and what of the query's id is safe in a name.
 * Each is published whole; index.html comes last, ordered from the largest loss to the largest gain
 * of the first metric, unjudged queries behind them from the least like the encoder's order on. One
 * report is in memory at a time, and a line of the index for each.
 * Threads: one at a time.
 */
#pragma once

#include "base/array.h"
#include "report/report.h"

typedef struct imr_folder_row imr_folder_row;
typedef struct imr_report_folder {
    char *path;
    const imr_report_format *format;
    IMR_ARRAY(imr_folder_row) rows;
    imr_buf settings; /* of the index: what the first was made from */
    struct imr_arena *arena;
} imr_report_folder;

/* The folder is made where it is not there. IMR_E_IO when it holds something and overwrite is off,
 * or cannot be written. With overwrite only files of the same names are replaced. */
imr_status imr_report_folder_open(imr_report_folder *f, const char *path,
                                  const imr_report_format *format, bool overwrite, imr_error *err);
/* context as for one report alone; its `up` is ours. */
imr_status imr_report_folder_add(imr_report_folder *f, const imr_trace *t,
                                 const imr_report_context *context, imr_error *err);
/* The index, of as many as there are of `total`. */
imr_status imr_report_folder_close(imr_report_folder *f, size_t total, imr_error *err);
void imr_report_folder_done(imr_report_folder *f); /* {0} is fine */
