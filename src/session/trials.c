/* Taking words out of the texts of a query and a document: session/carry.h. */

#include "math/random.h"
#include "session/internal.h"
#include "text/utf8.h"

enum { WORDS = 3, DRAWS = 2, QUERY_DRAWS = 8, STAGES = 2 };
enum { TRIALS = STAGES * (IMR_CARRY_COUNT + DRAWS + QUERY_DRAWS) };

#define SEED 0x9e3779b97f4a7c15u

/* ---- which words ---- */

/* The words of a text that may be taken out: places in the pairs' words, the largest share first. */
typedef struct takes {
    const imr_reading *of;
    const imr_pair_word *words;
    const uint32_t *place;   /* [tokens read]: whose word */
    uint32_t *order, *drawn; /* drawn: in the order of the text, then at random */
    size_t n;
} takes;

typedef struct trials {
    takes from[2]; /* the document, the query */
    struct trial {
        imr_stage stage;
        imr_carry_kind kind;
        uint32_t gone[WORDS];
        size_t n, text;
    } v[TRIALS];
    size_t n;
    imr_buf *texts; /* what is left in each of n_texts, up to its end; each once */
    size_t n_texts, end[TRIALS];
} trials;

static bool is_plain(const imr_pair_word *w)
{
    const size_t len = strlen(w->text);
    size_t letters = 0;
    for (size_t at = 0; at < len; letters++) {
        uint32_t c = 0;
        at += imr_utf8_decode(w->text + at, len - at, &c);
        if (!imr_utf8_is_letter(c))
            return false;
    }
    return letters >= 3 && !w->special;
}

