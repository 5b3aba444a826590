/*
 * The few things a pickle of tensors names, and what is built when it "calls" them:
 *   collections.OrderedDict()                          a dictionary
 *   torch._utils._rebuild_tensor_v2(storage, offset, size, stride,
 *       requires_grad, hooks[, metadata])              a view of the storage
 *   torch._utils._rebuild_parameter(tensor, requires_grad, hooks)   its tensor
 *   torch.Size((2, 3))                                 its tuple
 *   torch.device("cuda", 0)                            the string "cuda:0"
 *   anything else that is data                         a value that is not read
 *   persistent id ("storage", torch.FloatStorage, key, location, elements[, None])   a storage
 */
#include <inttypes.h>

#include "format/pickle_machine.h"
#include "base/utf8_step.h"

static bool is(const imr_pickle_value *v, imr_pickle_kind kind)
{
    return v->kind == kind;
}

static imr_status rebuild_tensor(machine *m, const imr_pickle_value *args)
{
    imr_pickle_value **v = args->items;
    node *made = NULL;
    bool good = (args->len == 6 || args->len == 7) && is(v[0], IMR_PK_STORAGE) &&
                is(v[1], IMR_PK_INT) && v[1]->integer >= 0 && is(v[2], IMR_PK_TUPLE) &&
                is(v[3], IMR_PK_TUPLE) && v[2]->len == v[3]->len;
    if (!good)
        return imr_pk_refuse(m, IMR_E_FORMAT,
                             "a tensor needs (storage, offset, size, stride, ...)");
    if (v[2]->len > IMR_MAX_TENSOR_RANK)
        return imr_pk_refuse(m, IMR_E_LIMIT, "a tensor of %zu dimensions, at most %u", v[2]->len,
                             IMR_MAX_TENSOR_RANK);
    imr_pickle_tensor *t = imr_pk_take(m, sizeof *t);
    IMR_NEED(t, m->err);
    *t = (imr_pickle_tensor){
        .storage = v[0], .offset = (uint64_t)v[1]->integer, .rank = (uint32_t)v[2]->len};
    for (uint32_t d = 0; d < t->rank; d++) {
        const imr_pickle_value *size = v[2]->items[d], *stride = v[3]->items[d];
        if (!is(size, IMR_PK_INT) || !is(stride, IMR_PK_INT) || size->integer < 0 ||
            stride->integer < 0)
            return imr_pk_refuse(m, IMR_E_FORMAT,
                                 "a tensor's sizes and strides are integers from 0 on");
        t->shape[d] = (uint64_t)size->integer;
        t->stride[d] = stride->integer;
    }
    IMR_TRY(imr_pk_new(m, &made, IMR_PK_TENSOR));
    made->v.tensor = t;
    return imr_pk_push(m, made);
}

static imr_status rebuild_device(machine *m, const imr_pickle_value *args)
{
    char text[64];
    int64_t index = 0;
    bool good = (args->len == 1 || args->len == 2) && is(args->items[0], IMR_PK_STRING) &&
                args->items[0]->len < 32 && (args->len == 1 || is(args->items[1], IMR_PK_INT));
    if (!good)
        return imr_pk_refuse(m, IMR_E_FORMAT, "torch.device needs a name and an index");
    if (args->len == 2)
        index = args->items[1]->integer;
    snprintf(text, sizeof text, args->len == 2 ? "%s:%" PRId64 : "%s", args->items[0]->text, index);
    return imr_pk_string(m, IMR_PK_STRING, text, strlen(text));
}

static imr_status new_dict(machine *m, const imr_pickle_value *args)
{
    node *made = NULL;
    if (args->len != 0)
        return imr_pk_refuse(m, IMR_E_UNSUPPORTED, "an OrderedDict made from a list");
    IMR_TRY(imr_pk_new(m, &made, IMR_PK_DICT));
    return imr_pk_push(m, made);
}

