/* SPDX-License-Identifier: MIT */
/*
 * mpol itself: the same rounds and the same ranking as on Linux (policy/tiering.h),
 * over a tracker that sees what page-table scans see.  And mpol with another rule than
 * its ranking (policy/rule.h), which is mpold --rule.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "peers.h"
#include "policy.h"
#include "tiering.h"

/* What mpold has where nobody says. */
static const struct tiering_config default_config = {
	.budget_ppm = 10000,
	.least_period_ns = 100000000,
	.peek_ns = 200000000,
	.bytes_per_s = 1UL << 30,
};

struct tracked {
	struct tiering tiering;
	struct ranking_unit *units; /* [pages], by unit */
	uint8_t *seen;		    /* [pages] in this round */
	uint64_t paced_ps;	    /* manager's time at the last decision, and its moves since */
	bool constant_room;	    /* no more is left free than the high watermark */
};

static void stop(void *state)
{
	struct tracked *tracked = state;

	free(tracked->units);
	free(tracked->seen);
	free(tracked);
}

DEFINE_CLEANUP(void *, stop);

static int start_by(const struct rule *rule, struct world *world, void **ret_state,
		    struct mpol_error *err)
{
	struct tracked *tracked = calloc(1, sizeof(*tracked));
	_cleanup_(stopp) void *state = tracked;
	struct tiering_config config = default_config;
	int nr_tiers = 0;

	if (!tracked)
		return error_errno(err, -ENOMEM, "start mpol");
	for (int i = 0; i < world->memory.nr_nodes; i++)
		if (world_tier(world, i) >= nr_tiers)
			nr_tiers = world_tier(world, i) + 1;
	config.rule = rule;
	tiering_start(&tracked->tiering, &config, nr_tiers);
	tracked->units = calloc(world->nr_pages, sizeof(*tracked->units));
	tracked->seen = calloc(world->nr_pages, sizeof(*tracked->seen));
	if (!tracked->units || !tracked->seen)
		return error_errno(err, -ENOMEM, "start mpol");
	*ret_state = steal_pointer(&state);
	return 0;
}

static int start(struct world *world, void **ret_state, struct mpol_error *err)
{
	return start_by(&rule_ranking, world, ret_state, err);
}

static int start_hint_latency(struct world *world, void **ret_state, struct mpol_error *err)
{
	return start_by(&rule_hint_latency, world, ret_state, err);
}

static int start_two_touch(struct world *world, void **ret_state, struct mpol_error *err)
{
	return start_by(&rule_two_touch, world, ret_state, err);
}

static int start_constant_room(struct world *world, void **ret_state, struct mpol_error *err)
{
	int r = start(world, ret_state, err);

	if (r == 0)
		((struct tracked *)*ret_state)->constant_room = true;
	return r;
}

static void clear(struct world *world, struct tracked *tracked)
{
	uint64_t looked_at = 0;
	uint32_t pages;

	for (uint32_t unit = 0; unit < world->nr_pages; unit += pages, looked_at++) {
		pages = memory_unit_pages(&world->memory, unit);
		memory_test_and_clear_accessed(&world->memory, unit);
		tracked->seen[unit] = 0;
	}
	world_spend(world, looked_at * world->config.costs.entry_ps);
	tiering_cleared(&tracked->tiering, world_now_ns(world));
}

/* Who has been accessed since the clear, and not been seen by an earlier scan. */
static void scan(struct world *world, struct tracked *tracked)
{
	const uint8_t score = tiering_score(&tracked->tiering);
	struct tiering_seen seen = { 0 };
	uint64_t looked_at = 0;
	uint32_t pages;

	for (uint32_t unit = 0; unit < world->nr_pages; unit += pages, looked_at++) {
		pages = memory_unit_pages(&world->memory, unit);
		if (memory_node_of(&world->memory, unit) != NO_NODE) {
			seen.all_units++;
			seen.all_pages += pages;
		}
		if (!tracked->seen[unit] && world->memory.entries[unit] & PTE_ACCESSED) {
			tracked->seen[unit] = score;
			seen.units++;
			seen.pages += pages;
			seen.fast_units +=
				world_tier(world, memory_node_of(&world->memory, unit)) == 0;
		}
	}
	seen.lost_ns = seen.units * world->config.costs.accessed_bit_ns;
	world_spend(world, looked_at * world->config.costs.entry_ps);
	tiering_scanned(&tracked->tiering, &seen);
}

