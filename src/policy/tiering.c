/* SPDX-License-Identifier: MIT */
/* Rounds of looking, ranking and moving: see tiering.h. */
#include "tiering.h"

#include <string.h>

#define PAGE_BYTES 4096
#define NS_PER_MS  1000000
#define MS_PER_S   1000
#define MILLION	   1000000

void tiering_start(struct tiering *tiering, const struct tiering_config *config, int nr_tiers)
{
	memset(tiering, 0, sizeof(*tiering));
	tiering->config = *config;
	while (tiering->nr_rankings < nr_tiers - 1 && tiering->nr_rankings < TIERING_MAX_RANKINGS) {
		ranking_start(&tiering->rankings[tiering->nr_rankings], tiering->nr_rankings);
		tiering->nr_rankings++;
	}
	tiering->step = tiering->nr_rankings ? TIERING_CLEAR : TIERING_NOTHING;
}

/* ---- When to look --------------------------------------------------------------- */

enum tiering_step tiering_next(const struct tiering *tiering, uint64_t *ret_when_ns)
{
	*ret_when_ns = tiering->step == TIERING_NOTHING ? UINT64_MAX : tiering->when_ns;
	return tiering->step;
}

static void await_scan(struct tiering *tiering)
{
	tiering->step = TIERING_SCAN;
	tiering->when_ns = tiering->began_ns + tiering->round.after_ns[tiering->scans];
}

void tiering_cleared(struct tiering *tiering, uint64_t now_ns)
{
	tiering->heat_shift = ranking_next_scans(&tiering->rankings[0], &tiering->round);
	tiering->began_ns = now_ns;
	tiering->scans = 0;
	await_scan(tiering);
}

uint8_t tiering_score(const struct tiering *tiering)
{
	return (uint8_t)(tiering->round.nr_scans - tiering->scans);
}

void tiering_scanned(struct tiering *tiering)
{
	if (++tiering->scans < tiering->round.nr_scans)
		await_scan(tiering);
	else
		tiering->step = TIERING_DECIDE;
}

/* So long that what the round's looking cost is the budget's part of it. */
static uint64_t period_ns(const struct tiering *tiering, uint64_t spent_ns)
{
	const uint64_t last_scan_ns = tiering->round.after_ns[tiering->round.nr_scans - 1];
	uint64_t period =
		(uint64_t)((double)spent_ns * MILLION / (double)tiering->config.budget_ppm);

	if (period < tiering->config.least_period_ns)
		period = tiering->config.least_period_ns;
	return period < last_scan_ns ? last_scan_ns : period;
}

/* ---- What to move --------------------------------------------------------------- */

static struct tiering_position behind(const struct tiering_chunk *chunk, uint32_t nr_units)
{
	return (struct tiering_position) {
		.target = chunk->span.target,
		.page = chunk->span.first_page + (uint64_t)nr_units * chunk->span.unit_pages,
	};
}

static void learn_all(struct tiering *tiering, const struct tiering_world *world)
{
	struct tiering_chunk *chunk = &tiering->chunk;
	struct tiering_position position = { 0 };

	while (world->gather(world->user, position, chunk)) {
		ranking_learn(&chunk->span, tiering->heat_shift, chunk->units);
		world->keep(world->user, chunk);
		position = behind(chunk, chunk->span.nr_units);
	}
}

static void count_all(struct tiering *tiering, struct ranking *ranking,
		      const struct tiering_world *world)
{
	struct tiering_chunk *chunk = &tiering->chunk;
	struct tiering_position position = { 0 };

	while (world->gather(world->user, position, chunk)) {
		ranking_count(ranking, &chunk->span, chunk->units);
		position = behind(chunk, chunk->span.nr_units);
	}
}

static void move_all(struct tiering *tiering, struct ranking *ranking,
		     const struct port_nodes *nodes, enum port_reason reason,
		     const struct tiering_world *world)
{
	struct tiering_chunk *chunk = &tiering->chunk;
	struct port_move room[TIERING_CHUNK_MOVES];
	struct tiering_position position = { 0 };

	while (world->gather(world->user, position, chunk)) {
		struct port_moves moves = { .moves = room, .max = TIERING_CHUNK_MOVES };
		const uint32_t looked_at =
			ranking_select(ranking, &chunk->span, chunk->units, nodes, reason, &moves);

		world->keep(world->user, chunk);
		position = behind(chunk, looked_at);
		if (moves.nr)
			world->carry_out(world->user, moves.moves, moves.nr);
	}
}

void tiering_decide(struct tiering *tiering, const struct tiering_time *time,
		    const struct port_nodes *nodes, const struct tiering_world *world)
{
	struct ranking *rankings = tiering->rankings;
	const uint64_t period = period_ns(tiering, time->spent_ns);

	tiering->round.now_ns = time->now_ns;
	tiering->round.move_page_ns = time->move_page_ns;
	tiering->round.max_moved_pages =
		tiering->config.bytes_per_s / PAGE_BYTES * (period / NS_PER_MS) / MS_PER_S;
	learn_all(tiering, world);
	for (int i = 0; i < tiering->nr_rankings; i++) {
		ranking_begin(&rankings[i], &tiering->round, nodes, i ? &rankings[i - 1] : NULL);
		count_all(tiering, &rankings[i], world);
		ranking_decide(&rankings[i]);
	}
	for (int i = tiering->nr_rankings - 1; i >= 0; i--)
		move_all(tiering, &rankings[i], nodes, PORT_DEMOTE, world);
	for (int i = 0; i < tiering->nr_rankings; i++)
		move_all(tiering, &rankings[i], nodes, PORT_PROMOTE, world);
	tiering->step = TIERING_CLEAR;
	tiering->when_ns = tiering->began_ns + period;
}
