/*
 * The values a pickle leaves: that walking them is safe, and what is asked of them. Of dictionaries
 * too large to be kept, pairs go to a callback as they are read; what the machine still needs is
 * moved out of its memory before that is freed.
 */

#include "base/mem.h"
#include "format/pickle_machine.h"

#define ONGOING     UINT32_MAX
#define FIRST_LIMIT ((size_t)1 << 20) /* bytes of values before any are thrown away */

size_t imr_pk_items(const imr_pickle_value *v)
{
    return v->kind == IMR_PK_DICT                              ? 2 * v->len
           : v->kind == IMR_PK_LIST || v->kind == IMR_PK_TUPLE ? v->len
                                                               : 0;
}

static imr_status too_deep(imr_error *err)
{
    return imr_fail(err, IMR_E_LIMIT, "the pickle nests more than %u deep", IMR_MAX_PICKLE_DEPTH);
}

/* Each node is looked at once. */
static imr_status check_tree(machine *m, node *n, uint32_t depth)
{
    if (n->height == ONGOING)
        return imr_fail(m->err, IMR_E_FORMAT, "the pickle holds a container that contains itself");
    uint32_t below = n->height ? n->height : 1;
    if (depth + below > IMR_MAX_PICKLE_DEPTH)
        return too_deep(m->err);
    if (n->height)
        return IMR_OK;
    n->height = ONGOING;
    n->unfolded = 1;
    for (size_t i = 0; i < imr_pk_items(&n->v); i++) {
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

/* ---- throwing away ---- */

static imr_status move(machine *m, node **at, unsigned depth);

/* What belongs to the copy n of a node is copied, too. */
static imr_status move_parts(machine *m, imr_pickle_value *v, unsigned depth)
{
    const size_t count = imr_pk_items(v);
    const bool tensor = v->kind == IMR_PK_TENSOR;
    if (v->kind == IMR_PK_STRING || v->kind == IMR_PK_OPAQUE || v->kind == IMR_PK_STORAGE) {
        v->text = imr_pk_text(m, v->text, v->len);
        return v->text ? IMR_OK : imr_fail_memory(m->err);
    }
    if (!tensor && !count)
        return IMR_OK;
    void *made = imr_pk_take(m, tensor ? sizeof *v->tensor : count * sizeof(*v->items));
    IMR_NEED(made, m->err);
    if (tensor) {
        imr_pickle_tensor *t = made;
        *t = *v->tensor;
        node *storage = (node *)(uintptr_t)t->storage;
        IMR_TRY(move(m, &storage, depth));
        t->storage = &storage->v;
        v->tensor = t;
        return IMR_OK;
    }
    imr_pickle_value **items = made;
    for (size_t i = 0; i < count; i++) {
        node *child = (node *)v->items[i];
        IMR_TRY(move(m, &child, depth));
        items[i] = &child->v;
    }
    v->items = items;
    return IMR_OK;
}

/* *at becomes its copy in the machine's new memory; what was copied before is not copied again. */
static imr_status move(machine *m, node **at, unsigned depth)
{
    node *old = *at;
    if (!old)
        return IMR_OK;
    if (!old->moved) {
        node *made = NULL;
        if (depth > IMR_MAX_PICKLE_DEPTH)
            return too_deep(m->err);
        IMR_TRY(imr_pk_new(m, &made, old->v.kind));
        *made = *old;
        made->cap = (uint32_t)imr_pk_items(&old->v);
        old->moved = made;
        IMR_TRY(move_parts(m, &made->v, depth + 1));
    }
    *at = old->moved;
    return IMR_OK;
}

static imr_status move_all(machine *m)
{
    for (size_t i = 0; i < m->stack.n; i++)
        IMR_TRY(move(m, &m->stack.v[i], 0));
    for (size_t i = 0; i < m->before[m->wanted.n]; i++)
        IMR_TRY(move(m, &m->kept[i], 0));
    return IMR_OK;
}

static imr_status throw_away(machine *m)
{
    imr_arena *old = m->owner->arena;
    m->owner->arena = imr_arena_new();
    m->taken = m->owner->storages.n = 0;
    memset(m->shared, 0, sizeof m->shared);
    const imr_status status = m->owner->arena ? move_all(m) : imr_fail_memory(m->err);
    imr_arena_free(old);
    m->limit = FIRST_LIMIT + 2 * m->taken;
    return status;
}

/* ---- pairs ---- */

imr_status imr_pk_deliver(machine *m, node *to, node *const *from, size_t n)
{
    to->streamed = m->streamed = true;
    for (size_t i = 0; i < n; i += 2)
        IMR_TRY(m->each(m->user, &from[i]->v, &from[i + 1]->v, m->err));
    return m->taken > m->limit ? throw_away(m) : IMR_OK;
}

/* Pairs that were there before the dictionary was at the bottom of the stack. */
static imr_status deliver_rest(machine *m, node *root)
{
    if (root->v.kind != IMR_PK_DICT || (m->streamed && !root->streamed))
        return imr_fail(m->err, IMR_E_FORMAT, "expected a dictionary, found %s",
                        root->v.kind == IMR_PK_DICT ? "several" : imr_pickle_kind_name(&root->v));
    IMR_TRY(check_tree(m, root, 0));
    for (size_t i = 0; i < root->v.len; i++)
        IMR_TRY(m->each(m->user, root->v.items[2 * i], root->v.items[2 * i + 1], m->err));
    return IMR_OK;
}

static imr_status run(machine *m)
{
    IMR_NEED((m->owner = IMR_NEW(imr_pickle)) && (m->owner->arena = imr_arena_new()), m->err);
    IMR_TRY(imr_pk_run(m));
    m->owner->root = &m->stack.v[0]->v;
    return m->each ? deliver_rest(m, m->stack.v[0]) : check_tree(m, m->stack.v[0], 0);
}

static void done(machine *m)
{
    imr_pickle_free(m->owner);
    IMR_FREE(m->stack.v, m->marks.v, m->wanted.v, m->before, m->kept);
}

imr_status imr_pickle_parse(imr_pickle **out, const void *data, size_t len, size_t *used,
                            imr_error *err)
{
    IMR_CLEANUP(done) machine m = {.in = imr_bytes_of(data, len), .err = err};
    IMR_TRY(run(&m));
    if (used)
        *used = m.in.pos;
    return IMR_GIVE(out, m.owner);
}

imr_status imr_pickle_each(const void *data, size_t len, imr_pickle_pair_fn each, void *user,
                           imr_error *err)
{
    IMR_CLEANUP(done)
    machine m = {.in = imr_bytes_of(data, len), .err = err, .each = each, .user = user};
    m.limit = FIRST_LIMIT;
    return run(&m);
}

/* ---- what is asked of a tree ---- */

void imr_pickle_free(imr_pickle *p)
{
    if (!p)
        return;
    imr_arena_free(p->arena);
    IMR_FREE(p->storages.v, p);
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
    for (size_t i = v && v->kind == IMR_PK_DICT ? v->len : 0; i-- > 0;) {
        const imr_pickle_value *k = v->items[2 * i];
        if (k->kind == IMR_PK_STRING && strcmp(k->text, key) == 0)
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
