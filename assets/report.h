/*
 * assets/report.h - the style of reports as HTML (report/page.h), followed by one zero byte.
 */
#ifndef ASSETS_REPORT_H
#define ASSETS_REPORT_H

#include "assets/demo.h"

extern const unsigned char imr_report_style[];
extern const size_t imr_report_style_len;
extern const imr_asset imr_report_files[];
extern const size_t imr_report_files_count;

#endif
