/* SPDX-License-Identifier: MIT */
/* Rounds of looking, ranking and moving: see tiering.h. */
#include "tiering.h"

#include <string.h>

#include "least.h"
#include "page.h"

#define NS_PER_MS 1000000
#define MS_PER_S  1000
#define MILLION	  1000000

/* What a round costs is a mean over about so many.  The first ones, and those after a shift, come
 * as soon as may be: who begins with little knowledge does so on credit, up to so much CPU time. */
#define SPENT_ROUNDS   8
#define SOON_ROUNDS    4
#define MOST_CREDIT_NS 2000000000ULL

/* That are moved in one turn at most, but where a unit is larger. */
#define TURN_PAGES 4096

/* Later scans tell nothing of who is hot where one page in so many is left, or fewer, that has not
 * been accessed. */
#define LEFT_SHARE 16

/* A peek looks at about so many units: it costs as little wherever there are more. */
#define PEEKED_UNITS 8192

/* What was moved rests three times as long. */
#define REST_STEP_NS 2000000000ULL

void tiering_start(struct tiering *tiering, const struct tiering_config *config, int nr_tiers)
{
	memset(tiering, 0, sizeof(*tiering));
	tiering->config = *config;
	shift_start(&tiering->shift);
	while (tiering->nr_ruled < nr_tiers - 1 && tiering->nr_ruled < TIERING_MAX_RULED)
		tiering->nr_ruled++;
	tiering_set_rule(tiering, config->rule);
	tiering->step = tiering->nr_ruled ? TIERING_CLEAR : TIERING_NOTHING;
}

void tiering_restart(struct tiering *tiering, int nr_tiers)
{
	struct tiering_config config = tiering->config;

	config.rule = tiering->rule;
	tiering_start(tiering, &config, nr_tiers);
}

void tiering_set_rule(struct tiering *tiering, const struct rule *rule)
{
	tiering->rule = rule ? rule : &rule_ranking;
	tiering->rule_is_new = true;
	tiering->is_moving = false;
	for (int i = 0; i < tiering->nr_ruled; i++)
		tiering->rule->start(&tiering->tiers[i], i);
}

void tiering_abandon(struct tiering *tiering, uint64_t now_ns)
{
	if (tiering->step == TIERING_NOTHING)
		return;
	tiering->is_moving = false;
	tiering->step = TIERING_CLEAR;
	tiering->when_ns = now_ns;
}

/* ---- When to look --------------------------------------------------------------- */

/* When what has been handed over of the decision's moves is no more than the limit allows. */
static uint64_t paced_ns(const struct tiering *tiering)
{
	return tiering->round.now_ns +
	       (uint64_t)((double)(tiering->handed_pages * PAGE_BYTES) * (NS_PER_MS * MS_PER_S) /
			  (double)tiering->config.bytes_per_s);
}

enum tiering_step tiering_next(const struct tiering *tiering, uint64_t now_ns,
			       uint64_t *ret_when_ns)
{
	const uint64_t paced = paced_ns(tiering), turn_ns = paced > now_ns ? paced : now_ns;
	const bool waits = tiering->when_ns > turn_ns + TIERING_TURN_NS;

	if (tiering->is_moving && (waits || tiering->step == TIERING_DECIDE)) {
		*ret_when_ns = turn_ns;
		return TIERING_MOVE;
	}
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
	const uint64_t first_scan_ns = tiering->round.after_ns[0];

	/* What was held back was not counted: it says nothing about when to scan. */
	tiering->heat_shift = tiering->some_pressed ? 0
						    : tiering->rule->next_scans(&tiering->tiers[0],
										tiering->period_ns,
										&tiering->round);
	if (tiering->round.after_ns[0] != first_scan_ns)
		shift_forget_scans(&tiering->shift);
	tiering->began_ns = now_ns;
	tiering->scans = 0;
	tiering->seen = (struct tiering_seen) { 0 };
	await_scan(tiering);
}

uint8_t tiering_score(const struct tiering *tiering)
{
	return (uint8_t)(tiering->round.nr_scans - tiering->scans);
}

static bool is_last_scan(const struct tiering *tiering)
{
	const uint64_t all = tiering->seen.all_pages;

	return tiering->scans == tiering->round.nr_scans ||
	       (tiering->rule->averages && all && tiering->seen.pages >= all - all / LEFT_SHARE);
}

