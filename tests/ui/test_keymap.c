/* The action table and the key map made of it. */
#include "support/test.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "ui/keymap.h"

static imr_error err;

static const char *name_of(const ui_keymap *m, ui_context c, const char *key)
{
    ui_key k;
    CHECK(ui_key_parse(&k, key, strlen(key)) == strlen(key));
    const ui_bind *b = ui_keymap_get(m, c, k);
    return b ? ui_actions[b->action].name : "";
}

TEST("every action has a name of its own, a hint and a help line")
{
    for (int i = 1; i < UI_ACTION_COUNT; i++) {
        const ui_action_info *a = &ui_actions[i];
        CHECK(a->name[0] && a->hint[0] && a->help[0]);
        CHECK_INT(ui_action_find(a->name, strlen(a->name)), i);
    }
    CHECK_INT(ui_action_find("nothing", 7), UI_DO_NOTHING);
}

TEST("keys mean what their context says, then what the wider one says")
{
    ui_keymap m;
    CHECK_OK(ui_keymap_init(&m, &err));
    CHECK_STR(name_of(&m, UI_IN_LIST, "j"), "next");
    CHECK_STR(name_of(&m, UI_IN_WORDS, "l"), "right");
    CHECK_STR(name_of(&m, UI_IN_LIST, "l"), "");
    CHECK_STR(name_of(&m, UI_IN_QUERY, "j"), "");
    CHECK_STR(name_of(&m, UI_IN_QUERY, "<C-u>"), "kill-start");
    CHECK_STR(name_of(&m, UI_IN_LIST, "<C-u>"), "half-up");
    CHECK_STR(name_of(&m, UI_IN_QUERY, "<C-l>"), "redraw");
    CHECK_STR(name_of(&m, UI_IN_LIST, "?"), "help");
    CHECK_STR(name_of(&m, UI_IN_QUERY, "?"), "");
    CHECK_STR(name_of(&m, UI_IN_QUERY, "<F1>"), "help");
    ui_keymap_done(&m);
}

TEST("no key is bound twice in one context and text keys stay text while typing")
{
    ui_keymap m;
    CHECK_OK(ui_keymap_init(&m, &err));
    CHECK(m.n > 80);
    for (size_t i = 0; i < m.n; i++) {
        for (size_t k = 0; k < i; k++)
            CHECK(m.v[i].context != m.v[k].context || m.v[i].key != m.v[k].key);
        if (m.v[i].context == UI_IN_ANY || m.v[i].context == UI_IN_EDIT ||
            m.v[i].context == UI_IN_QUERY || m.v[i].context == UI_IN_PICK)
            CHECK(!ui_key_is_text(m.v[i].key));
    }
    /* keys that terminals and multiplexers keep for themselves */
    static const char *const taken[] = {"<C-s>", "<C-q>", "<C-o>", "<F10>", "<F11>"};
    for (size_t i = 0; i < IMR_LEN(taken); i++)
        CHECK_STR(name_of(&m, UI_IN_LIST, taken[i]), "");
    ui_keymap_done(&m);
}

/* Rows screens (Why, Compare, Audit, Adapter) are LIST's. */
TEST("a key has one action on every screen; only those that move share keys")
{
    static const ui_context screens[] = {UI_IN_LIST, UI_IN_DOC, UI_IN_WORDS, UI_IN_MAP};
    ui_keymap m;
    CHECK_OK(ui_keymap_init(&m, &err));
    for (size_t i = 0; i < m.n; i++) {
        ui_action only = UI_DO_NOTHING;
        for (size_t s = 0; s < IMR_LEN(screens); s++) {
            const ui_bind *b = ui_keymap_get(&m, screens[s], m.v[i].key);
            if (!b || ui_actions[b->action].group == UI_GROUP_MOVE)
                continue;
            if (only != UI_DO_NOTHING && b->action != only)
                FAIL("%s is %s and %s", ui_key_name(b->key, false).s, ui_actions[only].name,
                     ui_actions[b->action].name);
            only = b->action;
        }
    }
    static const char *const decided[][2] = {
        {"<Space>", "mark"}, {"x", "stage"},   {"w", "why"},  {"y", "copy"},
        {"T", "pin"},        {"e", "export"},  {"/", "find"}, {"f", "filter"},
        {"A", "no-what-if"}, {":", "palette"}, {"1", "rank"}, {"7", "adapter"}};
    for (size_t i = 0; i < IMR_LEN(decided); i++)
        CHECK_STR(name_of(&m, UI_IN_LIST, decided[i][0]), decided[i][1]);
    CHECK_STR(name_of(&m, UI_IN_WORDS, "W"), "without");
    CHECK_STR(name_of(&m, UI_IN_DOC, "}"), "highlight-next");
    CHECK_STR(name_of(&m, UI_IN_DOC, "{"), "highlight-prev");
    ui_keymap_done(&m);
}

