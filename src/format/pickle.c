/*
 * The machine (Python's pickletools describes every opcode): a stack of values, a stack of marks,
 * and a memo of values numbered as they come. An opcode takes its operands from the stack and puts
 * its result there; STOP leaves the root. Where Python would call something, REDUCE, BUILD and
 * BINPERSID do only what format/pickle_globals.c knows.
 *
 * A pickle numbers nearly everything it builds, in case it comes again. What is kept under its
 * number is found beforehand: one walk over the opcodes notes the numbers that are ever asked for
 * (a bit each).
 */
#include <inttypes.h>
#include <stdarg.h>

#include "base/mem.h"
#include "format/pickle_machine.h"
#include "base/utf8_step.h"

typedef struct op {
    const char *name;
    uint8_t width; /* bytes of its operand, a number */
    bool counted;  /* as many bytes follow as the operand says */
    imr_status (*run)(machine *m);
    int arg; /* for run */
} op;

static const op ops[256];

/* ---- values ---- */

imr_status(imr_pk_refuse)(const machine *m, imr_status status, const char *format, ...)
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

void *imr_pk_take(machine *m, size_t n)
{
    m->taken += n;
    return imr_arena_alloc(m->owner->arena, n, 1);
}

char *imr_pk_text(machine *m, const char *text, size_t n)
{
    m->taken += n + 1;
    return imr_arena_strndup(m->owner->arena, text, n);
}

imr_status imr_pk_push(machine *m, node *n)
{
    return IMR_PUSH(&m->stack, n) ? IMR_OK : imr_fail_memory(m->err);
}

imr_status imr_pk_new(machine *m, node **out, imr_pickle_kind kind)
{
    node *n = imr_pk_take(m, sizeof *n);
    IMR_NEED(n, m->err);
    n->v.kind = kind;
    *out = n;
    return IMR_OK;
}

/* Are there n values above the last mark? */
static imr_status have(const machine *m, size_t n)
{
    size_t bottom = m->marks.n ? m->marks.v[m->marks.n - 1] : 0;
    if (m->stack.n - bottom < n)
        return imr_pk_refuse(m, IMR_E_FORMAT, "takes a value from an empty stack");
    return IMR_OK;
}

imr_status imr_pk_pop(machine *m, node **out)
{
    IMR_TRY(have(m, 1));
    *out = m->stack.v[--m->stack.n];
    return IMR_OK;
}

static imr_status append(machine *m, node *to, node *const *from, size_t n)
{
    size_t had = imr_pk_items(&to->v);
    if (n > 2 * (size_t)IMR_MAX_PICKLE_ITEMS - had)
        return imr_pk_refuse(m, IMR_E_LIMIT, "more than %u items", IMR_MAX_PICKLE_ITEMS);
    if (had + n > to->cap) {
        size_t cap = had + n > 2 * (size_t)to->cap ? had + n : 2 * (size_t)to->cap;
        imr_pickle_value **items = imr_pk_take(m, cap * sizeof(*items));
        IMR_NEED(items, m->err);
        if (had)
            memcpy(items, to->v.items, had * sizeof(*items));
        to->v.items = items;
        to->cap = (uint32_t)cap;
    }
    for (size_t i = 0; i < n; i++)
        to->v.items[had + i] = &from[i]->v;
    to->v.len += to->v.kind == IMR_PK_DICT ? n / 2 : n;
    return IMR_OK;
}

/* A new container, of the kind the opcode says, of the topmost n values, which leave the stack. */
static imr_status gather(machine *m, size_t n)
{
    node *made = NULL;
    imr_pickle_kind kind = (imr_pickle_kind)ops[m->op].arg;
    if (kind == IMR_PK_DICT && n % 2)
        return imr_pk_refuse(m, IMR_E_FORMAT, "a key without a value");
    IMR_TRY(imr_pk_new(m, &made, kind));
    if (n)
        IMR_TRY(append(m, made, m->stack.v + m->stack.n - n, n));
    m->stack.n -= n;
    return imr_pk_push(m, made);
}

