#include "math/stats.h"

#include <math.h>

double imr_stats_mean(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return n ? sum / (double)n : 0.0;
}

double imr_stats_sd(const double *v, size_t n)
{
    if (n < 2)
        return 0.0;
    double mean = imr_stats_mean(v, n), sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (v[i] - mean) * (v[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

double imr_stats_skewness(const double *v, size_t n)
{
    double mean = imr_stats_mean(v, n), second = 0, third = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = v[i] - mean;
        second += d * d / (double)n;
        third += d * d * d / (double)n;
    }
    return second > 0 ? third / pow(second, 1.5) : 0.0;
}

double imr_stats_effective_number(const double *v, size_t n)
{
    double sum = imr_stats_mean(v, n) * (double)n, entropy = 0;
    for (size_t i = 0; i < n; i++)
        entropy -= v[i] > 0 ? v[i] / sum * log(v[i] / sum) : 0;
    return sum > 0 ? exp(entropy) : 0.0;
}

static int ascending(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (isnan(x) || isnan(y)) /* NaN last, so that the order is total */
        return isnan(x) - isnan(y);
    return (x > y) - (x < y);
}

void imr_stats_sort(double *v, size_t n)
{
    if (n > 1)
        qsort(v, n, sizeof *v, ascending);
}

double imr_stats_quantile(const double *sorted, size_t n, double p)
{
    if (n == 0)
        return 0.0;
    double at = fmin(fmax(p, 0.0), 1.0) * (double)(n - 1);
    size_t low = (size_t)at;
    if (low + 1 >= n)
        return sorted[n - 1];
    return sorted[low] + (sorted[low + 1] - sorted[low]) * (at - (double)low);
}

double imr_stats_median(double *v, size_t n)
{
    imr_stats_sort(v, n);
    return imr_stats_quantile(v, n, 0.5);
}

void imr_spread_add(imr_spread *s, double value)
{
    if (!isfinite(value))
        return;
    s->n++;
    s->sum += value;
    s->square += value * value;
}

double imr_spread_mean(const imr_spread *s)
{
    return s->n ? s->sum / (double)s->n : (double)NAN;
}

double imr_spread_error(const imr_spread *s)
{
    const double n = (double)s->n, mean = imr_spread_mean(s);
    return s->n > 1 ? sqrt(fmax(s->square / n - mean * mean, 0) / (n - 1)) : (double)NAN;
}
