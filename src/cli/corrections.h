/* SPDX-License-Identifier: MIT */
/* Plans in print: what was corrected in a process, and what was left as it is. */
#ifndef CLI_CORRECTIONS_H
#define CLI_CORRECTIONS_H

#include <stddef.h>

#include <jansson.h>
#include <mpol/mpol.h>

/*
 * "3 threads to default, 2 ranges (8.0 MiB) to bind:1": those without an error,
 * by policy; "nothing" if there are none.
 */
void corrections_print(const struct mpol_plan *plan);

/* A line for each that was left alone or failed, and why. */
void corrections_print_others(const struct mpol_plan *plan);

/*
 * An array of {thread, start, end, change, shown, policy, error}: thread or
 * start and end are null; error is null or a name such as "ECANCELED".
 */
json_t *corrections_json(const struct mpol_plan *plan);

/* How many have no error. */
size_t corrections_count(const struct mpol_plan *plan);

#endif
