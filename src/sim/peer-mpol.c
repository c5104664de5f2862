/* SPDX-License-Identifier: MIT */
/*
 * mpol itself: the same ranking as on Linux (policy/ranking.h), over a tracker
 * that sees what page-table scans see: a round clears all accessed bits and then looks
 * at them several times, each time after longer; who is seen first is hotter.  Rounds
 * follow each other as a budget of CPU time lets them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "peers.h"
#include "ranking.h"

#define CHUNK_UNITS 4096
#define CHUNK_MOVES 512

/* Of one CPU. */
#define BUDGET_PERCENT 1

/* Tiers that something can be promoted to. */
#define MAX_RANKINGS (PORT_MAX_TIERS - 1)

#define LEAST_PERIOD_PS	  100000000000ULL
#define MOVED_BYTES_PER_S 1073741824ULL
#define PAGE_BYTES	  4096
#define PS_PER_S	  1000000000000ULL

struct tracked {
	struct ranking rankings[MAX_RANKINGS]; /* of tiers, the fastest first */
	int nr_rankings;
	int heat_shift;
	struct ranking_unit *units; /* [pages], by unit */
	uint8_t *seen;		    /* [pages] in this round */
	struct port_round round;
	struct watermark_demand demand;
	uint64_t began_ps; /* the round's clear */
	uint64_t spent_ps; /* manager's time when it began */
	uint64_t next_ps;  /* the next clear */
	unsigned scans;	   /* made in this round; nr_scans: none under way */
};

/* A run of units, gathered for the ranking. */
struct chunk {
	struct port_span span;
	uint8_t seen[CHUNK_UNITS];
	int16_t nodes[CHUNK_UNITS];
	struct ranking_unit units[CHUNK_UNITS];
	uint32_t first_unit; /* page in memory */
};

static void stop(void *state)
{
	struct tracked *tracked = state;

	free(tracked->units);
	free(tracked->seen);
	free(tracked);
}

DEFINE_CLEANUP(void *, stop);

static int start(struct world *world, void **ret_state, struct mpol_error *err)
{
	struct tracked *tracked = calloc(1, sizeof(*tracked));
	_cleanup_(stopp) void *state = tracked;

	if (!tracked)
		return error_errno(err, -ENOMEM, "start mpol");
	for (int i = 0; i < world->memory.nr_nodes; i++) {
		const int tier = world_tier(world, i);

		if (tier > tracked->nr_rankings && tier <= MAX_RANKINGS)
			tracked->nr_rankings = tier;
	}
	for (int i = 0; i < tracked->nr_rankings; i++)
		ranking_start(&tracked->rankings[i], i);
	tracked->units = calloc(world->nr_pages, sizeof(*tracked->units));
	tracked->seen = calloc(world->nr_pages, sizeof(*tracked->seen));
	if (!tracked->units || !tracked->seen)
		return error_errno(err, -ENOMEM, "start mpol");
	*ret_state = steal_pointer(&state);
	return 0;
}

static void clear(struct world *world, struct tracked *tracked)
{
	uint64_t looked_at = 0;
	uint32_t pages;

	tracked->heat_shift = ranking_next_scans(&tracked->rankings[0], &tracked->round);
	tracked->began_ps = world->now_ps;
	tracked->spent_ps = world->tally.manager_ps;
	tracked->scans = 0;
	for (uint32_t unit = 0; unit < world->nr_pages; unit += pages, looked_at++) {
		pages = memory_unit_pages(&world->memory, unit);
		memory_test_and_clear_accessed(&world->memory, unit);
		tracked->seen[unit] = 0;
	}
	world_spend(world, looked_at * world->config.costs.entry_ps);
}

/* Who has been accessed since the clear, and not been seen by an earlier scan. */
static void scan(struct world *world, struct tracked *tracked)
{
	const uint8_t score = (uint8_t)(tracked->round.nr_scans - tracked->scans++);
	uint64_t looked_at = 0;
	uint32_t pages;

	for (uint32_t unit = 0; unit < world->nr_pages; unit += pages, looked_at++) {
		pages = memory_unit_pages(&world->memory, unit);
		if (!tracked->seen[unit] && world->memory.entries[unit] & PTE_ACCESSED)
			tracked->seen[unit] = score;
	}
	world_spend(world, looked_at * world->config.costs.entry_ps);
}

/* Gathers units of one size from a page on; returns the page behind them. */
static uint32_t gather(const struct world *world, const struct tracked *tracked, unsigned task,
		       uint32_t page, struct chunk *chunk)
{
	const uint32_t first = world->tasks[task].first_page;
	const uint32_t end = first + world->tasks[task].info->nr_pages;
	const uint32_t pages = memory_unit_pages(&world->memory, page);
	uint32_t nr = 0;

	chunk->first_unit = page;
	for (; page < end && nr < CHUNK_UNITS && memory_unit_pages(&world->memory, page) == pages;
	     page += pages, nr++) {
		const int node = memory_node_of(&world->memory, page);

		chunk->seen[nr] = tracked->seen[page];
		chunk->units[nr] = tracked->units[page];
		chunk->nodes[nr] = (int16_t)(node == NO_NODE ? -1 : world->ids[node]);
	}
	chunk->span = (struct port_span) {
		.target = task,
		.first_page = chunk->first_unit - first,
		.unit_pages = pages,
		.nr_units = nr,
		.seen = chunk->seen,
		.nodes = chunk->nodes,
	};
	return page;
}

