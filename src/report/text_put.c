#include <string.h>

#include "base/number.h"
#include "report/formats.h"
#include "text/utf8.h"

void imr_report_plain(imr_buf *out, const char *sentence)
{
    for (const char *at = sentence; *at; at++)
        if (*at != '*')
            imr_buf_char(out, *at);
}

void imr_report_fixed(imr_buf *out, double value, int decimals, bool plus)
{
    char text[64];
    imr_buf_str(out, imr_format_fixed(text, value, decimals, plus));
}

void imr_report_cell(imr_buf *out, const char *text, size_t columns)
{
    const size_t used = imr_utf8_clip(out, text, strlen(text), columns, "~");
    imr_buf_fill(out, ' ', columns - used);
}

void imr_report_wrap(imr_buf *out, const char *text, size_t at, size_t indent, size_t width)
{
    bool fresh = true; /* nothing of the text on this line yet */
    while (*text) {
        size_t blanks = strspn(text, " ");
        const size_t n = strcspn(text + blanks, " ");
        size_t columns = imr_utf8_width(text + blanks, n); /* a held blank counts 0 */
        for (size_t i = 0; i < n; i++)
            columns += text[blanks + i] == IMR_REPORT_HOLD;
        if (!fresh && at + blanks + columns > width) {
            imr_buf_char(out, '\n');
            imr_buf_fill(out, ' ', indent);
            at = indent;
            fresh = true;
        }
        text += blanks + n;
        if (fresh || !n)
            blanks = 0;
        imr_buf_fill(out, ' ', blanks);
        for (const char *at_byte = text - n; at_byte < text; at_byte++)
            imr_buf_char(out, *at_byte == IMR_REPORT_HOLD ? ' ' : *at_byte);
        at += blanks + columns;
        fresh = false;
    }
    imr_buf_char(out, '\n');
}
