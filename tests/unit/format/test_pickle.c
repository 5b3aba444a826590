#include "format/pickle.h"
#include "format_support.h"

static imr_error err;

/* Parses bytes without a spare one; "" or the error's text. *p (may be NULL) gets the result. */
static const char *parse_n(imr_pickle **p, const char *bytes, size_t n)
{
    imr_pickle *made = NULL;
    void *copy = exact_copy(bytes, n);
    imr_status status = imr_pickle_parse(&made, copy, n, NULL, &err);
    free(copy);
    test_count();
    if (p)
        *p = made;
    else
        imr_pickle_free(made);
    return status == IMR_OK ? "" : err.text;
}

/* A string literal that may hold zero bytes. */
#define PARSE(p, literal) parse_n((p), (literal), sizeof(literal) - 1)

TEST("plain values of every kind come out as they went in")
{
    /* pickle.dumps({'a': [1, -2, 2**40, 2.5, None, True], 1: ('x', (), {})}, 2), unmemoised */
    static const char bytes[] =
        "\x80\x02}(X\x01\0\0\0a](K\x01J\xfe\xff\xff\xff\x8a\x06\0\0\0\0\0\x01"
        "G\x40\x04\0\0\0\0\0\0N\x88"
        "eK\x01X\x01\0\0\0x)}\x87u.";
    imr_pickle *p = NULL;
    CHECK_STR(PARSE(&p, bytes), "");
    const imr_pickle_value *root = imr_pickle_root(p), *list = imr_pickle_get(root, "a");
    CHECK_INT(root->len, 2);
    CHECK(list && list->kind == IMR_PK_LIST && list->len == 6);
    CHECK_INT(list->items[0]->integer, 1);
    CHECK_INT(list->items[1]->integer, -2);
    CHECK_INT(list->items[2]->integer, (int64_t)1 << 40);
    CHECK_NEAR(list->items[3]->number, 2.5, 0);
    CHECK_INT(list->items[4]->kind, IMR_PK_NONE);
    CHECK(list->items[5]->kind == IMR_PK_BOOL && list->items[5]->integer == 1);
    const imr_pickle_value *tuple = root->items[3];
    CHECK(root->items[2]->kind == IMR_PK_INT && tuple->kind == IMR_PK_TUPLE && tuple->len == 3);
    CHECK_STR(tuple->items[0]->text, "x");
    CHECK_INT(tuple->items[1]->len, 0);
    CHECK_INT(tuple->items[2]->kind, IMR_PK_DICT);
    CHECK(imr_pickle_get(tuple, "x") == NULL);
    CHECK(imr_pickle_storage(p, 0) == NULL);
    imr_pickle_free(p);
}

TEST("of equal keys the last one counts, as in Python")
{
    imr_pickle *p = NULL;
    CHECK_STR(PARSE(&p, "\x80\x02}(X\x01\0\0\0aK\x01X\x01\0\0\0aK\x02u."), "");
    CHECK_INT(imr_pickle_get(imr_pickle_root(p), "a")->integer, 2);
    imr_pickle_free(p);
}

TEST("newer protocols with frames and short strings are read")
{
    imr_pickle *p = NULL;
    CHECK_STR(PARSE(&p, "\x80\x04\x95\x0a\0\0\0\0\0\0\0}\x94\x8c\x01"
                        "a\x94K\x07s."),
              "");
    CHECK_INT(imr_pickle_get(imr_pickle_root(p), "a")->integer, 7);
    imr_pickle_free(p);
    CHECK_CONTAINS(PARSE(NULL, "\x80\x06N."), "protocol 6");
    CHECK_CONTAINS(PARSE(NULL, "(dp0\n."), "no pickle of protocol 2");
}

TEST("how much was used is told, for files that hold several pickles")
{
    imr_pickle *p = NULL;
    size_t used = 0;
    CHECK_OK(imr_pickle_parse(&p, "\x80\x02K\x01.rest", 9, &used, &err));
    CHECK_INT(used, 5);
    imr_pickle_free(p);
}

TEST("what could run code is refused by its name and place")
{
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02"
                               "cos\nsystem\nX\x02\0\0\0id\x85R."),
                   "pickle opcode GLOBAL at byte 2: names os.system, which tensors do not need");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x04\x8c\x08"
                               "builtins\x8c\x04"
                               "eval\x93."),
                   "STACK_GLOBAL at byte 18: names builtins.eval");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02"
                               "ccollections\nOrderedDict\n\x1b[31m.\n"),
                   "opcode 0x1b at byte 27");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02N)\x81."), "makes an object of None");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02"
                               "ctorch\nFloatStorage\n)R."),
                   "calls torch.FloatStorage");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02N)R."), "calls None with a tuple");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02N}b."), "gives attributes to None");
}

