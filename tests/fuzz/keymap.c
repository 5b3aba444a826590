/* ui/keymap: a user's binds, one a line. */
#include <string.h>

#include "base/mem.h"
#include "tests/fuzz/fuzz.h"
#include "ui/keymap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ui_keymap m;
    imr_error err;
    must(ui_keymap_init(&m, &err) == IMR_OK);
    for (const char *at = (const char *)data, *end = at + size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        IMR_AUTOFREE char *line = imr_strndup(at, (size_t)(stop - at));
        if (ui_keymap_bind(&m, line, (stop - at) % 2, &err) != IMR_OK)
            must(err.text[0] != '\0');
        at = stop + 1;
    }
    /* A key is bound once in a context, to an action there is. */
    for (size_t i = 0; i < m.n; i++) {
        must(ui_keymap_get(&m, m.v[i].context, m.v[i].key) == &m.v[i]);
        must(m.v[i].action > UI_DO_NOTHING && m.v[i].action < UI_ACTION_COUNT);
    }
    ui_keymap_done(&m);
    return 0;
}
