/*
 * tests/fuzz/fuzz.h - what a fuzz target is: a file NAME.c that defines LLVMFuzzerTestOneInput, a
 * line in meson.build, and a few inputs in corpus/NAME/.
 *
 * Any bytes are input. A target must not crash, hang, leak or read past the input; what it accepts
 * it uses as a caller would. `must` states a law that holds for everything accepted. The ordinary
 * test run replays the corpora (replay.c); ./dev fuzz searches with libFuzzer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(law)                                                                                  \
    do {                                                                                           \
        if (!(law)) {                                                                              \
            fprintf(stderr, "%s:%d: broken law: %s\n", __FILE__, __LINE__, #law);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