TEST("every action that is not edit-only can be reached by a plain key or by name")
{
    ui_keymap m;
    CHECK_OK(ui_keymap_init(&m, &err));
    for (int i = 1; i < UI_ACTION_COUNT; i++) {
        const ui_action_info *a = &ui_actions[i];
        CHECK(*ui_keymap_labels(&m, (ui_action)i, 8).s || a->keys[0] == 0);
    }
    ui_keymap_done(&m);
}

static imr_status bind(ui_keymap *m, const char *text)
{
    return ui_keymap_bind(m, text, false, &err);
}

TEST("a user's binds replace defaults and carry arguments")
{
    ui_keymap m;
    CHECK_OK(ui_keymap_init(&m, &err));
    CHECK_OK(bind(&m, "LIST x :sort delta \r"));
    CHECK_OK(bind(&m, "LIST j last"));
    CHECK_OK(bind(&m, "  ANY <F2> help"));
    ui_key x = 'x';
    CHECK_STR(ui_keymap_get(&m, UI_IN_LIST, x)->argument, "delta");
    CHECK_STR(name_of(&m, UI_IN_LIST, "x"), "sort");
    CHECK_STR(name_of(&m, UI_IN_LIST, "j"), "last");
    CHECK_STR(name_of(&m, UI_IN_QUERY, "<F2>"), "help");
    ui_keymap_done(&m);
}

TEST("a wrong bind says what it should be")
{
    static const char *const wrong[][2] = {{"NOWHERE x next", "no context"},
                                           {"LIST <C-> next", "no key"},
                                           {"LIST xy next", "no key"},
                                           {"LIST", "no key"},
                                           {"LIST x :fly", "no action"}};
    for (size_t i = 0; i < IMR_LEN(wrong); i++) {
        ui_keymap m;
        CHECK_OK(ui_keymap_init(&m, &err));
        size_t before = m.n;
        CHECK_INT(bind(&m, wrong[i][0]), IMR_E_FORMAT);
        CHECK_CONTAINS(err.text, wrong[i][1]);
        CHECK_INT(m.n, before);
        ui_keymap_done(&m);
    }
}

TEST("each allocation of the key map may fail")
{
    for (long i = 0;; i++) {
        ui_keymap m = {0};
        imr_mem_fail_after(i);
        imr_status status = ui_keymap_init(&m, &err);
        if (status == IMR_OK)
            status = bind(&m, "LIST x :sort delta");
        imr_mem_fail_after(-1);
        ui_keymap_done(&m);
        if (status == IMR_OK)
            break;
        CHECK_INT(status, IMR_E_MEMORY);
    }
}

/* The n-th of what a line of the palette finds, "action argument". */
static const char *nth(const char *line, size_t n)
{
    static ui_text out;
    ui_command found[UI_COMMANDS_MAX];
    const size_t have = ui_palette(line, UI_MENU_USUAL, found);
    out = n < have
              ? ui_textf("%s%s%s", ui_actions[found[n].action].name, found[n].argument ? " " : "",
                         found[n].argument ? found[n].argument : "")
              : ui_textf("nothing");
    return out.s;
}

