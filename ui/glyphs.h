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

/* name, Unicode, ASCII */
/* clang-format off */
#define UI_GLYPHS(X) \
    X(ellipsis, "…", "~") \
    X(arrow, "→", "->") \
    X(minus, "−", "-") \
    X(none, "–", "-")              /* no value */ \
    X(hub, "°", "*")               /* behind a word that is near everything */ \
    X(pair, "~", "~")              /* between two words that met */ \
    X(delta, "Δ", "d") \
    X(middot, "·", "-") \
    X(prompt, "›", ">") \
    X(tau, "τ", "tau") \
    X(up, "▲", "^")                /* moves */ \
    X(down, "▼", "v") \
    X(same, "=", "=") \
    X(relevant, "★", "*") \
    X(judged, "·", ".")            /* judged not relevant; a share that is next to nothing */ \
    X(cursor, "▌", ">") \
    X(pin, "●", "o") \
    X(updown, "↑↓", "Up/Dn")       /* the two arrow keys in a hint */ \
    X(dash, "┄", "-")              /* a dotted rule */ \
    X(h, "─", "-")                 /* light borders */ \
    X(v, "│", "|") \
    X(tl, "┌", "+") \
    X(tr, "┐", "+") \
    X(bl, "└", "+") \
    X(br, "┘", "+") \
    X(left_tee, "├", "+") \
    X(right_tee, "┤", "+") \
    X(hh, "━", "=")                /* heavy borders */ \
    X(hv, "┃", "#") \
    X(htl, "┏", "#") \
    X(htr, "┓", "#") \
    X(hbl, "┗", "#") \
    X(hbr, "┛", "#") \
    X(hleft_tee, "┠", "#") \
    X(hright_tee, "┨", "#")
/* clang-format on */

typedef struct ui_glyphs {
    bool ascii;
#define X(name, unicode, ascii) const char *name;
    UI_GLYPHS(X)
#undef X
    const char *eighths[9]; /* left blocks of 0 to 8 eighths */
} ui_glyphs;

const ui_glyphs *ui_glyphs_unicode(void);
const ui_glyphs *ui_glyphs_ascii(void);

/* One 7-bit character standing for a code point above 0x7f; '?' where nothing is close. */
char ui_glyph_ascii(uint32_t code);

#endif
