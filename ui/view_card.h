/*
 * ui/view_card.h - what stands in place of a ranking: nothing yet, loading, failed, too small.
 */
#ifndef UI_VIEW_CARD_H
#define UI_VIEW_CARD_H

#include "session/async.h"
#include "ui/offers.h"
#include "ui/surface.h"

void ui_draw_too_small(ui_surface s, const char *job);
/* error: status IMR_OK, or why what was typed has no ranking. */
void ui_draw_empty(ui_surface s, const imr_session_facts *facts, const ui_offers *offers,
                   const imr_error *error, const char *intro, bool editing);
void ui_draw_loading(ui_surface s, const imr_async_progress *progress, const char *intro);
void ui_draw_failed(ui_surface s, const imr_error *error);

/* Words nobody knows are no error, a broken file is. */
static inline ui_role ui_query_error_role(const imr_error *e)
{
    return e->status == IMR_OK || e->status == IMR_E_UNSUPPORTED ? UI_STRONG : UI_ERROR;
}

#endif