/* One value of each kind beside a number, as Python's pickle writes them. */
TEST("values of other classes are left unread, whatever is put into them")
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *what;
    } rows[] = {
#define ROW(bytes, what) {bytes, sizeof bytes - 1, what}
        ROW("cnumpy.core.multiarray\nscalar\n(C\x02\0\xFFtR", "numpy.core.multiarray.scalar"),
        ROW("cargparse\nNamespace\n)\x81}X\x02\0\0\0lrK\x01sb", "argparse.Namespace"),
        ROW("ccollections\nCounter\n}K\x01K\x02s\x85R", "collections.Counter"),
        ROW("ctorch\nfloat32\n", "torch.float32"),
        ROW("\x8f(K\x01K\x02\x90", "a set"),
        ROW("(K\x01\x91", "a frozenset"),
        ROW("B\x01\0\0\0a", "bytes"),
        ROW("\x8a\x09\0\0\0\0\0\0\0\0\x01", "an integer of more than 64 bits"),
        ROW("X\x03\0\0\0a\0b", "a string with NUL"),
        ROW("X\x03\0\0\0\xED\xA0\x80", "half a surrogate pair"),
        ROW("ccollections\ndefaultdict\nc__builtin__\nlist\n\x85RK\x01]s",
            "collections.defaultdict"),
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char bytes[200] = "\x80\x02}(X\x01\0\0\0aK\x05X\x01\0\0\0b";
        size_t n = 3 + 1 + 6 + 2 + 6;
        memcpy(bytes + n, rows[i].bytes, rows[i].len);
        n += rows[i].len;
        memcpy(bytes + n, "u.", 2);
        imr_pickle *p = NULL;
        CHECK_OK(imr_pickle_parse(&p, bytes, n + 2, NULL, &err));
        const imr_pickle_value *v = imr_pickle_get(imr_pickle_root(p), "b");
        CHECK_INT(imr_pickle_get(imr_pickle_root(p), "a")->integer, 5);
        CHECK_INT(v->kind, IMR_PK_OPAQUE);
        CHECK_CONTAINS(v->text, rows[i].what);
        CHECK_STR(imr_pickle_kind_name(v), "something that is not read");
        imr_pickle_free(p);
        for (size_t cut = 2; cut < n + 1; cut++)
            CHECK(imr_pickle_parse(&p, bytes, cut, NULL, &err) != IMR_OK);
    }
}

TEST("an ordered dictionary keeps its items and drops its attributes")
{
    imr_pickle *p = NULL;
    CHECK_STR(PARSE(&p,
                    "\x80\x02"
                    "ccollections\nOrderedDict\n)R(X\x01\0\0\0aK\x05u}X\x09\0\0\0_metadataNsb."),
              "");
    CHECK_INT(imr_pickle_root(p)->len, 1);
    CHECK_INT(imr_pickle_get(imr_pickle_root(p), "a")->integer, 5);
    imr_pickle_free(p);
}

TEST("sizes and devices become plain values")
{
    imr_pickle *p = NULL;
    CHECK_STR(PARSE(&p, "\x80\x02(ctorch\nSize\nK\x02K\x03\x86\x85Rctorch\ndevice\nX\x04\0\0\0cudaK"
                        "\x01\x86Rt."),
              "");
    const imr_pickle_value *root = imr_pickle_root(p);
    CHECK_INT(root->items[0]->items[1]->integer, 3);
    CHECK_STR(root->items[1]->text, "cuda:1");
    imr_pickle_free(p);
}

TEST("a container that contains itself is refused")
{
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02]q\0h\0a."), "contains itself");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02}q\0X\x01\0\0\0a]h\0as."), "contains itself");
}

TEST("nesting and repeated containers are bounded")
{
    char deep[3 + 2 * 200] = "\x80\x02";
    size_t n = 2;
    for (int i = 0; i < 64; i++)
        deep[n++] = ']';
    for (int i = 0; i < 63; i++)
        deep[n++] = 'a';
    deep[n++] = '.';
    CHECK_STR(parse_n(NULL, deep, n), "");
    n = 2;
    for (int i = 0; i < 65; i++)
        deep[n++] = ']';
    for (int i = 0; i < 64; i++)
        deep[n++] = 'a';
    deep[n++] = '.';
    CHECK_CONTAINS(parse_n(NULL, deep, n), "nests more than 64 deep");
    /* each list holds the one before ten times: 10^30 values to walk */
    char laughs[1024] = "\x80\x02(]q\0";
    n = 6;
    for (char i = 0; i < 30; i++) {
        laughs[n++] = ']';
        laughs[n++] = 'q';
        laughs[n++] = (char)(i + 1);
        laughs[n++] = '(';
        for (int k = 0; k < 10; k++) {
            laughs[n++] = 'h';
            laughs[n++] = i;
        }
        laughs[n++] = 'e';
    }
    laughs[n++] = 't';
    laughs[n++] = '.';
    CHECK_CONTAINS(parse_n(NULL, laughs, n), "repeats its containers");
}

