#include "retrieval/significance.h"

#include <math.h>

#include "base/mem.h"
#include "math/random.h"
#include "math/stats.h"

#define EXACT 16

/* ---- Student's t ---- */

/* The continued fraction of I_x(a,b), modified Lentz; converges quickly for x < (a+1)/(a+b+2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 1000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        const double step[2] = {even, odd};
        double change = 1;
        for (int s = 0; s < 2; s++) {
            d = 1 + step[s] * d;
            c = 1 + step[s] / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            change = d * c;
            h *= change;
        }
        if (fabs(change - 1) < 1e-15)
            break;
    }
    return h;
}

double imr_incomplete_beta(double a, double b, double x)
{
    if (!(x > 0))
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double imr_student_p(double t, double degrees)
{
    if (isnan(t) || !(degrees > 0))
        return NAN;
    if (isinf(t))
        return 0;
    return imr_incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

static void paired_t(imr_significance *s, const double *d, size_t n)
{
    double m = imr_stats_mean(d, n), error = imr_stats_sd(d, n) / sqrt((double)n);
    /* Rounding noise of equal differences is no spread. */
    if (error <= 1e-14 * fabs(m))
        s->t = fabs(m) <= IMR_TIE ? 0 : copysign(INFINITY, m);
    else
        s->t = m / error;
    s->p_t = s->t == 0 ? 1 : imr_student_p(s->t, (double)(n - 1));
}

/* ---- randomisation ---- */

static bool as_extreme(double sum, double observed)
{
    return fabs(sum) >= fabs(observed) * (1 - 1e-12);
}

/* Over all signs where n is at most EXACT, else over drawn ones. */
static double randomisation(const double *d, size_t n, double observed, imr_random *random)
{
    const bool exact = n <= EXACT;
    const size_t all = exact ? (size_t)1 << n : IMR_SIGNIFICANCE_DRAWS;
    size_t extreme = !exact;
    for (size_t r = 0; r < all; r++) {
        double sum = 0;
        uint64_t signs = r;
        for (size_t i = 0; i < n; i++, signs >>= 1) {
            if (!exact && i % 64 == 0)
                signs = imr_random_next(random);
            sum += signs & 1 ? -d[i] : d[i];
        }
        extreme += as_extreme(sum, observed);
    }
    return (double)extreme / (double)(all + !exact);
}

/* ---- bootstrap ---- */

imr_status imr_bootstrap_mean(double *low, double *high, const double *v, size_t n, uint64_t seed,
                              imr_error *err)
{
    if (n < 2) {
        *low = *high = n ? v[0] : NAN;
        return IMR_OK;
    }
    IMR_AUTOFREE double *means = IMR_NEW_ARRAY(double, IMR_SIGNIFICANCE_DRAWS);
    IMR_NEED(means, err);
    imr_random random;
    imr_random_init(&random, seed);
    for (int r = 0; r < IMR_SIGNIFICANCE_DRAWS; r++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += v[imr_random_below(&random, n)];
        means[r] = sum / (double)n;
    }
    imr_stats_sort(means, IMR_SIGNIFICANCE_DRAWS);
    *low = imr_stats_quantile(means, IMR_SIGNIFICANCE_DRAWS, 0.025);
    *high = imr_stats_quantile(means, IMR_SIGNIFICANCE_DRAWS, 0.975);
    return IMR_OK;
}

/* ---- all of it ---- */

imr_status imr_significance_test(imr_significance *out, const double *a, const double *b, size_t n,
                                 uint64_t seed, imr_error *err)
{
    imr_significance s = {.n = n,
                          .mean_a = imr_stats_mean(a, n),
                          .mean_b = imr_stats_mean(b, n),
                          .t = NAN,
                          .p_t = NAN,
                          .p_randomised = NAN,
                          .low = NAN,
                          .high = NAN};
    IMR_AUTOFREE double *d = IMR_NEW_ARRAY(double, n);
    IMR_NEED(d, err);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        d[i] = b[i] - a[i];
        if (!isfinite(d[i]))
            return imr_fail(err, IMR_E_NUMERIC, "the values of query %zu are not finite", i + 1);
        if (fabs(d[i]) <= IMR_TIE)
            d[i] = 0;
        s.wins += d[i] > 0;
        s.losses += d[i] < 0;
        s.ties += d[i] == 0;
        sum += d[i];
    }
    s.difference = n ? sum / (double)n : 0;
    if (n >= IMR_SIGNIFICANCE_MIN) {
        imr_random random;
        imr_random_init(&random, seed);
        s.has_verdict = true;
        paired_t(&s, d, n);
        s.p_randomised = randomisation(d, n, sum, &random);
        IMR_TRY(imr_bootstrap_mean(&s.low, &s.high, d, n, imr_random_next(&random), err));
    }
    *out = s;
    return IMR_OK;
}

imr_status imr_holm(double *adjusted, const double *p, size_t n, imr_error *err)
{
    IMR_AUTOFREE double *step = IMR_NEW_ARRAY(double, n);
    IMR_AUTOFREE double *all = IMR_NEW_ARRAY(double, n);
    IMR_NEED(step && all, err);
    for (size_t i = 0; i < n; i++) {
        size_t below = 0;
        for (size_t j = 0; j < n; j++)
            below += p[j] < p[i];
        step[i] = fmin(1, p[i] * (double)(n - below));
        all[i] = p[i];
    }
    for (size_t i = 0; i < n; i++) {
        double highest = 0;
        for (size_t j = 0; j < n; j++)
            highest = all[j] > all[i] ? highest : fmax(highest, step[j]);
        adjusted[i] = highest;
    }
    return IMR_OK;
}
