/*
 * math/stats.h - summaries for reports and views. Double throughout; NaN in gives NaN out.
 */
#pragma once

#include <stddef.h>

double imr_stats_mean(const double *v, size_t n); /* 0 for n = 0 */
double imr_stats_sd(const double *v, size_t n);   /* sample: divisor n-1; 0 for n < 2 */

/* E(v - mean)^3 / sd^3, population; 0 without spread. */
double imr_stats_skewness(const double *v, size_t n);
/* exp(-sum p ln p), p = v / sum v, of values not below 0: how many of them there are if they were
 * alike; 0 when all are 0. */
double imr_stats_effective_number(const double *v, size_t n);

void imr_stats_sort(double *v, size_t n); /* ascending */
/* Quantile p in [0,1] of ascending values, linear between neighbours (NumPy's default); 0 for
 * n = 0. */
double imr_stats_quantile(const double *sorted, size_t n, double p);
/* Middle value, or the mean of the two middle ones. Reorders v. 0 for n = 0. */
double imr_stats_median(double *v, size_t n);

/* Numbers as they come. {0}: none. */
typedef struct imr_spread {
    size_t n;
    double sum, square;
} imr_spread;
void imr_spread_add(imr_spread *s, double value); /* what is not finite does not count */
double imr_spread_mean(const imr_spread *s);      /* NaN: there are none */
double imr_spread_error(const imr_spread *s);     /* standard error of the mean; NaN below two */
