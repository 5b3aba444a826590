/* Every pooling, alone and concatenated, followed by every order of Normalize and Dense, against
 * plain loops in double over the twin's hidden layer; and the same token by token. */
#include "encoder/token_sum.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

enum { D = 8, MODES = 4, WIDEST = MODES * D, OUT = 5 };

static const char *const keys[MODES] = {"pooling_mode_cls_token", "pooling_mode_max_tokens",
                                        "pooling_mode_mean_tokens",
                                        "pooling_mode_mean_sqrt_len_tokens"};

/* The vector of the modes whose bit is set, in the order of `keys`; its width. */
static size_t pool(double *out, unsigned modes, const double *x, size_t n)
{
    size_t width = 0;
    for (unsigned mode = 0; mode < MODES; mode++) {
        if (!(modes >> mode & 1))
            continue;
        for (size_t j = 0; j < D; j++) {
            double sum = 0, most = x[j];
            for (size_t i = 0; i < n; i++) {
                sum += x[i * D + j];
                most = fmax(most, x[i * D + j]);
            }
            out[width++] = mode == 0   ? x[j]
                           : mode == 1 ? most
                           : mode == 2 ? sum / (double)n
                                       : sum / sqrt((double)n);
        }
    }
    return width;
}

static void normalise(double *v, size_t n)
{
    double square = 0;
    for (size_t j = 0; j < n; j++)
        square += v[j] * v[j];
    for (size_t j = 0; j < n; j++)
        v[j] /= sqrt(square);
}

static void dense(double *v, size_t *n, const float *w, const float *bias, bool identity)
{
    double out[OUT];
    for (size_t o = 0; o < OUT; o++) {
        out[o] = (double)bias[o];
        for (size_t j = 0; j < *n; j++)
            out[o] += (double)w[o * *n + j] * v[j];
        if (!identity)
            out[o] = tanh(out[o]);
    }
    memcpy(v, out, sizeof out);
    *n = OUT;
}

static void put_folder(const tiny *t, unsigned modes, const char *chain, size_t width,
                       const float *w, const float *bias, bool identity)
{
    imr_buf pooling = {0}, more = {0}, config = {0};
    imr_buf_printf(&pooling, "{\"word_embedding_dimension\":%d", D);
    for (unsigned mode = 0; mode < MODES; mode++)
        imr_buf_printf(&pooling, ",\"%s\":%s", keys[mode], modes >> mode & 1 ? "true" : "false");
    imr_buf_char(&pooling, '}');
    for (const char *c = chain; *c; c++)
        imr_buf_printf(&more, ",{\"path\":\"2_%s\",\"type\":\"x.%s\"}", *c == 'N' ? "N" : "Dense",
                       *c == 'N' ? "Normalize" : "Dense");
    tiny_modules(t, imr_buf_text(&pooling), more.len ? imr_buf_text(&more) : "");
    imr_buf_printf(&config, "{\"in_features\":%zu,\"out_features\":%d%s}", width, OUT,
                   identity ? ",\"activation_function\":\"torch.nn.modules.linear.Identity\"" : "");
    char dir[600];
    snprintf(dir, sizeof dir, "%s/2_Dense", t->dir);
    imr_torch_item items[] = {item_2d("linear.weight", w, OUT, width),
                              {.name = "linear.bias", .data = bias, .rank = 1, .shape = {OUT}}};
    put_tensors(dir, items, 2);
    put_file(dir, "config.json", imr_buf_text(&config));
    imr_buf_done(&pooling);
    imr_buf_done(&more);
    imr_buf_done(&config);
}

/* The rows of the sum: each token's part by the definition, all of them after each module. */
static void sum_of_twin(double rows[][WIDEST], size_t tokens, unsigned modes, const char *chain,
                        const double *x, const float *w, const float *bias)
{
    size_t n = 0;
    memset(rows, 0, (tokens + 1) * sizeof *rows);
    for (size_t b = 0; b < tokens; b++) {
        double *at = rows[b];
        for (unsigned mode = 2; mode < MODES; mode++)
            for (size_t j = 0; j < D && modes >> mode & 1; j++)
                *at++ = x[b * D + j] / (mode == 2 ? (double)tokens : sqrt((double)tokens));
        n = (size_t)(at - rows[b]);
    }
    for (; *chain; chain++) {
        double sum[WIDEST] = {0}, square = 0;
        const size_t before = n;
        static const float none[OUT];
        for (size_t b = 0; b <= tokens && *chain == 'D'; b++) {
            n = before;
            dense(rows[b], &n, w, b < tokens ? none : bias, true);
        }
        for (size_t b = 0; b <= tokens; b++)
            for (size_t j = 0; j < n; j++)
                sum[j] += rows[b][j];
        for (size_t j = 0; j < n; j++)
            square += sum[j] * sum[j];
        for (size_t b = 0; b <= tokens && *chain == 'N'; b++)
            for (size_t j = 0; j < n; j++)
                rows[b][j] /= sqrt(square);
    }
}

