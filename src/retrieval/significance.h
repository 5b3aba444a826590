/*
 * retrieval/significance.h - is a difference between two systems more than luck?
 *
 * a[n], b[n]: one metric of the same n queries under two systems; d_i = b_i - a_i.
 *   t            mean(d)/(sd(d)/sqrt n), two-sided p from Student's t with n-1 degrees of freedom
 *   permutation  two-sided p of |mean d| under random signs: all 2^n for n <= 16, else 10,000
 *                seeded draws with p = (1 + hits)/(1 + draws)
 *   interval     95 % percentile bootstrap of mean(d), 10,000 seeded resamples
 *
 * Smucker, Allan, Carterette 2007 on their use for retrieval. Below IMR_SIGNIFICANCE_MIN queries
 * there is no verdict (has_verdict false, p values NaN). Differences up to 1e-12 are ties.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define IMR_SIGNIFICANCE_MIN   5
#define IMR_SIGNIFICANCE_DRAWS 10000
#define IMR_TIE                1e-12 /* differences below are none */

typedef struct imr_significance {
    size_t n;
    double mean_a, mean_b, difference; /* mean_b - mean_a */
    size_t wins, ties, losses;         /* queries where b is better, equal, worse */
    bool has_verdict;
    double t, p_t; /* no spread: t 0 and p 1 when all d are 0, else t infinite and p 0 */
    double p_randomised;
    double low, high; /* 95 % interval of the difference */
} imr_significance;

imr_status imr_significance_test(imr_significance *out, const double *a, const double *b, size_t n,
                                 uint64_t seed, imr_error *err);
/* 95 % percentile bootstrap of a mean; low = high = the value when n is 1, NaN when 0. */
imr_status imr_bootstrap_mean(double *low, double *high, const double *v, size_t n, uint64_t seed,
                              imr_error *err);

/* Two-sided p of Student's t. */
double imr_student_p(double t, double degrees);
/* Regularised incomplete beta function I_x(a,b): continued fraction (Lentz), error about 1e-14. */
double imr_incomplete_beta(double a, double b, double x);

/* p[n] -> Holm's step-down adjusted values in adjusted[n] (may be p). */
imr_status imr_holm(double *adjusted, const double *p, size_t n, imr_error *err);
