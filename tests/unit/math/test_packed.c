#include "tests/support/test.h"

#include "base/mem.h"
#include "math/packed.h"
#include "math/random.h"

static imr_error err;

static void *memory(size_t count)
{
    float *v = imr_alloc_aligned(count, sizeof *v);
    CHECK(v != NULL);
    return v;
}

/* What one product is checked on; out and x are wider than they need be. */
enum { GAP = 3 };
typedef struct sample {
    size_t rows, outs, ins;
    float *x, *w, *bias, *out, *want;
} sample;

static sample sample_new(imr_random *r, size_t rows, size_t outs, size_t ins)
{
    sample s = {.rows = rows, .outs = outs, .ins = ins};
    s.x = memory(rows * (ins + GAP));
    s.w = memory(outs * ins);
    s.bias = memory(outs);
    s.out = memory(rows * (outs + GAP));
    s.want = memory(rows * (outs + GAP));
    imr_random_fill_normal(r, s.x, rows * (ins + GAP), 1);
    imr_random_fill_normal(r, s.w, outs * ins, 1);
    imr_random_fill_normal(r, s.bias, outs, 1);
    imr_random_fill_normal(r, s.out, rows * (outs + GAP), 1);
    memcpy(s.want, s.out, rows * (outs + GAP) * sizeof *s.out);
    return s;
}

static void sample_done(sample *s)
{
    float *all[] = {s->x, s->w, s->bias, s->out, s->want};
    for (size_t i = 0; i < 5; i++)
        imr_free(all[i]);
}

static uint32_t scratch[100 * 1024];

static uint32_t scratch[100 * 1024]; /* enough for every sample */

static imr_product product_of(const sample *s, imr_packed_finish finish, bool bias)
{
    return (imr_product){
        s->out, s->x, s->outs + GAP, s->ins + GAP, s->rows, bias ? s->bias : NULL, finish, scratch};
}

/* Nearest number of 8 bits of mantissa, ties to even, by arithmetic. */
static double rounded(float v, imr_precision precision)
{
    int exponent;
    const double fraction = frexp((double)v, &exponent);
    return precision == IMR_FLOAT32 ? (double)v : ldexp(nearbyint(fraction * 256), exponent - 8);
}

static void twin(const sample *s, imr_precision precision, imr_packed_finish finish, bool bias)
{
    for (size_t i = 0; i < s->rows; i++)
        for (size_t o = 0; o < s->outs; o++) {
            double sum = bias ? (double)s->bias[o] : 0;
            for (size_t k = 0; k < s->ins; k++)
                sum += rounded(s->x[i * (s->ins + GAP) + k], precision) *
                       rounded(s->w[o * s->ins + k], precision);
            float *at = &s->want[i * (s->outs + GAP) + o];
            if (finish == IMR_FINISH_GELU)
                sum *= 0.5 * erfc(-sum / sqrt(2));
            *at = (float)(finish == IMR_FINISH_ADD ? (double)*at + sum : sum);
        }
}

static void same_as_twin(const imr_kernels *k, size_t rows, size_t outs, size_t ins)
{
    CHECK(rows * imr_packed_stride((ins + 1) / 2) <= sizeof scratch / sizeof *scratch);
    imr_random r;
    imr_random_init(&r, rows * 1000 + outs + ins);
    for (int which = 0; which < 12; which++) {
        const imr_precision precision = which < 6 ? IMR_FLOAT32 : IMR_BFLOAT16;
        const imr_packed_finish finish = (imr_packed_finish)(which % 6 / 2);
        const bool bias = which % 2;
        sample s = sample_new(&r, rows, outs, ins);
        imr_packed w;
        CHECK_OK(imr_packed_init(&w, imr_view_of(s.w, outs, ins), precision, k, &err));
        CHECK_INT(imr_packed_scratch(&w, rows),
                  precision == IMR_FLOAT32 ? 0 : rows * imr_packed_stride((ins + 1) / 2));
        const imr_product p = product_of(&s, finish, bias);
        /* In two parts, the later first. */
        imr_packed_multiply(&w, &p, w.panels / 2, w.panels);
        imr_packed_multiply(&w, &p, 0, w.panels / 2);
        twin(&s, precision, finish, bias);
        /* Sums of `ins` products of order 1; the gaps must be as they were. */
        CHECK_ALL_NEAR(s.out, s.want, rows * (outs + GAP), 4e-6 * sqrt((double)ins) + 1e-6);
        imr_packed_done(&w);
        sample_done(&s);
    }
}

TEST("every table of kernels multiplies like three plain loops, at awkward sizes, every finish")
{
    size_t tables = 0;
    for (const imr_kernels *k; (k = imr_kernels_at(tables)); tables++) {
        for (size_t rows = 1; rows <= 40; rows++)
            same_as_twin(k, rows, 37, 19);
        for (size_t outs = 1; outs <= 70; outs += 3)
            same_as_twin(k, 5, outs, 33);
        same_as_twin(k, 100, 64, 1);
        same_as_twin(k, 13, 32, 600);
        same_as_twin(k, 1, 1, 1);
    }
    CHECK(tables >= 1);
    CHECK_STR(imr_kernels_at(tables - 1)->name, "plain");
    CHECK(imr_kernels_at(tables + 1) == NULL);
}

