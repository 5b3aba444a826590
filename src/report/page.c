/* The two layouts of a page. */
#include "report/page.h"

#include <math.h>

#include "assets/report.h"
#include "base/number.h"
#include "text/utf8.h"

static void put(imr_page *p, const char *html, const char *markdown)
{
    imr_buf_str(p->out, p->html ? html : markdown);
}

/* A cell that says so itself: in a table of numbers but for one column the table does. */
static bool number(const imr_page *p, size_t cell)
{
    return p->kind[cell] == '#' && !p->numbers;
}

/* ---- text ---- */

static void escape_html(imr_buf *out, const char *at)
{
    static const char special[] = "&<>\"'";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    while (*at) {
        const size_t n = strcspn(at, special);
        imr_buf_add(out, at, n);
        at += n;
        if (*at)
            imr_buf_str(out, names[strchr(special, *at++) - special]);
    }
}

/* Punctuation that means something anywhere, or (a list, a heading, a rule) where a line begins; a
 * line's end is a new paragraph. */
static void escape_markdown(imr_buf *out, const char *at)
{
    bool begins = !out->len || out->data[out->len - 1] == '\n';
    for (; *at; at++) {
        if (begins && *at == ' ')
            continue;
        const size_t digits = begins ? strspn(at, "0123456789") : 0;
        imr_buf_add(out, at, digits);
        at += digits;
        if (!*at)
            return;
        if (strchr("\\`*_{}[]<>#|~&$!", *at) || (begins && strchr(digits ? ".)" : "+-=:", *at)))
            imr_buf_char(out, '\\');
        imr_buf_str(out, *at == '\n' ? "\n\n" : (const char[]){*at, '\0'});
        begins = *at == '\n';
    }
}

void imr_page_text_n(imr_page *p, const char *text, size_t n)
{
    IMR_AUTOBUF imr_buf clean = {0};
    imr_utf8_clean(&clean, text, n, p->in_table ? IMR_CLEAN_LINE : IMR_CLEAN_NEWLINES);
    (p->html ? escape_html : escape_markdown)(p->out, imr_buf_text(&clean));
}

void imr_page_text(imr_page *p, const char *text)
{
    imr_page_text_n(p, text, strlen(text));
}

void imr_page_mark(imr_page *p, const char *class, const char *text, size_t n)
{
    if (p->html)
        imr_buf_printf(p->out, "<b class=\"%s\">", class);
    else
        imr_buf_str(p->out, "**");
    imr_page_text_n(p, text, n);
    put(p, "</b>", "**");
}

static void put_sentence(imr_page *p, const char *sentence)
{
    while (*sentence) {
        size_t n = strcspn(sentence, "*");
        imr_page_text_n(p, sentence, n);
        sentence += n + (sentence[n] == '*');
        n = strcspn(sentence, "*");
        if (sentence[-1] == '*' && n)
            imr_page_mark(p, "w", sentence, n);
        sentence += n + (sentence[n] == '*');
    }
}

/* ---- blocks ---- */

void imr_page_begin(imr_page *p, const char *title)
{
    if (!p->html)
        return;
    imr_buf_str(p->out, (const char *)imr_report_head);
    imr_page_text(p, title);
    imr_buf_printf(p->out,
                   "</title>\n<style>\n%s</style></head>\n<body><a class=\"skip\" href=\"#main\">"
                   "Skip to the content</a><main id=\"main\">\n",
                   (const char *)imr_report_style);
}

void imr_page_end(imr_page *p)
{
    put(p, "</main></body></html>\n", "\n");
}

void imr_page_heading(imr_page *p, int level, const char *id, const char *text)
{
    static const char marks[] = "######";
    if (!p->html)
        imr_buf_printf(p->out, "\n%.*s ", level, marks);
    else if (id)
        imr_buf_printf(p->out, "<h%d id=\"q%zu-%s\">", level, p->number, id);
    else
        imr_buf_printf(p->out, "<h%d>", level);
    imr_page_text(p, text);
    imr_buf_printf(p->out, p->html ? "</h%d>\n" : "\n\n", level);
}

void imr_page_open(imr_page *p, const char *class)
{
    if (!p->html)
        imr_buf_str(p->out, class && strcmp(class, "warning") == 0 ? "> " : "");
    else if (class)
        imr_buf_printf(p->out, "<p class=\"%s\">", class);
    else
        imr_buf_str(p->out, "<p>");
}

void imr_page_close(imr_page *p)
{
    put(p, "</p>\n", "\n\n");
}

void imr_page_say(imr_page *p, const char *class, const char *sentence)
{
    if (!*sentence)
        return;
    imr_page_open(p, class);
    put_sentence(p, sentence);
    imr_page_close(p);
}

void imr_page_put(imr_page *p, const char *class, imr_buf *line)
{
    if (line->len) {
        if (*line->data >= 'a' && *line->data <= 'z')
            *line->data = (char)(*line->data - 'a' + 'A');
        imr_page_open(p, class);
        imr_page_text(p, imr_buf_text(line));
        imr_page_close(p);
    }
    imr_buf_clear(line);
}

