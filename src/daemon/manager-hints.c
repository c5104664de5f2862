/* SPDX-License-Identifier: MIT */
/* Hints about ranges of managed processes' memory: those that others give, and what is wrong with
 * the processes' own.  Obeying them is policy's. */
#include <errno.h>
#include <inttypes.h>

#include "error.h"
#include "log.h"
#include "manager-internal.h"

int manager_hint(struct manager *manager, pid_t pid, const struct hint_range *range,
		 struct mpol_error *err)
{
	const struct roster_process *process = roster_managed(&manager->roster, pid);
	int r = process ? tiered_hint(process->tiered, range->start, range->end, range->hint)
			: -ESRCH;

	switch (r) {
	case 0:
		return 0;
	case -ESRCH:
		error_set(err, r, "set a hint", "the process is not managed");
		break;
	case -EINVAL:
		error_set(err, r, "set a hint", "not a range of whole pages");
		break;
	case -ENOSPC:
		error_set(err, r, "set a hint", "more than %d ranges", HINT_RANGES_MOST);
		break;
	default:
		error_errno(err, r, "set a hint");
		break;
	}
	error_on(err, "process %d, 0x%" PRIx64 "-0x%" PRIx64, pid, range->start, range->end);
	return r;
}

void manager_say_hints_refused(struct roster_process *process)
{
	const char *why = tiered_hints_refused(process->tiered);

	if (why && why != process->hints_refused)
		log_warning("process %d: its table of hints is not used: %s",
			    tiered_pid(process->tiered), why);
	process->hints_refused = why;
}
