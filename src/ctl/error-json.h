/* SPDX-License-Identifier: MIT */
/* Errors and names as JSON, and back. */
#ifndef CTL_ERROR_JSON_H
#define CTL_ERROR_JSON_H

#include <stdbool.h>

#include <jansson.h>
#include <mpol/mpol.h>

/* A JSON string, with U+FFFD for bytes that are not UTF-8. */
json_t *json_text(const char *text);

/* The error as an object: code ("EINVAL"), errno, step, object, cause, advice. */
json_t *error_to_json(const struct mpol_error *error);

/* Such an object's error.  Returns whether it is one; *ret is untouched if not. */
bool error_from_json(const json_t *object, struct mpol_error *ret);

#endif