/* The topmost n values go into the container below them, which must be of the opcode's kind. */
static imr_status extend(machine *m, size_t n)
{
    imr_pickle_kind kind = (imr_pickle_kind)ops[m->op].arg;
    IMR_TRY(have(m, n + 1));
    m->stack.n -= n;
    node *to = m->stack.v[m->stack.n - 1], **from = m->stack.v + m->stack.n;
    if (to->v.kind == IMR_PK_OPAQUE)
        return IMR_OK;
    if (to->v.kind != kind)
        return imr_pk_refuse(m, IMR_E_FORMAT, "puts items into %s", imr_pickle_kind_name(&to->v));
    if (kind == IMR_PK_DICT && n % 2)
        return imr_pk_refuse(m, IMR_E_FORMAT, "a key without a value");
    if (m->each && kind == IMR_PK_DICT && m->stack.n == 1 && m->marks.n == 0)
        return imr_pk_deliver(m, to, from, n);
    return append(m, to, from, n);
}

/* Values above the last mark, which goes. */
static imr_status pop_mark(machine *m, size_t *n)
{
    if (m->marks.n == 0)
        return imr_pk_refuse(m, IMR_E_FORMAT, "there is no mark");
    *n = m->stack.n - m->marks.v[--m->marks.n];
    return IMR_OK;
}

imr_status imr_pk_string(machine *m, imr_pickle_kind kind, const char *text, size_t n)
{
    node *made = NULL;
    IMR_TRY(imr_pk_new(m, &made, kind));
    made->v.len = n;
    IMR_NEED(made->v.text = imr_pk_text(m, text, n), m->err);
    return imr_pk_push(m, made);
}

imr_status imr_pk_opaque(machine *m, const char *what)
{
    return imr_pk_string(m, IMR_PK_OPAQUE, what, strlen(what));
}

static imr_status push_shared(machine *m, size_t which, imr_pickle_kind kind, int64_t v)
{
    if (!m->shared[which]) {
        IMR_TRY(imr_pk_new(m, &m->shared[which], kind));
        m->shared[which]->v.integer = v;
    }
    return imr_pk_push(m, m->shared[which]);
}

static imr_status push_integer(machine *m, int64_t v)
{
    node *made = NULL;
    if (v >= 0 && v < NONE)
        return push_shared(m, (size_t)v, IMR_PK_INT, v);
    IMR_TRY(imr_pk_new(m, &made, IMR_PK_INT));
    made->v.integer = v;
    return imr_pk_push(m, made);
}

/* ---- operands and the memo ---- */

/* Bytes that must be there before anything is done with them. */
static imr_status need(machine *m, const uint8_t **p, uint64_t n)
{
    if (n > imr_bytes_left(&m->in))
        return imr_pk_refuse(m, IMR_E_FORMAT, "needs %" PRIu64 " bytes, %zu are left", n,
                             imr_bytes_left(&m->in));
    *p = imr_bytes_take(&m->in, (size_t)n);
    return IMR_OK;
}

/* GLOBAL's is two lines. */
static imr_status read_lines(machine *m)
{
    const size_t start = m->in.pos;
    m->bytes = m->in.data + start;
    for (int i = 0; i < 2; i++) {
        const uint8_t *end = memchr(m->in.data + m->in.pos, '\n', imr_bytes_left(&m->in));
        if (!end)
            return imr_pk_refuse(m, IMR_E_FORMAT, "its name does not end");
        imr_bytes_seek(&m->in, (size_t)(end - m->in.data) + 1);
    }
    m->operand = m->in.pos - start;
    return IMR_OK;
}

static inline imr_status read_number(machine *m, size_t width)
{
    const uint8_t *p = NULL;
    IMR_TRY(need(m, &p, width));
    m->operand = 0;
    memcpy(&m->operand, p, width); /* little-endian, as the machine is (format/tensors.c) */
    return IMR_OK;
}

static imr_status read_operand(machine *m)
{
    const op *o = &ops[m->op];
    switch (o->width) { /* by cases, which the processor guesses: a third faster */
    case 0:
        return m->op == 'c' ? read_lines(m) : IMR_OK;
    case 1:
        IMR_TRY(read_number(m, 1));
        break;
    case 2:
        IMR_TRY(read_number(m, 2));
        break;
    case 4:
        IMR_TRY(read_number(m, 4));
        break;
    default:
        IMR_TRY(read_number(m, 8));
    }
    return o->counted ? need(m, &m->bytes, m->operand) : IMR_OK;
}

static imr_status memo_get(machine *m);

