/*
 * base/attr.h - compiler attributes under names of ours; empty where a compiler lacks them.
 *
 * IMR_NODISCARD   the result must be used; IMR_NODISCARD_TYPE: every result of this type
 * IMR_PRINTF(f,a) the f-th argument is a printf format, arguments start at a
 * IMR_CLEANUP(fn) run fn(&variable) when the variable leaves its scope
 * IMR_FREE_AT(type, fn)   makes fn##_at of fn(type *), for IMR_CLEANUP of a pointer
 */
#pragma once

#define IMR_NODISCARD    __attribute__((warn_unused_result))
#define IMR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define IMR_CLEANUP(fn)  __attribute__((cleanup(fn)))
#define IMR_UNUSED       __attribute__((unused))
#if defined(__clang__)
#define IMR_NODISCARD_TYPE IMR_NODISCARD
#elif defined(__GNUC__) && __GNUC__ >= 11
#define IMR_NODISCARD_TYPE [[nodiscard]]
#else
#define IMR_NODISCARD_TYPE
#endif

/* One binary for every CPU: the loader picks the clone. Levels, not models: "arch=haswell" is taken
 * only on a CPU that is a Haswell, never on another maker's with the same instructions. Sanitizer
 * builds and other systems go without. */
#if defined(__x86_64__) && defined(__linux__) && __GNUC__ >= 12 && !defined(__clang__) &&          \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define IMR_CPU_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define IMR_CPU_CLONES
#endif

#define IMR_FREE_AT(type, fn)                                                                      \
    static inline void fn##_at(type **pointer) /* NOLINT(bugprone-macro-parentheses) */            \
    {                                                                                              \
        fn(*pointer);                                                                              \
    }

#define IMR_LEN(a) (sizeof(a) / sizeof((a)[0]))
