/*
 * check-report FILE...
 *
 * Says of each file what is wrong with it as an explanation (or an array of explanations) by
 * assets/report.schema.json, or how many it holds: "one.json: 1 report". Exit status 1 when
 * anything is wrong.
 */
#include <stdio.h>

#include "tests/support/schema.h"

static const char *check(const imr_json *schema, const imr_json *root, size_t *n)
{
    if (!imr_json_is_array(root)) {
        *n = 1;
        return schema_problem(schema, root);
    }
    for (const imr_json *one = imr_json_child(root); one; one = imr_json_next(one)) {
        const char *problem = schema_problem(schema, one);
        if (problem[0])
            return problem;
        ++*n;
    }
    return *n ? "" : "an empty array";
}

int main(int argc, char **argv)
{
    imr_error err;
    imr_json *schema = NULL;
    int failed = 0;
    if (imr_json_open(&schema, IMRNN_SOURCE_ROOT "/assets/report.schema.json", &err) != IMR_OK) {
        fprintf(stderr, "check-report: %s\n", err.text);
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        imr_json *root = NULL;
        size_t n = 0;
        const char *problem =
            imr_json_open(&root, argv[i], &err) == IMR_OK ? check(schema, root, &n) : err.text;
        if (problem[0])
            printf("%s: %s\n", argv[i], problem);
        else
            printf("%s: %zu report%s\n", argv[i], n, n == 1 ? "" : "s");
        failed |= problem[0] != '\0';
        imr_json_free(root);
    }
    imr_json_free(schema);
    return failed;
}
