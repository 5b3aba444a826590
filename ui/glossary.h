/*
 * ui/glossary.h - the terms of ui/glossary.def as an enum and a table. Views tag the numbers they
 * draw with a term (ui_about), so that the screen can be asked what they are.
 */
#ifndef UI_GLOSSARY_H
#define UI_GLOSSARY_H

typedef enum ui_term_id {
    UI_TERM_NONE,
#define X(id, name, formula, range, good) UI_TERM_##id,
#include "ui/glossary.def"
#undef X
    UI_TERM_COUNT
} ui_term_id;

typedef struct ui_glossary_entry {
    const char *name, *formula, *range, *good;
} ui_glossary_entry;

/* Valid for every term but UI_TERM_NONE. */
static inline const ui_glossary_entry *ui_glossary_of(int term)
{
    static const ui_glossary_entry table[UI_TERM_COUNT] = {
#define X(id, name, formula, range, good) [UI_TERM_##id] = {name, formula, range, good},
#include "ui/glossary.def"
#undef X
    };
    return &table[term];
}

#endif
