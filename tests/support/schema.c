#include "tests/support/schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct check {
    const imr_json *root;
    char place[512], problem[1024];
} check;

static bool value_ok(check *c, const imr_json *schema, const imr_json *value);

static bool fail(check *c, const char *what, const char *detail)
{
    if (!c->problem[0])
        snprintf(c->problem, sizeof c->problem, "%s: %s %s", c->place[0] ? c->place : "/", what,
                 detail);
    return false;
}

/* Checks an item under its name, which the place shows meanwhile. */
static bool below(check *c, const char *name, const imr_json *schema, const imr_json *value)
{
    const size_t at = strlen(c->place);
    snprintf(c->place + at, sizeof c->place - at, "%s%s", at ? "/" : "", name);
    const bool ok = value_ok(c, schema, value);
    c->place[at] = '\0';
    return ok;
}

static bool has_type(const imr_json *v, const char *type)
{
    const double n = imr_json_number_or(v, "", NAN);
    return strcmp(type, "object") == 0    ? imr_json_is_object(v)
           : strcmp(type, "array") == 0   ? imr_json_is_array(v)
           : strcmp(type, "string") == 0  ? imr_json_is_string(v)
           : strcmp(type, "number") == 0  ? imr_json_is_number(v)
           : strcmp(type, "integer") == 0 ? imr_json_is_number(v) && n == floor(n)
           : strcmp(type, "boolean") == 0 ? imr_json_is_bool(v)
           : strcmp(type, "null") == 0    ? imr_json_is_null(v)
                                          : false;
}

static bool type_ok(check *c, const imr_json *types, const imr_json *v)
{
    if (imr_json_is_string(types))
        return has_type(v, imr_json_string_or(types, "", "")) ||
               fail(c, "is not of type", imr_json_string_or(types, "", ""));
    for (const imr_json *t = imr_json_child(types); t; t = imr_json_next(t))
        if (has_type(v, imr_json_string_or(t, "", "")))
            return true;
    return fail(c, "has none of the types", "it may have");
}

static bool same(const imr_json *a, const imr_json *b)
{
    if (imr_json_is_string(a) && imr_json_is_string(b))
        return strcmp(imr_json_string_or(a, "", ""), imr_json_string_or(b, "", "")) == 0;
    if (imr_json_is_bool(a) && imr_json_is_bool(b))
        return imr_json_bool_or(a, "", false) == imr_json_bool_or(b, "", false);
    return imr_json_is_null(a) && imr_json_is_null(b);
}

static bool one_of(check *c, const imr_json *list, const imr_json *v)
{
    for (const imr_json *e = imr_json_child(list); e; e = imr_json_next(e))
        if (same(e, v))
            return true;
    return fail(c, "is none of the values it may have:", imr_json_string_or(v, "", "no text"));
}

static bool any_of(check *c, const imr_json *list, const imr_json *v)
{
    for (const imr_json *e = imr_json_child(list); e; e = imr_json_next(e)) {
        check one = *c;
        if (value_ok(&one, e, v))
            return true;
    }
    return fail(c, "fits none of", "anyOf");
}

/* Children by their own keys: a path would take "nDCG(exp)/10" apart. */
static const imr_json *member(const imr_json *object, const char *name)
{
    for (const imr_json *m = imr_json_child(object); m; m = imr_json_next(m))
        if (strcmp(imr_json_key(m), name) == 0)
            return m;
    return NULL;
}

static bool required(check *c, const imr_json *names, const imr_json *v)
{
    for (const imr_json *n = imr_json_child(names); n; n = imr_json_next(n))
        if (!member(v, imr_json_string_or(n, "", "")))
            return fail(c, "lacks", imr_json_string_or(n, "", ""));
    return true;
}

static bool members(check *c, const imr_json *schema, const imr_json *v)
{
    const imr_json *known = member(schema, "properties");
    const imr_json *other = member(schema, "additionalProperties");
    for (const imr_json *m = imr_json_child(v); m; m = imr_json_next(m)) {
        const imr_json *s = member(known, imr_json_key(m));
        if (!s && imr_json_is_bool(other))
            return fail(c, "has a member nobody knows:", imr_json_key(m));
        if ((s || other) && !below(c, imr_json_key(m), s ? s : other, m))
            return false;
    }
    return true;
}

static bool items(check *c, const imr_json *schema, const imr_json *v)
{
    char place[32];
    size_t i = 0;
    for (const imr_json *e = imr_json_child(v); e; e = imr_json_next(e)) {
        snprintf(place, sizeof place, "%zu", i++);
        if (!below(c, place, schema, e))
            return false;
    }
    return true;
}

static bool is_digest(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static bool keyword_ok(check *c, const imr_json *schema, const imr_json *k, const imr_json *v)
{
    const char *name = imr_json_key(k);
    if (strcmp(name, "$ref") == 0) {
        const char *target = imr_json_string_or(k, "", "");
        if (strncmp(target, "#/$defs/", 8) != 0)
            return fail(c, "schema: unknown $ref", target);
        const imr_json *to = member(member(c->root, "$defs"), target + 8);
        return to ? value_ok(c, to, v) : fail(c, "schema: nothing is called", target);
    }
    if (strcmp(name, "type") == 0)
        return type_ok(c, k, v);
    if (strcmp(name, "const") == 0)
        return same(k, v) || fail(c, "is not", imr_json_string_or(k, "", ""));
    if (strcmp(name, "enum") == 0)
        return one_of(c, k, v);
    if (strcmp(name, "anyOf") == 0)
        return any_of(c, k, v);
    if (strcmp(name, "required") == 0)
        return !imr_json_is_object(v) || required(c, k, v);
    if (strcmp(name, "properties") == 0 || strcmp(name, "additionalProperties") == 0)
        return !imr_json_is_object(v) || members(c, schema, v);
    if (strcmp(name, "items") == 0)
        return !imr_json_is_array(v) || items(c, k, v);
    if (strcmp(name, "minItems") == 0)
        return !imr_json_is_array(v) || (double)imr_json_count(v) >= imr_json_number_or(k, "", 0) ||
               fail(c, "has too few items", "");
    if (strcmp(name, "minimum") == 0)
        return !imr_json_is_number(v) ||
               imr_json_number_or(v, "", NAN) >= imr_json_number_or(k, "", 0) ||
               fail(c, "is less than its minimum", "");
    if (strcmp(name, "pattern") == 0 &&
        strcmp(imr_json_string_or(k, "", ""), "^[0-9a-f]{64}$") == 0)
        return !imr_json_is_string(v) || is_digest(imr_json_string_or(v, "", "")) ||
               fail(c, "is no sha256:", imr_json_string_or(v, "", ""));
    return strcmp(name, "$schema") == 0 || strcmp(name, "title") == 0 ||
           strcmp(name, "description") == 0 || strcmp(name, "$defs") == 0 ||
           fail(c, "schema: a keyword this check does not know:", name);
}

static bool value_ok(check *c, const imr_json *schema, const imr_json *value)
{
    for (const imr_json *k = imr_json_child(schema); k; k = imr_json_next(k))
        if (!keyword_ok(c, schema, k, value))
            return false;
    return true;
}

const char *schema_problem(const imr_json *schema, const imr_json *value)
{
    static check c;
    c = (check){.root = schema};
    value_ok(&c, schema, value);
    return c.problem;
}
