#include "math/kernels.h"

#include <string.h>

#include "math/cpu.h"

extern const imr_kernels imr_kernels_plain;

#ifdef __x86_64__
extern const imr_kernels imr_kernels_avx2, imr_kernels_avx512, imr_kernels_avx512bf16;
#endif
#ifdef __aarch64__
extern const imr_kernels imr_kernels_neonbf16;
#endif

const char *imr_precision_name(imr_precision p)
{
    return p == IMR_BFLOAT16 ? "bf16" : "float32";
}

const imr_kernels *imr_kernels_at(size_t i)
{
#ifdef __x86_64__
    const unsigned features = imr_cpu_features();
    if (features & IMR_CPU_BF16 && i-- == 0)
        return &imr_kernels_avx512bf16;
    if (features & IMR_CPU_AVX512 && i-- == 0)
        return &imr_kernels_avx512;
    if (features & IMR_CPU_AVX2 && i-- == 0)
        return &imr_kernels_avx2;
#endif
#ifdef __aarch64__
    if (imr_cpu_features() & IMR_CPU_BFDOT && i-- == 0)
        return &imr_kernels_neonbf16;
#endif
    return i == 0 ? &imr_kernels_plain : NULL;
}

const imr_kernels *imr_kernels_find(const char *name)
{
    const imr_kernels *k;
    for (size_t i = 0; (k = imr_kernels_at(i)); i++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}
