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
#else
unsigned imr_cpu_features(void)
{
    return 0;
}
#endif
