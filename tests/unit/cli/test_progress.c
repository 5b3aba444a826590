#include "cli/progress.h"
#include "support/test.h"

static const char *resumed(const imr_progress_info *info, uint64_t first, double seconds,
                           size_t columns)
{
    static char text[256];
    imr_buf b = {0};
    imr_meter_line(&b, info, first, seconds, columns);
    snprintf(text, sizeof text, "%s", imr_buf_text(&b));
    imr_buf_done(&b);
    return text;
}

static const char *line(const imr_progress_info *info, double seconds, size_t columns)
{
    return resumed(info, 0, seconds, columns);
}

TEST("what a stopped run left makes the rate no better")
{
    imr_progress_info info = {"encoding", 900, 1000, NULL};
    CHECK_STR(resumed(&info, 800, 10.0, 200),
              "encoding [#####################   ] 900/1000 90% 10/s, 10 s left");
    CHECK_STR(resumed(&info, 900, 10.0, 200), "encoding [#####################   ] 900/1000 90%");
}

TEST("the bar shows share, rate and time left")
{
    imr_progress_info info = {"encoding documents", 512, 1024, "loss 0.41"};
    CHECK_STR(
        line(&info, 2.0, 200),
        "encoding documents [############            ] 512/1024 50% 256/s, 2 s left loss 0.41");
    info.done = 1024;
    CHECK_STR(line(&info, 2.0, 200),
              "encoding documents [########################] 1024/1024 100% 512/s loss 0.41");
    info = (imr_progress_info){"reading", 3, 0, NULL};
    CHECK_STR(line(&info, 2.0, 200), "reading 3 1.5/s");
    info = (imr_progress_info){"folding", 0, 8, NULL};
    CHECK_STR(line(&info, 0, 200), "folding [                        ] 0/8 0%");
    info = (imr_progress_info){"long", 1, 7201, NULL};
    CHECK_STR(line(&info, 1.0, 200),
              "long [                        ] 1/7201 0% 1.0/s, about 2.0 h left");
    CHECK_STR(line(&info, 0.9, 200), "long [                        ] 1/7201 0% 1.1/s");
}

static const char *log_line(uint64_t done, uint64_t total, uint64_t first, double seconds)
{
    static char text[256];
    imr_buf b = {0};
    imr_meter_log_line(&b, &(imr_progress_info){"encoding documents", done, total, NULL}, first,
                       seconds);
    snprintf(text, sizeof text, "%s", imr_buf_text(&b));
    imr_buf_done(&b);
    return text;
}

TEST("a log's line says share, rate and time left in words")
{
    CHECK_STR(log_line(0, 5183, 0, 7), "encoding documents: 0 of 5183 (0%)");
    CHECK_STR(log_line(175, 5183, 0, 16),
              "encoding documents: 175 of 5183 (3%), 10/s, about 8 min left");
    CHECK_STR(log_line(2000, 5183, 1000, 20),
              "encoding documents: 2000 of 5183 (38%), 50/s, 64 s left");
    CHECK_STR(log_line(5183, 5183, 0, 10), "encoding documents: 5183 of 5183 (100%), 518/s");
    CHECK_STR(log_line(70, 0, 0, 10), "encoding documents: 70, 7.0/s");
    CHECK_STR(log_line(10, 100000, 0, 10),
              "encoding documents: 10 of 100000 (0%), 1.0/s, about 27.7 h left");
}

TEST("the time left is told no more exactly than it is known")
{
    static const struct {
        uint64_t seconds;
        const char *left;
    } rows[] = {{1, "1 s left"},
                {99, "99 s left"},
                {100, "about 2 min left"},
                {149, "about 2 min left"},
                {150, "about 3 min left"},
                {5969, "about 99 min left"},
                {6000, "about 1.6 h left"},
                {36000, "about 10.0 h left"}};
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        const char *found = strrchr(log_line(10, rows[i].seconds + 10, 0, 10), ',');
        CHECK(found && strcmp(found + 2, rows[i].left) == 0);
    }
}

TEST("the lines of a log become rarer as the work goes on")
{
    CHECK_INT(imr_meter_log_pause(0), 5);
    CHECK_INT(imr_meter_log_pause(50), 5);
    CHECK_INT(imr_meter_log_pause(100), 10);
    CHECK_INT(imr_meter_log_pause(36000), 60);
}

TEST("the bar never exceeds the columns there are")
{
    imr_progress_info info = {"encoding d\xc3\xb6"
                              "cuments",
                              512, 1024, "l\xc3\xb6ss"};
    for (size_t columns = 0; columns < 100; columns++) {
        const char *text = line(&info, 3.0, columns);
        size_t width = 0;
        for (const char *p = text; *p; p++)
            width += (*p & 0xc0) != 0x80;
        CHECK(width <= columns);
    }
}

TEST("a meter that is off still passes on")
{
    imr_meter m;
    imr_meter_init(&m, IMR_METER_OFF, stderr);
    CHECK(imr_progress_step(&m.progress, "x", 1, 2));
}
