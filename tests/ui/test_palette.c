/* The palette: WCAG 2 contrast on the backgrounds terminals have, and CIEDE2000 difference between
 * gain and loss for normal vision and three simulated colour blindnesses (Machado et al. 2009,
 * severity 1). */
#include "support/test.h"

#include "base/attr.h"
#include "ui/style.h"

typedef struct rgb {
    double r, g, b; /* sRGB, 0..1 */
} rgb;

/* xterm's 256-colour cube and grey ramp, indices 16 to 255. */
static rgb indexed(int i)
{
    if (i >= 232) {
        double v = (8 + 10 * (i - 232)) / 255.0;
        return (rgb){v, v, v};
    }
    static const double step[] = {0, 95, 135, 175, 215, 255};
    i -= 16;
    return (rgb){step[i / 36] / 255, step[i / 6 % 6] / 255, step[i % 6] / 255};
}

static rgb hex(unsigned v)
{
    return (rgb){(v >> 16) / 255.0, (v >> 8 & 255) / 255.0, (v & 255) / 255.0};
}

static double linear(double c)
{
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static rgb to_linear(rgb c)
{
    return (rgb){linear(c.r), linear(c.g), linear(c.b)};
}

static double luminance(rgb c)
{
    rgb l = to_linear(c);
    return 0.2126 * l.r + 0.7152 * l.g + 0.0722 * l.b;
}

static double contrast(rgb a, rgb b)
{
    double x = luminance(a), y = luminance(b);
    return x > y ? (x + 0.05) / (y + 0.05) : (y + 0.05) / (x + 0.05);
}

static double lowest(int color, const unsigned *backgrounds, size_t n)
{
    double low = 99;
    for (size_t i = 0; i < n; i++)
        low = fmin(low, contrast(indexed(color), hex(backgrounds[i])));
    return low;
}

static const unsigned dark[] = {0x000000, 0x1e1e1e, 0x282c34, 0x002b36, 0x282828};
static const unsigned light[] = {0xffffff, 0xfdf6e3, 0xfafafa, 0xfbf1c7};

/* Linear RGB as a dichromat sees it. */
static rgb simulate(rgb c, int kind)
{
    static const double m[3][9] = {
        {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116,
         1.051998},
        {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940,
         0.968881},
        {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367,
         0.303900},
    };
    if (kind < 0)
        return c;
    const double *k = m[kind];
    rgb o = {k[0] * c.r + k[1] * c.g + k[2] * c.b, k[3] * c.r + k[4] * c.g + k[5] * c.b,
             k[6] * c.r + k[7] * c.g + k[8] * c.b};
    return (rgb){fmin(fmax(o.r, 0), 1), fmin(fmax(o.g, 0), 1), fmin(fmax(o.b, 0), 1)};
}

static double lab_f(double t)
{
    return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

static void lab(rgb c, double out[3])
{
    double x = (0.4124564 * c.r + 0.3575761 * c.g + 0.1804375 * c.b) / 0.95047;
    double y = 0.2126729 * c.r + 0.7151522 * c.g + 0.0721750 * c.b;
    double z = (0.0193339 * c.r + 0.1191920 * c.g + 0.9503041 * c.b) / 1.08883;
    out[0] = 116 * lab_f(y) - 16;
    out[1] = 500 * (lab_f(x) - lab_f(y));
    out[2] = 200 * (lab_f(y) - lab_f(z));
}

static double degrees(double y, double x)
{
    double h = atan2(y, x) * 180 / acos(-1);
    return h < 0 ? h + 360 : h;
}

/* Sharma, Wu, Dalal 2005. */
static double ciede2000(const double p[3], const double q[3])
{
    const double rad = acos(-1) / 180, p25 = pow(25, 7);
    double c_mean = (hypot(p[1], p[2]) + hypot(q[1], q[2])) / 2;
    double g = 0.5 * (1 - sqrt(pow(c_mean, 7) / (pow(c_mean, 7) + p25)));
    double a1 = (1 + g) * p[1], a2 = (1 + g) * q[1];
    double c1 = hypot(a1, p[2]), c2 = hypot(a2, q[2]);
    double h1 = degrees(p[2], a1), h2 = degrees(q[2], a2);
    double dh = h2 - h1, h_mean = (h1 + h2) / 2;
    if (fabs(h1 - h2) > 180) {
        dh += h2 <= h1 ? 360 : -360;
        h_mean += h1 + h2 < 360 ? 180 : -180;
    }
    double dl = q[0] - p[0], dc = c2 - c1, dhh = 2 * sqrt(c1 * c2) * sin(dh / 2 * rad);
    double l_mean = (p[0] + q[0]) / 2, cm = (c1 + c2) / 2;
    double t = 1 - 0.17 * cos((h_mean - 30) * rad) + 0.24 * cos(2 * h_mean * rad) +
               0.32 * cos((3 * h_mean + 6) * rad) - 0.20 * cos((4 * h_mean - 63) * rad);
    double sl = 1 + 0.015 * pow(l_mean - 50, 2) / sqrt(20 + pow(l_mean - 50, 2));
    double sc = 1 + 0.045 * cm, sh = 1 + 0.015 * cm * t;
    double rt = -2 * sqrt(pow(cm, 7) / (pow(cm, 7) + p25)) *
                sin(60 * exp(-pow((h_mean - 275) / 25, 2)) * rad);
    return sqrt(pow(dl / sl, 2) + pow(dc / sc, 2) + pow(dhh / sh, 2) + rt * dc / sc * dhh / sh);
}

static double difference(int a, int b)
{
    double low = 999;
    for (int kind = -1; kind < 3; kind++) {
        double p[3], q[3];
        lab(simulate(to_linear(indexed(a)), kind), p);
        lab(simulate(to_linear(indexed(b)), kind), q);
        low = fmin(low, ciede2000(p, q));
    }
    return low;
}

TEST("the colour difference agrees with published pairs")
{
    /* Sharma, Wu, Dalal 2005, table 1, pairs 1, 17 and 25. */
    const double pairs[][7] = {{50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425},
                               {50, 2.5, 0, 73, 25, -18, 27.1492},
                               {60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644}};
    for (size_t i = 0; i < IMR_LEN(pairs); i++)
        CHECK_NEAR(ciede2000(pairs[i], pairs[i] + 3), pairs[i][6], 1e-4);
    CHECK_NEAR(contrast(hex(0xffffff), hex(0)), 21, 1e-9);
}

TEST("coloured bars and words stand out on every background of their theme")
{
    static const struct {
        ui_theme theme;
        bool on_dark, on_light;
        double bar, text; /* what WCAG asks of graphics, and of text */
    } themes[] = {{UI_THEME_AUTO, true, true, 3, 3},
                  {UI_THEME_DARK, true, false, 4.5, 4.5},
                  {UI_THEME_LIGHT, false, true, 4.5, 4.5}};
    for (size_t i = 0; i < IMR_LEN(themes); i++)
        for (int role = 0; role < UI_ROLE_COUNT; role++) {
            int fg = ui_theme_pen(themes[i].theme, (ui_style)role).fg;
            int bg = ui_theme_pen(themes[i].theme, (ui_style)role).bg;
            if (bg >= 0) { /* cells that bring their own background */
                CHECK(contrast(indexed(fg), indexed(bg)) >= 4.5);
                continue;
            }
            if (fg < 0)
                continue;
            double want = role == UI_BORDER ? 3 : role == UI_DIM ? 4.4 : themes[i].text;
            if (themes[i].on_dark && lowest(fg, dark, IMR_LEN(dark)) < want)
                FAIL("theme %s, %s: %.2f on dark", ui_theme_names[themes[i].theme],
                     ui_role_word((ui_role)role), lowest(fg, dark, IMR_LEN(dark)));
            if (themes[i].on_light && lowest(fg, light, IMR_LEN(light)) < want)
                FAIL("theme %s, %s: %.2f on light", ui_theme_names[themes[i].theme],
                     ui_role_word((ui_role)role), lowest(fg, light, IMR_LEN(light)));
            test_count();
        }
}

TEST("what is under the cursor is read in every theme that gives it a background")
{
    for (ui_theme theme = UI_THEME_DARK; theme <= UI_THEME_LIGHT; theme++)
        for (int role = 0; role < UI_ROLE_COUNT; role++) {
            const ui_pen pen = ui_theme_pen(theme, (ui_style)(role | UI_SELECTED));
            if (pen.fg >= 0 && role != UI_BORDER &&
                contrast(indexed(pen.fg), indexed(pen.bg)) < 3.5)
                FAIL("theme %s, %s: %.2f", ui_theme_names[theme], ui_role_word((ui_role)role),
                     contrast(indexed(pen.fg), indexed(pen.bg)));
            test_count();
        }
    for (int role = 0; role < UI_ROLE_COUNT; role++) { /* reversed, and told from what is anyway */
        const ui_pen mono = ui_theme_pen(UI_THEME_MONO, (ui_style)role);
        CHECK(ui_theme_pen(UI_THEME_16, (ui_style)(role | UI_SELECTED)).bg == -1);
        CHECK(ui_theme_pen(UI_THEME_MONO, (ui_style)(role | UI_SELECTED)).attributes !=
              mono.attributes);
        CHECK(ui_theme_pen(UI_THEME_MONO, (ui_style)(role | UI_SELECTED)).attributes & UI_REVERSE);
    }
}

TEST("the contrast theme brings its background and keeps 7:1 on it")
{
    for (int role = 0; role < UI_ROLE_COUNT; role++) {
        ui_pen pen = ui_theme_pen(UI_THEME_CONTRAST, (ui_style)role);
        CHECK(pen.fg >= 16 && pen.bg >= 16);
        CHECK(contrast(indexed(pen.fg), indexed(pen.bg)) >= 7);
    }
}

TEST("gain and loss differ by at least 30 in every kind of vision")
{
    static const ui_theme themes[] = {UI_THEME_AUTO, UI_THEME_DARK, UI_THEME_LIGHT,
                                      UI_THEME_CONTRAST};
    for (size_t i = 0; i < IMR_LEN(themes); i++) {
        CHECK(difference(ui_theme_pen(themes[i], UI_GAIN).fg,
                         ui_theme_pen(themes[i], UI_LOSS).fg) >= 30);
        CHECK(difference(ui_theme_pen(themes[i], UI_GAIN_HOT).bg,
                         ui_theme_pen(themes[i], UI_LOSS_HOT).bg) >= 30);
        CHECK(difference(ui_theme_pen(themes[i], UI_GAIN_WARM).bg,
                         ui_theme_pen(themes[i], UI_LOSS_WARM).bg) >= 15);
    }
}

TEST("without colour every difference of meaning is an attribute, except for bars")
{
    for (int role = 0; role < UI_ROLE_COUNT; role++) {
        ui_pen pen = ui_theme_pen(UI_THEME_MONO, (ui_style)role);
        CHECK(pen.fg == -1 && pen.bg == -1);
    }
    CHECK(ui_theme_pen(UI_THEME_MONO, UI_GAIN_WORD).attributes !=
          ui_theme_pen(UI_THEME_MONO, UI_LOSS_WORD).attributes);
    CHECK(ui_theme_pen(UI_THEME_MONO, UI_TEXT | UI_SELECTED).attributes & UI_REVERSE);
}

TEST("body text is the terminal's own in every theme but contrast")
{
    for (int t = 0; t < UI_THEME_COUNT; t++) {
        ui_pen pen = ui_theme_pen((ui_theme)t, UI_TEXT);
        CHECK(t == UI_THEME_CONTRAST || (pen.fg == -1 && pen.bg == -1 && pen.attributes == 0));
    }
}

TEST("the theme is chosen in the documented order")
{
    ui_term_options w = {.term = "xterm-256color"};
    CHECK_INT(ui_theme_choose(&w, 256), UI_THEME_AUTO);
    CHECK_INT(ui_theme_choose(&w, 8), UI_THEME_16);
    CHECK_INT(ui_theme_choose(&w, 0), UI_THEME_MONO);
    w.no_color = "";
    CHECK_INT(ui_theme_choose(&w, 256), UI_THEME_AUTO);
    w.no_color = "1";
    CHECK_INT(ui_theme_choose(&w, 256), UI_THEME_MONO);
    w.color = "always";
    CHECK_INT(ui_theme_choose(&w, 256), UI_THEME_AUTO);
    w.theme = "dark";
    CHECK_INT(ui_theme_choose(&w, 256), UI_THEME_DARK);
    w.color = "never";
    CHECK_INT(ui_theme_choose(&w, 256), UI_THEME_MONO);
}
