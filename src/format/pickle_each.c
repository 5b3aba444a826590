/*
 * Dictionaries too large to be kept: pairs go to a callback as they are read, and what the machine
 * still needs is moved out of its memory before that is freed.
 *
 * A pickle numbers nearly everything it builds, in case it comes again, so "still needed" is found
 * beforehand: one walk over the opcodes notes the numbers that are ever asked for (a bit each).
 */
#include <string.h>

#include "format/pickle_machine.h"

#define FIRST_LIMIT ((size_t)1 << 20) /* bytes of values before any are thrown away */

/* ---- which memo numbers are asked for ---- */

/* Moves behind the operand; false when that is not all there. */
static bool skip_operand(imr_bytes *b, uint8_t op)
{
    uint64_t n = 0;
    switch (op) {
    case 'K':
    case 'q':
    case 0x80:
        n = 1;
        break;
    case 'M':
        n = 2;
        break;
    case 'J':
    case 'r':
        n = 4;
        break;
    case 'G':
    case 0x95:
        n = 8;
        break;
    case 'C':
    case 'U':
    case 0x8a:
    case 0x8c:
        n = imr_bytes_uint(b, 1);
        break;
    case 'B':
    case 'T':
    case 'X':
    case 0x8b:
        n = imr_bytes_uint(b, 4);
        break;
    case 0x8d:
    case 0x8e:
    case 0x96:
        n = imr_bytes_uint(b, 8);
        break;
    case 'c':
        for (int lines = 0; lines < 2; lines++) {
            const uint8_t *end = memchr(b->data + b->pos, '\n', imr_bytes_left(b));
            if (!end)
                return false;
            imr_bytes_take(b, (size_t)(end - b->data) + 1 - b->pos);
        }
        break;
    default:
        break;
    }
    return n <= imr_bytes_left(b) && imr_bytes_seek(b, b->pos + n);
}

/* What is wrong with the pickle is found later: the walk ends where it cannot go on. */
static imr_status find_wanted(machine *m, imr_error *err)
{
    imr_bytes b = m->in;
    while (imr_bytes_left(&b)) {
        size_t at = b.pos;
        uint8_t op = imr_bytes_u8(&b);
        if (op == '.')
            break;
        if (op != 'h' && op != 'j') {
            if (!skip_operand(&b, op))
                break;
            continue;
        }
        uint64_t i = imr_bytes_uint(&b, op == 'h' ? 1 : 4);
        if (!imr_bytes_ok(&b) || i > at)
            break;
        while (m->wanted.n <= i / 64)
            if (!IMR_PUSH(&m->wanted, 0))
                return imr_fail_memory(err);
        m->wanted.v[i / 64] |= UINT64_C(1) << i % 64;
    }
    m->before = IMR_NEW_ARRAY(uint32_t, m->wanted.n + 1);
    if (!m->before)
        return imr_fail_memory(err);
    for (size_t w = 0; w < m->wanted.n; w++)
        m->before[w + 1] =
            m->before[w] + (uint32_t)__builtin_popcountll((unsigned long long)m->wanted.v[w]);
    m->kept = IMR_NEW_ARRAY(node *, m->before[m->wanted.n]);
    return m->kept ? IMR_OK : imr_fail_memory(err);
}

node **imr_machine_kept(const machine *m, uint64_t i)
{
    if (i / 64 >= m->wanted.n || !(m->wanted.v[i / 64] >> i % 64 & 1))
        return NULL;
    uint64_t below = m->wanted.v[i / 64] & ((UINT64_C(1) << i % 64) - 1);
    return &m->kept[m->before[i / 64] + (uint32_t)__builtin_popcountll((unsigned long long)below)];
}

/* ---- throwing away ---- */

static imr_status copy_text(machine *m, node *n)
{
    char *text = imr_machine_take(m, n->v.len + 1);
    if (!text)
        return imr_fail_memory(m->err);
    memcpy(text, n->v.text, n->v.len + 1);
    n->v.text = text;
    return IMR_OK;
}

static imr_status move(machine *m, node **at, unsigned depth);

static imr_status move_items(machine *m, node *n, unsigned depth)
{
    size_t count = n->v.kind == IMR_PK_DICT ? 2 * n->v.len : n->v.len;
    imr_pickle_value **items = imr_machine_take(m, count * sizeof(*items));
    if (!items)
        return imr_fail_memory(m->err);
    for (size_t i = 0; i < count; i++) {
        node *child = (node *)n->v.items[i];
        IMR_TRY(move(m, &child, depth + 1));
        items[i] = &child->v;
    }
    n->v.items = items;
    n->cap = (uint32_t)count;
    return IMR_OK;
}

