/* Keys, their names, and the decoder from bytes to events. */
#include "support/test.h"

#include "base/attr.h"
#include "ui/decode.h"

/* Every event as text: key names, P[paste], ended by what still waits ("..."). */
static const char *decode_pieces(const char *bytes, size_t n, size_t piece, bool flush)
{
    static char out[40000];
    static ui_decoder d;
    size_t len = 0;
    ui_event e;
    ui_decoder_init(&d);
    out[0] = 0;
    for (size_t at = 0; at <= n;) {
        size_t take = n - at < piece ? n - at : piece;
        if (take)
            at += ui_decoder_feed(&d, bytes + at, take);
        else if (flush)
            ui_decoder_flush(&d);
        while (ui_decoder_next(&d, &e)) {
            if (e.kind == UI_EVENT_KEY)
                len += (size_t)snprintf(out + len, sizeof out - len, "%s",
                                        ui_key_name(e.key, false).s);
            else if (e.kind == UI_EVENT_MOUSE)
                len += (size_t)snprintf(out + len, sizeof out - len, "M[%d %d %d,%d]", (int)e.mouse,
                                        e.button, e.y, e.x);
            else if (e.kind == UI_EVENT_BACKGROUND)
                len += (size_t)snprintf(out + len, sizeof out - len, e.light ? "LIGHT" : "DARK");
            else
                len += (size_t)snprintf(out + len, sizeof out - len, "P[%s]", e.text);
        }
        if (!take)
            break;
    }
    if (ui_decoder_waiting(&d))
        snprintf(out + len, sizeof out - len, "...");
    return out;
}

static const char *decode(const char *bytes)
{
    return decode_pieces(bytes, strlen(bytes), 4096, true);
}

TEST("key names are parsed and written back")
{
    static const char *const same[] = {"a",     "é",      "<C-n>", "<M-x>",    "<F1>",   "<F12>",
                                       "<Tab>", "<lt>",   "<BS>",  "<S-Tab>",  "<PgUp>", "<C-Left>",
                                       ">",     "<M-lt>", "漢",    "<C-M-Del>"};
    for (size_t i = 0; i < IMR_LEN(same); i++) {
        ui_key key = 0;
        CHECK_INT(ui_key_parse(&key, same[i], strlen(same[i])), strlen(same[i]));
        CHECK_STR(ui_key_name(key, false).s, same[i]);
    }
}

TEST("spellings of one key are one key")
{
    ui_key a, b;
    CHECK(ui_key_parse(&a, "<c-N>", 5) == 5 && ui_key_parse(&b, "<C-n>", 5) == 5 && a == b);
    CHECK(ui_key_parse(&a, "<Enter>", 7) == 7 && ui_key_parse(&b, "<cr>", 4) == 4 && a == b);
    CHECK(ui_key_parse(&a, "<space>", 7) == 7 && ui_key_parse(&b, " ", 1) == 1 && a == b);
}

TEST("what is no key name is refused, an opening bracket alone is itself")
{
    ui_key key;
    CHECK_INT(ui_key_parse(&key, "<Nothing>", 9), 0);
    CHECK_INT(ui_key_parse(&key, "<F13>", 5), 0);
    CHECK_INT(ui_key_parse(&key, "<C->", 4), 0);
    CHECK_INT(ui_key_parse(&key, "\x01", 1), 0);
    CHECK_INT(ui_key_parse(&key, "", 0), 0);
    CHECK_INT(ui_key_parse(&key, "<", 1), 1);
}

TEST("text, control keys and Alt arrive as keys")
{
    CHECK_STR(decode("aZ é漢"), "aZ<Space>é漢");
    CHECK_STR(decode("\x01\x0e\x1a\t\r\n"), "<C-a><C-n><C-z><Tab><Enter><Enter>");
    CHECK_STR(decode("\x7f\x08"), "<BS><BS>");
    CHECK_STR(decode("\033x\033<\033\x7f"), "<M-x><M-lt><M-BS>");
    CHECK_STR(decode("\x1f"), "<C-_>");
}

