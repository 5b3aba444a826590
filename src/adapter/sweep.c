#include "adapter/sweep.h"

#include <math.h>

#include "math/nn.h"
#include "math/scan.h"

enum { BLOCK = 1024, ROWS = IMR_SCAN_ROWS }; /* rows of a partial sum, and of a call of forms */
/* Blocks between two looks at progress: at most so many, of at most so many values. */
enum { PIECE_BLOCKS = 64, PIECE_VALUES = 1 << 24 };
#define WORTH_THREADS ((size_t)1 << 20) /* see nn.c */

/* Weights of the forms, [m] each: s ; s^2, 2 s b ; g^2 s^2, 2 g^2 s b ; g^2 s ; g be s ; t g s. */
enum { MEAN, VAR_U, VAR_V, A_U, A_V, B, C, SCORE, VECTORS };

/* They and the sums that do not depend on d, in the notation of sweep.h. */
typedef struct folded {
    float *v[VECTORS];
    double m, sum_b, sum_b2; /* of b and b^2 */
    double g2, g2b, g2b2;    /* of g^2 and so on */
    double gbe, gbeb, be2;
    double t_g, t_gb, t_be; /* t.g, t.(g b), t.be */
} folded;

/* What both sweeps know of a document. */
typedef struct moments {
    float mean[ROWS], inverse_sd[ROWS];
} moments;

static folded fold(float *vectors, const imr_weights *w, const imr_adapter_result *r)
{
    const size_t m = w->m;
    const float *g = imr_weight(w, IMR_W_DOC_NORM), *be = imr_weight(w, IMR_W_DOC_NORM_BIAS);
    folded f = {.m = (double)m};
    for (size_t k = 0; k < VECTORS; k++)
        f.v[k] = vectors + k * m;
    for (size_t j = 0; j < m; j++) {
        const double s = (double)r->scale_q[j], b = (double)r->bias_q[j];
        const double gj = (double)g[j], bej = (double)be[j], g2 = gj * gj;
        const double v[] = {s, s * s, 2 * s * b, g2 * s * s, 2 * g2 * s * b, g2 * s, gj * bej * s};
        for (size_t k = 0; k < IMR_LEN(v); k++)
            f.v[k][j] = (float)v[k];
        f.sum_b += b;
        f.sum_b2 += b * b;
        f.g2 += g2;
        f.g2b += g2 * b;
        f.g2b2 += g2 * b * b;
        f.gbe += gj * bej;
        f.gbeb += gj * bej * b;
        f.be2 += bej * bej;
    }
    return f;
}

/* Once q' is known. */
static void fold_query(folded *f, const imr_weights *w, const imr_adapter_result *r)
{
    const float *g = imr_weight(w, IMR_W_DOC_NORM), *be = imr_weight(w, IMR_W_DOC_NORM_BIAS);
    float *score = f->v[SCORE];
    imr_nn_unit(score, r->q_mod, w->m);
    for (size_t j = 0; j < w->m; j++) {
        const double t = (double)score[j];
        f->t_g += t * (double)g[j];
        f->t_gb += t * (double)g[j] * (double)r->bias_q[j];
        f->t_be += t * (double)be[j];
        score[j] = (float)(t * (double)g[j] * (double)r->scale_q[j]);
    }
}

/* ---- from forms to numbers, row by row; a comparison is written so that NaN stays NaN ---- */

/* linear = s.d, quadratic = s^2.d^2 + 2 (s b).d */
IMR_CPU_CLONES
static void moments_of(moments *out, const folded *f, const float *linear, const float *quadratic)
{
    const double m = f->m;
#pragma omp simd
    for (size_t i = 0; i < ROWS; i++) {
        const double mean = ((double)linear[i] + f->sum_b) / m;
        const double var = ((double)quadratic[i] + f->sum_b2) / m - mean * mean;
        out->mean[i] = (float)mean;
        out->inverse_sd[i] = (float)(1 / sqrt((var < 0 ? 0 : var) + IMR_NN_LAYERNORM_EPS));
    }
}

