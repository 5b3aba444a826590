/*
 * ui/decode.h - bytes a terminal sends to events. Pure: no clock, no file descriptor.
 *
 *   ui_decoder_feed(&d, bytes, n);
 *   while (ui_decoder_next(&d, &event)) ...
 *   if (ui_decoder_waiting(&d)) wait UI_ESC_MS for more, then ui_decoder_flush(&d) and next again
 *
 * Understood: UTF-8 text (broken bytes become U+FFFD), control keys, CSI and SS3 arrows, Home and
 * End in every spelling (H F 1~ 4~ 7~ 8~), xterm modifiers (1;5C), S-Tab, function keys, ESC +
 * character as Alt, bracketed paste, SGR mouse reports (1006), the answer to OSC 11. Enter is
 * 13, 10 or SS3 M; Backspace is 127 or 8. Any other CSI, OSC, DCS, APC, PM or SOS sequence is
 * swallowed whole, whatever its length, and so are mouse reports of X10 with three bytes behind.
 * Pasted text is sanitised: control characters vanish, line ends and tabs become one space each,
 * and at most UI_PASTE_MAX bytes are kept, cut at a character.
 *
 * Memory: fixed, about 12 kB. Bytes that do not fit the input buffer are refused by feed (it
 * returns how many it took); next frees room.
 */
#pragma once

#include "ui/keymap.h"

#define UI_PASTE_MAX 8192
#define UI_INPUT_MAX 4096
#define UI_RUSH      64
#define UI_ESC_MS    100 /* unless ESCDELAY says otherwise */
#define UI_SEQ_MAX   64  /* a longer CSI is no key of any terminal: swallowed */

typedef enum ui_event_kind {
    UI_EVENT_NONE,
    UI_EVENT_KEY,
    UI_EVENT_PASTE,
    UI_EVENT_MOUSE,
    UI_EVENT_RESIZE,
    UI_EVENT_BACKGROUND, /* of the terminal, which was asked (OSC 11): light */
    UI_EVENT_COMMAND,    /* of a replay: text, as typed behind ':' */
    UI_EVENT_TICK        /* a deadline the model asked for has passed */
} ui_event_kind;

/* Wheels to the side, moves without a button and Shift, Alt, Ctrl tell nothing. */
typedef enum ui_mouse {
    UI_MOUSE_PRESS,
    UI_MOUSE_DRAG,
    UI_MOUSE_RELEASE,
    UI_MOUSE_WHEEL_UP,
    UI_MOUSE_WHEEL_DOWN
} ui_mouse;

typedef struct ui_event {
    ui_event_kind kind;
    ui_key key;
    int y, x; /* resize: rows, cols; mouse: the cell, perhaps outside to the right and below */
    ui_mouse mouse;
    bool light;
    uint8_t button;    /* 0: the left one, 1, 2 */
    const char *text;  /* paste, command: zero-terminated, until the decoder is called again */
    size_t len, total; /* of text, in bytes; characters that were pasted, those cut off too */
} ui_event;

typedef struct ui_decoder {
    uint8_t in[UI_INPUT_MAX];
    size_t n, at;
    char paste[UI_PASTE_MAX + 4];
    size_t paste_len, paste_total;
    uint8_t state;
    bool paste_full, paste_cr, flushed;
} ui_decoder;

void ui_decoder_init(ui_decoder *d);
size_t ui_decoder_feed(ui_decoder *d, const void *bytes, size_t n);
bool ui_decoder_next(ui_decoder *d, ui_event *out);
/* Text that came faster than anybody types, UI_RUSH bytes and more, as a paste whose total is 0:
 * from terminals that do not say what is pasted. Where text is typed, before next. */
bool ui_decoder_rush(ui_decoder *d, ui_event *out);
/* An unfinished sequence is waiting for its rest (a lone ESC, a cut UTF-8 character). Inside a
 * paste, a mouse report or a swallowed string (but OSC) nothing times out. */
bool ui_decoder_waiting(const ui_decoder *d);
/* No more is coming: the next calls of next deliver what waits as it stands. */
void ui_decoder_flush(ui_decoder *d);
