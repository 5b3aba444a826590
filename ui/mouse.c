/* ui/mouse.c */
#include "ui/app.h"

void ui_point_at(ui_app *a, const ui_event *e)
{
    if (ui_app_layout(a).class == UI_CLASS_T)
        return;
    if (e->mouse == UI_MOUSE_WHEEL_UP || e->mouse == UI_MOUSE_WHEEL_DOWN)
        ui_do(a, e->mouse == UI_MOUSE_WHEEL_UP ? UI_DO_PREV : UI_DO_NEXT, "3");
}