TEST("arrows, Home and End are understood in every spelling")
{
    CHECK_STR(decode("\033[A\033OA\033[B\033OB\033[C\033[D"), "<Up><Up><Down><Down><Right><Left>");
    CHECK_STR(decode("\033[H\033OH\033[1~\033[7~"), "<Home><Home><Home><Home>");
    CHECK_STR(decode("\033[F\033OF\033[4~\033[8~"), "<End><End><End><End>");
    CHECK_STR(decode("\033[5~\033[6~\033[2~\033[3~"), "<PgUp><PgDn><Ins><Del>");
    CHECK_STR(decode("\033[Z\033[1;5C\033[1;3A\033[3;2~"), "<S-Tab><C-Right><M-Up><S-Del>");
    CHECK_STR(decode("\033OP\033[11~\033[[A\033[24~"), "<F1><F1><F1><F12>");
    CHECK_STR(decode("\033OM"), "<Enter>");
}

TEST("a lone Escape waits for more and is delivered by the flush")
{
    CHECK_STR(decode_pieces("\033", 1, 1, false), "...");
    CHECK_STR(decode("\033"), "<Esc>");
    CHECK_STR(decode("\033\033"), "<Esc><Esc>");
    CHECK_STR(decode("a\033["), "a<M-[>");
    CHECK_STR(decode("\033O"), "<M-O>");
    CHECK_STR(decode("\033]"), "<M-]>");
}

TEST("unknown sequences are swallowed whole")
{
    CHECK_STR(decode("a\033[?1;2cb"), "ab");
    CHECK_STR(decode("a\033[97;5ub"), "ab");
    CHECK_STR(decode("a\033]0;title\007b"), "ab");
    CHECK_STR(decode("a\033]4;1;rgb:0/0/0\033\\b"), "ab");
    CHECK_STR(decode("a\033P1$r0m\033\\b"), "ab");
    CHECK_STR(decode("a\033_G;OK\033\\b"), "ab");
    CHECK_STR(decode("a\033]8;;cut\033[Ab"), "a<Up>b");
}

TEST("the answer to a question about the background says light or dark, whole alone")
{
    static const char *const answers[][2] = {
        {"ffff/ffff/ffff", "LIGHT"}, {"fd/f6/e3", "LIGHT"},      {"f/f/f", "LIGHT"},
        {"0000/0000/0000", "DARK"},  {"1e1e/1e1e/1e1e", "DARK"}, {"00/2b/36", "DARK"},
        {"0000/ffff/0000", "LIGHT"}, {"0000/0000/ffff", "DARK"}};
    static const char *const not [] = {"11;rgb:",
                                       "11;rgb:ffff/ffff",
                                       "11;rgb:ffff/ffff/zz",
                                       "11;rgb:fffff/f/f",
                                       "11;?",
                                       "10;rgb:ffff/ffff/ffff",
                                       "11;rgb:ff/ff/ff/ff",
                                       "11;rgb:-1/-1/-1",
                                       "111;rgb:f/f/f",
                                       ""};
    char bytes[300], expected[64];
    for (size_t i = 0; i < IMR_LEN(answers); i++) {
        snprintf(expected, sizeof expected, "a%sb", answers[i][1]);
        snprintf(bytes, sizeof bytes, "a\033]11;rgb:%s\033\\b", answers[i][0]);
        CHECK_STR(decode(bytes), expected);
        for (size_t size = 1; size < 8; size++) /* in pieces */
            CHECK_STR(decode_pieces(bytes, strlen(bytes), size, false), expected);
        snprintf(bytes, sizeof bytes, "a\033]11;rgb:%s\007b", answers[i][0]);
        CHECK_STR(decode(bytes), expected);
    }
    for (size_t i = 0; i < IMR_LEN(not ); i++) {
        snprintf(bytes, sizeof bytes, "a\033]%s\007b", not [i]);
        CHECK_STR(decode(bytes), "ab");
    }
}

/* An answer cut short, its rest after a while, and what is typed then. */
static const char *late(const char *first, const char *then)
{
    static char out[200];
    ui_decoder d;
    ui_event e;
    ui_decoder_init(&d);
    out[0] = 0;
    for (int k = 0; k < 4; k++) {
        if (k % 2)
            ui_decoder_flush(&d);
        else
            ui_decoder_feed(&d, k ? then : first, strlen(k ? then : first));
        while (ui_decoder_next(&d, &e))
            snprintf(out + strlen(out), sizeof out - strlen(out), "%.20s",
                     e.kind == UI_EVENT_BACKGROUND ? (e.light ? "LIGHT" : "DARK")
                                                   : ui_key_name(e.key, false).s);
        CHECK(k || ui_decoder_waiting(&d));
    }
    CHECK(!ui_decoder_waiting(&d));
    return out;
}