/* dot = (t g s).d; a, b, c: what of A, B, C depends on d */
IMR_CPU_CLONES
static void scores_of(float *out, const folded *f, const moments *mo, const float *dot,
                      const float *a, const float *b, const float *c)
{
#pragma omp simd
    for (size_t i = 0; i < ROWS; i++) {
        const double mean = (double)mo->mean[i], inverse = (double)mo->inverse_sd[i];
        const double first =
            (double)a[i] + f->g2b2 - 2 * mean * ((double)b[i] + f->g2b) + mean * mean * f->g2;
        const double second = (double)c[i] + f->gbeb - mean * f->gbe;
        const double square = (first * inverse + 2 * second) * inverse + f->be2;
        const double norm = sqrt(square < 0 ? 0 : square);
        const double along = ((double)dot[i] + f->t_gb - mean * f->t_g) * inverse + f->t_be;
        out[i] = (float)(along / (norm < IMR_NN_UNIT_FLOOR ? IMR_NN_UNIT_FLOOR : norm));
    }
}

/* ---- sweeps ---- */

/* A block's part of G, a and c. */
typedef struct part {
    double a, c;
} part;

typedef struct sweep {
    const imr_scan_kernels *kernels;
    imr_rows d;
    size_t blocks;
    folded f;
    imr_forms forms;
    moments *of; /* one for each ROWS documents */
    float *sums; /* [blocks,m] G */
    part *parts; /* [blocks] */
    float *after;
} sweep;

static size_t documents_before(const sweep *s, size_t block)
{
    return block * BLOCK < s->d.rows ? block * BLOCK : s->d.rows;
}

/* A block of the sweep's kind: the moments and a part of the sums, the scores from moments kept, or
 * both at once, q' being known. Of the last of the forms' 16 rows some may not exist: what they hold
 * is old, but finite or not, nobody looks at it. */
static void read_block(const sweep *s, size_t block)
{
    const size_t end = documents_before(s, block + 1);
    const bool first = s->forms.kind == IMR_FORMS_1_1, only = s->forms.kind == IMR_FORMS_4_2;
    float out[IMR_SCAN_FORMS * ROWS] = {0}, scores[ROWS];
    const size_t form = only ? 4 : first ? 1 : 3; /* of the quadratic ones, the first */
    const float *dot = only ? out + ROWS : out, *quadratic = out + form * ROWS;
    moments own = {0};
    part p = {0};
    for (size_t i = block * BLOCK; i < end; i += ROWS) {
        const size_t n = end - i < ROWS ? end - i : ROWS;
        const imr_rows rows = imr_rows_slice(s->d, i, n);
        moments *mo = only ? &own : &s->of[i / ROWS];
        s->kernels->forms(out, &s->forms, rows);
        if (first || only)
            moments_of(mo, &s->f, out, quadratic);
        for (size_t k = 0; first && k < n; k++) {
            p.a += (double)mo->inverse_sd[k];
            p.c += (double)mo->mean[k] * (double)mo->inverse_sd[k];
        }
        if (first) {
            s->kernels->add(s->sums + block * s->d.cols, rows, mo->inverse_sd);
            continue;
        }
        scores_of(scores, &s->f, mo, dot, quadratic + only * ROWS, dot + ROWS, dot + 2 * ROWS);
        memcpy(s->after + i, scores, n * sizeof *scores);
    }
    if (first)
        s->parts[block] = p;
}

/* Mean of d' from the blocks' sums; total [m] of memory. */
static void finish_mean(float *mean, double *total, const imr_weights *w,
                        const imr_adapter_result *r, const sweep *s)
{
    const float *g = imr_weight(w, IMR_W_DOC_NORM), *be = imr_weight(w, IMR_W_DOC_NORM_BIAS);
    const double n = (double)s->d.rows;
    double a = 0, c = 0;
    memset(total, 0, w->m * sizeof *total);
    for (size_t b = 0; b < s->blocks; b++) {
        a += s->parts[b].a;
        c += s->parts[b].c;
        for (size_t j = 0; j < w->m; j++)
            total[j] += (double)s->sums[b * w->m + j];
    }
    for (size_t j = 0; j < w->m; j++) {
        const double inner = (double)r->scale_q[j] * total[j] + (double)r->bias_q[j] * a - c;
        mean[j] = (float)((double)g[j] * inner / n + (double)be[j]);
    }
}