TEST("the palette finds commands by name, and settings by their words")
{
    CHECK_STR(nth("light", 0), "theme light");
    CHECK_STR(nth("mono", 0), "theme mono");
    CHECK_STR(nth("rank all", 0), "rank");
    bool scope = false;
    for (size_t i = 0; strcmp(nth("rank all", i), "nothing") != 0; i++)
        scope = scope || strcmp(nth("rank all", i), "scope corpus") == 0;
    CHECK(scope);
    CHECK_STR(nth("fed by all", 0), "scope corpus");
    CHECK_STR(nth("ranks moved", 0), "sort moved");
    CHECK_STR(nth("influence", 0), "sort influence");
    CHECK_STR(nth("query's side", 0), "what-if off query");
    CHECK_STR(nth("sort", 0), "sort");
    CHECK_STR(nth("exp", 0), "export");
    CHECK_STR(nth("bind lines", 0), "keys");
    CHECK_STR(nth("xyzzy", 0), "nothing");
    for (size_t i = 0; strcmp(nth("", i), "nothing") != 0; i++) /* all, without their settings */
        CHECK(!strchr(nth("", i), ' '));
}

TEST("assets/keymap.conf is the default map")
{
    ui_keymap m, again = {0};
    IMR_AUTOBUF imr_buf b = {0};
    char line[1000];
    CHECK_OK(ui_keymap_init(&m, &err));
    imr_buf_str(&b,
                "# The default keys of the explorer, as lines of a configuration file say them\n"
                "# ($XDG_CONFIG_HOME/imrnn/config). Contexts and key names: ui/keymap.h.\n");
    IMR_AUTOBUF imr_buf lines = {0};
    ui_keymap_lines(&m, &lines);
    const char *at = imr_buf_text(&lines);
    for (size_t i = 0; i < m.n; i++) { /* what :keys shows makes the same map */
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n") - 6, at + 6);
        at += strcspn(at, "\n") + 1;
        imr_buf_printf(&b, "bind %s\n", line);
        CHECK_OK(bind(&again, line));
        CHECK_INT(again.n, i + 1);
        CHECK(again.v[i].context == m.v[i].context && again.v[i].key == m.v[i].key &&
              again.v[i].action == m.v[i].action);
    }
    CHECK_STR(at, "");
    ui_keymap_done(&again);
    ui_keymap_done(&m);
    char path[1024];
    snprintf(path, sizeof path, "%s/assets/keymap.conf", IMRNN_SOURCE_ROOT);
    if (getenv("UPDATE"))
        CHECK_OK(imr_file_write(path, b.data, b.len, &err));
    char *have = test_read(path, NULL);
    bool same = strcmp(have, imr_buf_text(&b)) == 0;
    free(have);
    if (!same)
        FAIL("assets/keymap.conf differs from ui/actions.def; UPDATE=1 writes it again");
}

TEST("a file that came with the data binds nothing that writes or leaves, nor the keys that do")
{
    static const char *const bad[] = {"LIST j :export text ../x",
                                      "EDIT <C-e> :export",
                                      "LIST x copy",
                                      "LIST x :copy row",
                                      "LIST x quit",
                                      "ANY <C-c> next",
                                      "LIST q next",
                                      "EDIT <C-g> next",
                                      "LIST x :suspend"};
    for (size_t i = 0; i < IMR_LEN(bad); i++) {
        ui_keymap m = {0};
        imr_error why;
        CHECK(ui_keymap_init(&m, &why) == IMR_OK);
        CHECK(ui_keymap_bind(&m, bad[i], true, &why) == IMR_E_USAGE);
        CHECK_CONTAINS(why.text, "a project file cannot bind");
        CHECK(ui_keymap_bind(&m, bad[i], false, &why) == IMR_OK);
        CHECK(ui_keymap_bind(&m, "LIST x :stage next", true, &why) == IMR_OK);
        ui_keymap_done(&m);
    }
}
