/* format/torch_pt: archives and pre-1.6 files, their trees and tensors. */
#include "format/torch_pt.h"
#include "tests/fuzz/pickle_walk.h"
#include "tests/fuzz/tensors_use.h"

static void use_dict(const imr_torch *t, const imr_pickle_value *dict)
{
    imr_tensors table;
    imr_error err;
    if (imr_torch_tensors(&table, t, dict, &err) != IMR_OK)
        return;
    use_tensors(&table);
    imr_tensors_done(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_torch *t = NULL;
    imr_error err;
    size_t left = 1 << 16;
    if (imr_torch_parse(&t, data, size, "input", &err) != IMR_OK)
        return 0;
    const imr_pickle_value *root = imr_torch_root(t);
    walk(root, 1, &left);
    use_dict(t, root);
    use_dict(t, imr_pickle_get(root, "model_state"));
    imr_torch_free(t);
    return 0;
}
