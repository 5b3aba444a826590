/* ui/decode.c */
#include "ui/decode.h"

#include <string.h>

#include "text/utf8.h"

enum { GROUND, PASTE, STRING, CSI_JUNK };

void ui_decoder_init(ui_decoder *d)
{
    d->n = d->at = 0;
    d->paste_len = 0;
    d->state = GROUND;
    d->paste_full = d->paste_cr = d->flushed = false;
}

size_t ui_decoder_feed(ui_decoder *d, const void *bytes, size_t n)
{
    if (d->at) {
        memmove(d->in, d->in + d->at, d->n - d->at);
        d->n -= d->at;
        d->at = 0;
    }
    size_t room = sizeof d->in - d->n;
    if (n > room)
        n = room;
    memcpy(d->in + d->n, bytes, n);
    d->n += n;
    d->flushed = false;
    return n;
}

bool ui_decoder_waiting(const ui_decoder *d)
{
    return d->state == GROUND && d->at < d->n && !d->flushed;
}

void ui_decoder_flush(ui_decoder *d)
{
    d->flushed = true;
}

static bool key(ui_event *out, ui_key k)
{
    out->kind = UI_EVENT_KEY;
    out->key = k;
    return true;
}

static ui_key control(uint8_t c)
{
    switch (c) {
    case 0:
        return ' ' | UI_CTRL;
    case 8:
    case 127:
        return UI_KEY_BACKSPACE;
    case 9:
        return UI_KEY_TAB;
    case 10:
    case 13:
        return UI_KEY_ENTER;
    case 27:
        return UI_KEY_ESC;
    default:
        return (c <= 26 ? (ui_key)(c + 'a' - 1) : (ui_key)(c + '@')) | UI_CTRL;
    }
}

/* A character at p: bytes used, 0 when it is cut short and more may come. */
static size_t scalar(const ui_decoder *d, const uint8_t *p, size_t left, ui_key *out)
{
    if (p[0] < 0x20 || p[0] == 0x7f) {
        *out = control(p[0]);
        return 1;
    }
    size_t want = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 1;
    bool cut = left < want;
    for (size_t i = 1; cut && i < left; i++)
        cut = (p[i] & 0xc0) == 0x80;
    if (cut && !d->flushed)
        return 0;
    uint32_t code = IMR_UTF8_BAD;
    size_t used = imr_utf8_decode((const char *)p, left, &code);
    *out = code == IMR_UTF8_BAD || (code >= 0x80 && code < 0xa0) ? IMR_UTF8_BAD : code;
    return used ? used : 1;
}

static ui_key final_letter(uint8_t c)
{
    switch (c) {
    case 'A':
        return UI_KEY_UP;
    case 'B':
        return UI_KEY_DOWN;
    case 'C':
        return UI_KEY_RIGHT;
    case 'D':
        return UI_KEY_LEFT;
    case 'H':
        return UI_KEY_HOME;
    case 'F':
        return UI_KEY_END;
    case 'Z':
        return UI_KEY_TAB | UI_SHIFT;
    case 'M':
        return UI_KEY_ENTER;
    case 'P':
    case 'Q':
    case 'R':
    case 'S':
        return UI_KEY_F1 + (ui_key)(c - 'P');
    default:
        return UI_KEY_NONE;
    }
}

static ui_key tilde(int n)
{
    static const uint8_t function[] = {11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 23, 24};
    switch (n) {
    case 1:
    case 7:
        return UI_KEY_HOME;
    case 2:
        return UI_KEY_INS;
    case 3:
        return UI_KEY_DEL;
    case 4:
    case 8:
        return UI_KEY_END;
    case 5:
        return UI_KEY_PGUP;
    case 6:
        return UI_KEY_PGDN;
    default:
        break;
    }
    for (size_t i = 0; i < sizeof function; i++)
        if (function[i] == n)
            return UI_KEY_F1 + (ui_key)i;
    return UI_KEY_NONE;
}

/* xterm: parameter is 1 + shift + 2 alt + 4 ctrl. */
static ui_key modifiers(int parameter)
{
    int bits = parameter > 1 ? parameter - 1 : 0;
    return (bits & 1 ? UI_SHIFT : 0) | (bits & 2 ? UI_ALT : 0) | (bits & 4 ? UI_CTRL : 0);
}

/* A complete CSI: parameters [p, p+n), final byte. False when it means nothing to us. */
static bool csi(ui_decoder *d, const uint8_t *p, size_t n, uint8_t final, ui_event *out)
{
    int number[4] = {0}, count = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == ';') {
            if (++count >= 4)
                return false;
        } else if (p[i] >= '0' && p[i] <= '9') {
            if (number[count] < 100000)
                number[count] = number[count] * 10 + (p[i] - '0');
        } else {
            return false;
        }
    }
    if (final == '~' && number[0] == 200) {
        d->state = PASTE;
        d->paste_len = 0;
        d->paste_full = d->paste_cr = false;
        return false;
    }
    /* CSI M is the X10 mouse report, not Enter (only SS3 M is). */
    ui_key code = final == '~'   ? tilde(number[0])
                  : final == 'M' ? UI_KEY_NONE
                                 : final_letter(final);
    if (code == UI_KEY_NONE)
        return false;
    return key(out, code | modifiers(number[1]));
}