TEST("half an answer takes no key that is typed after it, and its rest is not typed")
{
    CHECK_STR(late("\033]11;rgb:ffff/ff", "tea"), "tea");
    CHECK_STR(late("\033]11;rgb:ffff/ff", "cafe"), "cafe");
    CHECK_STR(late("\033]11;rgb:ffff/ff", "\r"), "<Enter>");
    CHECK_STR(late("\033]", "11;rgb:0/0/0\007x"), "<M-]>11;rgb:0/0/0<C-g>x");
    CHECK_STR(late("\033]11;rgb:ffff/ff", "ff/ffff\033\\"), "LIGHT");
    CHECK_STR(late("\033]11;rgb:0000/00", "00/0000\007x"), "DARKx");
}

TEST("mouse reports are presses, drags, releases and the wheel, from 0")
{
    CHECK_STR(decode("\033[<0;251;7M\033[<0;1;1m"), "M[0 0 6,250]M[2 0 0,0]");
    CHECK_STR(decode("\033[<1;3;2M\033[<2;3;2M\033[<16;3;2M"), "M[0 1 1,2]M[0 2 1,2]M[0 0 1,2]");
    CHECK_STR(decode("\033[<32;3;2M\033[<64;3;2M\033[<69;3;2M"), "M[1 0 1,2]M[3 0 1,2]M[4 1 1,2]");
    CHECK_STR(decode("\033[<0;99999999999999999999;7M"), "M[0 0 6,999998]");
}

TEST("mouse reports that say nothing, or are broken, are swallowed whole")
{
    CHECK_STR(decode("a\033[<0;1Mb\033[<0;0;1M\033[<0;1;0Mc\033[<0;1;1;1Md"), "abcd");
    CHECK_STR(decode("a\033[<64;1;1m\033[<66;1;1M\033[<35;1;1M\033[<128;1;1M\033[<;;Mb"), "ab");
    CHECK_STR(decode("a\033[<200~b\033[<1Ac"), "abc");
    CHECK_STR(decode("a\033[M qQb\033[M\xff\xfe\xfd"), "ab"); /* X10 */
    CHECK_STR(decode("a\033[M \033[Ab"), "a<Up>b");
}

TEST("a mouse report that is late in its middle is none of the keys it looks like")
{
    static const char *const reports[] = {"\033[<0;40;7M", "\033[M qQ"};
    static ui_decoder d;
    ui_event e;
    for (size_t i = 0; i < IMR_LEN(reports); i++)
        for (size_t cut = 3; cut < strlen(reports[i]); cut++) {
            ui_decoder_init(&d);
            ui_decoder_feed(&d, reports[i], cut);
            CHECK(!ui_decoder_next(&d, &e) && ui_decoder_waiting(&d));
            ui_decoder_flush(&d);
            CHECK(!ui_decoder_next(&d, &e) && !ui_decoder_waiting(&d));
            ui_decoder_feed(&d, reports[i] + cut, strlen(reports[i]) - cut);
            CHECK(ui_decoder_next(&d, &e) == (i == 0));
            CHECK(i || (e.kind == UI_EVENT_MOUSE && e.y == 6 && e.x == 39));
            CHECK(!ui_decoder_next(&d, &e) && !ui_decoder_waiting(&d));
        }
}

TEST("a sequence longer than any key is swallowed to its end")
{
    char long_one[400] = "a\033[";
    memset(long_one + 3, '1', 300);
    memcpy(long_one + 303, "mb", 3);
    CHECK_STR(decode(long_one), "ab");
}

TEST("broken UTF-8 becomes the replacement character and never swallows a key")
{
    CHECK_STR(decode("\xff"
                     "a"),
              "\xef\xbf\xbd"
              "a");
    CHECK_STR(decode("\xe6\xbc"
                     "a"),
              "\xef\xbf\xbd"
              "a");
    CHECK_STR(decode("\xe6\xbc"), "\xef\xbf\xbd");
    CHECK_STR(decode_pieces("\xe6\xbc", 2, 2, false), "...");
}

