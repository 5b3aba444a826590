/* Two documents, queries or adapters against each other: their details, and what these differ in. */

#include "explain/word_list.h"
#include "session/internal.h"

#define ROUNDING 1e-5 /* of two unit vectors in float32 */

/* The kind contrast, which needs both changes in one space. */
static imr_status put_into_words(imr_comparison *c, imr_session *s, const imr_progress *progress,
                                 imr_error *err)
{
    static const imr_change_kind kinds[] = {IMR_CHANGE_CONTRAST};
    const bool documents = c->why.of == IMR_COMPARE_DOCUMENTS;
    const imr_why_run *run[2] = {&c->trace[0]->run, &c->trace[1]->run};
    const size_t m = run[0]->m, n = run[0]->n, dim = m ? m : n;
    if (c->why.of == IMR_COMPARE_ADAPTERS || !s->words.told ||
        (m && documents && (c->place[0] >= run[0]->k || c->place[1] >= run[0]->k)))
        return IMR_OK;
    IMR_AUTOFREE float *base = IMR_NEW_ARRAY(float, 3 * n);
    IMR_AUTOFREE double *change = IMR_NEW_ARRAY(double, 2 * dim);
    const float *before[2], *after[2];
    double square = 0;
    IMR_NEED(base && change, err);
    for (size_t i = 0; i < 2; i++) {
        const imr_why_run *r = run[i];
        float *alone = base + i * n; /* without an adapter a vector comes from nothing */
        before[i] = !m ? base + 2 * n : documents ? r->d + c->place[i] * m : r->q;
        after[i] = !m ? alone : documents ? r->d_after + c->place[i] * m : r->q_after;
        if (!m && documents)
            IMR_TRY(imr_cache_read_rows(imr_cache_of(s, c->trace[i]),
                                        imr_trace_at(c->trace[i], c->place[i])->row, 1, alone,
                                        err));
        else if (!m)
            memcpy(alone, r->query_base, n * sizeof *alone);
        imr_change_delta(change + i * dim, IMR_CHANGE_UNIT, before[i], after[i], dim);
    }
    double *common = change + dim;
    for (size_t j = 0; j < dim; j++)
        square += (change[j] - common[j]) * (change[j] - common[j]);
    if (square < ROUNDING * ROUNDING)
        return IMR_OK; /* equal texts: what is left is no word */
    const imr_why_table *told = &s->words.told->why;
    const imr_trace_settings *o = &c->trace[0]->settings;
    const imr_word_subject subject = {.before = before[0],
                                      .after = after[0],
                                      .common = common,
                                      .background = run[0]->other_adapter ? NULL
                                                    : documents           ? told->document
                                                                          : told->query};
    const imr_word_settings settings = {kinds, 1, o->order, o->tokens};
    imr_word_list lists[1][IMR_CHANGE_COUNT] = {0};
    IMR_TRY(imr_word_lists(lists, told->lens, &subject, 1, &settings, c->arena, progress, err));
    c->contrast = lists[0][IMR_CHANGE_CONTRAST];
    return IMR_OK;
}

static imr_status fill(imr_comparison *c, imr_session *s, const imr_progress *progress,
                       imr_error *err)
{
    imr_compare_side side[2];
    const uint64_t apart = c->trace[0]->number ^ c->trace[1]->number;
    const imr_compare_of of = apart >> 32 ? IMR_COMPARE_ADAPTERS
                              : apart     ? IMR_COMPARE_QUERIES
                                          : IMR_COMPARE_DOCUMENTS;
    for (size_t i = 0; i < 2; i++) {
        const imr_trace_document *d = imr_trace_at(c->trace[i], c->place[i]);
        IMR_TRY(imr_session_detail(s, c->trace[i], c->place[i], IMR_DETAIL_WORDS, progress,
                                   &c->detail[i], err));
        side[i].why = &c->detail[i]->why;
        memcpy(side[i].rank, d->rank, sizeof side[i].rank);
        memcpy(side[i].similarity, d->sim, sizeof side[i].similarity);
    }
    IMR_TRY(imr_compare_make(&c->why, of, side, c->arena, err));
    return put_into_words(c, imr_session_of(s, c->trace[0]), progress, err);
}

imr_status imr_session_compare(imr_comparison **out, imr_session *s, const imr_trace *t,
                               const size_t place[2], const imr_progress *progress, imr_error *err)
{
    imr_arena *arena;
    const char *id = imr_trace_at(t, place[0])->id;
    const bool one = place[0] == place[1];
    IMR_CLEANUP(imr_comparison_free_at) imr_comparison *c = imr_arena_begin(&arena, sizeof *c);
    IMR_NEED(c, err);
    c->arena = arena;
    if (one && !t->beside)
        return imr_fail(err, IMR_E_USAGE, "A and B are the same document, %s", id);
    for (int i = 0; i < 2; i++) {
        const imr_trace *of = one ? imr_trace_side(t, i) : t;
        c->trace[i] = imr_trace_share(of);
        c->place[i] = of == t ? place[i] : imr_trace_place(of, id);
        if (c->place[i] == SIZE_MAX)
            return imr_fail(err, IMR_E_NOT_FOUND,
                            "%s is not among the %zu listed for %c: there is nothing to compare; "
                            "a larger --feedback-k lists more",
                            id, of->n_documents, "AB"[i]);
    }
    IMR_TRY(fill(c, s, progress, err));
    return IMR_GIVE(out, c);
}
