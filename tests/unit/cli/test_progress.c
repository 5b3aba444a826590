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
              "encoding [#####################   ] 900/1000 90% 10/s 0:10 left");
    CHECK_STR(resumed(&info, 900, 10.0, 200), "encoding [#####################   ] 900/1000 90%");
}

TEST("the bar shows share, rate and time left")
{
    imr_progress_info info = {"encoding documents", 512, 1024, "loss 0.41"};
    CHECK_STR(
        line(&info, 2.0, 200),
        "encoding documents [############            ] 512/1024 50% 256/s 0:02 left loss 0.41");
    info.done = 1024;
    CHECK_STR(line(&info, 2.0, 200),
              "encoding documents [########################] 1024/1024 100% 512/s loss 0.41");
    info = (imr_progress_info){"reading", 3, 0, NULL};
    CHECK_STR(line(&info, 2.0, 200), "reading 3 1.5/s");
    info = (imr_progress_info){"folding", 0, 8, NULL};
    CHECK_STR(line(&info, 0, 200), "folding [                        ] 0/8 0%");
    info = (imr_progress_info){"long", 1, 7201, NULL};
    CHECK_STR(line(&info, 1.0, 200),
              "long [                        ] 1/7201 0% 1.0/s 2:00:00 left");
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
