/*
 * The machine (Python's pickletools describes every opcode): a stack of values, a stack of marks,
 * and a memo of values numbered as they come. An opcode takes its operands from the stack and puts
 * its result there; STOP leaves the root. Where Python would call something, REDUCE, BUILD and
 * BINPERSID do only what format/pickle_globals.c knows.
 */
#include "format/pickle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format/pickle_machine.h"
#include "format/utf8_step.h"

#define BLOCK_BYTES ((size_t)64 << 10)

typedef struct op {
    const char *name;
    imr_status (*run)(machine *m);
} op;

static const op ops[256];

/* ---- values ---- */

imr_status(imr_machine_refuse)(const machine *m, imr_status status, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (ops[m->op].name)
        return imr_fail(m->err, status, "pickle opcode %s at byte %zu: %s", ops[m->op].name, m->at,
                        text);
    return imr_fail(m->err, status, "pickle opcode 0x%02x at byte %zu: %s", m->op, m->at, text);
}

void *imr_machine_take(machine *m, size_t n)
{
    block *b = m->owner->blocks;
    n = (n + 15) / 16 * 16;
    if (!b || b->size - b->used < n) {
        size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
        b = imr_alloc(1, sizeof *b + size);
        if (!b)
            return NULL;
        *b = (block){.next = m->owner->blocks, .size = size};
        m->taken += size;
        m->owner->blocks = b;
    }
    void *p = b->bytes + b->used;
    b->used += n;
    return p;
}

imr_status imr_machine_push(machine *m, node *n)
{
    return IMR_PUSH(&m->stack, n) ? IMR_OK : imr_fail_memory(m->err);
}

imr_status imr_machine_new(machine *m, node **out, imr_pickle_kind kind)
{
    if (++m->values > IMR_MAX_PICKLE_ITEMS)
        return imr_machine_refuse(m, IMR_E_LIMIT, "more than %u values", IMR_MAX_PICKLE_ITEMS);
    node *n = imr_machine_take(m, sizeof *n);
    if (!n)
        return imr_fail_memory(m->err);
    *n = (node){.v.kind = kind};
    *out = n;
    return IMR_OK;
}

imr_status imr_machine_pop(machine *m, node **out)
{
    size_t bottom = m->marks.n ? m->marks.v[m->marks.n - 1] : 0;
    if (m->stack.n <= bottom)
        return imr_machine_refuse(m, IMR_E_FORMAT, "takes a value from an empty stack");
    *out = m->stack.v[--m->stack.n];
    return IMR_OK;
}

static imr_status top(machine *m, node **out)
{
    IMR_TRY(imr_machine_pop(m, out));
    m->stack.n++;
    return IMR_OK;
}

imr_status imr_machine_append(machine *m, node *to, node *const *from, size_t n)
{
    size_t have = to->v.kind == IMR_PK_DICT ? 2 * to->v.len : to->v.len;
    if (n > 2 * (size_t)IMR_MAX_PICKLE_ITEMS - have)
        return imr_machine_refuse(m, IMR_E_LIMIT, "more than %u items", IMR_MAX_PICKLE_ITEMS);
    if (have + n > to->cap) {
        size_t cap = have + n > 2 * (size_t)to->cap ? have + n : 2 * (size_t)to->cap;
        imr_pickle_value **items = imr_machine_take(m, cap * sizeof(*items));
        if (!items)
            return imr_fail_memory(m->err);
        if (have)
            memcpy(items, to->v.items, have * sizeof(*items));
        to->v.items = items;
        to->cap = (uint32_t)cap;
    }
    for (size_t i = 0; i < n; i++)
        to->v.items[have + i] = &from[i]->v;
    to->v.len += to->v.kind == IMR_PK_DICT ? n / 2 : n;
    return IMR_OK;
}

/* A new container of the topmost n values, which leave the stack. */
static imr_status gather(machine *m, imr_pickle_kind kind, size_t n)
{
    node *made = NULL;
    if (kind == IMR_PK_DICT && n % 2)
        return imr_machine_refuse(m, IMR_E_FORMAT, "a key without a value");
    IMR_TRY(imr_machine_new(m, &made, kind));
    if (n)
        IMR_TRY(imr_machine_append(m, made, m->stack.v + m->stack.n - n, n));
    m->stack.n -= n;
    return imr_machine_push(m, made);
}