static void scatter(struct tracked *tracked, const struct chunk *chunk)
{
	for (uint32_t i = 0; i < chunk->span.nr_units; i++)
		tracked->units[chunk->first_unit + i * chunk->span.unit_pages] = chunk->units[i];
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

static void describe_nodes(const struct world *world, const struct tracked *tracked,
			   struct port_node *nodes)
{
	for (int i = 0; i < world->memory.nr_nodes; i++) {
		const struct memory_node *node = &world->memory.nodes[i];

		nodes[i] = (struct port_node) {
			.id = world->ids[i],
			.tier = world_tier(world, i),
			.capacity_pages = node->capacity_pages,
			.free_pages = node->free_pages,
			.reserve_pages = watermark_boosted(node->marks.high_pages,
							   node->capacity_pages, &tracked->demand),
			.latency_ns = latency_ns(world, i),
		};
		for (int tier = 0; tier < PORT_MAX_TIERS; tier++) {
			const int nearest = world->tiers.nearest[i][tier];

			nodes[i].nearest[tier] = nearest < 0 ? -1 : world->ids[nearest];
		}
	}
}

static void carry_out(struct world *world, const struct port_move *moves, size_t nr)
{
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

/* What the ranking has decided, of all units. */
static void select_all(struct world *world, struct tracked *tracked, struct ranking *ranking,
		       const struct port_nodes *nodes, enum port_reason reason)
{
	struct port_move room[CHUNK_MOVES];
	struct chunk chunk;

	for (unsigned task = 0; task < world->nr_tasks; task++) {
		const uint32_t first = world->tasks[task].first_page;
		const uint32_t end = first + world->tasks[task].info->nr_pages;

		for (uint32_t page = first; page < end;) {
			struct port_moves moves = { .moves = room, .max = CHUNK_MOVES };
			const uint32_t next = gather(world, tracked, task, page, &chunk);
			const uint32_t looked_at = ranking_select(ranking, &chunk.span, chunk.units,
								  nodes, reason, &moves);

			scatter(tracked, &chunk);
			carry_out(world, moves.moves, moves.nr);
			page = looked_at < chunk.span.nr_units
				       ? page + looked_at * chunk.span.unit_pages
				       : next;
		}
	}
}

/* All units learn, if ranking is NULL; else are counted. */
static void show_all(struct world *world, struct tracked *tracked, struct ranking *ranking)
{
	struct chunk chunk;

	for (unsigned task = 0; task < world->nr_tasks; task++) {
		const uint32_t first = world->tasks[task].first_page;
		const uint32_t end = first + world->tasks[task].info->nr_pages;

		for (uint32_t page = first; page < end;) {
			page = gather(world, tracked, task, page, &chunk);
			if (ranking) {
				ranking_count(ranking, &chunk.span, chunk.units);
				continue;
			}
			ranking_learn(&chunk.span, tracked->heat_shift, chunk.units);
			scatter(tracked, &chunk);
		}
	}
}

static void decide(struct world *world, struct tracked *tracked, uint64_t period_ps)
{
	struct ranking *rankings = tracked->rankings;
	struct port_node all[MEMORY_MAX_NODES];
	const struct port_nodes nodes = { all, (unsigned)world->memory.nr_nodes };

	tracked->round.now_ns = world_now_ns(world);
	tracked->round.move_page_ns = world->config.costs.move_page_ns;
	tracked->round.max_moved_pages =
		MOVED_BYTES_PER_S / PAGE_BYTES * (period_ps / 1000000000) / 1000;
	describe_nodes(world, tracked, all);
	show_all(world, tracked, NULL);
	for (int i = 0; i < tracked->nr_rankings; i++) {
		ranking_begin(&rankings[i], &tracked->round, &nodes, i ? &rankings[i - 1] : NULL);
		show_all(world, tracked, &rankings[i]);
		ranking_decide(&rankings[i]);
	}
	for (int i = tracked->nr_rankings - 1; i >= 0; i--)
		select_all(world, tracked, &rankings[i], &nodes, PORT_DEMOTE);
	for (int i = 0; i < tracked->nr_rankings; i++)
		select_all(world, tracked, &rankings[i], &nodes, PORT_PROMOTE);
}

/* So long that what the round's looking cost is the budget's part of it. */
static uint64_t period_ps(const struct tracked *tracked, uint64_t spent_ps)
{
	const uint64_t last_scan_ps = tracked->round.after_ns[tracked->round.nr_scans - 1] * 1000;
	uint64_t period = spent_ps * 100 / BUDGET_PERCENT;

	if (period < LEAST_PERIOD_PS)
		period = LEAST_PERIOD_PS;
	return period < last_scan_ps ? last_scan_ps : period;
}

static void tick(struct world *world, void *state)
{
	struct tracked *tracked = state;

	if (tracked->nr_rankings == 0)
		return; /* there is nowhere to move to */
	watermark_demand_age(&tracked->demand, world_now_ns(world));
	if (tracked->scans == tracked->round.nr_scans) {
		if (world->now_ps >= tracked->next_ps)
			clear(world, tracked);
		return;
	}
	while (tracked->scans < tracked->round.nr_scans &&
	       world->now_ps >= tracked->began_ps + tracked->round.after_ns[tracked->scans] * 1000)
		scan(world, tracked);
	if (tracked->scans == tracked->round.nr_scans) {
		const uint64_t period =
			period_ps(tracked, world->tally.manager_ps - tracked->spent_ps);

		tracked->next_ps = tracked->began_ps + period;
		decide(world, tracked, period);
	}
}

const struct peer peer_mpol = {
	.name = "mpol",
	.summary = "mpol's ranking of all pages over page-table scans, 1 % of a CPU",
	.start = start,
	.stop = stop,
	.tick = tick,
};
