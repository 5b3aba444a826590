/*
 * check-report FILE...
 *
 * Says of each file what is wrong with it by the schema it belongs to, or how many objects it holds
 * ("one.json: 1 report"): imrnn.audit/1 by assets/audit.schema.json and likewise the others,
 * explanations by report.schema.json, what inspect prints by inspection.schema.json; or an array of
 * those. Exit status 1 when anything is wrong.
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/schema.h"

enum { REPORT, INSPECTION, SCHEMAS = 6 };
static const char *const names[SCHEMAS] = {"report", "inspection", "deletion",
                                           "audit",  "evaluation", "comparison"};

static const char *check_one(imr_json *const schemas[SCHEMAS], const imr_json *one)
{
    int which = imr_json_at(one, "kind") ? INSPECTION : REPORT;
    for (int i = INSPECTION + 1; i < SCHEMAS; i++) {
        char schema[64];
        snprintf(schema, sizeof schema, "imrnn.%s/1", names[i]);
        if (strcmp(imr_json_string_or(one, "schema", ""), schema) == 0)
            which = i;
    }
    return schema_problem(schemas[which], one);
}

static const char *check(imr_json *const schemas[SCHEMAS], const imr_json *root, size_t *n)
{
    if (!imr_json_is_array(root)) {
        *n = 1;
        return check_one(schemas, root);
    }
    for (const imr_json *one = imr_json_child(root); one; one = imr_json_next(one)) {
        const char *problem = check_one(schemas, one);
        if (problem[0])
            return problem;
        ++*n;
    }
    return *n ? "" : "an empty array";
}

int main(int argc, char **argv)
{
    imr_error err;
    imr_json *schemas[SCHEMAS] = {0};
    int failed = 0;
    for (int i = 0; i < SCHEMAS; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/assets/%s.schema.json", IMRNN_SOURCE_ROOT, names[i]);
        if (imr_json_open(&schemas[i], path, &err) != IMR_OK) {
            fprintf(stderr, "check-report: %s\n", err.text);
            return 1;
        }
    }
    for (int i = 1; i < argc; i++) {
        imr_json *root = NULL;
        size_t n = 0;
        const char *problem =
            imr_json_open(&root, argv[i], &err) == IMR_OK ? check(schemas, root, &n) : err.text;
        if (problem[0])
            printf("%s: %s\n", argv[i], problem);
        else
            printf("%s: %zu report%s\n", argv[i], n, n == 1 ? "" : "s");
        failed |= problem[0] != '\0';
        imr_json_free(root);
    }
    for (int i = 0; i < SCHEMAS; i++)
        imr_json_free(schemas[i]);
    return failed;
}
