/* format/npy: an accepted array is exactly as long as its shape says. */
#include "base/mem.h"
#include "format/npy.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_npy a;
    imr_error err;
    if (imr_npy_parse(&a, data, size, &err) != IMR_OK)
        return 0;
    uint64_t n = imr_tensor_count(&a.t);
    must(n * imr_dtype_size(a.t.dtype) == a.t.bytes && a.t.bytes <= size);
    float *out = imr_alloc((size_t)n, sizeof *out);
    must(out && imr_tensor_to_f32(&a.t, out, &err) == IMR_OK);
    imr_free(out);
    imr_npy_done(&a);
    return 0;
}