static const struct {
    const char *name;
    imr_status (*call)(machine *m, const imr_pickle_value *args);
    imr_dtype dtype;      /* without a call: a type of storages, of these elements, or */
    size_t args;          /* a call that returns the first of so many arguments, */
    imr_pickle_kind kind; /* which is of this kind */
} globals[] = {
    {"collections.OrderedDict", new_dict, 0},
    {"torch._utils._rebuild_tensor_v2", rebuild_tensor, 0},
    {"torch._utils._rebuild_parameter", NULL, 0, 3, IMR_PK_TENSOR},
    {"torch.Size", NULL, 0, 1, IMR_PK_TUPLE},
    {"torch.device", rebuild_device, 0},
    {"torch.FloatStorage", NULL, IMR_F32},
    {"torch.DoubleStorage", NULL, IMR_F64},
    {"torch.HalfStorage", NULL, IMR_F16},
    {"torch.BFloat16Storage", NULL, IMR_BF16},
    {"torch.LongStorage", NULL, IMR_I64},
    {"torch.IntStorage", NULL, IMR_I32},
    {"torch.ShortStorage", NULL, IMR_I16},
    {"torch.CharStorage", NULL, IMR_I8},
    {"torch.ByteStorage", NULL, IMR_U8},
    {"torch.BoolStorage", NULL, IMR_BOOL},
};

/* Is the name one of these words, or does it (whole: false) begin with one? */
static bool among(const char *words, const char *name, bool whole)
{
    for (size_t n; *words; words += n + (words[n] == ' ')) {
        n = strcspn(words, " ");
        if (strncmp(name, words, n) == 0 && (!whole || name[n] == '\0'))
            return true;
    }
    return false;
}

/* Names whose presence is the news: no data is made of them. */
static bool runs_code(const char *name)
{
    static const char modules[] =
        "os. posix. nt. sys. subprocess. shutil. runpy. importlib. pty. socket. ctypes. code. "
        "commands. timeit. pdb. webbrowser. torch.hub. operator. functools. types.FunctionType "
        "types.CodeType marshal.";
    static const char data[] = "set frozenset bytes bytearray complex range slice int float str "
                               "bool list tuple dict object";
    return among(modules, name, false) || (among("builtins. __builtin__.", name, false) &&
                                           !among(data, strchr(name, '.') + 1, true));
}

imr_status imr_pk_global(machine *m, const char *module, size_t module_len, const char *name,
                         size_t name_len)
{
    char full[200] = "a name of more than 150 bytes";
    node *made = NULL;
    if (module_len + name_len <= 150) { /* snprintf would take a tenth of the time of all */
        const size_t dot = strnlen(module, module_len), n = strnlen(name, name_len);
        memcpy(full, module, dot);
        full[dot] = '.';
        memcpy(full + dot + 1, name, n);
        full[dot + 1 + n] = '\0';
    }
    if (imr_utf8_first_bad(full, strlen(full)) != strlen(full))
        return imr_pk_refuse(m, IMR_E_FORMAT, "its name is not UTF-8");
    size_t i = 0;
    while (i < IMR_LEN(globals) && strcmp(full, globals[i].name) != 0)
        i++;
    if (i == IMR_LEN(globals) && !runs_code(full))
        return imr_pk_opaque(m, full);
    if (i == IMR_LEN(globals))
        return imr_pk_refuse(m, IMR_E_UNSUPPORTED,
                             "names %s, which tensors do not need; the file is refused and "
                             "nothing in it was executed",
                             full);
    IMR_TRY(imr_pk_new(m, &made, IMR_PK_GLOBAL));
    made->v.text = globals[i].name;
    made->v.len = strlen(globals[i].name);
    made->v.elements = i;
    return imr_pk_push(m, made);
}

/* The storage made last serves again: a cache has thousands of views of one. */
static bool same_storage(const node *n, const imr_pickle_value *key, imr_dtype dtype, int64_t count)
{
    return strcmp(n->v.text, key->text) == 0 && n->v.dtype == dtype &&
           n->v.elements == (uint64_t)count;
}

