/* SPDX-License-Identifier: MIT */
/*
 * What mpold answers (ctl/documents.h), for people.  A document of another version may lack
 * anything: what is not there is shown as 0 or "".
 */
#ifndef CLI_TIER_REPORT_H
#define CLI_TIER_REPORT_H

#include <jansson.h>

/* Each prints to stdout and returns a status of verbs.h. */
int tier_print_status(const json_t *status);
int tier_print_targets(const json_t *document);
int tier_print_decisions(const json_t *document);

/* "process 42", "unit postgresql" and so on: what a target is.  Returns buffer. */
char *tier_name_target(const json_t *target, char *buffer, size_t size);

#endif
