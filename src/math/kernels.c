#include "math/kernels.h"

#include <stdbool.h>
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#include "math/scan.h"

#ifdef __x86_64__
unsigned imr_cpu_features(void)
{
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
    const bool bf16 = avx512 && __builtin_cpu_supports("avx512bf16");
    return (avx2 ? IMR_CPU_AVX2 : 0u) | (avx512 ? IMR_CPU_AVX512 : 0u) | (bf16 ? IMR_CPU_BF16 : 0u);
}
#elif defined(__aarch64__) && defined(__linux__)
unsigned imr_cpu_features(void)
{
    const unsigned long bf16 = 1ul << 14; /* HWCAP2_BF16, which older headers lack */
    return getauxval(AT_HWCAP2) & bf16 ? IMR_CPU_BFDOT : 0u;
}
#elif defined(__aarch64__) && defined(__APPLE__)
unsigned imr_cpu_features(void)
{
    int has = 0;
    size_t size = sizeof has;
    const int failed = sysctlbyname("hw.optional.arm.FEAT_BF16", &has, &size, NULL, 0);
    return failed || !has ? 0u : IMR_CPU_BFDOT;
}
#else
unsigned imr_cpu_features(void)
{
    return 0;
}
#endif

const char *imr_precision_name(imr_precision p)
{
    return p == IMR_BFLOAT16 ? "bf16" : "float32";
}

/* ---- the tables, the best first ---- */

extern const imr_kernels imr_kernels_plain;
extern const imr_scan_kernels imr_scan_plain;

#ifdef __x86_64__
extern const imr_kernels imr_kernels_avx2, imr_kernels_avx512, imr_kernels_avx512bf16;
extern const imr_scan_kernels imr_scan_avx2, imr_scan_avx512;
#elif defined(__aarch64__)
extern const imr_kernels imr_kernels_neonbf16;
#endif

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
#elif defined(__aarch64__)
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