TEST("a paste is one event, without control characters, on one line")
{
    CHECK_STR(decode("x\033[200~one\r\ntwo\tthree\nfour\033[31m\x01\033[201~y"),
              "xP[one two three four[31m]y");
    CHECK_STR(decode("\033[200~\xc2\x9b"
                     "31m\033[201~"),
              "P[31m]");
    CHECK_STR(decode("\033[200~\xff\033[201~"), "P[\xef\xbf\xbd]");
    CHECK_STR(decode("\033[200~\033[201~"), "P[]");
}

TEST("text that comes faster than one types is taken at once, up to a key or a cut character")
{
    static ui_decoder d;
    ui_event e;
    char text[UI_INPUT_MAX] = "";
    ui_decoder_init(&d);
    ui_decoder_feed(&d, "as typed", 8);
    CHECK(!ui_decoder_rush(&d, &e));
    for (size_t n = strlen("漢字 tea "), i = 0; i < 300; i++)
        memcpy(text + i * n, "漢字 tea ", n);
    ui_decoder_feed(&d, text, strlen(text));
    ui_decoder_feed(&d, "\xe6\xbc", 2);
    CHECK(ui_decoder_rush(&d, &e));
    CHECK(e.kind == UI_EVENT_PASTE && e.len == 8 + strlen(text) && e.total == 0);
    CHECK(strncmp(e.text, "as typed漢", 11) == 0 && strlen(e.text) == e.len);
    CHECK(!ui_decoder_rush(&d, &e) && !ui_decoder_next(&d, &e));
    ui_decoder_feed(&d, "\xa2\r", 2);
    CHECK(!ui_decoder_rush(&d, &e) && ui_decoder_next(&d, &e) && e.key == 0x6f22);
    ui_decoder_feed(&d, text, strlen(text));
    CHECK(!ui_decoder_rush(&d, &e) && ui_decoder_next(&d, &e) && e.key == UI_KEY_ENTER);
    CHECK(ui_decoder_rush(&d, &e) && e.len == strlen(text));
    ui_decoder_feed(&d, "\033[200~", 6);
    ui_decoder_feed(&d, text, strlen(text));
    CHECK(!ui_decoder_rush(&d, &e)); /* its end tells */
}

TEST("a paste is cut at 8 kB, at a character, and what follows is not lost")
{
    static char big[30000];
    size_t n = 0;
    memcpy(big, "\033[200~x", 7);
    for (n = 7; n < 20000; n += 2)
        memcpy(big + n, "é", 2);
    memcpy(big + n, "\033[201~q", 7);
    const char *got = decode_pieces(big, n + 7, 1000, true);
    CHECK_INT(strlen(got), 2 + 8191 + 1 + 1);
    CHECK_STR(got + strlen(got) - 4, "é]q");
}

TEST("however the bytes are cut into pieces, the events are the same")
{
    static const char all[] =
        "aé漢\033[A\033OB\033[1;5C\033x\033[<0;40;7M\033[M\xff qz\033]0;t\033\\\033[200~"
        "p\r\nq é\033[201~\033[Zz";
    char whole[400];
    snprintf(whole, sizeof whole, "%s", decode(all));
    for (size_t piece = 1; piece < sizeof all; piece++)
        CHECK_STR(decode_pieces(all, sizeof all - 1, piece, true), whole);
}

TEST("random bytes never hang the decoder or leave it out of bounds")
{
    static ui_decoder d;
    uint32_t seed = 7;
    ui_event e;
    ui_decoder_init(&d);
    size_t events = 0;
    static const uint8_t likely[] = "\033[O<;~0129MmABHZ\x07\\]P\xc3\xa9\xe6\x1b";
    for (int round = 0; round < 20000; round++) {
        uint8_t chunk[32];
        for (size_t i = 0; i < sizeof chunk; i++) {
            seed = seed * 1664525u + 1013904223u;
            chunk[i] =
                seed >> 30 ? likely[(seed >> 8) % (sizeof likely - 1)] : (uint8_t)(seed >> 8);
        }
        CHECK_INT(ui_decoder_feed(&d, chunk, sizeof chunk), sizeof chunk);
        if (round % 3 == 0)
            ui_decoder_flush(&d);
        while (ui_decoder_next(&d, &e))
            events++;
        CHECK(d.at <= d.n && d.n <= sizeof d.in && d.paste_len <= UI_PASTE_MAX);
    }
    CHECK(events > 1000);
}
