#include "math/sieve.h"

#include "math/cpu.h"

extern const imr_sieve imr_sieve_plain;

#ifdef __x86_64__
extern const imr_sieve imr_sieve_avx2, imr_sieve_avx512;
#endif

const imr_sieve *imr_sieve_at(size_t i)
{
#ifdef __x86_64__
    const unsigned features = imr_cpu_features();
    if (features & IMR_CPU_AVX512 && i-- == 0)
        return &imr_sieve_avx512;
    if (features & IMR_CPU_AVX2 && i-- == 0)
        return &imr_sieve_avx2;
#endif
    return i == 0 ? &imr_sieve_plain : NULL;
}
