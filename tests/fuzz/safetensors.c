/* format/safetensors */
#include "format/safetensors.h"
#include "tests/fuzz/tensors_use.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_tensors t;
    imr_error err;
    if (imr_safetensors_parse(&t, data, size, &err) != IMR_OK)
        return 0;
    use_tensors(&t);
    imr_tensors_done(&t);
    return 0;
}
