/* Patterns against strstr and against expressions that would never end; filters against rows. */
#include "support/test.h"

#include <locale.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "text/filter.h"

static imr_error err;

/* "2-5 7-9": where it is found; or the error. */
static const char *found(const char *pattern, const char *text)
{
    static char out[2000];
    imr_pattern p = {0};
    size_t n = 0, start = 0, end;
    out[0] = 0;
    if (imr_pattern_make(&p, pattern, strlen(pattern), &err) != IMR_OK)
        return err.text;
    const double until = imr_clock_seconds() + 10;
    for (; n < sizeof out - 40 && imr_pattern_find(&p, text, until, &start, &end); start = end) {
        CHECK(end > start && end <= strlen(text));
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%zu-%zu", n ? " " : "", start, end);
    }
    imr_pattern_done(&p);
    return out;
}

TEST("a word is found in any case, with a capital in its own")
{
    CHECK_STR(found("tea", "Tea, tea, TEAPOT"), "0-3 5-8 10-13");
    CHECK_STR(found("Tea", "Tea, tea, TEAPOT"), "0-3");
    CHECK_STR(found("\xc3\xa9t\xc3\xa9", "l'\xc3\x89T\xc3\x89"), "2-7");
    CHECK_STR(found("aa", "aaaaa"), "0-2 2-4");
    CHECK_STR(found("", "tea"), "");
    CHECK_STR(found("/", "a/b"), "");
    CHECK_STR(found("tea", ""), "");
}

TEST("an expression is found line by line, where it matches something")
{
    CHECK_STR(found("/t.a", "tea toa ta"), "0-3 4-7");
    CHECK_STR(found("/^b", "b\nbb b"), "0-1 2-3");
    CHECK_STR(found("/a$", "a a\nba"), "2-3 5-6");
    CHECK_STR(found("/x*", "axxb"), "1-3");
    CHECK_STR(found("/(a*)*", "baab"), "1-3");
    CHECK_STR(found("/.*", "one\n\ntwo"), "0-3 5-8");
    CHECK_STR(found("/$", "tea"), "");
    CHECK_STR(found("/[^a]", "a\xc3\xa9"), "1-3");
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    memcpy(text + 1020, "needle", 6); /* over the edge of windows */
    CHECK_STR(found("/needle", text), "1020-1026");
    memcpy(text + 508, "needle", 6);
    CHECK_STR(found("/n[e]+dle", text), "508-514 1020-1026");
}

TEST("an expression that is none, or would cost too much, is refused in a sentence")
{
    static const char *const bad[] = {"/(",
                                      "/[a",
                                      "/a{2",
                                      "/*a{1000}{1000}",
                                      "/a{1000}{1000}",
                                      "/(a)\\1",
                                      "/((((a{9}){9}){9}){9})",
                                      "/a{99999999999999999}",
                                      "/a{1,101}"};
    for (size_t i = 0; i < IMR_LEN(bad); i++)
        CHECK_CONTAINS(found(bad[i], "aaa"), "no regular expression is ");
    char longer[IMR_PATTERN_MAX + 3];
    memset(longer, 'a', sizeof longer);
    longer[0] = '/';
    longer[sizeof longer - 1] = 0;
    CHECK_CONTAINS(found(longer, ""), "longer than 100 bytes");
    longer[sizeof longer - 2] = 0;
    CHECK_STR(found(longer, ""), "");
}

TEST("no expression takes long, whatever it and the text are")
{
    static const char *const slow[] = {
        "/(a|b)*a(a|b){20}c", "/([a-z]{1,10}){1,10}9", "/.*.*.*x",        "/((((((a*)*)*)*)*)*)*c",
        "/(a?){9}a{9}",       "/(|a)(|a)(|a)c",        "/[a-c]*[^d]{60}d"};
    const size_t n = 1 << 20;
    char *text = imr_alloc(n + 1, 1);
    for (size_t i = 0; i < n; i++)
        text[i] = "ab"[(i * 2654435761u) >> 7 & 1];
    text[n] = 0;
    for (size_t i = 0; i < IMR_LEN(slow); i++) {
        imr_pattern p;
        size_t start = 0, end;
        CHECK_OK(imr_pattern_make(&p, slow[i], strlen(slow[i]), &err));
        const double began = imr_clock_seconds();
        imr_pattern_find(&p, text, began + 0.05, &start, &end);
        CHECK(imr_clock_seconds() - began < 10); /* a twentieth of a second and one window */
        imr_pattern_done(&p);
    }
    imr_free(text);
}