/* What is wrong with the pickle is found later: the walk ends where it cannot go on. */
static imr_status find_wanted(machine *m)
{
    for (machine w = {.in = m->in}; imr_bytes_left(&w.in);) {
        w.at = w.in.pos;
        w.op = imr_bytes_u8(&w.in);
        if (w.op == '.' || read_operand(&w) != IMR_OK)
            break;
        if (ops[w.op].run != memo_get)
            continue;
        if (w.operand > w.at)
            break;
        while (m->wanted.n <= w.operand / 64)
            IMR_NEED(IMR_PUSH(&m->wanted, 0), m->err);
        m->wanted.v[w.operand / 64] |= UINT64_C(1) << w.operand % 64;
    }
    IMR_NEED(m->before = IMR_NEW_ARRAY(uint32_t, m->wanted.n + 1), m->err);
    for (size_t i = 0; i < m->wanted.n; i++)
        m->before[i + 1] =
            m->before[i] + (uint32_t)__builtin_popcountll((unsigned long long)m->wanted.v[i]);
    m->kept = IMR_NEW_ARRAY(node *, m->before[m->wanted.n]);
    return m->kept ? IMR_OK : imr_fail_memory(m->err);
}

/* Where memo number i is kept; NULL when nobody asks for it. */
static node **kept(const machine *m, uint64_t i)
{
    if (i / 64 >= m->wanted.n || !(m->wanted.v[i / 64] >> i % 64 & 1))
        return NULL;
    uint64_t below = m->wanted.v[i / 64] & ((UINT64_C(1) << i % 64) - 1);
    return &m->kept[m->before[i / 64] + (uint32_t)__builtin_popcountll((unsigned long long)below)];
}

static imr_status memo_put(machine *m)
{
    const uint64_t i = ops[m->op].width ? m->operand : m->memoized;
    IMR_TRY(have(m, 1));
    if (i > m->at) /* numbers count what came before, so no honest one is larger */
        return imr_pk_refuse(m, IMR_E_FORMAT, "memo number %" PRIu64, i);
    m->memoized = i < m->memoized ? m->memoized : i + 1;
    node **to = kept(m, i);
    if (to)
        *to = m->stack.v[m->stack.n - 1];
    return IMR_OK;
}

static imr_status memo_get(machine *m)
{
    node **from = kept(m, m->operand);
    if (!from || !*from)
        return imr_pk_refuse(m, IMR_E_FORMAT, "memo %" PRIu64 " was never put", m->operand);
    return imr_pk_push(m, *from);
}

/* ---- opcodes ---- */

static imr_status op_proto(machine *m)
{
    if (m->at != 0 || m->operand < 2 || m->operand > 5)
        return imr_pk_refuse(m, IMR_E_UNSUPPORTED,
                             "protocol %" PRIu64 ", expected 2 to 5 at the start", m->operand);
    return IMR_OK;
}

static imr_status op_frame(machine *m)
{
    if (m->operand > imr_bytes_left(&m->in))
        return imr_pk_refuse(m, IMR_E_FORMAT, "a frame of %" PRIu64 " bytes, %zu are left",
                             m->operand, imr_bytes_left(&m->in));
    return IMR_OK;
}

static imr_status op_mark(machine *m)
{
    return IMR_PUSH(&m->marks, m->stack.n) ? IMR_OK : imr_fail_memory(m->err);
}

static imr_status op_pop(machine *m)
{
    node *n = NULL;
    if (!m->marks.n || m->marks.v[m->marks.n - 1] != m->stack.n)
        return imr_pk_pop(m, &n);
    m->marks.n--;
    return IMR_OK;
}

static imr_status op_pop_mark(machine *m)
{
    size_t n = 0;
    IMR_TRY(pop_mark(m, &n));
    m->stack.n -= n;
    return IMR_OK;
}

static imr_status op_constant(machine *m)
{
    const int which = ops[m->op].arg;
    return push_shared(m, (size_t)which,
                       which == NONE          ? IMR_PK_NONE
                       : which == EMPTY_TUPLE ? IMR_PK_TUPLE
                                              : IMR_PK_BOOL,
                       which == TRUE);
}

/* BININT has a sign, BININT1 and BININT2 have none. */
static imr_status op_integer(machine *m)
{
    const bool sign = ops[m->op].width == 4;
    return push_integer(m, sign ? (int32_t)(uint32_t)m->operand : (int64_t)m->operand);
}

