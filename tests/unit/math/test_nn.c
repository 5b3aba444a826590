#include "tests/support/test.h"

#include "math/nn.h"
#include "math/random.h"

TEST("a linear layer is x w' + bias, for one row and for many")
{
    enum { R = 5, IN = 7, OUT = 4 };
    float x[R * (IN + 1)], w[OUT * IN], bias[OUT], out[R * OUT];
    imr_random r;
    imr_random_init(&r, 1);
    imr_random_fill_normal(&r, x, R * (IN + 1), 1);
    imr_random_fill_normal(&r, w, OUT * IN, 1);
    imr_random_fill_normal(&r, bias, OUT, 1);
    for (size_t rows = 1; rows <= R; rows += R - 1)
        for (int with = 0; with < 2; with++) {
            imr_nn_linear(out, (imr_view){x, rows, IN, IN + 1}, imr_view_of(w, OUT, IN),
                          with ? bias : NULL);
            for (size_t i = 0; i < rows; i++)
                for (size_t j = 0; j < OUT; j++) {
                    double sum = with ? (double)bias[j] : 0;
                    for (size_t k = 0; k < IN; k++)
                        sum += (double)x[i * (IN + 1) + k] * (double)w[j * IN + k];
                    CHECK_NEAR(out[i * OUT + j], sum, 1e-5);
                }
        }
}

TEST("LayerNorm uses the biased variance and eps inside the root")
{
    /* mean 2, biased variance 2/3 */
    float x[3] = {1, 2, 3}, gain[3] = {1, 2, 3}, shift[3] = {0, 1, -1}, out[3];
    imr_nn_layernorm(out, NULL, NULL, imr_view_of(x, 1, 3), gain, shift);
    double z = 1 / sqrt(2.0 / 3 + 1e-5);
    CHECK_NEAR(out[0], -z, 1e-6);
    CHECK_NEAR(out[1], 1, 1e-6);
    CHECK_NEAR(out[2], 3 * z - 1, 1e-6);
    float flat[3] = {5, 5, 5};
    imr_nn_layernorm(flat, NULL, NULL, imr_view_of(flat, 1, 3), gain, shift);
    CHECK_NEAR(flat[1], 1, 0);
}

TEST("many LayerNorm rows, shared out over threads, equal one row at a time")
{
    enum { R = 5000, C = 256 };
    float *x = malloc(R * C * sizeof *x), *out = malloc(R * C * sizeof *out), one[C], g[C], b[C];
    imr_random r;
    imr_random_init(&r, 2);
    imr_random_fill_normal(&r, x, R * C, 3);
    imr_random_fill_normal(&r, g, C, 1);
    imr_random_fill_normal(&r, b, C, 1);
    imr_nn_layernorm(out, NULL, NULL, imr_view_of(x, R, C), g, b);
    for (size_t i = 0; i < R; i += 997) {
        imr_nn_layernorm(one, NULL, NULL, imr_view_of(x + i * C, 1, C), g, b);
        CHECK_ALL_NEAR(out + i * C, one, C, 0);
    }
    free(x), free(out);
}

TEST("activations have their known values and limits")
{
    float v[4] = {-1000, 0, 1, 1000}, s[4], t[4];
    memcpy(s, v, sizeof v);
    memcpy(t, v, sizeof v);
    imr_nn_sigmoid(s, 4);
    imr_nn_tanh(t, 4);
    imr_nn_relu(v, 4);
    CHECK_NEAR(s[0], 0, 0);
    CHECK_NEAR(s[1], 0.5, 0);
    CHECK_NEAR(s[2], 0.7310585786, 1e-7);
    CHECK_NEAR(s[3], 1, 0);
    CHECK_NEAR(t[0], -1, 0);
    CHECK_NEAR(t[2], 0.7615941560, 1e-7);
    CHECK_NEAR(v[0], 0, 0);
    CHECK_NEAR(v[3], 1000, 0);
    float bad = (float)NAN;
    imr_nn_relu(&bad, 1);
    CHECK(isnan(bad));
}

