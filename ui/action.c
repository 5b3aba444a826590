/* ui/action.c */
#include "ui/action.h"

#include <string.h>

static const ui_action_info table[UI_ACTION_COUNT] = {
#define X(id, name, group, handler, keys, hint, help)                                              \
    [UI_DO_##id] = {name, keys, hint, help, UI_GROUP_##group},
#include "ui/actions.def"
#undef X
};

const ui_action_info *ui_action_info_of(ui_action action)
{
    return &table[action];
}

ui_action ui_action_find(const char *name, size_t len)
{
    for (int i = 1; i < UI_ACTION_COUNT; i++)
        if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
            return (ui_action)i;
    return UI_DO_NOTHING;
}
