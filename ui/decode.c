/* ui/decode.c */
#include "ui/decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/utf8.h"

enum { GROUND, PASTE, STRING, ANSWER, CUT, CSI_JUNK };

void ui_decoder_init(ui_decoder *d)
{
    *d = (ui_decoder){.state = GROUND};
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
    return ((d->state == GROUND && d->at < d->n) || d->state == ANSWER) && !d->flushed;
}

void ui_decoder_flush(ui_decoder *d)
{
    d->flushed = true;
    if (d->state == ANSWER)
        d->state = CUT;
}

/* Fills the event; returns the bytes used. */
static size_t key(ui_event *out, ui_key k, size_t used)
{
    out->kind = UI_EVENT_KEY;
    out->key = k;
    return used;
}

static ui_key control(uint8_t c)
{
    static const ui_key own[32] = {' ' | UI_CTRL,       [8] = UI_KEY_BACKSPACE, [9] = UI_KEY_TAB,
                                   [10] = UI_KEY_ENTER, [13] = UI_KEY_ENTER,    [27] = UI_KEY_ESC};
    if (c == 127)
        return UI_KEY_BACKSPACE;
    return own[c] ? own[c] : (ui_key)(c + (c <= 26 ? 'a' - 1 : '@')) | UI_CTRL;
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

/* By the letter that ends CSI or SS3. */
static const ui_key by_letter[128] = {
    ['A'] = UI_KEY_UP,  ['B'] = UI_KEY_DOWN,   ['C'] = UI_KEY_RIGHT,  ['D'] = UI_KEY_LEFT,
    ['F'] = UI_KEY_END, ['H'] = UI_KEY_HOME,   ['M'] = UI_KEY_ENTER,  ['Z'] = UI_KEY_TAB | UI_SHIFT,
    ['P'] = UI_KEY_F1,  ['Q'] = UI_KEY_F1 + 1, ['R'] = UI_KEY_F1 + 2, ['S'] = UI_KEY_F1 + 3,
};

/* By the number before '~'; F1 to F12 are 11 to 15, 17 to 21, 23 and 24. */
static ui_key by_number(int n)
{
    static const ui_key own[] = {UI_KEY_NONE, UI_KEY_HOME, UI_KEY_INS,  UI_KEY_DEL, UI_KEY_END,
                                 UI_KEY_PGUP, UI_KEY_PGDN, UI_KEY_HOME, UI_KEY_END};
    if (n < (int)IMR_LEN(own))
        return own[n];
    bool function = n >= 11 && n <= 24 && n != 16 && n != 22;
    return function ? UI_KEY_F1 + (ui_key)(n - 11 - (n > 16) - (n > 22)) : UI_KEY_NONE;
}

/* xterm: parameter is 1 + shift + 2 alt + 4 ctrl. */
static ui_key modifiers(int parameter)
{
    int bits = parameter > 1 ? parameter - 1 : 0;
    return (bits & 1 ? UI_SHIFT : 0) | (bits & 2 ? UI_ALT : 0) | (bits & 4 ? UI_CTRL : 0);
}

/* Button, column and row, from 1; 4, 8 and 16 of the button are modifiers. */
static size_t report(ui_event *out, const int n[4], uint8_t final, size_t used)
{
    const int what = n[0] & ~28, button = what & 3;
    const bool wheel = (what & ~1) == 64, key = (what & ~32) < 3, released = final == 'm';
    if (n[1] < 1 || n[2] < 1 || !(key || (wheel && !released)) || (final != 'M' && !released))
        return used;
    *out = (ui_event){UI_EVENT_MOUSE, 0, n[2] - 1, n[1] - 1, .button = (uint8_t)button};
    out->mouse = wheel       ? UI_MOUSE_WHEEL_UP + (ui_mouse)button
                 : released  ? UI_MOUSE_RELEASE
                 : what & 32 ? UI_MOUSE_DRAG
                             : UI_MOUSE_PRESS;
    return used;
}

/* p begins with ESC [ and a byte more. Bytes used; 0: wait for more. */
static size_t csi(ui_decoder *d, const uint8_t *p, size_t left, ui_event *out)
{
    const bool console = p[2] == '['; /* Linux: CSI [ A .. E are F1 .. F5 */
    const bool mouse = p[2] == '<';
    size_t i = console ? 3 : 2, count = 0;
    int number[4] = {0};
    while (i < left && i < UI_SEQ_MAX && p[i] >= 0x20 && p[i] < 0x40)
        i++;
    if (i >= UI_SEQ_MAX) {
        d->state = CSI_JUNK;
        return i;
    }
    if (i == left)
        return d->flushed && !mouse ? left : 0; /* flushed: a sequence that never ended */
    const uint8_t final = p[i];
    if (final < 0x40 || final > 0x7e)
        return i; /* broken off by a control byte or text: drop what there was */
    if (console)
        return final >= 'A' && final <= 'E' ? key(out, UI_KEY_F1 + final - 'A', i + 1) : i + 1;
    if (final == 'M' && i == 2) { /* X10: its bytes are no control characters */
        while (++i < left && i < 6 && p[i] >= 0x20)
            ;
        return i == left && i < 6 ? 0 : i;
    }
    for (size_t k = mouse ? 3 : 2; k < i; k++) {
        bool digit = p[k] >= '0' && p[k] <= '9';
        if (!digit && (p[k] != ';' || ++count >= IMR_LEN(number)))
            return i + 1;
        if (digit && number[count] < 100000)
            number[count] = number[count] * 10 + (p[k] - '0');
    }
    if (mouse)
        return report(out, number, count == 2 ? final : 0, i + 1);
    if (final == '~' && number[0] == 200) {
        d->state = PASTE;
        d->paste_len = d->paste_total = 0;
        d->paste_full = d->paste_cr = false;
        return i + 1;
    }
    ui_key code = UI_KEY_NONE;
    if (final == '~')
        code = by_number(number[0]);
    else if (final != 'M') /* only SS3 M is Enter */
        code = by_letter[final];
    return code ? key(out, code | modifiers(number[1]), i + 1) : i + 1;
}

/* p[0] is ESC. Bytes used; 0: wait for more. */
static size_t escape(ui_decoder *d, const uint8_t *p, size_t left, ui_event *out)
{
    bool begun = left == 2 && p[1] && strchr("[O]P_^X", p[1]);
    if (left == 1 || begun) /* of something longer, or a key when nothing follows */
        return !d->flushed ? 0 : key(out, begun ? p[1] | UI_ALT : UI_KEY_ESC, left);
    switch (p[1]) {
    case '[':
        return csi(d, p, left, out);
    case 'O':
        if (p[2] < 0x20 || p[2] > 0x7e)
            return 2;
        return by_letter[p[2]] ? key(out, by_letter[p[2]], 3) : 3;
    case ']':
        d->state = ANSWER;
        d->paste_len = 0;
        return 2;
    case 'P':
    case '_':
    case '^':
    case 'X':
        d->state = STRING;
        return 2;
    case 27: /* ESC ESC: the first one alone */
        return key(out, UI_KEY_ESC, 1);
    default: {
        ui_key code;
        size_t used = scalar(d, p + 1, left - 1, &code);
        return used ? key(out, code | UI_ALT, 1 + used) : 0;
    }
    }
}

static void paste_char(ui_decoder *d, ui_key code)
{
    char bytes[4];
    size_t n = imr_utf8_encode(code, bytes);
    d->paste_total++;
    d->paste_full = d->paste_full || d->paste_len + n > UI_PASTE_MAX;
    if (d->paste_full)
        return;
    memcpy(d->paste + d->paste_len, bytes, n);
    d->paste_len += n;
}

/* Takes pasted bytes up to the end mark. True when it was found. */
static bool paste(ui_decoder *d)
{
    static const char end[] = "\033[201~";
    while (d->at < d->n) {
        const uint8_t *p = d->in + d->at;
        size_t left = d->n - d->at, used = 1;
        bool control = p[0] < 0x20 || p[0] == 0x7f, cr = d->paste_cr;
        if (p[0] == 27 && memcmp(p, end, left < 6 ? left : 6) == 0) {
            if (left < 6)
                return false;
            d->at += 6;
            d->state = GROUND;
            return true;
        }
        ui_key code;
        if (!control && !(used = scalar(d, p, left, &code)))
            return false;
        if (p[0] != 27)
            d->paste_cr = p[0] == '\r';
        if ((p[0] == '\n' && !cr) || p[0] == '\r' || p[0] == '\t')
            paste_char(d, ' ');
        else if (!control && (p[0] != 0xc2 || code != IMR_UTF8_BAD)) /* C1 vanish as C0 do */
            paste_char(d, code);
        d->at += used;
    }
    return false;
}

/* "11;rgb:ffff/ffff/ffff", 1 to 4 digits each: the background a terminal was asked for. */
static void background(const char *answer, ui_event *out)
{
    static const double weight[] = {.2126, .7152, .0722}, power = 2.2; /* sRGB, about */
    double light = 0;
    if (strncmp(answer, "11;rgb:", 7) != 0)
        return;
    for (int i = 0; i < 3; i++) {
        const char *at = i ? answer + 1 : answer + 7;
        const size_t n = strspn(at, "0123456789abcdefABCDEF");
        if (n < 1 || n > 4 || at[n] != (i < 2 ? '/' : '\0'))
            return;
        light += weight[i] * pow((double)strtoul(at, NULL, 16) / ((1u << 4 * n) - 1), power);
        answer = at + n;
    }
    *out = (ui_event){.kind = UI_EVENT_BACKGROUND, .light = light > .5};
}

/* What is late of an answer comes at once and has its end; anything else was typed. */
static bool is_rest(const uint8_t *p, size_t left)
{
    size_t n = 0;
    while (n < left && p[n] && strchr("0123456789abcdefABCDEFrg:;/", p[n]))
        n++;
    return n < left && (p[n] == 7 || (p[n] == 27 && n + 1 < left && p[n + 1] == '\\'));
}

bool ui_decoder_next(ui_decoder *d, ui_event *out)
{
    *out = (ui_event){.kind = UI_EVENT_NONE};
    while (d->at < d->n && !out->kind) {
        const uint8_t *p = d->in + d->at;
        size_t left = d->n - d->at, used = 1;
        ui_key code = 0;
        switch (d->state) {
        case PASTE:
            if (!paste(d))
                return false;
            d->paste[d->paste_len] = 0;
            *out = (ui_event){.kind = UI_EVENT_PASTE,
                              .text = d->paste,
                              .len = d->paste_len,
                              .total = d->paste_total};
            continue;
        case CUT:
            d->state = is_rest(p, left) ? ANSWER : GROUND;
            continue;
        case ANSWER: /* OSC: likewise, but it times out */
            if (p[0] >= ' ' && d->paste_len < UI_SEQ_MAX)
                d->paste[d->paste_len++] = (char)p[0];
            d->paste[d->paste_len] = 0;
            if (p[0] == 7 || (p[0] == 27 && left > 1 && p[1] == '\\'))
                background(d->paste, out);
            /* fall through */
        case STRING: /* DCS, APC, PM, SOS go up to BEL, ESC \, or what starts something else */
            used = p[0] != 27 ? 1 : left == 1 ? 0 : p[1] == '\\' ? 2 : SIZE_MAX;
            if (used && (p[0] == 7 || p[0] == 0x18 || p[0] == 0x1a || p[0] == 27))
                d->state = GROUND;
            if (used == SIZE_MAX)
                continue;
            break;
        case CSI_JUNK:
            if (p[0] >= 0x40 && p[0] <= 0x7e)
                d->state = GROUND;
            break;
        default:
            used = p[0] == 27 ? escape(d, p, left, out) : scalar(d, p, left, &code);
            if (used && p[0] != 27)
                key(out, code, used);
        }
        if (!used)
            return false;
        d->at += used;
    }
    return out->kind != UI_EVENT_NONE;
}

bool ui_decoder_rush(ui_decoder *d, ui_event *out)
{
    size_t n = d->at;
    while (d->state == GROUND && n < d->n && d->in[n] >= 0x20 && d->in[n] != 0x7f)
        n++;
    while (n > d->at && (d->in[n - 1] & 0xc0) == 0x80) /* the last one may be cut */
        n--;
    n -= n > d->at && d->in[n - 1] >= 0xc0;
    if (n < d->at + UI_RUSH)
        return false;
    memcpy(d->paste, d->in + d->at, n - d->at);
    d->paste[n - d->at] = 0;
    *out = (ui_event){.kind = UI_EVENT_PASTE, .text = d->paste, .len = n - d->at};
    d->at = n;
    return true;
}