static void check_sum(const imr_encoder *e, const char *text, const float *vector, unsigned modes,
                      const char *chain, const double *x, const float *w, const float *bias,
                      bool identity)
{
    imr_token_sum s = {0};
    double rows[6][WIDEST];
    const char *problem = imr_encoder_sum_problem(e);
    const bool none = modes & 3 || (!identity && strchr(chain, 'D'));
    CHECK((*problem != '\0') == none);
    imr_status status = imr_encoder_token_sum(&s, e, text, strlen(text), NULL, &err);
    CHECK_INT(status, none ? IMR_E_UNSUPPORTED : IMR_OK);
    if (none) {
        CHECK_STR(err.text, problem);
        CHECK(!s.rows);
        return;
    }
    sum_of_twin(rows, 5, modes, chain, x, w, bias);
    CHECK_INT(s.tokens.n, 5);
    for (size_t j = 0; j < s.n; j++) {
        double sum = (double)s.extra[j];
        for (size_t b = 0; b < 5; b++) {
            sum += (double)s.rows[b * s.n + j];
            CHECK_NEAR(s.rows[b * s.n + j], rows[b][j], 1e-5);
        }
        CHECK_NEAR(s.extra[j], rows[5][j], 1e-5);
        CHECK_NEAR(sum, vector[j], 1e-6 * fmax(1, fabs((double)vector[j])));
    }
    imr_token_sum_done(&s);
}

TEST("every pooling with every order of Normalize and Dense equals plain loops in double, and is "
     "the sum of "
     "its tokens where it can be")
{
    static const char *const chains[] = {"", "N", "D", "ND", "DN", "NDN", "NN"};
    static const uint32_t ids[5] = {2, 4, 5, 6, 3};
    static const char text[] = "wa wb wc";
    float w[OUT * WIDEST], bias[OUT], found[WIDEST], want[WIDEST];
    for (int mpnet = 0; mpnet < 2; mpnet++) {
        tiny t = tiny_new(mpnet, D, 2, 12, 10);
        char dir[512]; /* what keep() holds is reused */
        snprintf(dir, sizeof dir, "%s", t.dir);
        t.dir = dir;
        imr_random_fill_normal(&t.random, w, OUT * WIDEST, 0.3);
        imr_random_fill_normal(&t.random, bias, OUT, 0.3);
        const uint32_t framed[5] = {mpnet ? 0 : 2, 4, 5, 6, mpnet ? 2 : 3};
        double *x = twin_forward(&t, mpnet ? framed : ids, 5), v[WIDEST];
        for (unsigned modes = 1; modes < 1u << MODES; modes++)
            for (size_t c = 0; c < 2 * IMR_LEN(chains); c++) {
                const bool identity = c & 1;
                const char *chain = chains[c / 2];
                size_t n = pool(v, modes, x, 5);
                put_folder(&t, modes, chain, n, w, bias, identity);
                for (const char *step = chain; *step; step++) {
                    if (*step == 'N')
                        normalise(v, n);
                    else
                        dense(v, &n, w, bias, identity);
                }
                imr_encoder *e = NULL;
                const char *texts[] = {text};
                const size_t len = sizeof text - 1;
                const uint32_t token = 7;
                CHECK_OK(imr_encoder_open(&e, t.dir, NULL, &err));
                CHECK_INT(e->dim, n);
                CHECK_OK(imr_encoder_encode(e, texts, &len, 1, found, NULL, NULL, &err));
                for (size_t j = 0; j < n; j++)
                    want[j] = (float)v[j];
                /* float32 through two layers of values of order 1 */
                CHECK_ALL_NEAR(found, want, n, 1e-5);
                check_sum(e, text, found, modes, chain, x, w, bias, identity);
                CHECK_OK(imr_encoder_encode_tokens(e, &token, 1, found, NULL, &err));
                imr_encoder_free(e);
            }
        free(x);
        tiny_done(&t);
    }
}