void tiering_seen_add(struct tiering_seen *sum, const struct tiering_seen *seen)
{
	sum->units += seen->units;
	sum->fast_units += seen->fast_units;
	sum->pages += seen->pages;
	sum->all_units += seen->all_units;
	sum->all_pages += seen->all_pages;
	sum->lost_ns += seen->lost_ns;
}

/* The next round begins at once, and is a short one. */
static void hasten(struct tiering *tiering, uint64_t now_ns)
{
	tiering->period_ns = tiering->config.least_period_ns;
	tiering->step = TIERING_CLEAR;
	tiering->when_ns = now_ns;
}

/* From the scan before the last one, or from the clear, to the last one. */
static uint64_t last_scan_ns(const struct tiering *tiering)
{
	const uint64_t *after_ns = tiering->round.after_ns;
	const unsigned last = tiering->scans - 1;

	return after_ns[last] - (last ? after_ns[last - 1] : 0);
}

void tiering_scanned(struct tiering *tiering, const struct tiering_seen *seen)
{
	const unsigned scan = tiering->scans++;
	struct tiering_seen more = *seen;

	/* Targets that end between scans take what there is with them, but not what was seen of
	 * them. */
	if (scan > 0)
		more.all_units = more.all_pages = 0;
	tiering_seen_add(&tiering->seen, &more);
	tiering->scores_seen.units[scan] = seen->units;
	tiering->losing_ns += seen->lost_ns;
	tiering->last_scan_lost_ns = seen->lost_ns;
	if (tiering->rule->averages && shift_glance(&tiering->shift, scan, last_scan_ns(tiering),
						    seen->fast_units, seen->units))
		hasten(tiering, tiering->when_ns);
	else if (is_last_scan(tiering))
		tiering->step = TIERING_DECIDE;
	else
		await_scan(tiering);
}

/* From the round's clear to its last scan. */
static uint64_t looked_ns(const struct tiering *tiering)
{
	return tiering->round.after_ns[tiering->scans - 1];
}

/* What it would cost targets to access all that no scan has seen; where that is not known, more
 * than anything. */
static uint64_t unseen_cost_ns(const struct tiering *tiering)
{
	const struct tiering_seen *seen = &tiering->seen;

	if (!seen->units || !seen->all_units)
		return UINT64_MAX;
	if (seen->units >= seen->all_units)
		return 0;
	return (uint64_t)((double)seen->lost_ns / (double)seen->units *
			  (double)(seen->all_units - seen->units));
}

/* What targets lose until the next clear: what is seen first within twice the time is half of that
 * within four times. */
static uint64_t lost_ns(const struct tiering *tiering)
{
	uint64_t lost = 0;

	for (uint64_t ns = 2 * looked_ns(tiering); ns <= tiering->period_ns; ns *= 2)
		lost += tiering->last_scan_lost_ns / 2;
	return tiering->losing_ns + least(lost, unseen_cost_ns(tiering));
}

/* Of rounds some cost much more than others. */
static void count_spent(struct tiering *tiering, uint64_t spent_ns)
{
	if (tiering->paced_rounds < SPENT_ROUNDS)
		tiering->paced_rounds++;
	if (spent_ns > tiering->spent_ns)
		tiering->spent_ns += (spent_ns - tiering->spent_ns) / tiering->paced_rounds;
	else
		tiering->spent_ns -= (tiering->spent_ns - spent_ns) / tiering->paced_rounds;
}

/* So long that what a round's looking costs is the budget's part of it. */
static uint64_t budgeted_ns(const struct tiering *tiering)
{
	const uint64_t ns = (uint64_t)((double)tiering->spent_ns * MILLION /
				       (double)tiering->config.budget_ppm);
	const bool soon = tiering->paced_rounds <= SOON_ROUNDS &&
			  tiering->paced_rounds * tiering->spent_ns < MOST_CREDIT_NS;

	return soon || ns < tiering->config.least_period_ns ? tiering->config.least_period_ns : ns;
}

/* From the round's clear to the next. */
static uint64_t round_ns(const struct tiering *tiering)
{
	const uint64_t looked = looked_ns(tiering);

	return tiering->period_ns < looked ? looked : tiering->period_ns;
}

/* The next round, or a peek where there is time for one before it. */
static void await_round(struct tiering *tiering, uint64_t now_ns)
{
	const uint64_t peek_ns = tiering->config.peek_ns;
	const bool peeks =
		peek_ns && tiering->rule->averages && now_ns + peek_ns < tiering->next_ns;

	tiering->step = peeks ? TIERING_PEEK : TIERING_CLEAR;
	tiering->when_ns = peeks ? now_ns + peek_ns : tiering->next_ns;
}

