#include "base/limits.h"
#include "base/mem.h"
#include "tests/support/test.h"
#include "text/stem.h"

TEST("words of one family share a stem and long words are left alone")
{
    imr_stemmer *s = NULL;
    imr_error err;
    CHECK_OK(imr_stemmer_new(&s, &err));
    static const char *const words[] = {"connect", "connected", "connection", "connections"};
    for (size_t i = 0; i < 4; i++) {
        size_t n;
        const char *stem = imr_stem(s, words[i], strlen(words[i]), &n);
        CHECK_INT(n, 7);
        CHECK(memcmp(stem, "connect", 7) == 0);
    }
    static char word[IMR_MAX_ID_BYTES + 2];
    memset(word, 's', sizeof word);
    size_t n;
    CHECK(imr_stem(s, word, sizeof word, &n) == word);
    CHECK_INT(n, sizeof word);
    imr_stemmer_free(s);
    imr_stemmer_free(NULL);
    s = NULL;
    imr_mem_fail_after(0);
    CHECK_INT(imr_stemmer_new(&s, &err), IMR_E_MEMORY);
    imr_mem_fail_after(-1);
}
