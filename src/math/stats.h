/*
 * math/stats.h - summaries for reports and views. Double throughout; NaN in gives NaN out.
 */
#ifndef IMR_MATH_STATS_H
#define IMR_MATH_STATS_H

#include <stddef.h>

double imr_stats_mean(const double *v, size_t n); /* 0 for n = 0 */
double imr_stats_sd(const double *v, size_t n);   /* sample: divisor n-1; 0 for n < 2 */

void imr_stats_sort(double *v, size_t n); /* ascending */
/* Quantile p in [0,1] of ascending values, linear between neighbours (NumPy's default); 0 for
 * n = 0. */
double imr_stats_quantile(const double *sorted, size_t n, double p);
/* Middle value, or the mean of the two middle ones. Reorders v. 0 for n = 0. */
double imr_stats_median(double *v, size_t n);

/* counts[bins] of equal width over [low,high]; the last bin includes high; values outside go to
 * the nearest end bin, NaN nowhere. */
void imr_stats_histogram(size_t *counts, size_t bins, const double *v, size_t n, double low,
                         double high);

/* min, mean, max, sd and median in one; zeros for n = 0. Reorders v. */
typedef struct imr_stats {
    double min, mean, max, sd, median;
} imr_stats;
imr_stats imr_stats_of(double *v, size_t n);

#endif