/* Who of the sample has been accessed since the clear. */
static void peek(struct world *world, struct tracked *tracked)
{
	const struct tiering_sample sample = tiering_sample(&tracked->tiering);
	struct tiering_peek seen = { 0 };
	uint64_t looked_at = 0;
	uint32_t pages;

	for (uint32_t unit = 0; unit < world->nr_pages; unit += pages) {
		pages = memory_unit_pages(&world->memory, unit);
		if (unit / TIERING_GROUP_PAGES % sample.groups != sample.number)
			continue;
		looked_at++;
		if (!(world->memory.entries[unit] & PTE_ACCESSED))
			continue;
		seen.unseen_units += !tracked->seen[unit];
		seen.last_units += tracked->seen[unit] == sample.last_score;
	}
	world_spend(world, looked_at * world->config.costs.entry_ps);
	tiering_peeked(&tracked->tiering, world_now_ns(world), &seen);
}

/* A world and what is known of it: what tiering's hooks are handed back. */
struct view {
	struct world *world;
	struct tracked *tracked;
};

/* Units of one size from a page of memory on. */
static void fill(const struct view *view, const struct world_task *task, uint32_t page,
		 struct tiering_chunk *chunk)
{
	const uint32_t end = task->first_page + task->info->nr_pages;
	const struct memory *memory = &view->world->memory;
	const uint32_t pages = memory_unit_pages(memory, page);
	uint32_t nr = 0;

	for (; page < end && nr < TIERING_CHUNK_UNITS && memory_unit_pages(memory, page) == pages;
	     page += pages, nr++) {
		const struct mpol_policy *policy = world_policy_at(task, page - task->first_page);
		/* Bound to some nodes, pages are let alone, as mpold lets them (host/tiered.h). */
		const int node = policy_confines(policy, &view->world->placement.memory)
					 ? NO_NODE
					 : memory_node_of(memory, page);

		chunk->seen[nr] = view->tracked->seen[page];
		chunk->units[nr] = view->tracked->units[page];
		chunk->nodes[nr] = (int16_t)(node == NO_NODE ? -1 : view->world->ids[node]);
	}
	chunk->span.unit_pages = pages;
	chunk->span.nr_units = nr;
	chunk->span.seen = chunk->seen;
	chunk->span.nodes = chunk->nodes;
}

static bool gather(void *user, struct tiering_position from, struct tiering_chunk *chunk)
{
	const struct view *view = user;
	const struct world *world = view->world;

	for (; from.target < world->nr_tasks; from.target++, from.page = 0) {
		const struct world_task *task = &world->tasks[from.target];

		if (from.page == task->info->nr_pages)
			continue;
		chunk->span.target = from.target;
		chunk->span.first_page = from.page;
		fill(view, task, task->first_page + (uint32_t)from.page, chunk);
		return true;
	}
	return false;
}

static void keep(void *user, const struct tiering_chunk *chunk)
{
	const struct view *view = user;
	uint32_t page = view->world->tasks[chunk->span.target].first_page +
			(uint32_t)chunk->span.first_page;

	for (uint32_t i = 0; i < chunk->span.nr_units; i++, page += chunk->span.unit_pages)
		view->tracked->units[page] = chunk->units[i];
}

static uint32_t latency_ns(const struct world *world, int node)
{
	uint64_t nearest_ps = UINT64_MAX;

	for (int from = 0; from < world->memory.nr_nodes; from++)
		if (world->machine->nodes[from].cpus[0] &&
		    world->timing.idle_ps[from][node] < nearest_ps)
			nearest_ps = world->timing.idle_ps[from][node];
	return (uint32_t)(nearest_ps / 1000);
}

static void describe_nodes(const struct world *world, struct port_node *nodes)
{
	for (int i = 0; i < world->memory.nr_nodes; i++) {
		const struct memory_node *node = &world->memory.nodes[i];

		nodes[i] = (struct port_node) {
			.id = world->ids[i],
			.tier = world_tier(world, i),
			.capacity_pages = node->capacity_pages,
			.free_pages = node->free_pages,
			.least_pages = node->marks.low_pages,
			.reserve_pages = node->marks.high_pages,
			.latency_ns = latency_ns(world, i),
		};
		for (int tier = 0; tier < PORT_MAX_TIERS; tier++) {
			const int nearest = world->tiers.nearest[i][tier];

			nodes[i].nearest[tier] = nearest < 0 ? -1 : world->ids[nearest];
		}
	}
}

