/*
 * tests/support/schema.h - is a JSON value what a JSON schema says? For our own schemas.
 *
 * Knows: $ref to #/$defs/NAME, type (one or several), const, enum, anyOf, required, properties,
 * additionalProperties (a schema, or false), items, minItems, minimum, and the pattern of a sha256.
 * Any other keyword that constrains is a fault of the schema here, so that nothing is passed over.
 */
#pragma once

#include "format/json.h"

/* "" or the first thing that is wrong, with its place ("documents/3/lift: ..."). Static buffer. */
const char *schema_problem(const imr_json *schema, const imr_json *value);
