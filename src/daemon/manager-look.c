/* SPDX-License-Identifier: MIT */
/* Looking at the memory of all managed processes: what tiering asks for of each round. */
#include "clock.h"
#include "manager-internal.h"
#include "notify.h"

void manager_clear(struct manager *manager)
{
	struct roster *roster = &manager->roster;

	manager_split_huge_pages(manager);
	for (size_t i = roster->nr_processes; i-- > 0;) {
		int r;

		notify_alive();
		r = tiered_clear(roster->processes[i].tiered);
		if (r < 0) {
			roster_failed(roster, i, r);
			continue;
		}
		roster_say_tracker(&roster->processes[i]);
		manager_say_hints_refused(&roster->processes[i]);
	}
	tiering_cleared(&manager->tiering, clock_now_ns());
}

/* What a unit's first access after a clear costs the process. */
static uint64_t access_ns(const struct manager *manager, const struct tiered *tiered)
{
	const struct tracker_kind *kind = tiered_tracker(tiered);

	return kind->clears_accessed_bits ? manager->accessed_bit_ns : kind->target_fault_ns;
}

static struct nodemask fast_nodes(const struct manager *manager)
{
	struct nodemask fast = { 0 };

	for (unsigned i = 0; i < manager->nodes->nr; i++)
		if (manager->nodes->nodes[i].tier == 0)
			nodemask_set(&fast, manager->nodes->nodes[i].id);
	return fast;
}

void manager_scan(struct manager *manager)
{
	const uint8_t score = tiering_score(&manager->tiering);
	const struct nodemask fast = fast_nodes(manager);
	struct roster *roster = &manager->roster;
	struct tiering_seen all = { 0 };

	for (size_t i = roster->nr_processes; i-- > 0;) {
		struct tiered *tiered = roster->processes[i].tiered;
		struct tiering_seen seen;
		int r;

		notify_alive();
		r = tiered_scan(tiered, score, &fast, &seen);
		if (r < 0) {
			roster_failed(roster, i, r);
			continue;
		}
		seen.lost_ns = seen.units * access_ns(manager, tiered);
		tiering_seen_add(&all, &seen);
	}
	tiering_scanned(&manager->tiering, &all);
}

void manager_peek(struct manager *manager)
{
	const struct tiering_sample sample = tiering_sample(&manager->tiering);
	struct roster *roster = &manager->roster;
	struct tiering_peek all = { 0 };

	for (size_t i = roster->nr_processes; i-- > 0;) {
		struct tiering_peek peek;
		int r;

		notify_alive();
		r = tiered_peek(roster->processes[i].tiered, &sample, &peek);
		if (r < 0) {
			roster_failed(roster, i, r);
			continue;
		}
		all.last_units += peek.last_units;
		all.unseen_units += peek.unseen_units;
	}
	tiering_peeked(&manager->tiering, clock_now_ns(), &all);
}