TEST("a row's product is the same to the bit whatever rows are beside it")
{
    enum { ROWS = 29, OUTS = 40, INS = 50 };
    imr_random r;
    imr_random_init(&r, 5);
    for (size_t i = 0; imr_kernels_at(i / 2); i++) {
        sample s = sample_new(&r, ROWS, OUTS, INS);
        imr_packed w;
        CHECK_OK(imr_packed_init(&w, imr_view_of(s.w, OUTS, INS),
                                 i % 2 ? IMR_BFLOAT16 : IMR_FLOAT32, imr_kernels_at(i / 2), &err));
        imr_product p = product_of(&s, IMR_FINISH_GELU, true);
        imr_packed_multiply(&w, &p, 0, w.panels);
        for (size_t row = 0; row < ROWS; row++) {
            float one[OUTS];
            imr_product alone = p;
            alone.out = one;
            alone.x = s.x + row * p.x_stride;
            alone.rows = 1;
            imr_packed_multiply(&w, &alone, 0, w.panels);
            CHECK(memcmp(one, s.out + row * p.out_stride, sizeof one) == 0);
        }
        imr_packed_done(&w);
        sample_done(&s);
    }
}

TEST("an empty inner dimension gives the bias, no rows give nothing")
{
    const float bias[2] = {3, 4};
    float out[2] = {1, 2};
    imr_packed w;
    CHECK_OK(imr_packed_init(&w, imr_view_of(bias, 2, 0), IMR_FLOAT32, NULL, &err));
    imr_product p = {.out = out, .x = bias, .out_stride = 2, .bias = bias};
    imr_packed_multiply(&w, &p, 0, w.panels);
    CHECK(out[0] == 1 && out[1] == 2);
    p.rows = 1;
    imr_packed_multiply(&w, &p, 0, w.panels);
    CHECK(out[0] == 3 && out[1] == 4);
    imr_packed_done(&w);
}

TEST("a packed matrix that was moved multiplies as before, and the place is its caller's to free")
{
    enum { ROWS = 5, OUTS = 40, INS = 51 };
    imr_random r;
    imr_random_init(&r, 6);
    for (size_t i = 0; imr_kernels_at(i / 2); i++) {
        sample s = sample_new(&r, ROWS, OUTS, INS);
        imr_packed w;
        CHECK_OK(imr_packed_init(&w, imr_view_of(s.w, OUTS, INS),
                                 i % 2 ? IMR_BFLOAT16 : IMR_FLOAT32, imr_kernels_at(i / 2), &err));
        imr_product p = product_of(&s, IMR_FINISH_NONE, true);
        imr_packed_multiply(&w, &p, 0, w.panels);
        const size_t bytes = imr_packed_bytes(&w);
        CHECK_INT(bytes % 64, 0);
        char *place = memory(bytes / sizeof(float) + 16);
        memset(place + bytes, 7, 64);
        imr_packed_move(&w, place);
        CHECK((void *)w.v == (void *)place);
        CHECK_INT(imr_packed_bytes(&w), bytes);
        p.out = s.want;
        imr_packed_multiply(&w, &p, 0, w.panels);
        for (size_t row = 0; row < ROWS; row++)
            CHECK(memcmp(s.out + row * p.out_stride, s.want + row * p.out_stride,
                         OUTS * sizeof *s.out) == 0);
        for (size_t k = 0; k < 64; k++)
            CHECK_INT(place[bytes + k], 7);
        imr_packed_done(&w);
        imr_free(place);
        sample_done(&s);
    }
    imr_packed none = {0};
    CHECK_INT(imr_packed_bytes(&none), 0);
}

TEST("parts of a packed matrix, with rows rounded once for all, multiply as the whole to the bit")
{
    enum { ROWS = 5, OUTS = 70, INS = 51 };
    imr_random r;
    imr_random_init(&r, 7);
    for (size_t i = 0; imr_kernels_at(i / 2); i++) {
        sample s = sample_new(&r, ROWS, OUTS, INS);
        imr_packed w;
        CHECK_OK(imr_packed_init(&w, imr_view_of(s.w, OUTS, INS),
                                 i % 2 ? IMR_BFLOAT16 : IMR_FLOAT32, imr_kernels_at(i / 2), &err));
        imr_product p = product_of(&s, IMR_FINISH_NONE, true);
        imr_packed_multiply(&w, &p, 0, w.panels);
        if (w.paired)
            p.x = NULL;
        for (size_t panel = 0; panel < w.panels; panel++) {
            const size_t at = panel * w.kernels->cols;
            const imr_packed part = imr_packed_part(&w, panel, panel + 1);
            CHECK_INT(part.panels, 1);
            CHECK_INT(part.outs, OUTS - at < w.kernels->cols ? OUTS - at : w.kernels->cols);
            p.out = s.want + at;
            p.bias = s.bias + at;
            imr_packed_multiply(&part, &p, 0, 1);
        }
        CHECK(memcmp(s.out, s.want, ROWS * (OUTS + GAP) * sizeof *s.out) == 0);
        imr_packed_done(&w);
        sample_done(&s);
    }
}