imr_status imr_pk_persistent(machine *m)
{
    node *id = NULL, *made = NULL;
    IMR_TRY(imr_pk_pop(m, &id));
    imr_pickle_value **v = id->v.items;
    bool good = is(&id->v, IMR_PK_TUPLE) && (id->v.len == 5 || id->v.len == 6) &&
                is(v[0], IMR_PK_STRING) && strcmp(v[0]->text, "storage") == 0 &&
                is(v[1], IMR_PK_GLOBAL) && !globals[v[1]->elements].call &&
                !globals[v[1]->elements].args && is(v[2], IMR_PK_STRING) &&
                is(v[3], IMR_PK_STRING) && is(v[4], IMR_PK_INT) && v[4]->integer >= 0;
    if (!good)
        return imr_pk_refuse(m, IMR_E_FORMAT,
                             "expected (\"storage\", type, key, location, elements)");
    if (id->v.len == 6 && !is(v[5], IMR_PK_NONE))
        return imr_pk_refuse(m, IMR_E_UNSUPPORTED, "storages that are views of storages");
    imr_dtype dtype = globals[v[1]->elements].dtype;
    size_t n = m->owner->storages.n;
    if (n && same_storage(m->owner->storages.v[n - 1], v[2], dtype, v[4]->integer))
        return imr_pk_push(m, m->owner->storages.v[n - 1]);
    IMR_TRY(imr_pk_new(m, &made, IMR_PK_STORAGE));
    made->v.text = v[2]->text;
    made->v.len = v[2]->len;
    made->v.dtype = dtype;
    made->v.elements = (uint64_t)v[4]->integer;
    IMR_NEED(IMR_PUSH(&m->owner->storages, made), m->err);
    return imr_pk_push(m, made);
}

imr_status imr_pk_reduce(machine *m)
{
    node *args = NULL, *callee = NULL;
    IMR_TRY(imr_pk_pop(m, &args));
    IMR_TRY(imr_pk_pop(m, &callee));
    if (is(&callee->v, IMR_PK_OPAQUE))
        return imr_pk_push(m, callee);
    if (!is(&callee->v, IMR_PK_GLOBAL) || !is(&args->v, IMR_PK_TUPLE))
        return imr_pk_refuse(m, IMR_E_FORMAT, "calls %s with %s", imr_pickle_kind_name(&callee->v),
                             imr_pickle_kind_name(&args->v));
    const size_t row = callee->v.elements;
    if (globals[row].call)
        return globals[row].call(m, &args->v);
    if (!globals[row].args)
        return imr_pk_refuse(m, IMR_E_UNSUPPORTED, "calls %s", callee->v.text);
    if (args->v.len != globals[row].args || !is(args->v.items[0], globals[row].kind))
        return imr_pk_refuse(m, IMR_E_FORMAT, "arguments of the wrong kind");
    return imr_pk_push(m, (node *)args->v.items[0]);
}

imr_status imr_pk_make(machine *m)
{
    node *args = NULL, *class = NULL;
    IMR_TRY(imr_pk_pop(m, &args));
    IMR_TRY(imr_pk_pop(m, &class));
    if (!is(&class->v, IMR_PK_OPAQUE))
        return imr_pk_refuse(m, IMR_E_UNSUPPORTED, "makes an object of %s",
                             imr_pickle_kind_name(&class->v));
    return imr_pk_push(m, class);
}

imr_status imr_pk_build(machine *m)
{
    node *state = NULL, *target = NULL;
    IMR_TRY(imr_pk_pop(m, &state));
    IMR_TRY(imr_pk_pop(m, &target));
    if (is(&target->v, IMR_PK_OPAQUE))
        return imr_pk_push(m, target);
    /* A state dict carries its module versions as attributes; they do not matter here. */
    if (!is(&state->v, IMR_PK_DICT) || !is(&target->v, IMR_PK_DICT))
        return imr_pk_refuse(m, IMR_E_UNSUPPORTED, "gives attributes to %s",
                             imr_pickle_kind_name(&target->v));
    return imr_pk_push(m, target);
}
