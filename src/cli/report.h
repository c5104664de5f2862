/* SPDX-License-Identifier: MIT */
/*
 * What every verb says in the same way: errors, JSON, names.
 *
 * With --json stdout carries exactly one JSON document: the verb's result, or
 * {"error": …}.  Errors go to stderr in words in either case.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>

#include <jansson.h>
#include <mpol/mpol.h>

/*
 * Prints "mpol VERB: STEP: OBJECT: CAUSE (ERRNO)" to stderr, the advice, if
 * any, on a line of its own, and with json the same as a document to stdout.
 * Returns VERB_FAILED.
 */
int report_error(const char *verb, bool json, const struct mpol_error *error);

/* The error alone, in words to stderr: for a result that is printed as well. */
void report_error_words(const char *verb, const struct mpol_error *error);

/* Says that there was not enough memory.  Returns VERB_FAILED. */
int report_no_memory(const char *verb);

/*
 * Prints value, keys sorted, with a final newline, and releases it.  Returns
 * VERB_OK, or VERB_FAILED with a message where value is NULL (out of memory)
 * or stdout cannot be written.
 */
int report_json(json_t *value);

/* Names of processes and files may hold anything.  Puts '?' for control characters, and returns
 * buffer.  For JSON: json_text (error-json.h). */
char *report_printable(const char *text, char *buffer, size_t size);

#endif
