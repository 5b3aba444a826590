/*
 * check-report FILE...
 *
 * Says of each file what is wrong with it as an explanation (or an array of explanations) by
 * assets/report.schema.json, or as an audit by assets/audit.schema.json, or how many it holds: "one.json: 1 report". Exit status 1 when
 * anything is wrong.
 */
#include <stdio.h>
#include <string.h>

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
    static const char *const files[] = {IMRNN_SOURCE_ROOT "/assets/report.schema.json",
                                        IMRNN_SOURCE_ROOT "/assets/audit.schema.json"};
    imr_error err;
    imr_json *schemas[2] = {NULL};
    int failed = 0;
    for (int i = 0; i < 2; i++)
        if (imr_json_open(&schemas[i], files[i], &err) != IMR_OK) {
            fprintf(stderr, "check-report: %s\n", err.text);
            return 1;
        }
    for (int i = 1; i < argc; i++) {
        imr_json *root = NULL;
        size_t n = 0;
        const char *problem = err.text;
        if (imr_json_open(&root, argv[i], &err) == IMR_OK) {
            const char *of = imr_json_string_or(root, "schema", "");
            problem = check(schemas[strcmp(of, "imrnn.audit/1") == 0], root, &n);
        }
        if (problem[0])
            printf("%s: %s\n", argv[i], problem);
        else
            printf("%s: %zu report%s\n", argv[i], n, n == 1 ? "" : "s");
        failed |= problem[0] != '\0';
        imr_json_free(root);
    }
    imr_json_free(schemas[0]);
    imr_json_free(schemas[1]);
    return failed;
}