struct tiering_sample tiering_sample(const struct tiering *tiering)
{
	const uint64_t groups = tiering->seen.all_units / PEEKED_UNITS + 1;

	return (struct tiering_sample) {
		.groups = groups,
		.number = tiering->rounds % groups,
		.last_score = (uint8_t)(tiering_score(tiering) + 1),
	};
}

void tiering_peeked(struct tiering *tiering, uint64_t now_ns, const struct tiering_peek *peek)
{
	const uint64_t before = tiering->peeked_units, units = peek->unseen_units;
	const uint64_t ns = now_ns - tiering->peeked_ns;

	if (tiering->peeks++ == 0)
		shift_expect(&tiering->shift, peek->last_units, last_scan_ns(tiering));
	tiering->peeked_units = units;
	tiering->peeked_ns = now_ns;
	if (shift_peek(&tiering->shift, units > before ? units - before : 0, ns))
		hasten(tiering, now_ns);
	else
		await_round(tiering, now_ns);
}

/* ---- What to move --------------------------------------------------------------- */

static struct tiering_position behind(const struct tiering_chunk *chunk, uint32_t nr_units)
{
	return (struct tiering_position) {
		.target = chunk->span.target,
		.page = chunk->span.first_page + (uint64_t)nr_units * chunk->span.unit_pages,
	};
}

/* Nodes whose pages would be promoted to a tier. */
static struct nodemask slower_nodes(const struct port_nodes *nodes, int tier)
{
	struct nodemask slower = { 0 };

	for (unsigned i = 0; i < nodes->nr; i++)
		if (nodes->nodes[i].tier > tier)
			nodemask_set(&slower, nodes->nodes[i].id);
	return slower;
}

/* Makes units on some nodes such as must not move. */
static void hold_back(struct tiering_chunk *chunk, const struct nodemask *nodes)
{
	for (uint32_t i = 0; i < chunk->span.nr_units; i++)
		if (chunk->nodes[i] >= 0 && nodemask_test(nodes, chunk->nodes[i]))
			chunk->nodes[i] = -1;
}

/* Whether it is time for units to have rested a step more. */
static bool has_rested(struct tiering *tiering)
{
	if (tiering->round.now_ns - tiering->rested_ns < REST_STEP_NS)
		return false;
	tiering->rested_ns = tiering->round.now_ns;
	return true;
}

static void begin(struct tiering *tiering, int tier, const struct port_nodes *nodes)
{
	union rule_tier *tiers = tiering->tiers;

	tiering->rule->begin(&tiers[tier], &tiering->round, nodes, tier ? &tiers[tier - 1] : NULL);
}

static void count(struct tiering *tiering, int tier, const struct nodemask *slower)
{
	struct tiering_chunk *chunk = &tiering->chunk;

	if (tiering->all_pressed || chunk->span.pressed) {
		tiering->some_pressed = true;
		hold_back(chunk, slower);
	}
	if (chunk->span.hint != PORT_HINT_PINNED)
		tiering->rule->count(&tiering->tiers[tier], &chunk->span, chunk->units);
}

static void count_all(struct tiering *tiering, int tier, const struct port_nodes *nodes,
		      const struct tiering_world *world)
{
	const struct nodemask slower = slower_nodes(nodes, tier);
	struct tiering_chunk *chunk = &tiering->chunk;
	struct tiering_position position = { 0 };

	begin(tiering, tier, nodes);
	while (world->gather(world->user, position, chunk)) {
		count(tiering, tier, &slower);
		position = behind(chunk, chunk->span.nr_units);
	}
}

/* Takes scores for what they are worth. */
static void appraise(struct tiering_chunk *chunk, const uint8_t *scores)
{
	for (uint32_t i = 0; i < chunk->span.nr_units; i++)
		chunk->seen[i] = scores[chunk->seen[i]];
}

/* Units learn, and are counted for the fastest tier at once: going through all of them is what a
 * decision costs. */
