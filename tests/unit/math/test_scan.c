/* Every instruction set's scan against loops in double. */
#include "base/half.h"
#include "format/tensors.h"
#include "math/random.h"
#include "math/scan.h"
#include "tests/support/test.h"

enum { ROWS = IMR_SCAN_ROWS, GAP = 3, MOST = 300 };

typedef struct sample {
    float wide[ROWS * (MOST + GAP)], weights[9][MOST], by[ROWS];
    uint16_t half[ROWS * (MOST + GAP)];
} sample;

static sample *new_sample(void)
{
    sample *s = calloc(1, sizeof *s);
    imr_random r;
    imr_random_init(&r, 3);
    for (size_t i = 0; i < ROWS * (MOST + GAP); i++) {
        s->half[i] = imr_f32_to_f16((float)imr_random_normal(&r) / 4);
        s->wide[i] = imr_f16_to_f32(s->half[i]);
    }
    imr_random_fill_normal(&r, s->weights[0], sizeof s->weights / sizeof(float), 1);
    imr_random_fill_normal(&r, s->by, ROWS, 1);
    return s;
}

static imr_rows rows_of(const sample *s, bool half, size_t rows, size_t cols)
{
    return (imr_rows){half ? (const void *)s->half : s->wide, half, rows, cols, cols + GAP};
}

/* u . d^2 + v . d of row i, either may be NULL. */
static double form(const sample *s, size_t i, size_t cols, const float *u, const float *v)
{
    double sum = 0;
    for (size_t j = 0; j < cols; j++) {
        const double x = (double)s->wide[i * (cols + GAP) + j];
        sum += (u ? (double)u[j] * x * x : 0) + (v ? (double)v[j] * x : 0);
    }
    return sum;
}

static const size_t widths[] = {1, 3, 15, 16, 17, 64, 100, 256, 299};

static void check_forms(const imr_scan_kernels *k, const sample *s, imr_rows d)
{
    static const struct {
        int linear, quadratic;
    } kinds[] = {[IMR_FORMS_1_1] = {1, 1}, [IMR_FORMS_3_1] = {3, 1}, [IMR_FORMS_4_2] = {4, 2}};
    float out[IMR_SCAN_FORMS * IMR_SCAN_ROWS];
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        imr_forms f = {.kind = IMR_FORMS_1_1};
        f.kind += kind;
        for (int n = 0; n < kinds[kind].linear; n++)
            f.w[n] = s->weights[n];
        for (int n = 0; n < kinds[kind].quadratic; n++)
            f.u[n] = s->weights[5 + n], f.v[n] = s->weights[7 + n];
        k->forms(out, &f, d);
        for (size_t i = 0; i < d.rows; i++) {
            const float *at = out + i;
            for (int n = 0; n < kinds[kind].linear; n++, at += IMR_SCAN_ROWS)
                CHECK_NEAR(*at, form(s, i, d.cols, NULL, f.w[n]), 1e-5);
            for (int n = 0; n < kinds[kind].quadratic; n++, at += IMR_SCAN_ROWS)
                CHECK_NEAR(*at, form(s, i, d.cols, f.u[n], f.v[n]), 1e-5);
        }
    }
}

TEST("dot products, forms and sums of rows equal loops in double, in every instruction set")
{
    sample *s = new_sample(); /* sums of 300 terms near 1/4: float32 leaves 1e-6 of them */
    const imr_scan_kernels *k;
    for (size_t set = 0; (k = imr_scan_at(set)); set++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (size_t n = 0; n < 2 * (ROWS + 1); n++) {
                float out[ROWS], sum[MOST];
                const imr_rows d = rows_of(s, n % 2, n / 2, widths[w]);
                k->dots(out, d, s->weights[0]);
                for (size_t i = 0; i < d.rows; i++)
                    CHECK_NEAR(out[i], form(s, i, d.cols, NULL, s->weights[0]), 1e-5);
                check_forms(k, s, d);
                for (size_t j = 0; j < d.cols; j++)
                    sum[j] = 1;
                k->add(sum, d, s->by);
                for (size_t j = 0; j < d.cols; j++) {
                    double expected = 1;
                    for (size_t i = 0; i < d.rows; i++)
                        expected += (double)s->by[i] * (double)s->wide[i * d.stride + j];
                    CHECK_NEAR(sum[j], expected, 1e-5);
                }
            }
    free(s);
}

TEST("a half-precision row that is no number stays none in every instruction set")
{
    const imr_scan_kernels *k;
    uint16_t row[40];
    float q[40], out;
    for (size_t j = 0; j < 40; j++)
        row[j] = 0x3c00, q[j] = 1;
    for (size_t set = 0; (k = imr_scan_at(set)); set++)
        for (size_t j = 0; j < 40; j++) {
            row[j] = 0x7e01;
            k->dots(&out, imr_rows_f16(row, 1, 40), q);
            CHECK(isnan(out));
            row[j] = 0xfc00;
            k->dots(&out, imr_rows_f16(row, 1, 40), q);
            CHECK(out == -(float)INFINITY);
            row[j] = 0x0001; /* the smallest */
            k->dots(&out, imr_rows_f16(row, 1, 40), q);
            CHECK(out == 39.0f);
            row[j] = 0x3c00;
        }
}