/* Values above the last mark, which goes. */
static imr_status pop_mark(machine *m, size_t *n)
{
    if (m->marks.n == 0)
        return imr_machine_refuse(m, IMR_E_FORMAT, "there is no mark");
    *n = m->stack.n - m->marks.v[--m->marks.n];
    return IMR_OK;
}

static imr_status from_mark(machine *m, imr_pickle_kind kind)
{
    size_t n = 0;
    IMR_TRY(pop_mark(m, &n));
    return gather(m, kind, n);
}

/* The topmost n values go into the container below them. */
static imr_status extend(machine *m, imr_pickle_kind kind, size_t n)
{
    node *to = NULL;
    m->stack.n -= n;
    IMR_TRY(top(m, &to));
    if (to->v.kind == IMR_PK_OPAQUE)
        return IMR_OK;
    if (to->v.kind != kind)
        return imr_machine_refuse(m, IMR_E_FORMAT, "puts items into %s",
                                  imr_pickle_kind_name(&to->v));
    if (kind == IMR_PK_DICT && n % 2)
        return imr_machine_refuse(m, IMR_E_FORMAT, "a key without a value");
    if (m->each && kind == IMR_PK_DICT && m->stack.n == 1 && m->marks.n == 0)
        return imr_machine_deliver(m, to, m->stack.v + 1, n);
    return imr_machine_append(m, to, m->stack.v + m->stack.n, n);
}

static imr_status extend_from_mark(machine *m, imr_pickle_kind kind)
{
    size_t n = 0;
    IMR_TRY(pop_mark(m, &n));
    return extend(m, kind, n);
}

static imr_status extend_by(machine *m, imr_pickle_kind kind, size_t n)
{
    size_t bottom = m->marks.n ? m->marks.v[m->marks.n - 1] : 0;
    if (m->stack.n - bottom < n + 1)
        return imr_machine_refuse(m, IMR_E_FORMAT, "takes a value from an empty stack");
    return extend(m, kind, n);
}

static imr_status tuple_of(machine *m, size_t n)
{
    size_t bottom = m->marks.n ? m->marks.v[m->marks.n - 1] : 0;
    if (m->stack.n - bottom < n)
        return imr_machine_refuse(m, IMR_E_FORMAT, "takes a value from an empty stack");
    return gather(m, IMR_PK_TUPLE, n);
}

/* Bytes that must be there before anything is done with them. */
static imr_status need(machine *m, const uint8_t **p, uint64_t n)
{
    if (n > imr_bytes_left(&m->in))
        return imr_machine_refuse(m, IMR_E_FORMAT, "needs %" PRIu64 " bytes, %zu are left", n,
                                  imr_bytes_left(&m->in));
    *p = imr_bytes_take(&m->in, (size_t)n);
    return IMR_OK;
}

static imr_status read_uint(machine *m, uint64_t *v, size_t width)
{
    const uint8_t *p = NULL;
    IMR_TRY(need(m, &p, width));
    *v = 0;
    for (size_t i = width; i-- > 0;)
        *v = *v << 8 | p[i];
    return IMR_OK;
}

imr_status imr_machine_string(machine *m, const char *text, size_t n)
{
    node *made = NULL;
    if (imr_utf8_first_bad(text, n) != n || memchr(text, '\0', n))
        return imr_machine_refuse(m, IMR_E_FORMAT, "a string that is not UTF-8 without NUL bytes");
    IMR_TRY(imr_machine_new(m, &made, IMR_PK_STRING));
    char *copy = imr_machine_take(m, n + 1);
    if (!copy)
        return imr_fail_memory(m->err);
    memcpy(copy, text, n);
    copy[n] = '\0';
    made->v.text = copy;
    made->v.len = n;
    return imr_machine_push(m, made);
}

static imr_status string(machine *m, size_t width)
{
    uint64_t n = 0;
    const uint8_t *p = NULL;
    IMR_TRY(read_uint(m, &n, width));
    IMR_TRY(need(m, &p, n));
    if (imr_utf8_first_bad((const char *)p, (size_t)n) != n || memchr(p, 0, (size_t)n))
        return imr_machine_opaque(m, "a string with NUL or half a surrogate pair");
    return imr_machine_string(m, (const char *)p, (size_t)n);
}

