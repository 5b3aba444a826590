/* Do the words carry it: deletion tests as text and as JSON (imrnn.deletion/1). */
#include "base/number.h"
#include "format/json.h"
#include "report/formats.h"

static void fall(imr_buf *out, const char *label, const imr_spread *s, const char *words)
{
    if (!s->n)
        return;
    imr_buf_printf(out, "    %-16s %7s", label, IMR_SIGNED(imr_spread_mean(s), 2));
    if (s->n > 1)
        imr_buf_printf(out, "  s.e. %s  n %zu", IMR_FIXED(imr_spread_error(s), 2), s->n);
    imr_buf_printf(out, "%s%s\n", words ? "  " : "", words ? words : "");
}

static void pairs(imr_buf *out, const imr_report_deletion *r, imr_stage stage, size_t width)
{
    const imr_carry_table *t = &r->stage[stage];
    const imr_detail *one = r->queries == 1 ? r->tested[stage] : NULL;
    if (!t->lead.n)
        return;
    imr_buf_printf(out, "\nWord pairs, stage %s; the first document %s%s%s\n",
                   imr_stage_names[stage], stage == IMR_STAGE_ENCODER ? "for the encoder" : "now",
                   one ? ": " : "", one ? one->document_id : "");
    fall(out, "its lead, sd", &t->lead, NULL);
    imr_buf_str(out, "  falls without words of the document or the query by their shares\n");
    for (int k = 0; k < IMR_CARRY_COUNT; k++)
        fall(out, imr_carry_names[k], &t->fall[k], one ? one->why.carry[stage]->of[k].words : NULL);
    for (int side = 0; side < 2; side++) {
        IMR_AUTOBUF imr_buf line = {0};
        imr_carry_say(&line, t, side);
        imr_buf_str(out, line.len ? "  " : "");
        if (line.len)
            imr_report_wrap(out, imr_buf_text(&line), 2, 2, width);
    }
}

static void words(imr_buf *out, const imr_faith *f, size_t width)
{
    if (!f->n || !f->rows[0].v[IMR_FAITH_TAU].n)
        return;
    const imr_text head =
        imr_textf("Words of the first document's change: the directions of its first %d taken out "
                  "of every document's modulation, beside random ones (%d draws, s.d. in "
                  "brackets); tau and first ten with the ranking now, fall of the lead in sd",
                  IMR_FAITH_WORDS, IMR_FAITH_DRAWS);
    imr_buf_char(out, '\n');
    imr_report_wrap(out, head.s, 0, 0, width);
    imr_buf_str(out, "  table    kind   tau   random        ten   random  fall  random\n");
    for (size_t i = 0; i < f->n; i++) {
        const imr_faith_row *r = &f->rows[i];
        double v[IMR_FAITH_COUNT];
        for (int k = 0; k < IMR_FAITH_COUNT; k++)
            v[k] = imr_spread_mean(&r->v[k]);
        imr_buf_printf(out, "  %-8s %-5s %s  %s [%s]  %s  %s  %s  %s  n %zu\n    %s\n", r->table,
                       imr_change_kind_names[r->kind], IMR_SIGNED(v[IMR_FAITH_TAU], 2),
                       IMR_SIGNED(v[IMR_FAITH_TAU_RANDOM], 2), IMR_FIXED(v[IMR_FAITH_DRAWN], 2),
                       IMR_SIGNED(v[IMR_FAITH_OVERLAP], 2),
                       IMR_SIGNED(v[IMR_FAITH_OVERLAP_RANDOM], 2), IMR_SIGNED(v[IMR_FAITH_FALL], 2),
                       IMR_SIGNED(v[IMR_FAITH_FALL_RANDOM], 2), r->v[IMR_FAITH_TAU].n,
                       imr_faith_holds(r)
                           ? "the words carry the change"
                           : "the words do not carry it, no more than random ones do");
    }
}

void imr_report_deletion_text(imr_buf *out, const imr_report_deletion *r, size_t width)
{
    imr_buf_printf(out, "Do the words carry it?  %zu %s\n", r->queries,
                   r->queries == 1 ? "query" : "queries");
    if (r->problem[0])
        imr_report_wrap(out, r->problem, 0, 0, width);
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
        pairs(out, r, k, width);
    words(out, &r->faith, width);
}

static void spread(imr_buf *out, const char *name, const imr_spread *s)
{
    imr_json_printf(out, ",%s:{'n':%zu,'mean':%g,'se':%g}", name, s->n, imr_spread_mean(s),
                    imr_spread_error(s));
}

void imr_report_deletion_json(imr_buf *out, const imr_report_deletion *r)
{
    static const char *const names[] = {"document_largest", "document_random", "document_smallest",
                                        "document_common",  "query_largest",   "query_random"};
    bool known;
    imr_json_printf(out, "{'schema':'imrnn.deletion/1','queries':%zu,'problem':%-s,'pairs':[",
                    r->queries, r->problem);
    for (imr_stage k = 0, n = 0; k < IMR_STAGE_COUNT; k++) {
        const imr_carry_table *t = &r->stage[k];
        if (!t->lead.n)
            continue;
        imr_buf_str(out, n++ ? ",\n" : "\n");
        imr_json_printf(out, "{'stage':%s,'document_carries':%hhd,'query_carries':%hhd",
                        imr_stage_names[k], imr_carry_holds(t, 0, &known),
                        imr_carry_holds(t, 1, &known));
        spread(out, "lead", &t->lead);
        for (int i = 0; i < IMR_CARRY_COUNT; i++)
            spread(out, names[i], &t->fall[i]);
        imr_buf_char(out, '}');
    }
    imr_json_printf(out, "],'words':[");
    for (size_t i = 0; i < r->faith.n; i++) {
        const imr_faith_row *w = &r->faith.rows[i];
        imr_buf_str(out, i ? ",\n" : "\n");
        imr_json_printf(out, "{'table':%s,'kind':%s,'carries':%hhd", w->table,
                        imr_change_kind_names[w->kind], imr_faith_holds(w));
        for (int k = 0; k < IMR_FAITH_COUNT; k++)
            spread(out, imr_faith_names[k], &w->v[k]);
        imr_buf_char(out, '}');
    }
    imr_buf_str(out, "]}\n");
}