static imr_status move_tensor(machine *m, node *n, unsigned depth)
{
    imr_pickle_tensor *t = imr_machine_take(m, sizeof *t);
    if (!t)
        return imr_fail_memory(m->err);
    *t = *n->v.tensor;
    node *storage = (node *)(uintptr_t)t->storage;
    IMR_TRY(move(m, &storage, depth + 1));
    t->storage = &storage->v;
    n->v.tensor = t;
    return IMR_OK;
}

/* *at becomes its copy in the machine's new memory; what was copied before is not copied again. */
static imr_status move(machine *m, node **at, unsigned depth)
{
    node *old = *at, *made = NULL;
    if (!old)
        return IMR_OK;
    if (!old->moved) {
        if (depth > IMR_MAX_PICKLE_DEPTH)
            return imr_fail(m->err, IMR_E_LIMIT, "the pickle nests more than %u deep",
                            IMR_MAX_PICKLE_DEPTH);
        IMR_TRY(imr_machine_new(m, &made, old->v.kind));
        *made = *old;
        old->moved = made;
        switch (old->v.kind) {
        case IMR_PK_STRING:
        case IMR_PK_OPAQUE:
        case IMR_PK_STORAGE:
            IMR_TRY(copy_text(m, made));
            break;
        case IMR_PK_LIST:
        case IMR_PK_TUPLE:
        case IMR_PK_DICT:
            IMR_TRY(move_items(m, made, depth));
            break;
        case IMR_PK_TENSOR:
            IMR_TRY(move_tensor(m, made, depth));
            break;
        default:
            break;
        }
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
    for (size_t i = 0; i < IMR_LEN(m->constant); i++)
        IMR_TRY(move(m, &m->constant[i], 0));
    for (size_t i = 0; i < IMR_LEN(m->small); i++)
        IMR_TRY(move(m, &m->small[i], 0));
    if (m->owner->storages.n) { /* only the last is ever looked at again */
        m->owner->storages.v[0] = m->owner->storages.v[m->owner->storages.n - 1];
        m->owner->storages.n = 1;
        IMR_TRY(move(m, &m->owner->storages.v[0], 0));
    }
    return IMR_OK;
}

static imr_status throw_away(machine *m)
{
    block *old = m->owner->blocks, **end = &m->owner->blocks;
    m->owner->blocks = NULL;
    m->taken = m->values = 0;
    imr_status status = move_all(m);
    if (status != IMR_OK) { /* both are freed with the owner */
        while (*end)
            end = &(*end)->next;
        *end = old;
        return status;
    }
    for (block *next; old; old = next) {
        next = old->next;
        imr_free(old);
    }
    m->limit = FIRST_LIMIT + 2 * m->taken;
    return IMR_OK;
}

/* ---- pairs ---- */

imr_status imr_machine_deliver(machine *m, node *to, node *const *from, size_t n)
{
    to->streamed = m->streamed = true;
    for (size_t i = 0; i < n; i += 2)
        IMR_TRY(m->each(m->user, &from[i]->v, &from[i + 1]->v, m->err));
    return m->taken > m->limit ? throw_away(m) : IMR_OK;
}

/* Pairs that were there before the dictionary was at the bottom of the stack. */
static imr_status deliver_rest(machine *m)
{
    node *root = m->stack.v[0];
    if (root->v.kind != IMR_PK_DICT || (m->streamed && !root->streamed))
        return imr_fail(m->err, IMR_E_FORMAT, "expected a dictionary, found %s",
                        root->v.kind == IMR_PK_DICT ? "several" : imr_pickle_kind_name(&root->v));
    IMR_TRY(imr_machine_check(m));
    for (size_t i = 0; i < root->v.len; i++)
        IMR_TRY(m->each(m->user, root->v.items[2 * i], root->v.items[2 * i + 1], m->err));
    return IMR_OK;
}

imr_status imr_pickle_each(const void *data, size_t len, imr_pickle_pair_fn each, void *user,
                           imr_error *err)
{
    machine m = {.in = imr_bytes_of(data, len),
                 .owner = IMR_NEW(imr_pickle),
                 .err = err,
                 .each = each,
                 .user = user,
                 .limit = FIRST_LIMIT};
    if (!m.owner)
        return imr_fail_memory(err);
    imr_status status = find_wanted(&m, err);
    if (status == IMR_OK)
        status = imr_machine_run(&m);
    if (status == IMR_OK)
        status = deliver_rest(&m);
    imr_machine_done(&m);
    imr_pickle_free(m.owner);
    return status;
}