TEST("packing survives the failure of each allocation")
{
    const float v[6] = {1, 2, 3, 4, 5, 6};
    imr_packed w = {0};
    const imr_precision all[] = {IMR_FLOAT32, IMR_BFLOAT16};
    for (size_t p = 0; p < 2; p++) {
        imr_status status = IMR_E_MEMORY;
        for (long i = 0; status != IMR_OK; i++) {
            CHECK(i < 10);
            imr_mem_fail_after(i);
            status = imr_packed_init(&w, imr_view_of(v, 2, 3), all[p], NULL, &err);
            imr_mem_fail_after(-1);
            CHECK(status == IMR_OK || (status == IMR_E_MEMORY && !w.v));
        }
        imr_packed_done(&w);
        CHECK(w.v == NULL);
        CHECK_INT(
            imr_packed_init(&w, (imr_view){v, SIZE_MAX / 8, SIZE_MAX / 8, 1}, all[p], NULL, &err),
            IMR_E_MEMORY);
    }
}

/* ---- the rest of a table ---- */

TEST("numbers become bfloat16 by rounding to the nearest, ties to even, and NaN stays NaN")
{
    static const struct {
        uint32_t bits, half;
    } rows[] = {{0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82},
                {0x3f808001, 0x3f81}, {0x3f807fff, 0x3f80}, {0xbf818000, 0xbf82},
                {0x7f800000, 0x7f80}, {0xff800000, 0xff80}, {0x7f7fffff, 0x7f80},
                {0x7fffffff, 0x7fc0}, {0x7f800001, 0x7fc0}, {0x00000000, 0x0000},
                {0x80000000, 0x8000}};
    enum { N = IMR_LEN(rows) };
    float v[N];
    for (size_t i = 0; i < N; i++)
        memcpy(v + i, &rows[i].bits, sizeof *v);
    for (size_t t = 0; imr_kernels_at(t); t++) {
        uint32_t out[N / 2 + 1];
        imr_kernels_at(t)->to_pairs(out, v, N);
        for (size_t i = 0; i < N; i++)
            CHECK_INT(out[i / 2] >> (i % 2 * 16) & 0xffff, rows[i].half);
        CHECK_INT(out[N / 2] >> 16, 0);
    }
}

TEST("GELU is the exact one within 2.5e-7 of its argument, and NaN and overflow stay visible")
{
    enum { N = 4001 };
    static float v[N];
    for (size_t t = 0; imr_kernels_at(t); t++) {
        for (int i = 0; i < N; i++)
            v[i] = (float)(i - 2000) / 200;
        imr_kernels_at(t)->gelu(v, N, 1, N);
        for (int i = 0; i < N; i++) {
            double x = (double)((float)(i - 2000) / 200);
            CHECK_NEAR(v[i], 0.5 * x * erfc(-x / sqrt(2)), 1e-7 + 2.5e-7 * fabs(x));
        }
        float odd[3] = {NAN, INFINITY, -200};
        imr_kernels_at(t)->gelu(odd, 3, 1, 3);
        CHECK(isnan(odd[0]) && !isfinite(odd[1]) && fabsf(odd[2]) < 1e-30f);
    }
}

TEST("softmax and norm equal plain loops in double, at every length to 70")
{
    enum { MOST = 70 };
    float v[MOST], gain[MOST], shift[MOST], found[MOST + IMR_KERNEL_MOST_COLS], want[MOST];
    imr_random r;
    imr_random_init(&r, 9);
    for (size_t t = 0; imr_kernels_at(t); t++) {
        const imr_kernels *k = imr_kernels_at(t);
        for (size_t n = 1; n <= MOST; n++) {
            imr_random_fill_normal(&r, v, n, 3);
            imr_random_fill_normal(&r, gain, n, 1);
            imr_random_fill_normal(&r, shift, n, 1);
            double sum = 0, mean = 0, variance = 0;
            for (size_t i = 0; i < n; i++) {
                sum += exp(0.5 * (double)v[i]);
                mean += (double)v[i] / (double)n;
            }
            for (size_t i = 0; i < n; i++)
                variance += ((double)v[i] - mean) * ((double)v[i] - mean) / (double)n;
            memcpy(found, v, sizeof v);
            k->norm(found, n, gain, shift, 1e-5);
            for (size_t i = 0; i < n; i++)
                want[i] = (float)(((double)v[i] - mean) / sqrt(variance + 1e-5) * (double)gain[i] +
                                  (double)shift[i]);
            CHECK_ALL_NEAR(found, want, n, 2e-6);
            memcpy(found, v, sizeof v);
            for (size_t i = n; i < IMR_LEN(found); i++)
                found[i] = NAN; /* nothing beyond n counts */
            const float inverse = k->softmax(found, n, 0.5f);
            k->scale(found, found, n, inverse);
            for (size_t i = 0; i < n; i++)
                want[i] = (float)(exp(0.5 * (double)v[i]) / sum);
            CHECK_ALL_NEAR(found, want, n, 5e-7);
        }
    }
}
