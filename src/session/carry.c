#include "session/carry.h"

#include <math.h>

#include "base/number.h"

#define LEAST_ONE 0.3 /* sd, of one query */

const char *const imr_carry_names[] = {"3 largest",    "3 random",        "3 smallest",
                                       "in the query", "query's largest", "query's random"};

void imr_carry_add(imr_carry_table *t, const imr_carry *c)
{
    if (!c)
        return;
    imr_spread_add(&t->lead, c->lead);
    for (int k = 0; k < IMR_CARRY_COUNT; k++)
        if (c->of[k].words)
            imr_spread_add(&t->fall[k], c->of[k].fall);
    for (int k = 0; k < 2; k++) {
        const int top = k ? IMR_CARRY_QUERY_TOP : IMR_CARRY_TOP;
        if (c->of[top].words)
            imr_spread_add(&t->beats[k], c->of[top].fall - c->of[top + 1].fall);
    }
}

bool imr_carry_holds(const imr_carry_table *t, int side, bool *known)
{
    const imr_spread *top = &t->fall[side ? IMR_CARRY_QUERY_TOP : IMR_CARRY_TOP];
    const double mean = imr_spread_mean(&t->beats[side]);
    *known = top->n > 0;
    const double least = top->n > 1 ? 2 * imr_spread_error(&t->beats[side]) : LEAST_ONE;
    return *known && mean > least && mean > imr_spread_mean(top + 1);
}

void imr_carry_say(imr_buf *out, const imr_carry_table *t, int side)
{
    static const char *const what[2][2] = {
        {"three words of the document with the largest shares", "three random words of it"},
        {"word of the query with the largest share", "a random word of it"}};
    const imr_spread *top = &t->fall[side ? IMR_CARRY_QUERY_TOP : IMR_CARRY_TOP];
    bool known;
    const bool holds = imr_carry_holds(t, side, &known);
    if (!known)
        return;
    const double fall = imr_spread_mean(top), random = imr_spread_mean(top + 1);
    imr_buf_printf(out, "Without the %s its lead %s by %s sd, without %s it %s by %s: %s",
                   what[side][0], fall < 0 ? "rises" : "falls", IMR_FIXED(fabs(fall), 2),
                   what[side][1], random < 0 ? "rises" : "falls", IMR_FIXED(fabs(random), 2),
                   holds  ? "the words carry it."
                   : side ? "the word does not carry it, no more than random ones do."
                          : "the words do not carry it, no more than random ones do.");
}
