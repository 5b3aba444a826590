#include "base/mem.h"
#include "retrieval/significance.h"
#include "retrieval/similarity.h"
#include "tests/support/test.h"

TEST("the incomplete beta function has its closed forms and symmetry")
{
    for (double x = 0.05; x < 1; x += 0.05) {
        CHECK_NEAR(imr_incomplete_beta(1, 1, x), x, 1e-14);
        CHECK_NEAR(imr_incomplete_beta(1, 5, x), 1 - pow(1 - x, 5), 1e-14);
        CHECK_NEAR(imr_incomplete_beta(3, 1, x), x * x * x, 1e-14);
        CHECK_NEAR(imr_incomplete_beta(0.5, 0.5, x), 2 / M_PI * asin(sqrt(x)), 1e-13);
        CHECK_NEAR(imr_incomplete_beta(7.5, 0.5, x) + imr_incomplete_beta(0.5, 7.5, 1 - x), 1,
                   1e-13);
    }
    CHECK_NEAR(imr_incomplete_beta(2, 3, 0), 0, 0);
    CHECK_NEAR(imr_incomplete_beta(2, 3, 1), 1, 0);
}

TEST("Student's t agrees with its closed forms and the printed tables")
{
    for (double t = -6; t <= 6; t += 0.5) {
        CHECK_NEAR(imr_student_p(t, 1), 1 - 2 / M_PI * atan(fabs(t)), 1e-13);
        CHECK_NEAR(imr_student_p(t, 2), 1 - fabs(t) / sqrt(2 + t * t), 1e-13);
    }
    CHECK_NEAR(imr_student_p(2.228138852, 10), 0.05, 1e-9);
    CHECK_NEAR(imr_student_p(2.576, 1e7), 0.009995, 1e-6); /* the normal distribution */
    CHECK(imr_student_p(INFINITY, 4) == 0);
}

TEST("a paired test of ten queries gives the values worked out by hand")
{
    const double a[] = {.1, .2, .3, .4, .5, .6, .7, .8, .9, 1.};
    double b[10];
    const double d[] = {.1, .2, -.1, .3, 0, .2, .1, .1, -.2, .3};
    for (int i = 0; i < 10; i++)
        b[i] = a[i] + d[i];
    imr_error err = {0};
    imr_significance s;
    CHECK_OK(imr_significance_test(&s, a, b, 10, 1, &err));
    CHECK_INT(s.n, 10);
    CHECK_INT(s.wins, 7);
    CHECK_INT(s.ties, 1);
    CHECK_INT(s.losses, 2);
    CHECK(s.has_verdict);
    CHECK_NEAR(s.difference, 0.1, 1e-12);
    /* squares 0.34 - 10*0.01 = 0.24; t = 0.1 / sqrt(0.24/9/10) */
    CHECK_NEAR(s.t, 0.1 / sqrt(0.24 / 90), 1e-9);
    CHECK_NEAR(s.p_t, imr_student_p(s.t, 9), 1e-12);
    CHECK(s.low < 0.1 && s.high > 0.1 && s.low > -0.1 && s.high < 0.3);
}

TEST("the exact randomisation test counts every sign pattern")
{
    /* All five differences positive: only the two unanimous patterns are as extreme. */
    const double a[] = {0, 0, 0, 0, 0}, b[] = {.1, .2, .3, .4, .5};
    imr_error err = {0};
    imr_significance s;
    CHECK_OK(imr_significance_test(&s, a, b, 5, 1, &err));
    CHECK_NEAR(s.p_randomised, 2 / 32.0, 1e-15);
}

TEST("the drawn randomisation test comes close to the exact one")
{
    /* 16 differences are counted exactly; a 17th of zero doubles every pattern and moves the same
     * question to the sampled path. Standard error of 10,000 draws: at most 0.005. */
    double a[17] = {0}, b[17];
    for (int i = 0; i < 16; i++)
        b[i] = 0.05 * (i % 5 - 1);
    b[16] = 0;
    imr_error err = {0};
    imr_significance exact, drawn, again;
    CHECK_OK(imr_significance_test(&exact, a, b, 16, 3, &err));
    CHECK_OK(imr_significance_test(&drawn, a, b, 17, 3, &err));
    CHECK_OK(imr_significance_test(&again, a, b, 17, 3, &err));
    CHECK_NEAR(drawn.p_randomised, exact.p_randomised, 0.02);
    CHECK(drawn.p_randomised == again.p_randomised && drawn.low == again.low);
}