/* End of the piece that begins at this block. */
static size_t piece_end(const sweep *s, size_t block)
{
    const size_t fit = PIECE_VALUES / (BLOCK * s->d.cols) + 1;
    const size_t n = fit < PIECE_BLOCKS ? fit : PIECE_BLOCKS;
    return s->blocks - block < n ? s->blocks : block + n;
}

static imr_status read_all(const sweep *s, const char *what, const imr_progress *progress,
                           imr_error *err)
{
    for (size_t at = 0, end; at < s->blocks; at = end) {
        end = piece_end(s, at);
#pragma omp parallel for schedule(dynamic) if (s->d.rows * s->d.cols > WORTH_THREADS)
        for (size_t b = at; b < end; b++)
            read_block(s, b);
        if (!imr_progress_step(progress, what, documents_before(s, end), s->d.rows))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
    }
    return IMR_OK;
}

imr_status imr_sweep_diagonal(const imr_weights *w, imr_rows d, imr_adapter_result *r, float *after,
                              const imr_progress *progress, imr_error *err)
{
    const size_t m = w->m, blocks = (d.rows + BLOCK - 1) / BLOCK;
    IMR_AUTOFREE float *vectors = imr_alloc_aligned(VECTORS * m, sizeof *vectors);
    IMR_AUTOFREE double *total = imr_alloc(m, sizeof *total);
    IMR_AUTOFREE float *sums = imr_alloc_aligned(blocks, m * sizeof *sums);
    IMR_AUTOFREE part *parts = imr_alloc(blocks, sizeof *parts);
    IMR_AUTOFREE moments *of = imr_alloc((d.rows + ROWS - 1) / ROWS, sizeof *of);
    IMR_NEED(vectors && total && sums && parts && of, err);
    sweep s = {.kernels = imr_scan_at(0),
               .d = d,
               .blocks = blocks,
               .f = fold(vectors, w, r),
               .of = of,
               .sums = sums,
               .parts = parts,
               .after = after};
    float *const *v = s.f.v;
    s.forms = (imr_forms){IMR_FORMS_1_1, {v[MEAN]}, {v[VAR_U]}, {v[VAR_V]}};
    IMR_TRY(read_all(&s, "averaging documents", progress, err));
    finish_mean(r->d_mean, total, w, r, &s);
    imr_run_doc_net(w, d, r);
    fold_query(&s.f, w, r);
    s.forms = (imr_forms){IMR_FORMS_3_1, {v[SCORE], v[B], v[C]}, {v[A_U]}, {v[A_V]}};
    return read_all(&s, "scoring documents", progress, err);
}

imr_status imr_sweep_score(const imr_weights *w, const imr_adapter_result *r, imr_rows d,
                           float *after, const imr_progress *progress, imr_error *err)
{
    IMR_AUTOFREE float *vectors = imr_alloc_aligned(VECTORS * w->m, sizeof *vectors);
    IMR_NEED(vectors, err);
    sweep s = {.kernels = imr_scan_at(0),
               .d = d,
               .blocks = (d.rows + BLOCK - 1) / BLOCK,
               .f = fold(vectors, w, r),
               .after = after};
    float *const *v = s.f.v;
    s.forms = (imr_forms){
        IMR_FORMS_4_2, {v[MEAN], v[SCORE], v[B], v[C]}, {v[VAR_U], v[A_U]}, {v[VAR_V], v[A_V]}};
    fold_query(&s.f, w, r);
    return read_all(&s, "scoring documents", progress, err);
}