static void learn_all(struct tiering *tiering, const struct ranking_lesson *lesson, bool anew,
		      const struct port_nodes *nodes, const struct tiering_world *world)
{
	const struct nodemask slower = slower_nodes(nodes, 0);
	struct tiering_chunk *chunk = &tiering->chunk;
	struct tiering_position position = { 0 };
	uint8_t scores[PORT_MAX_SCANS + 1];

	tiering->scores_seen.all_units = tiering->seen.all_units;
	scores_pool(&tiering->round, tiering->scans, &tiering->scores_seen, scores);
	begin(tiering, 0, nodes);
	while (world->gather(world->user, position, chunk)) {
		if (tiering->rule->averages)
			appraise(chunk, scores);
		if (anew)
			memset(chunk->units, 0, chunk->span.nr_units * sizeof(*chunk->units));
		else if (tiering->rule->averages)
			shift_witness(&tiering->shift, &slower, &chunk->span);
		tiering->rule->learn(&chunk->span, lesson, chunk->units);
		rule_hint(&chunk->span, chunk->units);
		world->keep(world->user, chunk);
		count(tiering, 0, &slower);
		position = behind(chunk, chunk->span.nr_units);
	}
}

/*
 * As learn_all; where what units remember is of no use any more, it is forgotten first.  Then the
 * next round comes soon, and so does one that is to tell whether that is the case.
 */
static void learn(struct tiering *tiering, const struct port_nodes *nodes,
		  const struct tiering_world *world)
{
	const struct ranking_lesson lesson = {
		.round = tiering->rounds,
		.heat_shift = tiering->heat_shift,
		.rested = has_rested(tiering),
	};
	const bool anew = tiering->rule_is_new;

	tiering->rule_is_new = false;
	learn_all(tiering, &lesson, anew, nodes, world);
	if (anew || !tiering->rule->averages)
		return;
	if (shift_detect(&tiering->shift)) {
		tiering->shifted_ns = tiering->round.now_ns;
		tiering->round.calm_ns = 0;
		tiering->paced_rounds = 0;
		tiering->period_ns = budgeted_ns(tiering);
		learn_all(tiering, &lesson, true, nodes, world);
	} else if (tiering->shift.is_alarmed) {
		tiering->period_ns = tiering->config.least_period_ns;
	}
}

/* Demotions first, of the slowest tier first, which makes room; then promotions to the fastest
 * first. */
static enum port_reason reason_of(const struct tiering *tiering)
{
	return tiering->pass < tiering->nr_ruled ? PORT_DEMOTE : PORT_PROMOTE;
}

static union rule_tier *tier_of(struct tiering *tiering)
{
	const int nr = tiering->nr_ruled, pass = tiering->pass;

	return &tiering->tiers[pass < nr ? nr - 1 - pass : pass - nr];
}

static void next_pass(struct tiering *tiering)
{
	tiering->pass++;
	tiering->position = (struct tiering_position) { 0 };
}

/* Some units of the chunk, from one on: no more than are moved in one turn. */
static struct port_span part_of(const struct tiering_chunk *chunk, uint32_t first)
{
	const uint32_t most = TURN_PAGES / chunk->span.unit_pages;
	struct port_span part = chunk->span;

	part.first_page += (uint64_t)first * part.unit_pages;
	part.nr_units = (uint32_t)least(part.nr_units - first, most ? most : 1);
	part.seen += first;
	part.nodes += first;
	return part;
}

/* Chooses among the chunk's units, until some move.  Returns how many were looked at. */
static uint32_t choose(struct tiering *tiering, const struct tiering_world *world)
{
	const enum port_reason reason = reason_of(tiering);
	struct tiering_chunk *chunk = &tiering->chunk;
	struct port_move room[TIERING_CHUNK_MOVES];
	struct port_moves moves = {
		.moves = room,
		.max = TIERING_CHUNK_MOVES,
		.nodes = tiering->nodes,
		.nr_nodes = tiering->nr_nodes,
	};
	uint32_t looked_at = 0;

	if (chunk->span.hint == PORT_HINT_PINNED ||
	    (reason == PORT_PROMOTE && (tiering->all_pressed || chunk->span.pressed)))
		return chunk->span.nr_units;
	while (!moves.nr && looked_at < chunk->span.nr_units) {
		const struct port_span part = part_of(chunk, looked_at);

		looked_at += tiering->rule->choose(tier_of(tiering), &part,
						   &chunk->units[looked_at], reason, &moves);
	}
	if (moves.nr) {
		/* Choosing marks what moves, and no other unit. */
		world->keep(world->user, chunk);
		world->carry_out(world->user, moves.moves, moves.nr);
		for (size_t i = 0; i < moves.nr; i++)
			tiering->handed_pages += moves.moves[i].nr_pages;
	}
	return looked_at;
}

