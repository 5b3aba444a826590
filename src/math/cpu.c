#include "math/cpu.h"

#include <stdbool.h>

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
#include <sys/auxv.h>

unsigned imr_cpu_features(void)
{
    const unsigned long bf16 = 1ul << 14; /* HWCAP2_BF16, which older headers lack */
    return getauxval(AT_HWCAP2) & bf16 ? IMR_CPU_BFDOT : 0u;
}
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>

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