/* p[0] is ESC. Bytes used; 0: wait for more. *hit: out holds an event. */
static size_t escape(ui_decoder *d, const uint8_t *p, size_t left, ui_event *out, bool *hit)
{
    *hit = false;
    if (left == 1) {
        if (!d->flushed)
            return 0;
        *hit = key(out, UI_KEY_ESC);
        return 1;
    }
    switch (p[1]) {
    case '[': {
        size_t i = 2;
        if (left > 2 && p[2] == '[') /* Linux console: CSI [ A .. E are F1 .. F5 */
            i = 3;
        while (i < left && i < UI_SEQ_MAX && p[i] >= 0x20 && p[i] < 0x40)
            i++;
        if (i >= UI_SEQ_MAX) {
            d->state = CSI_JUNK;
            return i;
        }
        if (i == left) {
            if (!d->flushed)
                return 0;
            if (left > 2)
                return left; /* a sequence that never ended */
            *hit = key(out, '[' | UI_ALT);
            return 2;
        }
        if (p[i] < 0x40 || p[i] > 0x7e)
            return i; /* broken off by a control byte or text: drop what there was */
        if (p[2] == '[') {
            if (p[i] >= 'A' && p[i] <= 'E')
                *hit = key(out, UI_KEY_F1 + (ui_key)(p[i] - 'A'));
            return i + 1;
        }
        *hit = csi(d, p + 2, i - 2, p[i], out);
        return i + 1;
    }
    case 'O':
        if (left == 2) {
            if (!d->flushed)
                return 0;
            *hit = key(out, 'O' | UI_ALT);
            return 2;
        }
        if (p[2] < 0x20 || p[2] > 0x7e)
            return 2;
        if (final_letter(p[2]) != UI_KEY_NONE)
            *hit = key(out, final_letter(p[2]));
        return 3;
    case ']':
    case 'P':
    case '_':
    case '^':
    case 'X':
        if (left == 2 && d->flushed) {
            *hit = key(out, (ui_key)p[1] | UI_ALT);
            return 2;
        }
        if (left == 2)
            return 0;
        d->state = STRING;
        return 2;
    case 27: /* ESC ESC: the first one alone */
        *hit = key(out, UI_KEY_ESC);
        return 1;
    default: {
        ui_key code;
        size_t used = scalar(d, p + 1, left - 1, &code);
        if (!used)
            return 0;
        *hit = key(out, code | UI_ALT);
        return 1 + used;
    }
    }
}

static void paste_char(ui_decoder *d, const char *bytes, size_t n)
{
    if (d->paste_full || d->paste_len + n > UI_PASTE_MAX) {
        d->paste_full = true;
        return;
    }
    memcpy(d->paste + d->paste_len, bytes, n);
    d->paste_len += n;
}

/* Takes pasted bytes up to the end mark. True when it was found. */
static bool paste(ui_decoder *d)
{
    static const char end[] = "\033[201~";
    while (d->at < d->n) {
        const uint8_t *p = d->in + d->at;
        size_t left = d->n - d->at;
        if (p[0] == 27) {
            size_t n = left < 6 ? left : 6;
            if (memcmp(p, end, n) == 0) {
                if (n < 6)
                    return false;
                d->at += 6;
                d->state = GROUND;
                return true;
            }
            d->at++;
            continue;
        }
        if (p[0] < 0x20 || p[0] == 0x7f) {
            bool crlf = p[0] == '\n' && d->paste_cr;
            d->paste_cr = p[0] == '\r';
            if ((p[0] == '\n' && !crlf) || p[0] == '\r' || p[0] == '\t')
                paste_char(d, " ", 1);
            d->at++;
            continue;
        }
        ui_key code;
        size_t used = scalar(d, p, left, &code);
        if (!used)
            return false;
        d->paste_cr = false;
        char text[4];
        size_t n = imr_utf8_encode(code, text);
        if (p[0] != 0xc2 || code != IMR_UTF8_BAD) /* C1 controls vanish as C0 do */
            paste_char(d, text, n);
        d->at += used;
    }
    return false;
}

/* Skips the text of an OSC, DCS, APC, PM or SOS up to BEL or ESC \. False: wait for more. */
static bool string(ui_decoder *d)
{
    while (d->at < d->n) {
        uint8_t c = d->in[d->at];
        if (c == 27) {
            if (d->at + 1 == d->n)
                return false;
            /* an ESC that starts something else ends the string and is read again */
            d->at += d->in[d->at + 1] == '\\' ? 2 : 0;
            d->state = GROUND;
            return true;
        }
        d->at++;
        if (c == 7 || c == 0x18 || c == 0x1a) {
            d->state = GROUND;
            return true;
        }
    }
    return false;
}

bool ui_decoder_next(ui_decoder *d, ui_event *out)
{
    *out = (ui_event){.kind = UI_EVENT_NONE};
    while (d->at < d->n) {
        if (d->state == PASTE) {
            if (!paste(d))
                return false;
            d->paste[d->paste_len] = 0;
            *out = (ui_event){.kind = UI_EVENT_PASTE, .text = d->paste, .len = d->paste_len};
            return true;
        }
        if (d->state == STRING) {
            if (!string(d))
                return false;
            continue;
        }
        if (d->state == CSI_JUNK) {
            uint8_t c = d->in[d->at++];
            if (c >= 0x40 && c <= 0x7e)
                d->state = GROUND;
            continue;
        }
        const uint8_t *p = d->in + d->at;
        bool hit = true;
        size_t used;
        if (p[0] == 27) {
            used = escape(d, p, d->n - d->at, out, &hit);
        } else {
            ui_key code = UI_KEY_NONE;
            used = scalar(d, p, d->n - d->at, &code);
            out->kind = used ? UI_EVENT_KEY : UI_EVENT_NONE;
            out->key = code;
        }
        if (!used)
            return false;
        d->at += used;
        if (hit)
            return true;
    }
    return false;
}