/* LONG1, LONG4 */
static imr_status op_long(machine *m)
{
    const uint64_t n = m->operand;
    uint64_t v = 0;
    if (n > 8 || ops[m->op].width > 1)
        return imr_pk_opaque(m, "an integer of more than 64 bits");
    for (size_t i = n; i-- > 0;)
        v = v << 8 | m->bytes[i];
    if (n && n < 8 && v >> (8 * n - 1))
        v |= UINT64_MAX << (8 * n);
    return push_integer(m, (int64_t)v);
}

static imr_status op_float(machine *m)
{
    const uint64_t bits = __builtin_bswap64(m->operand);
    node *made = NULL;
    IMR_TRY(imr_pk_new(m, &made, IMR_PK_FLOAT));
    memcpy(&made->v.number, &bits, sizeof bits);
    return imr_pk_push(m, made);
}

static imr_status op_string(machine *m)
{
    const size_t n = (size_t)m->operand;
    if (imr_utf8_first_bad(m->bytes, n) != n || memchr(m->bytes, 0, n))
        return imr_pk_opaque(m, "a string with NUL or half a surrogate pair");
    return imr_pk_string(m, IMR_PK_STRING, (const char *)m->bytes, n);
}

static imr_status op_unread(machine *m)
{
    return imr_pk_opaque(m, ops[m->op].counted ? "bytes" : "a set");
}

static imr_status op_frozenset(machine *m)
{
    IMR_TRY(op_pop_mark(m));
    return imr_pk_opaque(m, "a frozenset");
}

static imr_status op_from_mark(machine *m)
{
    size_t n = 0;
    IMR_TRY(pop_mark(m, &n));
    return gather(m, n);
}

/* TUPLE1, TUPLE2, TUPLE3, an empty list and an empty dictionary */
static imr_status op_gather(machine *m)
{
    const size_t n = m->op > 0x84 ? m->op - 0x84u : 0;
    IMR_TRY(have(m, n));
    return gather(m, n);
}

static imr_status op_extend(machine *m)
{
    return extend(m, ops[m->op].arg == IMR_PK_DICT ? 2 : 1);
}

static imr_status op_extend_from_mark(machine *m)
{
    size_t n = 0;
    IMR_TRY(pop_mark(m, &n));
    return extend(m, n);
}

static imr_status op_newobj_ex(machine *m)
{
    node *named = NULL;
    IMR_TRY(imr_pk_pop(m, &named));
    return imr_pk_make(m);
}

static imr_status op_global(machine *m)
{
    const char *module = (const char *)m->bytes, *end = memchr(module, '\n', m->operand);
    const size_t n = (size_t)(end - module);
    return imr_pk_global(m, module, n, end + 1, m->operand - n - 2);
}

static imr_status op_stack_global(machine *m)
{
    node *name = NULL, *module = NULL;
    IMR_TRY(imr_pk_pop(m, &name));
    IMR_TRY(imr_pk_pop(m, &module));
    if (name->v.kind != IMR_PK_STRING || module->v.kind != IMR_PK_STRING)
        return imr_pk_refuse(m, IMR_E_FORMAT, "its name is no string");
    return imr_pk_global(m, module->v.text, module->v.len, name->v.text, name->v.len);
}

