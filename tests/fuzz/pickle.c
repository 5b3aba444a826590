/* format/pickle: the machine alone, without the CRC-32 that guards it in an archive. */
#include "tests/fuzz/pickle_walk.h"

typedef struct pairs {
    const imr_pickle_value *root; /* of the same pickle, kept whole; NULL: it was refused */
    size_t n, left;
} pairs;

static imr_status pair(void *user, const imr_pickle_value *key, const imr_pickle_value *value,
                       imr_error *err)
{
    pairs *p = user;
    (void)err;
    must(key->kind <= IMR_PK_GLOBAL && value->kind <= IMR_PK_GLOBAL);
    must(!p->root || (p->n < p->root->len && p->root->items[2 * p->n]->kind == key->kind &&
                      p->root->items[2 * p->n + 1]->kind == value->kind));
    if (key->kind == IMR_PK_STRING)
        walk(key, 1, &p->left);
    if (value->kind == IMR_PK_TENSOR || value->kind == IMR_PK_STRING)
        walk(value, 1, &p->left);
    p->n++;
    return IMR_OK;
}

/* What keeps nothing sees what keeping finds. */
static void each_pair(const uint8_t *data, size_t size, const imr_pickle_value *root)
{
    imr_error err;
    pairs p = {.root = root && root->kind == IMR_PK_DICT ? root : NULL, .left = 1 << 16};
    imr_status status = imr_pickle_each(data, size, pair, &p, &err);
    must(status == IMR_OK || err.text[0] != '\0');
    must(status != IMR_OK || !root || (p.root && p.n == root->len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_pickle *p = NULL;
    imr_error err;
    size_t used = 0, left = 1 << 16;
    if (imr_pickle_parse(&p, data, size, &used, &err) != IMR_OK) {
        must(err.text[0] != '\0');
        each_pair(data, size, NULL);
        return 0;
    }
    must(used > 0 && used <= size && data[used - 1] == '.');
    walk(imr_pickle_root(p), 1, &left);
    (void)imr_pickle_get(imr_pickle_root(p), "model_state");
    each_pair(data, size, imr_pickle_root(p));
    imr_pickle_free(p);
    return 0;
}
