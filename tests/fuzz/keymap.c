/* ui/keymap: a user's file of binds. */
#include "tests/fuzz/fuzz.h"
#include "ui/keymap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ui_keymap m, again;
    imr_error err;
    IMR_AUTOBUF imr_buf b = {0};
    must(ui_keymap_init(&m, &err) == IMR_OK);
    if (ui_keymap_read(&m, "input", (const char *)data, size, &err) != IMR_OK) {
        must(err.text[0] != '\0');
    } else {
        /* What is written is read as the same. */
        ui_keymap_write(&m, &b);
        must(ui_keymap_init(&again, &err) == IMR_OK);
        must(ui_keymap_read(&again, "again", imr_buf_text(&b), b.len, &err) == IMR_OK);
        for (size_t i = 0; i < m.n; i++) {
            const ui_bind *found = ui_keymap_get(&again, m.v[i].context, m.v[i].key);
            must(found && found->action == m.v[i].action);
        }
        ui_keymap_done(&again);
    }
    ui_keymap_done(&m);
    return 0;
}