/* A value of which only the length is read. */
static imr_status pass_over(machine *m, size_t width, const char *what)
{
    uint64_t n = 0;
    const uint8_t *p = NULL;
    IMR_TRY(read_uint(m, &n, width));
    IMR_TRY(need(m, &p, n));
    return imr_machine_opaque(m, what);
}

static imr_status integer(machine *m, int64_t v)
{
    bool small = v >= 0 && v < 256;
    node *made = NULL;
    if (small && m->small[v])
        return imr_machine_push(m, m->small[v]);
    IMR_TRY(imr_machine_new(m, &made, IMR_PK_INT));
    made->v.integer = v;
    if (small)
        m->small[v] = made;
    return imr_machine_push(m, made);
}

/* None, True, False: one value each. */
static imr_status constant(machine *m, size_t which, imr_pickle_kind kind, int64_t v)
{
    if (!m->constant[which]) {
        IMR_TRY(imr_machine_new(m, &m->constant[which], kind));
        m->constant[which]->v.integer = v;
    }
    return imr_machine_push(m, m->constant[which]);
}

static imr_status memo_put(machine *m, uint64_t i)
{
    node *n = NULL;
    IMR_TRY(top(m, &n));
    if (i > m->at) /* numbers count what came before, so no honest one is larger */
        return imr_machine_refuse(m, IMR_E_FORMAT, "memo number %" PRIu64, i);
    m->memoized = i < m->memoized ? m->memoized : i + 1;
    if (m->each) {
        node **kept = imr_machine_kept(m, i);
        if (kept)
            *kept = n;
        return IMR_OK;
    }
    while (m->memo.n <= i)
        if (!IMR_PUSH(&m->memo, NULL))
            return imr_fail_memory(m->err);
    m->memo.v[i] = n;
    return IMR_OK;
}

static imr_status memo_get(machine *m, uint64_t i)
{
    node **kept = m->each ? imr_machine_kept(m, i) : i < m->memo.n ? &m->memo.v[i] : NULL;
    if (!kept || !*kept)
        return imr_machine_refuse(m, IMR_E_FORMAT, "memo %" PRIu64 " was never put", i);
    return imr_machine_push(m, *kept);
}

/* ---- opcodes ---- */

static imr_status op_proto(machine *m)
{
    uint64_t version = 0;
    IMR_TRY(read_uint(m, &version, 1));
    if (m->at != 0 || version < 2 || version > 5)
        return imr_machine_refuse(m, IMR_E_UNSUPPORTED,
                                  "protocol %" PRIu64 ", expected 2 to 5 at the start", version);
    return IMR_OK;
}

static imr_status op_frame(machine *m)
{
    uint64_t n = 0;
    IMR_TRY(read_uint(m, &n, 8));
    if (n > imr_bytes_left(&m->in))
        return imr_machine_refuse(m, IMR_E_FORMAT, "a frame of %" PRIu64 " bytes, %zu are left", n,
                                  imr_bytes_left(&m->in));
    return IMR_OK;
}

static imr_status op_mark(machine *m)
{
    return IMR_PUSH(&m->marks, m->stack.n) ? IMR_OK : imr_fail_memory(m->err);
}

static imr_status op_pop(machine *m)
{
    node *n = NULL;
    if (m->marks.n && m->marks.v[m->marks.n - 1] == m->stack.n) {
        m->marks.n--;
        return IMR_OK;
    }
    return imr_machine_pop(m, &n);
}

static imr_status op_pop_mark(machine *m)
{
    size_t n = 0;
    IMR_TRY(pop_mark(m, &n));
    m->stack.n -= n;
    return IMR_OK;
}

static imr_status op_long1(machine *m)
{
    uint64_t n = 0, v = 0;
    IMR_TRY(read_uint(m, &n, 1));
    if (n > 8) {
        const uint8_t *p = NULL;
        IMR_TRY(need(m, &p, n));
        return imr_machine_opaque(m, "an integer of more than 64 bits");
    }
    IMR_TRY(read_uint(m, &v, (size_t)n));
    if (n && n < 8 && v >> (8 * n - 1))
        v |= UINT64_MAX << (8 * n);
    return integer(m, (int64_t)v);
}

static imr_status op_frozenset(machine *m)
{
    IMR_TRY(op_pop_mark(m));
    return imr_machine_opaque(m, "a frozenset");
}