TEST("a unit vector has norm 1 and the zero vector stays zero")
{
    float x[3] = {3, 0, 4}, zero[3] = {0}, out[3];
    CHECK_NEAR(imr_nn_unit(out, x, 3), 5, 1e-12);
    CHECK_NEAR(out[2], 0.8, 1e-7);
    CHECK_NEAR(imr_nn_unit(out, zero, 3), 0, 0);
    CHECK_NEAR(out[1], 0, 0);
    CHECK_NEAR(imr_nn_cosine(x, zero, 3), 0, 0);
}

TEST("dots of single and of double numbers equal plain double sums, at any length")
{
    float x[67], y[67];
    double wide_x[67], wide_y[67], sum = 0;
    imr_random r;
    imr_random_init(&r, 8);
    imr_random_fill_normal(&r, x, 67, 1);
    imr_random_fill_normal(&r, y, 67, 1);
    for (size_t n = 0; n <= 67; n++) {
        /* the sum in another order: 67 roundings of 1e-16 of numbers of a few tens */
        CHECK_NEAR(imr_nn_dot(x, y, n), sum, 1e-12);
        CHECK_NEAR(imr_nn_dot_double(wide_x, wide_y, n), sum, 1e-12);
        if (n == 67)
            break;
        wide_x[n] = (double)x[n];
        wide_y[n] = (double)y[n];
        sum += wide_x[n] * wide_y[n];
    }
}

TEST("cosines with many rows equal plain double sums")
{
    enum { R = 50, C = 33 };
    float rows[R * C], x[C], out[R];
    imr_random r;
    imr_random_init(&r, 3);
    imr_random_fill_normal(&r, rows, R * C, 5);
    imr_random_fill_normal(&r, x, C, 0.1);
    imr_nn_cosine_rows(out, imr_view_of(rows, R, C), x);
    for (size_t i = 0; i < R; i++) {
        double xy = 0, xx = 0, yy = 0;
        for (size_t j = 0; j < C; j++) {
            xy += (double)x[j] * (double)rows[i * C + j];
            xx += (double)x[j] * (double)x[j];
            yy += (double)rows[i * C + j] * (double)rows[i * C + j];
        }
        CHECK_NEAR(out[i], xy / sqrt(xx * yy), 1e-7);
        CHECK_NEAR(imr_nn_cosine(x, rows + i * C, C), xy / sqrt(xx * yy), 1e-12);
    }
}

TEST("angles are those of acos where that is exact, small ones their sine, none with a zero vector")
{
    enum { C = 33 };
    float x[C], y[C], zero[C] = {0};
    imr_random r;
    imr_random_init(&r, 4);
    for (int round = 0; round < 50; round++) {
        imr_random_fill_normal(&r, x, C, 2);
        imr_random_fill_normal(&r, y, C, 0.3);
        CHECK_NEAR(imr_nn_angle(x, y, C), acos(imr_nn_cosine(x, y, C)) * 180 / acos(-1), 1e-9);
    }
    float right[2] = {1, 0}, near[2] = {1, 1e-6F}, back[2] = {-2, 0};
    CHECK_NEAR(imr_nn_angle(right, near, 2), 1e-6 * 180 / acos(-1), 1e-11);
    CHECK_NEAR(imr_nn_angle(right, back, 2), 180, 1e-12);
    CHECK_NEAR(imr_nn_angle(x, x, C), 0, 1e-12);
    CHECK(isnan(imr_nn_angle(x, zero, C)));
}

TEST("the inverse of a length is 0 where there is none to speak of")
{
    const float v[] = {3, 4}, zeros[] = {0, 0}, nearly[] = {1e-13f, 0};
    CHECK(imr_nn_inverse_norm(v, 2) == 0.2f);
    CHECK(imr_nn_inverse_norm(zeros, 2) == 0);
    CHECK(imr_nn_inverse_norm(nearly, 2) == 0);
}
