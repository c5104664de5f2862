/* SPDX-License-Identifier: MIT */
/* What every verb says in the same way: errors to stderr, JSON to stdout. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <jansson.h>
#include <mpol/mpol.h>

/*
 * Prints "mpol VERB: STEP: OBJECT: CAUSE" and the advice, if any, on a line of
 * its own.  Returns VERB_FAILED.
 */
int report_error(const char *verb, const struct mpol_error *error);

/*
 * Prints value, keys sorted, with a final newline, and releases it.  Returns
 * VERB_OK, or VERB_FAILED with a message where value is NULL (out of memory)
 * or stdout cannot be written.
 */
int report_json(json_t *value);

#endif