bool tiering_move(struct tiering *tiering, const struct tiering_world *world)
{
	const int nr_passes = 2 * tiering->nr_ruled;

	while (tiering->pass < nr_passes &&
	       (!rule_moves(tier_of(tiering), reason_of(tiering)) ||
		!world->gather(world->user, tiering->position, &tiering->chunk)))
		next_pass(tiering);
	tiering->is_moving = tiering->pass < nr_passes;
	if (tiering->is_moving)
		tiering->position = behind(&tiering->chunk, choose(tiering, world));
	return tiering->is_moving;
}

void tiering_press(struct tiering *tiering)
{
	tiering->all_pressed = true;
}

/* Whether what is cold on a node can go anywhere. */
static bool can_demote(const struct tiering *tiering, const struct port_node *node)
{
	return node->tier >= 0 && node->tier < tiering->nr_ruled;
}

void tiering_settled(struct tiering *tiering, uint64_t now_ns, const struct port_nodes *nodes)
{
	for (unsigned i = 0; i < nodes->nr && i < TIERING_MAX_NODES; i++)
		if (can_demote(tiering, &nodes->nodes[i]))
			room_demand_leave(&tiering->demands[i], now_ns, nodes->nodes[i].free_pages);
}

/* The nodes, each of which is to leave free for demand, too, until the next round has ended. */
static struct port_nodes ask_for_room(struct tiering *tiering, const struct port_nodes *nodes,
				      uint64_t now_ns, uint64_t round_ns)
{
	struct port_nodes asking = { tiering->nodes, 0 };

	for (; asking.nr < nodes->nr && asking.nr < TIERING_MAX_NODES; asking.nr++) {
		struct room_demand *demand = &tiering->demands[asking.nr];
		struct port_node *node = &tiering->nodes[asking.nr];
		uint64_t asked;

		*node = nodes->nodes[asking.nr];
		if (!can_demote(tiering, node))
			continue;
		room_demand_return(demand, now_ns, node->free_pages);
		asked = room_demand_pages(demand, round_ns, node->capacity_pages);
		node->least_pages += asked;
		node->reserve_pages += asked;
	}
	return asking;
}

/*
 * As much as the limit allows for the time since the last decision, which may have allowed itself
 * a longer time; and for no more than the round to come, should it have been long ago.
 */
static uint64_t max_moved_pages(const struct tiering *tiering, uint64_t now_ns)
{
	uint64_t ns = round_ns(tiering);

	if (tiering->rounds)
		ns = least(ns, now_ns - tiering->round.now_ns);
	return tiering->config.bytes_per_s / PAGE_BYTES * (ns / NS_PER_MS) / MS_PER_S;
}

void tiering_decide(struct tiering *tiering, const struct tiering_time *time,
		    const struct port_nodes *world_nodes, const struct tiering_world *world)
{
	union rule_tier *tiers = tiering->tiers;
	struct port_nodes asking;
	const struct port_nodes *nodes = &asking;

	tiering->lost_ns = lost_ns(tiering);
	tiering->losing_ns = 0;
	count_spent(tiering, time->spent_ns + tiering->lost_ns);
	tiering->period_ns = budgeted_ns(tiering);
	asking = ask_for_room(tiering, world_nodes, time->now_ns, round_ns(tiering));
	tiering->round.max_moved_pages = max_moved_pages(tiering, time->now_ns);
	if (tiering->rounds++ == 0)
		tiering->shifted_ns = time->now_ns;
	tiering->round.now_ns = time->now_ns;
	tiering->round.calm_ns = time->now_ns - tiering->shifted_ns;
	tiering->round.move_page_ns = time->move_page_ns;
	tiering->all_pressed = time->pressed;
	tiering->some_pressed = false;
	learn(tiering, nodes, world);
	for (int i = 0; i < tiering->nr_ruled; i++) {
		if (i > 0)
			count_all(tiering, i, nodes, world);
		tiering->rule->decide(&tiers[i], nodes);
	}
	tiering->nr_nodes = nodes->nr;
	tiering->handed_pages = 0;
	tiering->is_moving = true;
	tiering->pass = 0;
	tiering->position = (struct tiering_position) { 0 };
	tiering->next_ns = tiering->began_ns + round_ns(tiering);
	tiering->peeked_ns = tiering->began_ns + looked_ns(tiering);
	tiering->peeked_units = tiering->peeks = 0;
	await_round(tiering, time->now_ns);
}
