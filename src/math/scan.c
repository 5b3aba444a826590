#include "math/scan.h"

extern const imr_scan_kernels imr_scan_plain;

#ifdef __x86_64__
extern const imr_scan_kernels imr_scan_avx2, imr_scan_avx512;

/* Conversion from half precision came to both makers' processors before AVX2 did. */
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

const imr_scan_kernels *imr_scan_at(size_t i)
{
#ifdef __x86_64__
    if (has_avx512() && i-- == 0)
        return &imr_scan_avx512;
    if (has_avx2() && i-- == 0)
        return &imr_scan_avx2;
#endif
    return i == 0 ? &imr_scan_plain : NULL;
}