TEST("swapping the systems mirrors the result")
{
    double a[30], b[30];
    for (int i = 0; i < 30; i++) {
        a[i] = (i * 7 % 11) / 11.0;
        b[i] = (i * 5 % 13) / 13.0;
    }
    imr_error err = {0};
    imr_significance ab, ba;
    CHECK_OK(imr_significance_test(&ab, a, b, 30, 9, &err));
    CHECK_OK(imr_significance_test(&ba, b, a, 30, 9, &err));
    CHECK_NEAR(ab.t, -ba.t, 1e-12);
    CHECK_NEAR(ab.p_t, ba.p_t, 1e-12);
    CHECK_NEAR(ab.p_randomised, ba.p_randomised, 1e-12);
    CHECK_NEAR(ab.low, -ba.high, 1e-9);
    CHECK_INT(ab.wins, ba.losses);
}

TEST("identical systems are no difference at all, equal steps are a certain one")
{
    double a[8], b[8];
    for (int i = 0; i < 8; i++) {
        a[i] = i / 10.0;
        b[i] = a[i] + 0.1;
    }
    imr_error err = {0};
    imr_significance s;
    CHECK_OK(imr_significance_test(&s, a, a, 8, 1, &err));
    CHECK_NEAR(s.p_t, 1, 0);
    CHECK_NEAR(s.p_randomised, 1, 0);
    CHECK_INT(s.ties, 8);
    CHECK_OK(imr_significance_test(&s, a, b, 8, 1, &err));
    CHECK(isinf(s.t) && s.t > 0 && s.p_t == 0);
}

TEST("below five queries there is no verdict")
{
    const double a[] = {0, 0, 0, 0}, b[] = {1, 1, 1, 1};
    imr_error err = {0};
    imr_significance s;
    CHECK_OK(imr_significance_test(&s, a, b, 4, 1, &err));
    CHECK(!s.has_verdict && isnan(s.p_t) && isnan(s.p_randomised) && isnan(s.low));
    CHECK_INT(s.wins, 4);
    CHECK_OK(imr_significance_test(&s, a, b, 0, 1, &err));
    CHECK_NEAR(s.difference, 0, 0);
}