TEST("random expressions neither crash nor hang")
{
    static const char letters[] = "ab.*+?|()[]{}^$\\1,2-/ \xc3\xa9";
    uint32_t seed = 7;
    for (int round = 0; round < 4000; round++) {
        char re[40] = "/", text[60];
        for (size_t i = 1; i + 1 < sizeof re - seed % 30; i++)
            re[i] = letters[((seed = seed * 1664525u + 1013904223u) >> 8) % (sizeof letters - 1)];
        for (size_t i = 0; i + 1 < sizeof text; i++)
            text[i] = "ab1\n"[((seed = seed * 1664525u + 1013904223u) >> 8) % 4];
        text[sizeof text - 1] = 0;
        found(re, text);
    }
}

/* ---- filters ---- */

static const imr_filter_name names[] = {{"now", 0, false},
                                        {"moved", 1, false},
                                        {"rel", 2, true},
                                        {"lost", 3, true},
                                        {"lost relevant", 4, true}};
static const char *const texts[][2] = {
    {"Tea and lost keys", "d1"}, {"Green tea", "d2"}, {"Coffee", "d3"}};
static const double values[][5] = {{1, 3, 1, 0, 0}, {2, -7, 0, 1, 0}, {INFINITY, NAN, 2, 1, 1}};

/* "0 2": the rows that pass; or the error. */
static const char *pass(const char *line)
{
    static char out[1000];
    imr_filter f = {0};
    size_t n = 0;
    out[0] = 0;
    if (imr_filter_make(&f, line, names, IMR_LEN(names), &err) != IMR_OK)
        return err.text;
    for (size_t i = 0; i < IMR_LEN(texts); i++)
        if (imr_filter_passes(&f, values[i], texts[i], 2))
            n += (size_t)snprintf(out + n, sizeof out - n, "%zu ", i);
    imr_filter_done(&f);
    return out;
}

TEST("all parts of a filter must hold")
{
    CHECK_STR(pass(""), "0 1 2 ");
    CHECK_STR(pass("  "), "0 1 2 ");
    CHECK_STR(pass("tea"), "0 1 ");
    CHECK_STR(pass("Tea"), "0 ");
    CHECK_STR(pass("tea green"), "1 ");
    CHECK_STR(pass("d3"), "2 ");
    CHECK_STR(pass("/^green|key"), "0 1 ");
    CHECK_STR(pass("-/^green|key"), "2 ");
    CHECK_STR(pass("-tea"), "2 ");
    CHECK_STR(pass("!tea"), "2 ");
    CHECK_STR(pass("rel"), "0 2 ");
    CHECK_STR(pass("-rel"), "1 ");
    CHECK_STR(pass("rel=2"), "2 ");
    CHECK_STR(pass("lost"), "1 2 ");
    CHECK_STR(pass("lost relevant"), "2 ");
    CHECK_STR(pass("lost rel"), "2 ");
    CHECK_STR(pass("-lost relevant tea"), "0 1 ");
    CHECK_STR(pass("words lost"), "0 ");
    CHECK_STR(pass("rel words lost"), "0 ");
    CHECK_STR(pass("words -lost"), "");
    CHECK_STR(pass("now<=1"), "0 ");
    CHECK_STR(pass("now>1"), "1 2 ");
    CHECK_STR(pass("now>=2 now<1e9"), "1 ");
    CHECK_STR(pass("moved<-3"), "1 ");
    CHECK_STR(pass("moved>.5"), "0 ");
    CHECK_STR(pass("-moved>.5"), "1 2 "); /* what has none did not */
    CHECK_STR(pass("-"), "0 1 2 ");
    CHECK_STR(pass("/"), "0 1 2 "); /* one that is being typed */
}

TEST("what is no filter says so, with what there is")
{
    CHECK_CONTAINS(pass("mved>5"), "mved is nothing that a row has; there are now, moved, rel");
    CHECK_CONTAINS(pass("moved>"), "moved> wants a number, as in moved>5");
    CHECK_CONTAINS(pass("moved>=x"), "moved>= wants a number");
    CHECK_CONTAINS(pass("moved>1e999"), "wants a number");
    CHECK_CONTAINS(pass("tea /("), "no regular expression is (");
    char line[8193];
    memset(line, 'a', sizeof line);
    line[sizeof line - 1] = 0;
    CHECK_STR(pass(line), "");
    for (size_t i = 1; i < sizeof line - 1; i += 2)
        line[i] = ' ';
    CHECK_CONTAINS(pass(line), "at most 32");
}