static void carry_out(void *user, const struct port_move *moves, size_t nr)
{
	struct world *world = ((const struct view *)user)->world;

	for (size_t i = 0; i < nr; i++) {
		const uint32_t first =
			world->tasks[moves[i].target].first_page + (uint32_t)moves[i].first_page;
		const int to = machine_index(world->machine, moves[i].to);
		uint32_t pages;

		for (uint32_t unit = first; unit < first + moves[i].nr_pages; unit += pages) {
			pages = memory_unit_pages(&world->memory, unit);
			world_move(world, unit, to,
				   moves[i].reason == PORT_PROMOTE ? MOVE_PROMOTION
								   : MOVE_DEMOTION);
		}
	}
}

static void decide(struct world *world, struct tracked *tracked)
{
	struct port_node all[MEMORY_MAX_NODES];
	const struct port_nodes nodes = { all, (unsigned)world->memory.nr_nodes };
	const struct tiering_time time = {
		.now_ns = world_now_ns(world),
		.spent_ns = (world->tally.manager_ps - tracked->paced_ps) / 1000,
		.move_page_ns = world->config.costs.move_page_ns,
	};
	struct view view = { world, tracked };

	tracked->paced_ps = world->tally.manager_ps;
	describe_nodes(world, all);
	tiering_decide(&tracked->tiering, &time, &nodes,
		       &(struct tiering_world) { &view, gather, keep, carry_out });
}

static void move(struct world *world, struct tracked *tracked)
{
	struct port_node all[MEMORY_MAX_NODES];
	const struct port_nodes nodes = { all, (unsigned)world->memory.nr_nodes };
	struct view view = { world, tracked };
	const struct tiering_world hooks = { &view, gather, keep, carry_out };
	const uint64_t before_ps = world->tally.manager_ps;

	while (tiering_move(&tracked->tiering, &hooks))
		;
	tracked->paced_ps += world->tally.manager_ps - before_ps; /* no looking */
	if (tracked->constant_room)
		return;
	describe_nodes(world, all);
	tiering_settled(&tracked->tiering, world_now_ns(world), &nodes);
}

static void tick(struct world *world, void *state)
{
	struct tracked *tracked = state;
	uint64_t when_ns;

	for (;;) {
		const enum tiering_step step =
			tiering_next(&tracked->tiering, world_now_ns(world), &when_ns);

		if (when_ns > world_now_ns(world))
			return;
		switch (step) {
		case TIERING_NOTHING:
			return;
		case TIERING_CLEAR:
			clear(world, tracked);
			return; /* what was accessed is seen in the next tick at the earliest */
		case TIERING_SCAN:
			scan(world, tracked);
			break;
		case TIERING_DECIDE:
			decide(world, tracked);
			break;
		case TIERING_PEEK:
			peek(world, tracked);
			break;
		case TIERING_MOVE:
			move(world, tracked);
			break;
		}
	}
}

const struct peer peer_mpol = {
	.name = "mpol",
	.summary = "mpol's ranking of all pages over page-table scans, 1 % of a CPU",
	.start = start,
	.stop = stop,
	.tick = tick,
};

const struct peer peer_mpol_hint_latency = {
	.name = "mpol:rule=hint-latency",
	.summary =
		"mpol that promotes what is accessed soon after a clear (Huang's rule, seed 003)",
	.start = start_hint_latency,
	.stop = stop,
	.tick = tick,
};

const struct peer peer_mpol_two_touch = {
	.name = "mpol:rule=two-touch",
	.summary = "mpol that promotes what is accessed in two rounds (Al Maruf's rule, seed 003)",
	.start = start_two_touch,
	.stop = stop,
	.tick = tick,
};

const struct peer peer_mpol_constant_room = {
	.name = "mpol:room=constant",
	.summary = "mpol that leaves the high watermark free, whatever is asked for (seed 003)",
	.start = start_constant_room,
	.stop = stop,
	.tick = tick,
};
