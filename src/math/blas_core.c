/* Which of OpenBLAS's kernels suit a CPU; pure, apart from the library itself in blas.c. */
#include <strings.h>

#include "base/attr.h"
#include "math/blas.h"
#include "math/cpu.h"

/* The widest instructions each of OpenBLAS's x86-64 cores uses for float32. */
static const struct core {
    const char *name;
    unsigned features;
} cores[] = {
    {"Katmai", 0},
    {"Coppermine", 0},
    {"Northwood", 0},
    {"Prescott", 0},
    {"Banias", 0},
    {"Atom", 0},
    {"Core2", 0},
    {"Penryn", 0},
    {"Dunnington", 0},
    {"Nehalem", 0},
    {"Athlon", 0},
    {"Opteron", 0},
    {"Opteron_SSE3", 0},
    {"Barcelona", 0},
    {"Bobcat", 0},
    {"Nano", 0},
    {"Sandybridge", 0},
    {"Bulldozer", 0},
    {"Piledriver", 0},
    {"Steamroller", 0},
    {"Excavator", 0},
    {"Haswell", IMR_CPU_AVX2},
    {"Zen", IMR_CPU_AVX2},
    {"SkylakeX", IMR_CPU_AVX2 | IMR_CPU_AVX512},
    {"Cooperlake", IMR_CPU_AVX2 | IMR_CPU_AVX512},
    {"SapphireRapids", IMR_CPU_AVX2 | IMR_CPU_AVX512},
};

const char *imr_blas_better_core(const char *core, unsigned features)
{
    const unsigned wide = features & (IMR_CPU_AVX2 | IMR_CPU_AVX512);
    const char *best = wide & IMR_CPU_AVX512 ? "SkylakeX" : "Haswell";
    if (!wide)
        return NULL;
    for (size_t i = 0; i < IMR_LEN(cores); i++)
        if (strcasecmp(cores[i].name, core) == 0)
            return wide & ~cores[i].features ? best : NULL;
    return NULL;
}