/* order [2n] */
static takes find(uint32_t *order, const imr_reading *of, const imr_pair_word *words, size_t n,
                  const uint32_t *place, imr_stage stage)
{
    takes out = {of, words, place, order, order + n, 0};
    for (uint32_t i = 0; i < n; i++) {
        if (!is_plain(&words[i]))
            continue;
        size_t at = out.n++;
        out.drawn[at] = i;
        for (; at > 0 && words[i].total[stage] > words[order[at - 1]].total[stage]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return out;
}

static void add(trials *t, imr_stage stage, imr_carry_kind kind, const uint32_t *gone, size_t n)
{
    struct trial *v = &t->v[t->n];
    const takes *from = &t->from[kind >= IMR_CARRY_QUERY_TOP];
    const size_t start = t->texts->len;
    if (!n)
        return;
    *v = (struct trial){.stage = stage, .kind = kind, .n = n};
    memcpy(v->gone, gone, n * sizeof *gone);
    imr_deletion_text(t->texts, imr_buf_text(&from->of->text), from->of->read_end,
                      &from->of->sum.tokens, from->place, gone, n);
    const size_t len = t->texts->len - start;
    for (size_t at = 0; v->text < t->n_texts; at = t->end[v->text++])
        if (t->end[v->text] - at == len &&
            memcmp(imr_buf_text(t->texts) + at, imr_buf_text(t->texts) + start, len) == 0)
            break;
    if (v->text < t->n_texts)
        t->texts->len = start;
    else
        t->end[t->n_texts++] = t->texts->len;
    t->n++;
}

/* Those the query has too, in the order of its text. */
static void add_common(trials *t, imr_stage stage, const imr_pairs *p)
{
    const takes *d = &t->from[0];
    uint32_t gone[WORDS];
    size_t n = 0;
    for (size_t q = 0; q < p->n_query && n < WORDS; q++)
        for (size_t i = 0; i < d->n && !p->query[q].special; i++)
            if (strcmp(d->words[d->order[i]].text, p->query[q].text) == 0) {
                gone[n++] = d->order[i];
                break;
            }
    add(t, stage, IMR_CARRY_COMMON, gone, n);
}

/* Nothing where all there is would be taken at random as well; of a query that was pushed along a
 * word (session/whatif.h) its text says too little. */
static void plan(trials *t, imr_stage stage, const imr_pairs *p, uint32_t row, bool pushed)
{
    imr_random r;
    imr_random_init(&r, SEED + row);
    add_common(t, stage, p);
    for (int side = 0; side < 2; side++) {
        takes *from = &t->from[side];
        const imr_carry_kind top = side ? IMR_CARRY_QUERY_TOP : IMR_CARRY_TOP;
        const size_t n = side ? 1 : WORDS;
        if (from->n <= n || (side && pushed))
            continue;
        add(t, stage, top, from->order, n);
        if (!side)
            add(t, stage, IMR_CARRY_LEAST, from->order + from->n - n, n);
        for (size_t i = 0; i < (side ? QUERY_DRAWS : DRAWS) && (!side || i < from->n); i++) {
            if (!side || !i)
                imr_random_shuffle(&r, from->drawn, from->n);
            add(t, stage, top + 1, from->drawn + (side ? i : 0), n);
        }
    }
}

/* ---- what they take ---- */

imr_status imr_carry_fill(imr_detail *d, const imr_session *s, const imr_trace *t,
                          const imr_reading *document, const imr_progress *progress, imr_error *err)
{
    imr_progress_part part = {progress, "taking words out", 0, 0};
    const imr_progress inner = {imr_progress_part_step, &part};
    const uint32_t row = imr_trace_at(t, d->place)->row;
    const imr_pairs *p = &d->why.pairs;
    const size_t n = t->run.n;
    IMR_AUTOFREE float *base = IMR_NEW_ARRAY(float, (TRIALS + 1) * n);
    IMR_AUTOBUF imr_buf text = {0}, texts = {0};
    IMR_AUTOFREE uint32_t *order = IMR_NEW_ARRAY(uint32_t, 2 * (p->n_document + p->n_query));
    imr_carry *made[IMR_STAGE_COUNT] = {0};
    double draws[IMR_STAGE_COUNT][IMR_CARRY_COUNT] = {0};
    float found[TRIALS][IMR_STAGE_COUNT], *own = base + TRIALS * n;
    trials all = {.texts = &texts};
    IMR_NEED(base && order, err);
    for (imr_stage k = IMR_STAGE_ENCODER; k < IMR_STAGE_COUNT; k += IMR_STAGE_AFTER) {
        if (p->problem[0] || !p->centred[k])
            continue;
        IMR_NEED(made[k] = IMR_ARENA_ARRAY(d->arena, imr_carry, 1), err);
        d->why.carry[k] = made[k];
        made[k]->lead = d->why.standing[k];
        all.from[0] = find(order, document, p->document, p->n_document, p->document_place, k);
        all.from[1] =
            find(order + 2 * p->n_document, &s->query, p->query, p->n_query, p->query_place, k);
        plan(&all, k, p, row, t->push != NULL);
    }
    if (!all.n)
        return IMR_OK;
    IMR_TRY(imr_deletion_encode(base, s, &texts, all.end, all.n_texts, &inner, err));
    IMR_TRY(imr_deletion_score(found, s, t, imr_view_of(base, all.n_texts, n), err));
    IMR_TRY(imr_cache_read_rows(imr_cache_of(s, t), row, 1, own, err));
    for (size_t i = 0; i < all.n; i++) {
        const struct trial *v = &all.v[i];
        const bool of_query = v->kind >= IMR_CARRY_QUERY_TOP;
        imr_carry *c = made[v->stage];
        double left = (double)found[v->text][v->stage] - t->reference[v->stage].mean;
        if (of_query)
            IMR_TRY(
                imr_session_ahead(&left, s, t, d->place, own, base + v->text * n, v->stage, err));
        const double fall = c->lead - left / t->reference[v->stage].sd;
        c->of[v->kind].fall += (fall - c->of[v->kind].fall) / ++draws[v->stage][v->kind];
        for (size_t k = 0; k < v->n; k++)
            imr_buf_printf(&text, "%s%s", k ? ", " : "", all.from[of_query].words[v->gone[k]].text);
        IMR_TRY(imr_buf_keep(&c->of[v->kind].words, &text, d->arena, err));
    }
    return IMR_OK;
}
