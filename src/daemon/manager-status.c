/* SPDX-License-Identifier: MIT */
/* What the manager tells of itself: its state, and its last rounds. */
#include "manager-internal.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "page.h"
#include "tiered.h"

_Static_assert(CTL_MAX_ERRNOS == MOVE_BATCH_ERRNOS, "all errnos are told of");
_Static_assert(CTL_MAX_FLOWS == MOVE_FLOWS, "all flows are told of");
_Static_assert(CTL_MAX_SCANS >= PORT_MAX_SCANS, "all scans are told of");
_Static_assert((int)CTL_HUGE_WHOLE == (int)HUGE_WHOLE && (int)CTL_HUGE_SPLIT == (int)HUGE_SPLIT,
	       "both say the same of huge pages");
_Static_assert(CTL_MAX_TIERS >= TIERING_MAX_RULED, "all tiers are told of");

const struct roster *manager_roster(const struct manager *manager)
{
	return &manager->roster;
}

static void tell_moves(const struct move_counts *counts, struct ctl_moves *ret)
{
	ret->tried_pages = counts->asked_pages;
	ret->moved_pages = counts->moved_pages;
	memcpy(ret->failed_pages, counts->failed_pages, sizeof(ret->failed_pages));
	ret->calls = counts->calls;
	ret->longest_call_ns = counts->longest_call_ns;
	ret->all_calls_ns = counts->all_calls_ns;
	ret->nr_flows = counts->nr_flows;
	for (unsigned i = 0; i < counts->nr_flows; i++) {
		const struct move_flow *flow = &counts->flows[i];

		ret->flows[i] = (struct ctl_flow) {
			.from = flow->from,
			.to = flow->to,
			.promotes = flow->reason == PORT_PROMOTE,
			.tried_pages = flow->asked_pages,
			.moved_pages = flow->moved_pages,
			.failed_pages = flow->failed_pages,
		};
	}
}

/* What is to be left free: with what the last decision has asked for beyond the watermark. */
static uint64_t reserve_pages(const struct manager *manager, unsigned i)
{
	const struct port_node *node = &manager->nodes->nodes[i],
			       *asked = &manager->tiering.nodes[i];

	return i < TIERING_MAX_NODES && asked->id == node->id &&
			       asked->reserve_pages > node->reserve_pages
		       ? asked->reserve_pages
		       : node->reserve_pages;
}

static void tell_nodes(const struct manager *manager, struct ctl_status *ret)
{
	for (unsigned i = 0; i < manager->nodes->nr && i < CTL_MAX_NODES; i++) {
		const struct port_node *node = &manager->nodes->nodes[i];

		ret->nodes[ret->nr_nodes++] = (struct ctl_node) {
			.id = node->id,
			.tier = node->tier,
			.capacity_bytes = node->capacity_pages * PAGE_BYTES,
			.free_bytes = node->free_pages * PAGE_BYTES,
			.reserve_bytes = reserve_pages(manager, i) * PAGE_BYTES,
			.latency_ns = node->latency_ns,
		};
	}
}

static struct tiered_sums sum_up(const struct roster *roster)
{
	struct tiered_sums all = { 0 };

	for (size_t i = 0; i < roster->nr_processes; i++) {
		const struct tiered_sums sums = roster_sums(&roster->processes[i]);

		all.pages += sums.pages;
		all.seen_pages += sums.seen_pages;
		all.state_bytes += sums.state_bytes;
		all.huge_pages += sums.huge_pages;
		all.kept_huge_pages += sums.kept_huge_pages;
	}
	return all;
}

void manager_status(struct manager *manager, struct ctl_status *ret)
{
	const struct manager_config *config = &manager->config;
	const struct port_round *round = &manager->tiering.round;
	const struct tiered_sums sums = sum_up(&manager->roster);

	*ret = (struct ctl_status) {
		.version = mpol_version(),
		.pid = getpid(),
		.running_ns = clock_now_ns() - manager->began_ns,
		.tracker = config->tracker->name,
		.tracker_summary = config->tracker->summary,
		.tracker_reason = manager->tracker_reason,
		.rule = manager->tiering.rule->name,
		.rule_summary = manager->tiering.rule->summary,
		.is_paused = manager->is_paused,
		.is_dry_run = config->dry_run,
		.is_pressed = manager->pressed,
		.pause_reason = manager->pause_reason,
		.budget_ppm = config->tiering.budget_ppm,
		.bytes_per_s = config->tiering.bytes_per_s,
		.least_period_ns = config->tiering.least_period_ns,
		.nr_targets = manager->roster.nr_entries,
		.nr_processes = manager->roster.nr_processes,
		.pages = sums.pages,
		.seen_pages = sums.seen_pages,
		.state_bytes = sums.state_bytes,
		.huge_pages = (enum ctl_huge)config->huge_pages,
		.whole_huge_pages = sums.huge_pages,
		.kept_huge_pages = sums.kept_huge_pages,
		.split_huge_pages = manager->split_huge_pages,
		.rounds = manager->rounds,
		.nr_scans = round->nr_scans,
		.looking_cpu_ns = manager->cpu.looking_ns,
		.deciding_cpu_ns = manager->cpu.deciding_ns,
		.moving_cpu_ns = manager->cpu.moving_ns,
		.all_cpu_ns = manager_cpu_ns(),
		.targets_cpu_ns = manager->cpu.targets_ns,
	};
	memcpy(ret->scans_ns, round->after_ns, sizeof(round->after_ns));
	tell_nodes(manager, ret);
	tell_moves(&manager->counts, &ret->moves);
}

void manager_note_decision(struct manager *manager, uint64_t moved_pages)
{
	const struct tiering *tiering = &manager->tiering;
	struct ctl_decision *decision = &manager->decisions[manager->rounds % MANAGER_DECISIONS];

	*decision = (struct ctl_decision) {
		.round = manager->rounds++,
		.when_ns = tiering->round.now_ns,
		.when_s = (uint64_t)time(NULL),
		.promote_pages = manager->decided_pages[PORT_PROMOTE],
		.demote_pages = manager->decided_pages[PORT_DEMOTE],
		.moved_pages = moved_pages,
		.is_dry_run = manager->config.dry_run,
		.nr_edges = (unsigned)tiering->nr_ruled,
	};
	for (int i = 0; i < tiering->nr_ruled; i++) {
		const struct rule_edges edges = rule_edges(tiering->rule, &tiering->tiers[i]);

		decision->edges[i] = (struct ctl_edges) {
			.tier = i,
			.promote_heat = edges.promote_heat,
			.demote_heat = edges.demote_heat,
			.caution = edges.caution,
		};
	}
}

void manager_decisions(const struct manager *manager,
		       void (*tell)(const struct ctl_decision *decision, void *to), void *to)
{
	const uint64_t nr =
		manager->rounds < MANAGER_DECISIONS ? manager->rounds : MANAGER_DECISIONS;

	for (uint64_t round = manager->rounds - nr; round < manager->rounds; round++)
		tell(&manager->decisions[round % MANAGER_DECISIONS], to);
}