TEST("a value that is not finite is refused with its query")
{
    const double a[] = {0, NAN, 0}, b[] = {0, 0, 0};
    imr_error err = {0};
    imr_significance s;
    CHECK_INT(imr_significance_test(&s, a, b, 3, 1, &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "query 2");
}

TEST("the bootstrap interval covers the mean it resamples about 95 times in 100")
{
    /* 200 seeded samples of 40 uniform values; a percentile interval covers a little under 0.95. */
    unsigned state = 1;
    int covered = 0;
    imr_error err = {0};
    for (int r = 0; r < 200; r++) {
        double v[40], low, high;
        for (int i = 0; i < 40; i++)
            v[i] = ((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0;
        CHECK_OK(imr_bootstrap_mean(&low, &high, v, 40, (uint64_t)r, &err));
        covered += low <= 0.5 && high >= 0.5;
    }
    CHECK(covered >= 178 && covered <= 200);
}

TEST("Holm's step-down adjusts in order and never exceeds one")
{
    const double p[] = {0.04, 0.01, 0.03, 0.6};
    double q[4];
    imr_error err = {0};
    CHECK_OK(imr_holm(q, p, 4, &err));
    CHECK_NEAR(q[1], 0.04, 1e-15);
    CHECK_NEAR(q[2], 0.09, 1e-15);
    CHECK_NEAR(q[0], 0.09, 1e-15);
    CHECK_NEAR(q[3], 0.6, 1e-15);
}

/* ---- rank similarity ---- */

static imr_rank_similarity compare(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b,
                                   size_t k)
{
    imr_error err = {0};
    imr_rank_similarity s;
    CHECK_OK(imr_rank_compare(&s, a, n_a, b, n_b, k, 0.9, &err));
    return s;
}

TEST("a ranking is entirely like itself and its mirror is as unlike as can be")
{
    const uint32_t a[] = {5, 3, 8, 1, 9}, b[] = {9, 1, 8, 3, 5}, c[] = {10, 11, 12, 13, 14};
    imr_rank_similarity s = compare(a, 5, a, 5, 3);
    CHECK_NEAR(s.rbo, 1, 1e-12);
    CHECK_NEAR(s.overlap, 1, 0);
    CHECK_NEAR(s.tau, 1, 1e-15);
    CHECK_NEAR(s.tau_ap, 1, 1e-15);
    CHECK_INT(s.move, 0);
    s = compare(a, 5, b, 5, 5);
    CHECK_NEAR(s.tau, -1, 1e-15);
    CHECK_NEAR(s.tau_ap, -1, 1e-15);
    CHECK_INT(llabs(s.move), 4);
    s = compare(a, 5, c, 5, 5);
    CHECK_NEAR(s.rbo, 0, 1e-15);
    CHECK_NEAR(s.overlap, 0, 0);
    CHECK_NEAR(s.tau, 1, 0);
}

/* The definitions, written down without any cleverness. */
static size_t naive_overlap(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, size_t d)
{
    size_t n = 0;
    for (size_t i = 0; i < d && i < n_a; i++)
        for (size_t j = 0; j < d && j < n_b; j++)
            n += a[i] == b[j];
    return n;
}

static double naive_rbo(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, double p)
{
    size_t s = n_a < n_b ? n_a : n_b, l = n_a < n_b ? n_b : n_a;
    double sum = 0, xs = (double)naive_overlap(a, n_a, b, n_b, s);
    double xl = (double)naive_overlap(a, n_a, b, n_b, l);
    for (size_t d = 1; d <= l; d++)
        sum += (double)naive_overlap(a, n_a, b, n_b, d) / (double)d * pow(p, (double)d);
    for (size_t d = s + 1; d <= l; d++)
        sum += xs * (double)(d - s) / (double)(s * d) * pow(p, (double)d);
    return (1 - p) / p * sum + ((xl - xs) / (double)l + xs / (double)s) * pow(p, (double)l);
}

static double naive_tau_ap(const uint32_t *a, const uint32_t *b, size_t n, double *tau)
{
    double sum = 0, pairs = 0;
    for (size_t i = 1; i < n; i++) {
        double right = 0;
        size_t in_a = 0;
        while (a[in_a] != b[i])
            in_a++;
        for (size_t j = 0; j < i; j++) {
            size_t other = 0;
            while (a[other] != b[j])
                other++;
            right += other < in_a;
            pairs += other < in_a ? 1 : -1;
        }
        sum += right / (double)i;
    }
    *tau = pairs / ((double)n * (double)(n - 1) / 2);
    return 2 / (double)(n - 1) * sum - 1;
}

TEST("rank similarities equal their definitions on shuffled and uneven rankings")
{
    unsigned state = 5;
    for (int round = 0; round < 50; round++) {
        uint32_t a[30], b[30];
        for (uint32_t i = 0; i < 30; i++)
            a[i] = b[i] = i;
        for (uint32_t i = 29; i > 0; i--) {
            uint32_t j = ((state = state * 1664525u + 1013904223u) >> 8) % (i + 1), t = b[i];
            b[i] = b[j];
            b[j] = t;
        }
        double tau, tau_ap = naive_tau_ap(a, b, 30, &tau);
        imr_rank_similarity s = compare(a, 30, b, 30, 10);
        CHECK_NEAR(s.tau, tau, 1e-12);
        CHECK_NEAR(s.tau_ap, tau_ap, 1e-12);
        CHECK_NEAR(s.rbo, naive_rbo(a, 30, b, 30, 0.9), 1e-12);
        CHECK_NEAR(s.overlap, (double)naive_overlap(a, 30, b, 30, 10) / 10, 1e-15);
        size_t n_a = 1 + (state >> 4) % 30, n_b = 1 + (state >> 12) % 30;
        CHECK_NEAR(compare(a, n_a, b, n_b, 10).rbo, naive_rbo(a, n_a, b, n_b, 0.9), 1e-12);
    }
}

TEST("the largest mover is named with its direction")
{
    const uint32_t a[] = {1, 2, 3, 4}, b[] = {4, 1, 2, 3};
    imr_rank_similarity s = compare(a, 4, b, 4, 2);
    CHECK_INT(s.mover, 4);
    CHECK_INT(s.move, 3);
}

TEST("empty rankings and repeated documents are refused")
{
    const uint32_t a[] = {1, 2}, twice[] = {7, 7};
    imr_error err = {0};
    imr_rank_similarity s;
    CHECK_INT(imr_rank_compare(&s, a, 0, a, 2, 1, 0.9, &err), IMR_E_USAGE);
    CHECK_INT(imr_rank_compare(&s, a, 2, twice, 2, 1, 0.9, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "document 7");
}

TEST("every allocation of the comparisons may fail once")
{
    double a[20], b[20];
    uint32_t r[20];
    for (uint32_t i = 0; i < 20; i++) {
        a[i] = i * 0.01;
        b[i] = a[i] * 2;
        r[i] = i;
    }
    imr_error err = {0};
    imr_significance s;
    imr_rank_similarity c;
    for (long i = 0; i < 2; i++) {
        imr_mem_fail_after(i);
        imr_status status = imr_significance_test(&s, a, b, 20, 1, &err);
        imr_mem_fail_after(-1);
        CHECK_INT(status, IMR_E_MEMORY);
    }
    for (long i = 0; i < 5; i++) {
        imr_mem_fail_after(i);
        imr_status status = imr_rank_compare(&c, r, 20, r, 20, 10, 0.9, &err);
        imr_mem_fail_after(-1);
        CHECK_INT(status, IMR_E_MEMORY);
    }
}