static const op ops[256] = {
    ['('] = {"MARK", 0, false, op_mark},
    [')'] = {"EMPTY_TUPLE", 0, false, op_constant, EMPTY_TUPLE},
    ['0'] = {"POP", 0, false, op_pop},
    ['1'] = {"POP_MARK", 0, false, op_pop_mark},
    ['B'] = {"BINBYTES", 4, true, op_unread},
    ['C'] = {"SHORT_BINBYTES", 1, true, op_unread},
    ['G'] = {"BINFLOAT", 8, false, op_float},
    ['J'] = {"BININT", 4, false, op_integer},
    ['K'] = {"BININT1", 1, false, op_integer},
    ['M'] = {"BININT2", 2, false, op_integer},
    ['N'] = {"NONE", 0, false, op_constant, NONE},
    ['Q'] = {"BINPERSID", 0, false, imr_pk_persistent},
    ['R'] = {"REDUCE", 0, false, imr_pk_reduce},
    ['T'] = {"BINSTRING", 4, true, op_string},
    ['U'] = {"SHORT_BINSTRING", 1, true, op_string},
    ['X'] = {"BINUNICODE", 4, true, op_string},
    [']'] = {"EMPTY_LIST", 0, false, op_gather, IMR_PK_LIST},
    ['a'] = {"APPEND", 0, false, op_extend, IMR_PK_LIST},
    ['b'] = {"BUILD", 0, false, imr_pk_build},
    ['c'] = {"GLOBAL", 0, false, op_global},
    ['d'] = {"DICT", 0, false, op_from_mark, IMR_PK_DICT},
    ['e'] = {"APPENDS", 0, false, op_extend_from_mark, IMR_PK_LIST},
    ['h'] = {"BINGET", 1, false, memo_get},
    ['j'] = {"LONG_BINGET", 4, false, memo_get},
    ['l'] = {"LIST", 0, false, op_from_mark, IMR_PK_LIST},
    ['q'] = {"BINPUT", 1, false, memo_put},
    ['r'] = {"LONG_BINPUT", 4, false, memo_put},
    ['s'] = {"SETITEM", 0, false, op_extend, IMR_PK_DICT},
    ['t'] = {"TUPLE", 0, false, op_from_mark, IMR_PK_TUPLE},
    ['u'] = {"SETITEMS", 0, false, op_extend_from_mark, IMR_PK_DICT},
    ['}'] = {"EMPTY_DICT", 0, false, op_gather, IMR_PK_DICT},
    [0x80] = {"PROTO", 1, false, op_proto},
    [0x81] = {"NEWOBJ", 0, false, imr_pk_make},
    [0x85] = {"TUPLE1", 0, false, op_gather, IMR_PK_TUPLE},
    [0x86] = {"TUPLE2", 0, false, op_gather, IMR_PK_TUPLE},
    [0x87] = {"TUPLE3", 0, false, op_gather, IMR_PK_TUPLE},
    [0x88] = {"NEWTRUE", 0, false, op_constant, TRUE},
    [0x89] = {"NEWFALSE", 0, false, op_constant, FALSE},
    [0x8a] = {"LONG1", 1, true, op_long},
    [0x8b] = {"LONG4", 4, true, op_long},
    [0x8c] = {"SHORT_BINUNICODE", 1, true, op_string},
    [0x8d] = {"BINUNICODE8", 8, true, op_string},
    [0x8e] = {"BINBYTES8", 8, true, op_unread},
    [0x8f] = {"EMPTY_SET", 0, false, op_unread},
    [0x90] = {"ADDITEMS", 0, false, op_extend_from_mark, IMR_PK_OPAQUE},
    [0x91] = {"FROZENSET", 0, false, op_frozenset},
    [0x92] = {"NEWOBJ_EX", 0, false, op_newobj_ex},
    [0x93] = {"STACK_GLOBAL", 0, false, op_stack_global},
    [0x94] = {"MEMOIZE", 0, false, memo_put},
    [0x95] = {"FRAME", 8, false, op_frame},
    [0x96] = {"BYTEARRAY8", 8, true, op_unread},
};

imr_status imr_pk_run(machine *m)
{
    IMR_TRY(find_wanted(m));
    for (;;) {
        m->at = m->in.pos;
        if (imr_bytes_left(&m->in) == 0)
            return imr_fail(m->err, IMR_E_FORMAT, "the pickle ends at byte %zu without STOP",
                            m->at);
        m->op = imr_bytes_u8(&m->in);
        if (m->at == 0 && m->op != 0x80)
            return imr_pk_refuse(m, IMR_E_UNSUPPORTED,
                                 "no pickle of protocol 2 or later begins so");
        if (m->op == '.')
            break;
        if (!ops[m->op].run)
            return imr_pk_refuse(m, IMR_E_UNSUPPORTED,
                                 "is not needed for tensors and plain values, so it is refused");
        IMR_TRY(read_operand(m));
        IMR_TRY(ops[m->op].run(m));
    }
    if (m->stack.n != 1 || m->marks.n != 0)
        return imr_pk_refuse(m, IMR_E_FORMAT, "STOP with %zu values on the stack, expected 1",
                             m->stack.n);
    return IMR_OK;
}
