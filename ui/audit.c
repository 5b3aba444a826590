/* ui/audit.c - what the screen Audit does. */
#include "ui/app.h"

void ui_audit_done(ui_audit *u)
{
    IMR_FREE(u->order, u->sort, u->filter, u->opened);
    *u = (ui_audit){0};
}

/* Rows again; the one under the cursor stays there. */
static imr_status arrange(ui_audit *u, imr_error *err)
{
    size_t n = 0;
    if (!u->of || !u->rows)
        return IMR_OK;
    IMR_AUTOFREE uint32_t *order = IMR_NEW_ARRAY(uint32_t, u->rows);
    IMR_NEED(order, err);
    IMR_TRY(imr_audit_order(order, &n, u->of, u->rows, u->sort, u->filter, err));
    const bool moved = u->n && u->at; /* the first row stays under the cursor until it was moved */
    for (size_t i = 0; moved && i < n; i++)
        if (order[i] == u->order[u->at]) {
            u->at = i;
            break;
        }
    imr_free(u->order);
    u->order = IMR_TAKE(order);
    u->n = n;
    if (u->at >= n)
        u->at = n ? n - 1 : 0;
    return IMR_OK;
}

void ui_app_audit_arrange(ui_app *a)
{
    imr_error err;
    if (arrange(&a->audit, &err) == IMR_OK)
        return;
    ui_app_say(a, true, "%s", err.text);
    IMR_FREE(a->audit.sort, a->audit.filter);
    a->audit.sort = a->audit.filter = NULL;
}

void ui_app_take_audit(ui_app *a, const imr_delivery *d)
{
    ui_audit *u = &a->audit;
    u->error = d->error;
    u->error.status = d->status;
    if (d->audit) {
        if (!u->of)
            u->first = d->audit_rows;
        u->of = d->audit;
        u->rows = d->audit_rows;
        u->ended = d->audit_ended;
    }
    ui_app_audit_arrange(a);
    if (u->ended && *u->of->notice)
        ui_app_say(a, false, "%s", u->of->notice);
}

/* Rows of the audit again; what cannot be is said, and undone. */
static bool arrange_by(ui_app *a, char **slot, const char *value)
{
    imr_error err;
    IMR_AUTOFREE char *before = IMR_TAKE(*slot);
    ui_replace(slot, value);
    if (arrange(&a->audit, &err) == IMR_OK)
        return true;
    ui_app_say(a, true, "%s", err.text);
    ui_replace(slot, before);
    return false;
}

bool ui_audit_filter(ui_app *a, const char *filter)
{
    return arrange_by(a, &a->audit.filter, filter);
}

/* The query under the cursor, live, at the document that changed most. */
static void open_live(ui_app *a)
{
    ui_audit *u = &a->audit;
    if (u->words || u->at >= u->n)
        return;
    const imr_suggestion q = imr_audit_query(u->of, u->order[u->at]);
    const char *document = imr_audit_document(u->of, u->order[u->at]);
    ui_replace(&u->opened, q.query_id);
    ui_prompt_set(&a->query, q.text);
    ui_replace(&a->list.filter, NULL); /* it must be in sight */
    ui_app_run(a, q.text, q.query_id);
    ui_replace(&a->list.selected, *document ? document : NULL);
    ui_go(a, UI_RANK);
    ui_app_say(a, false, "- goes back to the audit");
}

bool ui_app_audit_does(ui_app *a, ui_action action, const char *argument)
{
    ui_audit *u = &a->audit;
    const char *by = u->sort ? u->sort : "", *rest = by + (*by == '-');
    const ui_text reversed = ui_textf(*by == '-' ? "%s" : "-%s", rest);
    if (action == UI_DO_SORT && argument)
        arrange_by(a, &u->sort, argument);
    else if (action == UI_DO_REVERSE)
        arrange_by(a, &u->sort, *reversed.s ? reversed.s : NULL);
    else if (action == UI_DO_OPEN)
        open_live(a);
    else if (action == UI_DO_PANE_NEXT || action == UI_DO_PANE_PREV)
        u->words = !u->words;
    else
        return false;
    return true;
}