static imr_status op_newobj_ex(machine *m)
{
    node *named = NULL;
    IMR_TRY(imr_machine_pop(m, &named));
    return imr_machine_make(m);
}

static imr_status op_binfloat(machine *m)
{
    const uint8_t *p = NULL;
    uint64_t bits = 0;
    node *made = NULL;
    IMR_TRY(need(m, &p, 8));
    for (size_t i = 0; i < 8; i++)
        bits = bits << 8 | p[i];
    IMR_TRY(imr_machine_new(m, &made, IMR_PK_FLOAT));
    memcpy(&made->v.number, &bits, sizeof bits);
    return imr_machine_push(m, made);
}

static imr_status op_global(machine *m)
{
    const char *line[2];
    size_t n[2];
    for (size_t i = 0; i < 2; i++) {
        line[i] = (const char *)m->in.data + m->in.pos;
        const char *end = memchr(line[i], '\n', imr_bytes_left(&m->in));
        if (!end)
            return imr_machine_refuse(m, IMR_E_FORMAT, "its name does not end");
        n[i] = (size_t)(end - line[i]);
        imr_bytes_take(&m->in, n[i] + 1);
    }
    return imr_machine_global(m, line[0], n[0], line[1], n[1]);
}

static imr_status op_stack_global(machine *m)
{
    node *name = NULL, *module = NULL;
    IMR_TRY(imr_machine_pop(m, &name));
    IMR_TRY(imr_machine_pop(m, &module));
    if (name->v.kind != IMR_PK_STRING || module->v.kind != IMR_PK_STRING)
        return imr_machine_refuse(m, IMR_E_FORMAT, "its name is no string");
    return imr_machine_global(m, module->v.text, module->v.len, name->v.text, name->v.len);
}

#define OPERAND(name, width, action)                                                               \
    static imr_status name(machine *m)                                                             \
    {                                                                                              \
        uint64_t v = 0;                                                                            \
        IMR_TRY(read_uint(m, &v, width));                                                          \
        return action;                                                                             \
    }
OPERAND(op_binint, 4, integer(m, (int32_t)(uint32_t)v))
OPERAND(op_binint1, 1, integer(m, (int64_t)v))
OPERAND(op_binint2, 2, integer(m, (int64_t)v))
OPERAND(op_binput, 1, memo_put(m, v))
OPERAND(op_long_binput, 4, memo_put(m, v))
OPERAND(op_binget, 1, memo_get(m, v))
OPERAND(op_long_binget, 4, memo_get(m, v))

#define PLAIN(name, action)                                                                        \
    static imr_status name(machine *m)                                                             \
    {                                                                                              \
        return action;                                                                             \
    }
PLAIN(op_none, constant(m, 0, IMR_PK_NONE, 0))
PLAIN(op_true, constant(m, 1, IMR_PK_BOOL, 1))
PLAIN(op_false, constant(m, 2, IMR_PK_BOOL, 0))
PLAIN(op_empty_tuple, constant(m, 3, IMR_PK_TUPLE, 0))
PLAIN(op_empty_list, gather(m, IMR_PK_LIST, 0))
PLAIN(op_empty_dict, gather(m, IMR_PK_DICT, 0))
PLAIN(op_tuple, from_mark(m, IMR_PK_TUPLE))
PLAIN(op_list, from_mark(m, IMR_PK_LIST))
PLAIN(op_dict, from_mark(m, IMR_PK_DICT))
PLAIN(op_tuple1, tuple_of(m, 1))
PLAIN(op_tuple2, tuple_of(m, 2))
PLAIN(op_tuple3, tuple_of(m, 3))
PLAIN(op_append, extend_by(m, IMR_PK_LIST, 1))
PLAIN(op_appends, extend_from_mark(m, IMR_PK_LIST))
PLAIN(op_setitem, extend_by(m, IMR_PK_DICT, 2))
PLAIN(op_setitems, extend_from_mark(m, IMR_PK_DICT))
PLAIN(op_string1, string(m, 1))
PLAIN(op_string4, string(m, 4))
PLAIN(op_string8, string(m, 8))
PLAIN(op_bytes1, pass_over(m, 1, "bytes"))
PLAIN(op_bytes4, pass_over(m, 4, "bytes"))
PLAIN(op_bytes8, pass_over(m, 8, "bytes"))
PLAIN(op_long4, pass_over(m, 4, "an integer of more than 64 bits"))
PLAIN(op_empty_set, imr_machine_opaque(m, "a set"))
PLAIN(op_additems, extend_from_mark(m, IMR_PK_OPAQUE))
PLAIN(op_memoize, memo_put(m, m->memoized))

