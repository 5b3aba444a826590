/* ui/decode: what a terminal sends. However the bytes are cut, the events are the same. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ui/decode.h"

/* A digest of all events; pieces of `piece` bytes. */
static uint64_t run(ui_decoder *d, const uint8_t *data, size_t size, size_t piece)
{
    uint64_t h = 14695981039346656037u;
    ui_event e;
    ui_decoder_init(d);
    for (size_t at = 0;;) {
        size_t n = size - at < piece ? size - at : piece;
        size_t took = ui_decoder_feed(d, data + at, n);
        must(took == n);
        at += took;
        if (n == 0)
            ui_decoder_flush(d);
        while (ui_decoder_next(d, &e)) {
            must(e.kind == UI_EVENT_KEY || e.kind == UI_EVENT_PASTE || e.kind == UI_EVENT_MOUSE);
            must(e.kind != UI_EVENT_MOUSE || (e.y >= 0 && e.x >= 0 && e.button < 3));
            h = (h ^ e.kind) * 1099511628211u;
            h = (h ^ e.key) * 1099511628211u;
            h = (h ^ (uint64_t)(e.y * 31 + e.x * 7 + (int)e.mouse)) * 1099511628211u;
            for (size_t i = 0; e.kind == UI_EVENT_PASTE && i < e.len; i++) {
                must((unsigned char)e.text[i] >= 0x20 && e.text[i] != 0x7f);
                h = (h ^ (unsigned char)e.text[i]) * 1099511628211u;
            }
        }
        must(d->at <= d->n && d->n - d->at < 128);
        if (n == 0)
            return h;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ui_decoder d;
    uint64_t whole = run(&d, data, size, 1000);
    must(run(&d, data, size, 1) == whole);
    must(run(&d, data, size, 7) == whole);
    return 0;
}
