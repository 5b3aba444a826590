/* ui/menu.c */
#include "ui/menu.h"

#include <string.h>

#include "base/attr.h"
#include "ui/words.h"

static const ui_menu_item sort_items[] = {
    {'n', "now", "rank now"},
    {'p', "projected", "rank projected"},
    {'e', "encoder", "encoder's rank"},
    {'m', "move", "ranks moved"},
    {'l', "lift", "lift"},
    {'a', "abs", "|lift|"},
    {'d', "delta", "change of cosine"},
    {'c', "cos", "cosine now"},
    {'t', "title", "title"},
    {'i', "id", "id"},
};
static const ui_menu_item word_items[] = {{'s', "share", "largest share"},
                                          {'p', "place", "place in the text"},
                                          {'n', "name", "alphabet"}};
static const ui_menu_item filter_items[] = {
    {'w', "winners", "moved up"},
    {'l', "losers", "moved down"},
    {'m', "movers", "moved 10+"},
    {'e', "entered", "entered the top 10"},
    {'o', "left", "left the top 10"},
    {'r', "relevant", "relevant"},
    {'x', "lost", "relevant, left top 10"},
    {'t', "words", "title has"},
    {'n', "none", "all"},
};
static const ui_menu_item scope_items[] = {
    {'t', "rerank", "rerank the top"},
    {'a', "rescore", "rescore all"},
    {'c', "corpus", "corpus: all feed back"},
};
static const ui_menu_item export_items[] = {
    {'t', "text", "text, for reading"},
    {'j', "json", "JSON, for programs"},
};

#define ITEMS(list) (*n = IMR_LEN(list), list)

const ui_menu_item *ui_menu_items(ui_action menu, bool words, size_t *n)
{
    switch (menu) {
    case UI_DO_SORT:
        return words ? ITEMS(word_items) : ITEMS(sort_items);
    case UI_DO_FILTER:
        return ITEMS(filter_items);
    case UI_DO_SCOPE:
        return ITEMS(scope_items);
    case UI_DO_EXPORT:
        return ITEMS(export_items);
    default:
        *n = 0;
        return NULL;
    }
}

size_t ui_palette(const char *line, ui_action *out, size_t max)
{
    char name[64] = "";
    size_t n = strcspn(line, " "), found = 0;
    memcpy(name, line, n < sizeof name ? n : sizeof name - 1);
    for (int pass = 0; pass < 4; pass++)
        for (int i = 1; i < UI_ACTION_COUNT && found < max; i++) {
            const ui_action_info *info = ui_action_info_of((ui_action)i);
            if (info->group == UI_GROUP_EDIT || i == UI_DO_ESCAPE || i == UI_DO_TO_LIST)
                continue;
            bool whole = strcmp(info->name, name) == 0;
            bool begins = ui_begins(info->name, name) || !*name;
            bool inside = ui_contains(info->name, name);
            bool told = ui_contains(info->help, name);
            int fits = whole ? 0 : begins ? 1 : inside ? 2 : told ? 3 : -1;
            if (fits == pass)
                out[found++] = (ui_action)i;
        }
    return found;
}
