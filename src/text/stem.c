#include "text/stem.h"

#include <libstemmer.h>

#include "base/limits.h"
#include "base/mem.h"

struct imr_stemmer {
    struct sb_stemmer *snowball;
};

imr_status imr_stemmer_new(imr_stemmer **out, imr_error *err)
{
    imr_stemmer *s = IMR_NEW(imr_stemmer);
    if (!s)
        return imr_fail_memory(err);
    s->snowball = sb_stemmer_new("english", "UTF_8");
    if (!s->snowball) {
        imr_free(s);
        return imr_fail_memory(err);
    }
    *out = s;
    return IMR_OK;
}

void imr_stemmer_free(imr_stemmer *s)
{
    if (!s)
        return;
    sb_stemmer_delete(s->snowball);
    imr_free(s);
}

const char *imr_stem(imr_stemmer *s, const char *word, size_t len, size_t *stem_len)
{
    *stem_len = len;
    if (len > IMR_MAX_ID_BYTES)
        return word;
    const sb_symbol *stem = sb_stemmer_stem(s->snowball, (const sb_symbol *)word, (int)len);
    if (stem)
        *stem_len = (size_t)sb_stemmer_length(s->snowball);
    return (const char *)stem;
}
