/*
 * ui/offers.h - queries that can be chosen: typed before, or of the cache.
 */
#ifndef UI_OFFERS_H
#define UI_OFFERS_H

#include <stddef.h>

typedef struct ui_offer {
    char *text, *query_id; /* query_id "" for a line of the history */
} ui_offer;

typedef struct ui_offers {
    ui_offer *v;
    size_t n, cap;
    size_t pick; /* the one under the cursor */
} ui_offers;

#endif
