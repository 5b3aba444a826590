/* The tree a pickle leaves: that walking it is safe, and what is asked of it. */
#include <string.h>

#include "format/pickle_machine.h"

#define ONGOING UINT32_MAX

/* Each node is looked at once. */
static imr_status check_tree(machine *m, node *n, uint32_t depth)
{
    if (n->height == ONGOING)
        return imr_fail(m->err, IMR_E_FORMAT, "the pickle holds a container that contains itself");
    uint32_t below = n->height ? n->height : 1;
    if (depth + below > IMR_MAX_PICKLE_DEPTH)
        return imr_fail(m->err, IMR_E_LIMIT, "the pickle nests more than %u deep",
                        IMR_MAX_PICKLE_DEPTH);
    if (n->height)
        return IMR_OK;
    imr_pickle_kind kind = n->v.kind;
    bool container = kind == IMR_PK_LIST || kind == IMR_PK_TUPLE || kind == IMR_PK_DICT;
    size_t items = !container ? 0 : kind == IMR_PK_DICT ? 2 * n->v.len : n->v.len;
    n->height = ONGOING;
    n->unfolded = 1;
    for (size_t i = 0; i < items; i++) {
        node *child = (node *)n->v.items[i];
        IMR_TRY(check_tree(m, child, depth + 1));
        below = child->height + 1 > below ? child->height + 1 : below;
        n->unfolded += child->unfolded;
        if (n->unfolded > IMR_MAX_PICKLE_ITEMS)
            return imr_fail(m->err, IMR_E_LIMIT,
                            "the pickle repeats its containers until they have more than %u values",
                            IMR_MAX_PICKLE_ITEMS);
    }
    n->height = below;
    return IMR_OK;
}

imr_status imr_machine_check(machine *m)
{
    return check_tree(m, m->stack.v[0], 0);
}

void imr_machine_done(machine *m)
{
    imr_free(m->stack.v);
    imr_free(m->memo.v);
    imr_free(m->marks.v);
    imr_free(m->wanted.v);
    imr_free(m->before);
    imr_free(m->kept);
}

imr_status imr_pickle_parse(imr_pickle **out, const void *data, size_t len, size_t *used,
                            imr_error *err)
{
    machine m = {.in = imr_bytes_of(data, len), .owner = IMR_NEW(imr_pickle), .err = err};
    if (!m.owner)
        return imr_fail_memory(err);
    imr_status status = imr_machine_run(&m);
    if (status == IMR_OK)
        status = imr_machine_check(&m);
    if (status == IMR_OK)
        m.owner->root = &m.stack.v[0]->v;
    imr_machine_done(&m);
    if (status != IMR_OK) {
        imr_pickle_free(m.owner);
        return status;
    }
    if (used)
        *used = m.in.pos;
    *out = m.owner;
    return IMR_OK;
}

void imr_pickle_free(imr_pickle *p)
{
    if (!p)
        return;
    for (block *b = p->blocks, *next; b; b = next) {
        next = b->next;
        imr_free(b);
    }
    imr_free(p->storages.v);
    imr_free(p);
}

const imr_pickle_value *imr_pickle_root(const imr_pickle *p)
{
    return p->root;
}

const imr_pickle_value *imr_pickle_storage(const imr_pickle *p, size_t i)
{
    return i < p->storages.n ? &p->storages.v[i]->v : NULL;
}

const imr_pickle_value *imr_pickle_get(const imr_pickle_value *v, const char *key)
{
    size_t len = strlen(key);
    if (!v || v->kind != IMR_PK_DICT)
        return NULL;
    for (size_t i = v->len; i-- > 0;) {
        const imr_pickle_value *k = v->items[2 * i];
        if (k->kind == IMR_PK_STRING && k->len == len && memcmp(k->text, key, len) == 0)
            return v->items[2 * i + 1];
    }
    return NULL;
}

const char *imr_pickle_kind_name(const imr_pickle_value *v)
{
    static const char *const names[] = {
        [IMR_PK_NONE] = "None",           [IMR_PK_BOOL] = "a boolean",
        [IMR_PK_INT] = "an integer",      [IMR_PK_FLOAT] = "a number",
        [IMR_PK_STRING] = "a string",     [IMR_PK_LIST] = "a list",
        [IMR_PK_TUPLE] = "a tuple",       [IMR_PK_DICT] = "a dictionary",
        [IMR_PK_TENSOR] = "a tensor",     [IMR_PK_STORAGE] = "a storage",
        [IMR_PK_GLOBAL] = "a class name", [IMR_PK_OPAQUE] = "something that is not read",
    };
    return v ? names[v->kind] : "nothing";
}
