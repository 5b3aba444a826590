/*
 * ui/action.h - the actions of ui/actions.def as an enum and a table.
 */
#ifndef UI_ACTION_H
#define UI_ACTION_H

#include <stddef.h>

typedef enum ui_action {
    UI_DO_NOTHING,
#define X(id, name, group, handler, keys, hint, help) UI_DO_##id,
#include "ui/actions.def"
#undef X
    UI_ACTION_COUNT
} ui_action;

typedef enum ui_group {
    UI_GROUP_MOVE,
    UI_GROUP_SCREEN,
    UI_GROUP_ALL,
    UI_GROUP_LEAVE,
    UI_GROUP_EDIT,
    UI_GROUP_COUNT
} ui_group;

typedef struct ui_action_info {
    const char *name, *keys, *hint, *help;
    ui_group group;
} ui_action_info;

/* Valid for every action but UI_DO_NOTHING. */
const ui_action_info *ui_action_info_of(ui_action action);
/* By name, not necessarily terminated; UI_DO_NOTHING when unknown. */
ui_action ui_action_find(const char *name, size_t len);

#endif
