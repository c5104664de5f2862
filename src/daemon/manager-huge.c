/* SPDX-License-Identifier: MIT */
/* Huge pages of managed processes that somebody wants split: which processes', how many in a round,
 * and what is in the way.  Which pages is policy's (huge-pages.h). */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "huge-split.h"
#include "log.h"
#include "manager-internal.h"
#include "notify.h"

int manager_check_huge_pages(const struct manager *manager, enum huge_say say,
			     struct mpol_error *err)
{
	return say == HUGE_SPLIT ? huge_split_try(manager->root, err) : 0;
}

static bool is_to_be_split(const struct manager *manager, const struct roster_process *process)
{
	const enum huge_say say = roster_huge_pages(&manager->roster, process);

	if (manager->config.dry_run)
		return false;
	return (say == HUGE_UNSAID ? manager->config.huge_pages : say) == HUGE_SPLIT;
}

/* Once for each reason; that it has ended is found out at the next look. */
static void say_refused(struct roster_process *process, int r)
{
	if (r < 0 && r != -ESRCH && r != process->split_error)
		log_warning("process %d: huge pages stay whole: %s", tiered_pid(process->tiered),
			    strerror(-r));
	process->split_error = r;
}

void manager_split_huge_pages(struct manager *manager)
{
	struct roster *roster = &manager->roster;
	struct tiered_splits splits = {
		.left = HUGE_ROUND_SPLITS,
		.until_ns = clock_now_ns() + manager->config.call_ns,
	};

	for (size_t i = 0; i < roster->nr_processes; i++) {
		struct roster_process *process = &roster->processes[i];

		notify_alive();
		say_refused(process, tiered_split(process->tiered, is_to_be_split(manager, process),
						  &splits));
	}
	if (splits.huge_pages)
		log_info("%" PRIu64 " huge pages were split", splits.huge_pages);
	manager->split_huge_pages += splits.huge_pages;
}
