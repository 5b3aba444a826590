/*
 * ui/glyphs.h - the two glyph sets, Unicode and 7-bit.
 *
 * Views take their marks from the set in use, so that a screen in ASCII is designed, not
 * approximated. What a document brings is mapped cell by cell when it is put (ui_glyph_ascii).
 */
#ifndef UI_GLYPHS_H
#define UI_GLYPHS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ui_glyphs {
    bool ascii;
    const char *ellipsis, *arrow, *minus, *none, *delta, *middot, *prompt, *tau;
    const char *up, *down, *same; /* moves */
    const char *hub;              /* behind a word that is near everything */
    const char *pair;             /* between two words that met */
    const char *relevant, *judged, *cursor, *pin, *tick;
    const char *updown;     /* the two arrow keys in a hint */
    const char *dash;       /* the line inside "tokens between" */
    const char *eighths[9]; /* left blocks of 0 to 8 eighths */
    const char *h, *v, *tl, *tr, *bl, *br, *left_tee, *right_tee;         /* light */
    const char *hh, *hv, *htl, *htr, *hbl, *hbr, *hleft_tee, *hright_tee; /* heavy */
    const char *spinner[10];
} ui_glyphs;

const ui_glyphs *ui_glyphs_unicode(void);
const ui_glyphs *ui_glyphs_ascii(void);

/* One 7-bit character standing for a code point above 0x7f; '?' where nothing is close. */
char ui_glyph_ascii(uint32_t code);

#endif
