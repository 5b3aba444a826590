/*
 * assets/report.h - how reports as HTML begin, up to their title, and their style (report/page.h);
 * each is followed by one zero byte that its length does not count.
 */
#ifndef ASSETS_REPORT_H
#define ASSETS_REPORT_H

#include "assets/demo.h"

extern const unsigned char imr_report_head[], imr_report_style[];
extern const size_t imr_report_head_len, imr_report_style_len;
extern const imr_asset imr_report_files[];
extern const size_t imr_report_files_count;

#endif