void imr_page_plain(imr_page *p, const char *text)
{
    IMR_AUTOBUF imr_buf clean = {0};
    imr_utf8_clean(&clean, text, strlen(text), IMR_CLEAN_NEWLINES);
    put(p, "<div class=\"scroll\" tabindex=\"0\"><pre>", "    ");
    if (p->html)
        escape_html(p->out, imr_buf_text(&clean));
    for (const char *at = imr_buf_text(&clean); !p->html && *at; at++)
        imr_buf_str(p->out, *at == '\n' ? "\n    " : (const char[]){*at, '\0'});
    put(p, "</pre></div>\n", "\n\n");
}

void imr_page_link(imr_page *p, const char *href, const char *text)
{
    if (p->html)
        imr_buf_printf(p->out, "<a href=\"%s\">", href);
    imr_page_text(p, text);
    put(p, "</a>", "");
}

void imr_page_fold(imr_page *p, const char *summary)
{
    put(p, "<details><summary>", "**");
    imr_page_text(p, summary);
    put(p, "</summary>\n", "**\n\n");
}

void imr_page_unfold(imr_page *p)
{
    put(p, "</details>\n", "");
}

/* ---- tables ---- */

void imr_page_table(imr_page *p, const char *caption, const char *columns)
{
    size_t n = 0, numbers = 1;
    p->cell = 0;
    p->in_table = true;
    for (const char *at = columns; n < sizeof p->kind; at += strcspn(at, "|") + 1) {
        numbers += *at == '#';
        p->kind[n++] = *at;
        if (!strchr(at, '|'))
            break;
    }
    p->numbers = numbers == n;
    put(p, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", "");
    imr_page_text(p, caption);
    put(p, p->numbers ? "\"><table class=\"num\"><caption>" : "\"><table><caption>", "\n\n|");
    if (p->html)
        imr_page_text(p, caption);
    put(p, "</caption><thead><tr>", "");
    for (size_t i = 0; i < n; i++) {
        const size_t mark = p->kind[i] == '#' || p->kind[i] == '*', len = strcspn(columns, "|");
        put(p, number(p, i) ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">", " ");
        imr_page_text_n(p, columns + mark, len - mark);
        put(p, "</th>", " |");
        columns += len + 1;
    }
    put(p, "</tr></thead><tbody>", "\n|");
    for (size_t i = 0; i < n; i++)
        put(p, "", p->kind[i] == '#' ? "---:|" : "---|");
}

void imr_page_row(imr_page *p, const char *class)
{
    put(p, p->cell ? "</tr>\n<tr" : "\n<tr", "\n|");
    if (class && p->html)
        imr_buf_printf(p->out, " class=\"%s\"", class);
    put(p, ">", "");
    p->cell = 0;
}

static void open_cell(imr_page *p, const char *class)
{
    const bool n = number(p, p->cell);
    put(p, p->kind[p->cell] == '*' ? "<th scope=\"row\"" : "<td", " ");
    if (p->html && (class || n))
        imr_buf_printf(p->out, " class=\"%s%s\"", n ? "n " : "", class ? class : "");
    put(p, ">", "");
}

void imr_page_cell_close(imr_page *p)
{
    put(p, p->kind[p->cell++] == '*' ? "</th>" : "</td>", " |");
}

void imr_page_cell(imr_page *p, const char *class, const char *text)
{
    open_cell(p, class);
    imr_page_text(p, text);
    imr_page_cell_close(p);
}

void imr_page_title(imr_page *p, const char *href, const char *title, const char *id)
{
    open_cell(p, "title");
    if (href)
        imr_page_link(p, href, title);
    else
        imr_page_text(p, title);
    imr_page_text(p, " ");
    imr_page_mark(p, "id", id, strlen(id));
}

void imr_page_add_cells(imr_page *p, const char *const *texts, size_t n)
{
    for (; n; n--)
        imr_page_cell(p, NULL, *texts++);
}

void imr_page_amount(imr_page *p, double value, int decimals, double most)
{
    enum { HALF = 40 };
    open_cell(p, NULL);
    if (p->html && !isnan(value) && most > 0)
        imr_buf_printf(p->out,
                       "<svg class=\"bar\" viewBox=\"-40 0 80 8\" aria-hidden=\"true\"><path "
                       "class=\"%s\" d=\"M0 0h%sv8H0z\"/></svg>",
                       value < 0 ? "neg" : "pos",
                       IMR_FIXED(fmax(-1, fmin(1, value / most)) * HALF, 0));
    if (!isnan(value))
        imr_page_text(p, IMR_SIGNED(value, decimals));
    imr_page_cell_close(p);
}

void imr_page_stages(imr_page *p, const double v[3], double most)
{
    imr_page_amount(p, v[2] - v[0], 4, most);
    for (size_t s = 0; s < 3; s++)
        imr_page_cell(p, NULL, isnan(v[s]) ? "" : IMR_FIXED(v[s], 4));
}

void imr_page_table_end(imr_page *p)
{
    put(p, p->cell ? "</tr></tbody></table></div>\n" : "</tbody></table></div>\n", "\n\n");
    p->in_table = false;
}
