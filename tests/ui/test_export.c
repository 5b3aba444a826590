/* The export dialog on the screen Audit. */
#include "fake.h"
#include "screen.h"
#include "support/test.h"

TEST("the audit is exported as it is shown, in the formats it has, while it runs too")
{
    screen s;
    screen_start(&s, 24, 100, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java\t5e\r");
    CHECK_STR(fake_exported(s.engine), "audit text of 12 to imrnn-audit-test.txt");
    CHECK_CONTAINS(screen_text(&s), "imrnn-audit-test.txt, 15 KB; audited: 12 of 30 queries");
    screen_keys(&s, "e"); /* it runs */
    CHECK_CONTAINS(screen_text(&s), "the audit as shown: 12 of 30 queries");
    fake_release(s.engine);
    screen_settle(&s);
    screen_keys(&s, "\x1b");
    screen_keys(&s, "flost\re");
    CHECK_CONTAINS(screen_text(&s), "the audit as shown: 14 of 30 queries");
    screen_keys(&s, "\t\x1b[D"); /* the last format; diffir is none */
    CHECK_CONTAINS(screen_text(&s), "csv: ");
    screen_keys(&s, "\r");
    CHECK_STR(fake_exported(s.engine), "audit csv of 14 to imrnn-audit-test.csv");
    screen_keys(&s, "e\x1b[C\r"); /* all of it */
    CHECK_STR(fake_exported(s.engine), "audit csv of 30 to imrnn-audit-test.csv");
    CHECK(!strstr(screen_text(&s), "audited: "));
    screen_keys(&s, ":export diffir x\r");
    CHECK_CONTAINS(screen_text(&s), "an audit is not written as diffir");
    screen_keys(&s, "1:export diffir x\r5e"); /* the format of the last export is none here */
    CHECK_CONTAINS(screen_text(&s), "text: ");
    screen_end(&s);
    screen_start(&s, 24, 100, false);
    screen_keys(&s, "\t5");
    screen_keys(&s, "e");
    CHECK_CONTAINS(screen_text(&s), "nothing to export yet: no query has been ranked");
    screen_end(&s);
}
