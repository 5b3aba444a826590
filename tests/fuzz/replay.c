/*
 * Feeds every file of a folder to the fuzz target it is linked with, each as a heap block without a
 * spare byte, and the empty input. A crash ends the program, so reaching the summary is the test.
 */
#include <string.h>

#include "base/file.h"
#include "tests/fuzz/fuzz.h"

static void feed(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    must(copy != NULL);
    if (n)
        memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

int main(int argc, char **argv)
{
    imr_names names;
    size_t failed = 0;
    imr_error err;
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    if (imr_dir_list(&names, argv[1], &err) != IMR_OK || names.n == 0) {
        printf("FAILED: %s holds no inputs\n# 0 passed, 1 failed, 0 skipped\n", argv[1]);
        return 1;
    }
    feed((const uint8_t *)"", 0);
    for (size_t i = 0; i < names.n; i++) {
        char path[4096];
        imr_file f;
        snprintf(path, sizeof path, "%s/%s", argv[1], names.v[i]);
        if (imr_file_map(&f, path, &err) != IMR_OK) {
            printf("FAILED: %s\n", err.text);
            failed++;
            continue;
        }
        feed(f.data, f.len);
        imr_file_unmap(&f);
    }
    imr_names_done(&names);
    printf("# %zu passed, %zu failed, 0 skipped\n", names.n - failed, failed);
    return failed != 0;
}
