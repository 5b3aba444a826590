/* format/pickle: the machine alone, without the CRC-32 that guards it in an archive. */
#include "tests/fuzz/pickle_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_pickle *p = NULL;
    imr_error err;
    size_t used = 0, left = 1 << 16;
    if (imr_pickle_parse(&p, data, size, &used, &err) != IMR_OK) {
        must(err.text[0] != '\0');
        return 0;
    }
    must(used > 0 && used <= size && data[used - 1] == '.');
    walk(imr_pickle_root(p), 1, &left);
    (void)imr_pickle_get(imr_pickle_root(p), "model_state");
    imr_pickle_free(p);
    return 0;
}
