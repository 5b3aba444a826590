#include "math/scan.h"

#include "math/cpu.h"

extern const imr_scan_kernels imr_scan_plain;

#ifdef __x86_64__
extern const imr_scan_kernels imr_scan_avx2, imr_scan_avx512;
#endif

/* Conversion from half precision came to both makers' processors before AVX2 did. */
const imr_scan_kernels *imr_scan_at(size_t i)
{
#ifdef __x86_64__
    const unsigned features = imr_cpu_features();
    if (features & IMR_CPU_AVX512 && i-- == 0)
        return &imr_scan_avx512;
    if (features & IMR_CPU_AVX2 && i-- == 0)
        return &imr_scan_avx2;
#endif
    return i == 0 ? &imr_scan_plain : NULL;
}