static const op ops[256] = {
    ['('] = {"MARK", op_mark},
    [')'] = {"EMPTY_TUPLE", op_empty_tuple},
    ['0'] = {"POP", op_pop},
    ['1'] = {"POP_MARK", op_pop_mark},
    ['B'] = {"BINBYTES", op_bytes4},
    ['C'] = {"SHORT_BINBYTES", op_bytes1},
    ['G'] = {"BINFLOAT", op_binfloat},
    ['J'] = {"BININT", op_binint},
    ['K'] = {"BININT1", op_binint1},
    ['M'] = {"BININT2", op_binint2},
    ['N'] = {"NONE", op_none},
    ['Q'] = {"BINPERSID", imr_machine_persistent},
    ['R'] = {"REDUCE", imr_machine_reduce},
    ['T'] = {"BINSTRING", op_string4},
    ['U'] = {"SHORT_BINSTRING", op_string1},
    ['X'] = {"BINUNICODE", op_string4},
    [']'] = {"EMPTY_LIST", op_empty_list},
    ['a'] = {"APPEND", op_append},
    ['b'] = {"BUILD", imr_machine_build},
    ['c'] = {"GLOBAL", op_global},
    ['d'] = {"DICT", op_dict},
    ['e'] = {"APPENDS", op_appends},
    ['h'] = {"BINGET", op_binget},
    ['j'] = {"LONG_BINGET", op_long_binget},
    ['l'] = {"LIST", op_list},
    ['q'] = {"BINPUT", op_binput},
    ['r'] = {"LONG_BINPUT", op_long_binput},
    ['s'] = {"SETITEM", op_setitem},
    ['t'] = {"TUPLE", op_tuple},
    ['u'] = {"SETITEMS", op_setitems},
    ['}'] = {"EMPTY_DICT", op_empty_dict},
    [0x80] = {"PROTO", op_proto},
    [0x81] = {"NEWOBJ", imr_machine_make},
    [0x85] = {"TUPLE1", op_tuple1},
    [0x86] = {"TUPLE2", op_tuple2},
    [0x87] = {"TUPLE3", op_tuple3},
    [0x88] = {"NEWTRUE", op_true},
    [0x89] = {"NEWFALSE", op_false},
    [0x8a] = {"LONG1", op_long1},
    [0x8b] = {"LONG4", op_long4},
    [0x8c] = {"SHORT_BINUNICODE", op_string1},
    [0x8d] = {"BINUNICODE8", op_string8},
    [0x8e] = {"BINBYTES8", op_bytes8},
    [0x8f] = {"EMPTY_SET", op_empty_set},
    [0x90] = {"ADDITEMS", op_additems},
    [0x91] = {"FROZENSET", op_frozenset},
    [0x92] = {"NEWOBJ_EX", op_newobj_ex},
    [0x93] = {"STACK_GLOBAL", op_stack_global},
    [0x94] = {"MEMOIZE", op_memoize},
    [0x95] = {"FRAME", op_frame},
    [0x96] = {"BYTEARRAY8", op_bytes8},
};

/* ---- running ---- */

imr_status imr_machine_run(machine *m)
{
    for (;;) {
        m->at = m->in.pos;
        if (imr_bytes_left(&m->in) == 0)
            return imr_fail(m->err, IMR_E_FORMAT, "the pickle ends at byte %zu without STOP",
                            m->at);
        m->op = imr_bytes_u8(&m->in);
        if (m->at == 0 && m->op != 0x80)
            return imr_machine_refuse(m, IMR_E_UNSUPPORTED,
                                      "no pickle of protocol 2 or later begins so");
        if (m->op == '.')
            break;
        if (!ops[m->op].run)
            return imr_machine_refuse(
                m, IMR_E_UNSUPPORTED,
                "is not needed for tensors and plain values, so it is refused");
        IMR_TRY(ops[m->op].run(m));
    }
    if (m->stack.n != 1 || m->marks.n != 0)
        return imr_machine_refuse(m, IMR_E_FORMAT, "STOP with %zu values on the stack, expected 1",
                                  m->stack.n);
    return IMR_OK;
}
