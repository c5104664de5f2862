/* SPDX-License-Identifier: MIT */
/* Drift: where a process has other policies than the journal says that mpol gave it. */
#ifndef CLI_DRIFT_H
#define CLI_DRIFT_H

#include <stdbool.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "journaling.h"

/* Zero-initialise; free with drift_free. */
struct drift {
	struct mpol_process *process; /* the picture that the plan is about; NULL: see drift_find */
	struct mpol_plan *plan;
};

/*
 * Looks the process up in the journal; a process without standing changes, or
 * no journal (NULL), gives no plan.  Errors: of mpol_process_new and
 * mpol_plan_reapply.
 */
int drift_find(const struct mpol_journal *journal, const struct mpol_process *process,
	       struct drift *ret_drift, struct mpol_error *error);
void drift_free(struct drift *drift);

/* Whether anything is not as it was set. */
bool drift_any(const struct drift *drift);

/* A line that says what, and what to do about it; nothing where there is no drift. */
void drift_print(const struct drift *drift);

/* As corrections_json; empty where there is no drift. */
json_t *drift_json(const struct drift *drift);

#endif
