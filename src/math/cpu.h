/*
 * math/cpu.h - what the CPU can do, found at run time.
 */
#ifndef IMR_MATH_CPU_H
#define IMR_MATH_CPU_H

enum {
    IMR_CPU_AVX2 = 1,   /* and FMA */
    IMR_CPU_AVX512 = 2, /* F, DQ, BW, VL and CD: what every server of Intel and Zen 4 have */
    IMR_CPU_BF16 = 4,   /* AVX-512 with products of bfloat16 */
    IMR_CPU_BFDOT = 8   /* products of bfloat16 on ARM64; NEON itself is in every one */
};

/* Of this CPU and the operating system, which must save the registers. 0 on other architectures,
 * and on ARM64 under systems that are not asked (all but Linux and macOS). */
unsigned imr_cpu_features(void);

#endif
