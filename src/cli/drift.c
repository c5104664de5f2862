/* SPDX-License-Identifier: MIT */
/* Drift: see drift.h. */
#include "drift.h"

#include <stdio.h>

#include "arguments.h"
#include "cleanup.h"
#include "corrections.h"

void drift_free(struct drift *drift)
{
	mpol_plan_free(drift->plan);
	mpol_process_free(drift->process);
	*drift = (struct drift) { 0 };
}

static bool is_known(const struct mpol_journal *journal, const struct mpol_process *process)
{
	for (size_t i = 0; i < mpol_journal_nr_changes(journal); i++) {
		const struct mpol_change *change = mpol_journal_change(journal, i);

		if (change->pid == mpol_process_pid(process) &&
		    change->start_ticks == mpol_process_start_ticks(process) &&
		    journaling_stands(change))
			return true;
	}
	return false;
}

/* With a picture of its own: ranges cost, and only those who are known need them. */
int drift_find(const struct mpol_journal *journal, const struct mpol_process *process,
	       struct drift *ret_drift, struct mpol_error *error)
{
	_cleanup_(drift_free) struct drift drift = { 0 };
	int r;

	if (!journal || !is_known(journal, process))
		return 0;
	r = mpol_process_new(NULL, mpol_process_pid(process),
			     MPOL_PROCESS_THREADS | MPOL_PROCESS_VMAS, &drift.process, error);
	if (r >= 0)
		r = mpol_plan_reapply(journal, drift.process, &drift.plan, error);
	if (r < 0)
		return r;
	*ret_drift = drift;
	drift = (struct drift) { 0 };
	return 0;
}

bool drift_any(const struct drift *drift)
{
	return drift->plan && mpol_plan_nr_corrections(drift->plan);
}

void drift_print(const struct drift *drift)
{
	pid_t pid;

	if (!drift_any(drift))
		return;
	pid = mpol_process_pid(drift->process);
	if (!corrections_count(drift->plan)) {
		printf("drift   not as it was set, and cannot be: see mpol reapply %d --check\n",
		       pid);
		return;
	}
	printf("drift   not as it was set: mpol reapply %d would give ", pid);
	corrections_print(drift->plan);
	printf("\n");
}

json_t *drift_json(const struct drift *drift)
{
	return drift->plan ? corrections_json(drift->plan) : json_array();
}