TEST("operands that lie are refused")
{
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02X\xff\xff\xff\xff."), "needs 4294967295 bytes, 1 are left");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), "1 are left");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff."), "a frame of");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02Nr\xff\xff\xff\xff."), "memo number 4294967295");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02h\x07."), "memo 7 was never put");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02\x8a\x09"), "needs 9 bytes, 0 are left");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02"
                               "0."),
                   "from an empty stack");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02N(\x85."), "from an empty stack");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02t."), "there is no mark");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02}(Nu."), "a key without a value");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02K\x01Na."), "puts items into an integer");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02."), "STOP with 0 values");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02NN."), "STOP with 2 values");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02N"), "ends at byte 3 without STOP");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02"
                               "ccollections"),
                   "its name does not end");
}

#define STORAGE                                                                                    \
    "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"                                         \
    "0X\x03\0\0\0cpuK\x06tQ"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"
#define HOOKS                                                                                      \
    "\x89"                                                                                         \
    "ccollections\nOrderedDict\n)R"

TEST("a tensor is a view: storage, offset, sizes and strides")
{
    imr_pickle *p = NULL;
    CHECK_STR(PARSE(&p, "\x80\x02(" REBUILD "(" STORAGE "K\x02K\x02K\x03\x86K\x01K\x02\x86" HOOKS
                        "tR" REBUILD "(" STORAGE "K\0))" HOOKS "tRt."),
              "");
    const imr_pickle_value *root = imr_pickle_root(p), *t = root->items[0];
    CHECK_INT(t->kind, IMR_PK_TENSOR);
    CHECK_INT(t->tensor->offset, 2);
    CHECK(t->tensor->rank == 2 && t->tensor->shape[1] == 3 && t->tensor->stride[1] == 2);
    CHECK_STR(t->tensor->storage->text, "0");
    CHECK(t->tensor->storage->elements == 6 && t->tensor->storage->dtype == IMR_F32);
    CHECK(root->items[1]->tensor->storage == t->tensor->storage); /* held once */
    CHECK(imr_pickle_storage(p, 0) == t->tensor->storage && !imr_pickle_storage(p, 1));
    imr_pickle_free(p);
}

TEST("tensors and storages of the wrong build are refused")
{
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02" REBUILD ")R."), "a tensor needs");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02" REBUILD "(" STORAGE "K\0K\x01\x85)" HOOKS "tR."),
                   "a tensor needs");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02" REBUILD "(" STORAGE "J\xff\xff\xff\xff))" HOOKS "tR."),
                   "a tensor needs");
    CHECK_CONTAINS(
        PARSE(NULL, "\x80\x02" REBUILD "(" STORAGE "K\0J\xff\xff\xff\xff\x85K\x01\x85" HOOKS "tR."),
        "integers from 0 on");
    CHECK_CONTAINS(
        PARSE(NULL, "\x80\x02" REBUILD "(" STORAGE "K\0(NNNNNNNNNt(NNNNNNNNNt" HOOKS "tR."),
        "9 dimensions");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02NQ."), "expected (\"storage\"");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02(X\x07\0\0\0storagectorch\nSize\nX\x01\0\0\0"
                               "0X\x03\0\0\0cpuK\x06tQ."),
                   "expected (\"storage\"");
    CHECK_CONTAINS(PARSE(NULL, "\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
                               "0X\x03\0\0\0cpuK\x06K\x01tQ."),
                   "views of storages");
}

TEST("pickles survive the failure of every allocation")
{
    static const char bytes[] = "\x80\x02](" REBUILD "(" STORAGE "K\x02K\x02\x85K\x01\x85" HOOKS
                                "tR]q\x01h\x01X\x01\0\0\0ae.";
    imr_pickle *p = NULL;
    CHECK_EVERY_ALLOCATION(imr_pickle_parse(&p, bytes, sizeof bytes - 1, NULL, &err));
    CHECK_INT(imr_pickle_root(p)->len, 4);
    imr_pickle_free(p);
}
