/* SPDX-License-Identifier: MIT */
/* Tiering's rounds: what is done when, how the budget paces them, and that moves reach the world.
 */
#include "cmocka-all.h"

#include <string.h>

#include "tiering.h"

#define MS 1000000ULL

enum { FAST, SLOW, NR_NODES };

#define NR_SCANS 5 /* of rounds as short as these */

/* Two targets, of one size: all on the slow node at first; the world's own numbers of targets. */
#define NR_PAGES  6000
#define FAST_ROOM 2000

static const uint32_t target_ids[] = { 3, 8 };

static struct {
	uint8_t seen[2][NR_PAGES];
	int16_t nodes[2][NR_PAGES];
	struct ranking_unit units[2][NR_PAGES];
	uint32_t unit_pages;
	size_t nr_calls; /* of carry_out */
	uint64_t moved[2], most_in_call;
	struct tiering_seen seen_by[PORT_MAX_SCANS]; /* by each scan of a round */
} world;

static struct tiering tiering;

static const struct tiering_config config = {
	.budget_ppm = 10000,
	.least_period_ns = 100 * MS,
	.bytes_per_s = 1UL << 30,
};

static bool gather(void *user, struct tiering_position from, struct tiering_chunk *chunk)
{
	assert_ptr_equal(user, &world);
	for (unsigned i = 0; i < 2; i++) {
		const uint64_t page = target_ids[i] == from.target ? from.page : 0;
		const uint64_t first = page / world.unit_pages;
		uint64_t nr = NR_PAGES - first;

		if (target_ids[i] < from.target || nr == 0)
			continue;
		if (nr > TIERING_CHUNK_UNITS)
			nr = TIERING_CHUNK_UNITS;
		memcpy(chunk->seen, &world.seen[i][first], nr);
		memcpy(chunk->nodes, &world.nodes[i][first], nr * sizeof(*chunk->nodes));
		memcpy(chunk->units, &world.units[i][first], nr * sizeof(*chunk->units));
		chunk->span = (struct port_span) {
			.target = target_ids[i],
			.first_page = page,
			.unit_pages = world.unit_pages,
			.nr_units = (uint32_t)nr,
			.seen = chunk->seen,
			.nodes = chunk->nodes,
		};
		return true;
	}
	return false;
}

static unsigned index_of(uint32_t target)
{
	assert_true(target == target_ids[0] || target == target_ids[1]);
	return target == target_ids[1];
}

static void keep(void *user, const struct tiering_chunk *chunk)
{
	(void)user;
	memcpy(&world.units[index_of(chunk->span.target)]
			   [chunk->span.first_page / world.unit_pages],
	       chunk->units, chunk->span.nr_units * sizeof(*chunk->units));
}

static void carry_out(void *user, const struct port_move *moves, size_t nr)
{
	uint64_t pages = 0;

	(void)user;
	assert_int_not_equal(nr, 0);
	world.nr_calls++;
	for (size_t i = 0; i < nr; i++)
		for (uint32_t page = 0; page < moves[i].nr_pages; page += world.unit_pages) {
			int16_t *node =
				&world.nodes[index_of(moves[i].target)]
					    [(moves[i].first_page + page) / world.unit_pages];

			assert_int_equal(*node, moves[i].from);
			*node = (int16_t)moves[i].to;
			world.moved[moves[i].reason]++;
			pages += world.unit_pages;
		}
	if (pages > world.most_in_call)
		world.most_in_call = pages;
}

static int start(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.unit_pages = 1;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned page = 0; page < NR_PAGES; page++)
			world.nodes[i][page] = SLOW;
	tiering_start(&tiering, &config, 2);
	return 0;
}

static uint64_t on_fast_node(void)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < 2; i++)
		for (unsigned page = 0; page < NR_PAGES; page++)
			nr += world.nodes[i][page] == FAST;
	return nr;
}

static const struct tiering_world hooks = { &world, gather, keep, carry_out };

/* A round that begins at a time and whose looking takes so much CPU time; returns its end.  What
 * it moves is yet to be moved. */
static uint64_t look_and_decide(uint64_t now_ns, uint64_t spent_ns)
{
	const struct port_node list[] = {
		{ .id = FAST,
		  .tier = 0,
		  .latency_ns = 80,
		  .free_pages = (FAST_ROOM - on_fast_node()) * world.unit_pages,
		  .nearest = { FAST, SLOW } },
		{ .id = SLOW,
		  .tier = 1,
		  .latency_ns = 200,
		  .free_pages = 1 << 30,
		  .nearest = { FAST, SLOW } },
	};
	const struct port_nodes nodes = { list, NR_NODES };
	uint64_t when_ns, before_ns = now_ns;
	unsigned scans = 0;

	assert_int_equal(tiering_next(&tiering, 0, &when_ns), TIERING_CLEAR);
	assert_true(when_ns <= now_ns);
	tiering_cleared(&tiering, now_ns);
	while (tiering_next(&tiering, 0, &when_ns) == TIERING_SCAN) {
		assert_true(when_ns > before_ns); /* each later than the one before */
		before_ns = when_ns;
		assert_int_equal(tiering_score(&tiering), tiering.round.nr_scans - scans);
		tiering_scanned(&tiering, &world.seen_by[scans++]);
	}
	assert_int_equal(scans, tiering.round.nr_scans);
	assert_int_equal(tiering_next(&tiering, 0, &when_ns), TIERING_DECIDE);
	tiering_decide(&tiering,
		       &(struct tiering_time) {
			       .now_ns = before_ns,
			       .spent_ns = spent_ns,
			       .move_page_ns = 1000,
		       },
		       &nodes, &hooks);
	return before_ns;
}

static uint64_t go_round(uint64_t now_ns, uint64_t spent_ns)
{
	const uint64_t end_ns = look_and_decide(now_ns, spent_ns);

	while (tiering_move(&tiering, &hooks))
		;
	return end_ns;
}

static void nothing_is_done_with_one_tier(void **state)
{
	uint64_t when_ns;

	(void)state;
	tiering_start(&tiering, &config, 1);
	assert_int_equal(tiering_next(&tiering, 0, &when_ns), TIERING_NOTHING);
	assert_true(when_ns == UINT64_MAX);
}

/* When the round after this one begins. */
static uint64_t next_clear(void)
{
	uint64_t when_ns;

	assert_int_equal(tiering_next(&tiering, 0, &when_ns), TIERING_CLEAR);
	return when_ns;
}

static void the_budget_paces_rounds(void **state)
{
	uint64_t when_ns = 5 * MS, before_ns, spent_ns = 0, first_ns = 0;

	(void)state;
	memset(world.seen, 5, sizeof(world.seen)); /* or scans would be late */
	/* 1 % of a CPU; every tenth round is dear.  The first rounds come sooner. */
	for (unsigned round = 0; round < 200; round++) {
		const uint64_t cost_ns = round % 10 ? 10 * MS : 100 * MS;

		go_round(when_ns, cost_ns);
		when_ns = next_clear();
		spent_ns += round < 50 ? 0 : cost_ns;
		first_ns = round < 50 ? when_ns : first_ns;
		assert_true(round > 0 || when_ns < 2000 * MS);
	}
	assert_true(spent_ns * 100 < (when_ns - first_ns) / 100 * 110);
	assert_true(spent_ns * 100 > (when_ns - first_ns) / 100 * 90);
	/* Cost nothing: not more often than asked for, nor than scans take. */
	for (unsigned round = 0; round < 200; round++) {
		before_ns = when_ns;
		go_round(when_ns, 0);
		when_ns = next_clear();
		assert_true(when_ns >= before_ns + 100 * MS);
		assert_true(when_ns >=
			    before_ns + tiering.round.after_ns[tiering.round.nr_scans - 1]);
	}
	assert_true(when_ns < before_ns + 1000 * MS);
}

/* What targets lose counts, and what they will have lost when the next round begins. */
static void what_targets_lose_paces_rounds_too(void **state)
{
	const uint64_t end_ns = 300000 * MS;
	uint64_t when_ns = 0, lost_ns = 0, last_ns, doublings = 0;

	(void)state;
	memset(world.seen, 5, sizeof(world.seen));
	for (unsigned i = 0; i < PORT_MAX_SCANS; i++)
		world.seen_by[i].lost_ns = 4 * MS;
	while (when_ns < end_ns) {
		go_round(when_ns, 10 * MS);
		lost_ns += tiering.lost_ns;
		when_ns = next_clear();
	}
	assert_true(tiering.rounds > 50);
	last_ns = tiering.round.after_ns[tiering.round.nr_scans - 1];
	for (uint64_t ns = 2 * last_ns; ns <= tiering.period_ns; ns *= 2)
		doublings++;
	assert_true(doublings > 0);
	assert_int_equal(tiering.lost_ns, (tiering.round.nr_scans * 4 + doublings * 2) * MS);
	lost_ns += tiering.rounds * 10 * MS;
	assert_true(lost_ns * 100 > end_ns / 100 * 95);
	assert_true(lost_ns * 100 < end_ns / 100 * 125); /* the first rounds come sooner */
}

/* The first rounds come at once, but where they are so dear that it would be felt for long. */
static void the_first_rounds_are_on_credit(void **state)
{
	const struct {
		uint64_t spent_ns;
		unsigned soon_rounds;
	} cases[] = {
		{ 0, 4 }, { 10 * MS, 4 }, { 400 * MS, 4 }, { 900 * MS, 2 }, { 3000 * MS, 0 }
	};

	(void)state;
	memset(world.seen, 5, sizeof(world.seen));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t now_ns = 0;

		tiering_start(&tiering, &config, 2);
		for (unsigned round = 1; round <= 6; round++) {
			const uint64_t before_ns = now_ns;

			go_round(now_ns, cases[i].spent_ns);
			now_ns = next_clear();
			if (round <= cases[i].soon_rounds || cases[i].spent_ns == 0)
				assert_true(now_ns - before_ns < 1000 * MS);
			else
				assert_true(now_ns - before_ns >= cases[i].spent_ns * 99);
		}
	}
}

/* Every third page of one target and every sixth of the other. */
static void hot_pages_of_all_targets_get_fast_memory(void **state)
{
	uint64_t now_ns = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned page = 0; page < NR_PAGES; page++)
			world.seen[i][page] = page % (i ? 6 : 3) ? 0 : 5;
	for (unsigned round = 0; round < 8; round++)
		now_ns = go_round(now_ns + 1000 * MS, 10 * MS);
	for (unsigned page = 0; page < NR_PAGES; page++)
		if (world.nodes[0][page] == FAST)
			assert_int_equal(page % 3, 0);
	assert_int_equal(on_fast_node(), FAST_ROOM);
	assert_int_equal(world.moved[PORT_PROMOTE], FAST_ROOM);
	assert_int_equal(world.moved[PORT_DEMOTE], 0);
	/* More moves than there is room for at once: none was lost. */
	assert_true(world.nr_calls >= FAST_ROOM / TIERING_CHUNK_MOVES);
}

/* A round of a program that goes through all memory within 250 ms, in an order that is another one
 * in each round. */
static void see_a_scan(unsigned round)
{
	static const unsigned by_ms[NR_SCANS] = { 1, 4, 16, 64, 256 };
	const unsigned nr = 2 * NR_PAGES;

	memset(world.seen_by, 0, sizeof(world.seen_by));
	world.seen_by[0].all_units = world.seen_by[0].all_pages = nr;
	for (unsigned i = 0; i < nr; i++) {
		const unsigned page = (i + round * 5003) * 7919 % nr;
		unsigned scan = 0;

		while (by_ms[scan] * nr < i * 250)
			scan++;
		world.seen[page % 2][page / 2] = (uint8_t)(NR_SCANS - scan);
		world.seen_by[scan].units++;
	}
}

/* The first to be accessed are no hotter than the last. */
static void a_scan_changes_no_places(void **state)
{
	uint64_t now_ns = 0;

	(void)state;
	for (unsigned page = 0; page < FAST_ROOM; page++)
		world.nodes[page % 2][page * 3] = FAST;
	for (unsigned round = 0; round < 8; round++) {
		see_a_scan(round);
		now_ns = go_round(now_ns + 1000 * MS, 10 * MS);
		assert_int_equal(tiering.round.nr_scans, NR_SCANS);
		assert_int_equal(tiering.round.after_ns[0], 1 * MS);
	}
	assert_int_equal(world.moved[PORT_PROMOTE], 0);
	assert_int_equal(world.moved[PORT_DEMOTE], 0);
}

/* A slower tier has come, or all but one have gone: at any moment, and nothing learnt is of use. */
static void it_begins_anew_on_other_nodes(void **state)
{
	const struct rule *rule = &rule_two_touch;
	uint64_t when_ns, now_ns = 0;

	(void)state;
	memset(world.seen[0], 5, NR_PAGES);
	tiering_set_rule(&tiering, rule);
	for (unsigned round = 0; round < 3; round++)
		now_ns = go_round(now_ns + 1000 * MS, 10 * MS);
	look_and_decide(now_ns + 1000 * MS, 10 * MS);
	tiering_restart(&tiering, 3);
	assert_int_equal(tiering_next(&tiering, now_ns, &when_ns), TIERING_CLEAR);
	assert_true(when_ns <= now_ns);
	assert_int_equal(tiering.nr_ruled, 2);
	assert_int_equal(tiering.nr_nodes, 0);
	assert_int_equal(tiering.config.budget_ppm, config.budget_ppm);
	assert_ptr_equal(tiering.rule, rule);
	assert_true(tiering.rule_is_new);
	tiering_cleared(&tiering, now_ns);
	tiering_restart(&tiering, 1);
	assert_int_equal(tiering_next(&tiering, now_ns, &when_ns), TIERING_NOTHING);
	tiering_restart(&tiering, 2);
	assert_ptr_equal(tiering.rule, rule);
	world.moved[PORT_PROMOTE] = 0;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned page = 0; page < NR_PAGES; page++)
			world.nodes[i][page] = SLOW;
	for (unsigned round = 0; round < 4; round++)
		now_ns = go_round(now_ns + 1000 * MS, 10 * MS);
	assert_true(world.moved[PORT_PROMOTE] > 0);
}

/* At any moment; and heats are shifted as if the round had been none. */
static void a_round_can_be_given_up(void **state)
{
	struct tiering twin;
	uint64_t when_ns, now_ns = 0;

	(void)state;
	memset(world.seen[0], 5, NR_PAGES);
	for (unsigned round = 0; round < 3; round++)
		now_ns = go_round(now_ns + 1000 * MS, 10 * MS);
	twin = tiering;
	tiering_cleared(&twin, now_ns + 1000 * MS);
	for (unsigned scans = 0; scans < 3; scans++) {
		tiering_cleared(&tiering, now_ns);
		for (unsigned i = 0; i < scans; i++)
			tiering_scanned(&tiering, &world.seen_by[i]);
		tiering_abandon(&tiering, now_ns + 1000 * MS);
		assert_int_equal(tiering_next(&tiering, 0, &when_ns), TIERING_CLEAR);
		assert_int_equal(when_ns, now_ns + 1000 * MS);
	}
	tiering_cleared(&tiering, now_ns + 1000 * MS);
	assert_int_equal(tiering.heat_shift, twin.heat_shift);
	assert_int_equal(tiering_score(&tiering), twin.round.nr_scans);
	tiering_start(&tiering, &config, 1);
	tiering_abandon(&tiering, 0);
	assert_int_equal(tiering_next(&tiering, 0, &when_ns), TIERING_NOTHING);
}

static void no_more_moves_than_the_rate_allows(void **state)
{
	struct tiering_config slow = config;

	(void)state;
	slow.bytes_per_s = 40960; /* ten pages */
	tiering_start(&tiering, &slow, 2);
	memset(world.seen, 5, sizeof(world.seen));
	for (uint64_t now_ns = 0; now_ns < 30000 * MS; now_ns = next_clear())
		go_round(now_ns, 10 * MS);
	assert_true(world.moved[PORT_PROMOTE] > 200);
	assert_true(world.moved[PORT_PROMOTE] <= 310);
}

/* A round that may move so much moves it no faster. */
static void moves_of_a_round_keep_to_the_rate(void **state)
{
	struct tiering_config slow = config;
	uint64_t now_ns = 0, when_ns, decided_ns;

	(void)state;
	slow.bytes_per_s = 4096UL * 10000; /* ten pages in a millisecond */
	tiering_start(&tiering, &slow, 2);
	for (unsigned page = 0; page < NR_PAGES; page += 6)
		world.seen[0][page] = world.seen[1][page] = 5;
	decided_ns = now_ns = look_and_decide(now_ns, 10 * MS);
	tiering.step = TIERING_DECIDE; /* nothing else is due */
	do {
		assert_int_equal(tiering_next(&tiering, now_ns, &when_ns), TIERING_MOVE);
		assert_true(world.moved[PORT_PROMOTE] <= 10 * (when_ns - decided_ns) / MS);
		now_ns = when_ns;
	} while (tiering_move(&tiering, &hooks));
	assert_true(world.moved[PORT_PROMOTE] > 500);
	assert_true(world.nr_calls > 1);
	assert_true(now_ns - decided_ns > 50 * MS);
}

static void memory_that_becomes_short_ends_promotion(void **state)
{
	(void)state;
	memset(world.seen[0], 5, FAST_ROOM / 2);
	for (unsigned round = 1; round < 3; round++) {
		look_and_decide(round * 1000 * MS, 10 * MS);
		if (round == 1)
			tiering_press(&tiering);
		while (tiering_move(&tiering, &hooks))
			;
		assert_int_equal(world.moved[PORT_PROMOTE] > 0, round > 1);
	}
}

static enum tiering_step step_at(uint64_t now_ns)
{
	uint64_t when_ns;

	return tiering_next(&tiering, now_ns, &when_ns);
}

/* Where no scan is due soon; and before the next decision at the latest. */
static void moves_are_made_between_scans(void **state)
{
	uint64_t now_ns, when_ns;

	(void)state;
	for (unsigned page = 0; page < NR_PAGES; page += 6)
		world.seen[0][page] = 5;
	now_ns = look_and_decide(0, 10 * MS);
	assert_int_equal(world.nr_calls, 0);
	/* The next round begins at once, as the first ones do. */
	assert_int_equal(step_at(now_ns), TIERING_CLEAR);
	tiering_cleared(&tiering, now_ns);
	assert_int_equal(step_at(now_ns), TIERING_SCAN); /* in a millisecond */
	while (tiering_next(&tiering, now_ns, &when_ns) == TIERING_SCAN) {
		now_ns = when_ns;
		tiering_scanned(&tiering, &world.seen_by[0]);
	}
	assert_int_equal(step_at(now_ns), TIERING_MOVE);
	assert_true(tiering_move(&tiering, &hooks));
	for (unsigned scan = tiering.scans; scan < tiering.round.nr_scans; scan++)
		tiering_scanned(&tiering, &world.seen_by[0]);
	assert_int_equal(step_at(now_ns), TIERING_MOVE);
	while (tiering_move(&tiering, &hooks))
		;
	assert_true(world.nr_calls > 1);
	assert_int_equal(step_at(now_ns), TIERING_DECIDE);
}

static void moves_of_large_units_are_cut_into_turns(void **state)
{
	uint64_t now_ns = 0;

	(void)state;
	world.unit_pages = 512;
	memset(world.seen, 5, sizeof(world.seen));
	for (unsigned round = 0; round < 40; round++)
		now_ns = go_round(now_ns + 10000 * MS, 10 * MS);
	assert_true(world.moved[PORT_PROMOTE] > 100);
	assert_true(world.nr_calls >= world.moved[PORT_PROMOTE] / 8);
	assert_int_equal(world.most_in_call, 4096);
}

static void what_was_not_moved_is_given_up_with_the_round(void **state)
{
	uint64_t now_ns, when_ns;

	(void)state;
	memset(world.seen[0], 5, FAST_ROOM / 2);
	now_ns = look_and_decide(1000 * MS, 10 * MS);
	assert_true(tiering_move(&tiering, &hooks));
	assert_true(tiering.is_moving);
	tiering_abandon(&tiering, now_ns);
	assert_false(tiering.is_moving);
	assert_int_equal(tiering_next(&tiering, 0, &when_ns), TIERING_CLEAR);
	assert_int_equal(when_ns, now_ns);
}

/* Of 1000 units that each scan is the first to see. */
static void see_fast(uint64_t fast_units)
{
	for (unsigned i = 0; i < PORT_MAX_SCANS; i++)
		world.seen_by[i] =
			(struct tiering_seen) { .units = 1000, .fast_units = fast_units };
}

/* A scan that sees much less in fast memory than it is used to ends the round, and another begins
 * at once, which is a short one. */
static void a_glance_ends_the_round(void **state)
{
	uint64_t now_ns = 0, when_ns;

	(void)state;
	memset(world.seen, 3, sizeof(world.seen));
	memset(world.seen[0], 5, FAST_ROOM);
	see_fast(900);
	for (unsigned round = 0; round < 20; round++)
		now_ns = go_round(now_ns + 10000 * MS, 40 * MS);
	assert_true(tiering.round.nr_scans > 5);
	see_fast(300);
	now_ns += 10000 * MS;
	tiering_cleared(&tiering, now_ns);
	assert_int_equal(tiering_next(&tiering, now_ns, &when_ns), TIERING_SCAN);
	tiering_scanned(&tiering, &world.seen_by[0]);
	assert_true(next_clear() <= when_ns);
	go_round(now_ns + 20 * MS, 40 * MS);
	assert_int_equal(tiering.round.nr_scans, 5);
}

/* Scans that see nine tenths of all memory, a thirtieth, and the rest. */
static void see_nearly_all(uint64_t all_pages)
{
	static const uint64_t pages[] = { 9000, 400, 300, 200, 100 };

	for (unsigned i = 0; i < 5; i++)
		world.seen_by[i] = (struct tiering_seen) {
			.units = pages[i],
			.fast_units = pages[i],
			.pages = pages[i],
			.all_units = all_pages,
			.all_pages = all_pages,
			.lost_ns = pages[i] * 100,
		};
}

/* Makes the scans of a round; returns how many there were. */
static unsigned scan_all(uint64_t now_ns)
{
	uint64_t when_ns;
	unsigned scans = 0;

	tiering_abandon(&tiering, now_ns);
	tiering_cleared(&tiering, now_ns);
	while (tiering_next(&tiering, now_ns, &when_ns) == TIERING_SCAN)
		tiering_scanned(&tiering, &world.seen_by[scans++]);
	return scans;
}

/* What is left then tells nothing of who is hot. */
static void scans_end_when_nearly_all_was_seen(void **state)
{
	unsigned scans;

	(void)state;
	see_nearly_all(10000);
	assert_int_equal(scan_all(0), 2);
	assert_int_equal(scan_all(1000 * MS), 2); /* what an earlier round saw does not count */
	see_nearly_all(12000);
	assert_int_equal(scan_all(2000 * MS), 5);
	see_nearly_all(0); /* nobody knows */
	assert_int_equal(scan_all(3000 * MS), 5);
	see_nearly_all(10000);
	tiering_set_rule(&tiering, &rule_hint_latency); /* for which the time itself tells */
	scans = scan_all(4000 * MS);
	assert_int_equal(scans, tiering.round.nr_scans);
}

/* One of two targets ends when the first scan has seen all that is its. */
static void what_has_gone_was_not_all(void **state)
{
	(void)state;
	world.seen_by[0] = (struct tiering_seen) {
		.units = 9500, .pages = 9500, .all_units = 20000, .all_pages = 20000
	};
	for (unsigned i = 1; i < 5; i++)
		world.seen_by[i] = (struct tiering_seen) {
			.units = 100, .pages = 100, .all_units = 10000, .all_pages = 10000
		};
	assert_int_equal(scan_all(0), 5);
}

/* What is not seen costs as much for each unit as what is, however many pages units have. */
static void unseen_units_cost_what_seen_ones_do(void **state)
{
	const struct port_node list[] = { { .id = FAST, .nearest = { FAST, SLOW } },
					  { .id = SLOW, .tier = 1, .nearest = { FAST, SLOW } } };
	const struct port_nodes nodes = { list, NR_NODES };
	const struct tiering_time time = { .now_ns = 10000 * MS, .move_page_ns = 1000 };

	(void)state;
	/* A thousand huge pages, and as many of twenty thousand base pages. */
	world.seen_by[0] = (struct tiering_seen) {
		.units = 2000,
		.pages = 513000,
		.all_units = 21000,
		.all_pages = 532000,
		.lost_ns = 2000 * 500,
	};
	assert_int_equal(scan_all(0), 1);
	tiering.period_ns = 1 << 30; /* so long that all were accessed until its end */
	tiering_decide(&tiering, &time, &nodes, &hooks);
	assert_true(tiering.lost_ns > 3000 * 500);
	assert_true(tiering.lost_ns <= 21000 * 500);
}

/* Whatever a round was to take: what was decided soon before may have used that up. */
static void the_rate_is_for_the_time_that_has_passed(void **state)
{
	const struct port_nodes nodes = { NULL, 0 };
	struct tiering_time time = { .now_ns = 10000 * MS, .move_page_ns = 1000 };

	(void)state;
	go_round(9000 * MS, 40 * MS);
	time.now_ns = tiering.round.now_ns + 50 * MS;
	scan_all(9500 * MS);
	tiering_decide(&tiering, &time, &nodes, &hooks);
	assert_int_equal(tiering.round.max_moved_pages, config.bytes_per_s / 4096 * 50 / 1000);
	time.now_ns += 1000000 * MS;
	scan_all(9600 * MS);
	tiering_decide(&tiering, &time, &nodes, &hooks);
	assert_true(tiering.round.max_moved_pages < config.bytes_per_s / 4096 * 100);
}

/* The round is then as long as asked for, or as its scans have taken. */
static void a_round_of_few_scans_is_short(void **state)
{
	const struct port_node list[] = { { .id = FAST, .nearest = { FAST, SLOW } },
					  { .id = SLOW, .tier = 1, .nearest = { FAST, SLOW } } };
	const struct port_nodes nodes = { list, NR_NODES };

	(void)state;
	see_nearly_all(10000);
	for (uint64_t began_ns = 0; began_ns < 2000 * MS; began_ns += 1000 * MS) {
		const struct tiering_time time = { .now_ns = began_ns + 10 * MS,
						   .move_page_ns = 1000 };

		assert_int_equal(scan_all(began_ns), 2);
		assert_true(tiering.round.after_ns[4] > config.least_period_ns);
		tiering_decide(&tiering, &time, &nodes, &hooks);
		assert_int_equal(tiering.when_ns, began_ns + config.least_period_ns);
	}
	/* At the pace of the second scan it would be 200 for each of 8, 16, 32 and 64 ms. */
	assert_int_equal(tiering.lost_ns, 10000 * 100);
}

/* Where less is fast than usual, but not so much that one round tells, others follow at once. */
static void a_doubtful_round_hastens_the_next(void **state)
{
	uint64_t now_ns = 0;

	(void)state;
	memset(world.seen[0], 5, FAST_ROOM);
	for (unsigned round = 0; round < 20; round++)
		now_ns = go_round(now_ns + 10000 * MS, 40 * MS);
	assert_true(tiering.period_ns > 1000 * MS);
	memset(world.seen[0], 0, FAST_ROOM / 5);
	memset(world.seen[1], 5, FAST_ROOM / 5);
	now_ns = go_round(now_ns + 10000 * MS, 40 * MS);
	assert_true(tiering.round.calm_ns > 0);
	assert_int_equal(tiering.period_ns, config.least_period_ns);
	memset(world.seen[0], 5, FAST_ROOM);
	memset(world.seen[1], 0, FAST_ROOM);
	go_round(now_ns + 10000 * MS, 40 * MS);
	assert_true(tiering.period_ns > 1000 * MS);
}

/* Calm lasts from the first round on, and begins anew when other memory is used; rounds then come
 * as soon as the first ones. */
static void a_shift_ends_the_calm(void **state)
{
	uint64_t now_ns = 0, began_ns = 0, period_ns;

	(void)state;
	memset(world.seen[0], 5, FAST_ROOM);
	for (unsigned round = 0; round < 20; round++) {
		now_ns = go_round(now_ns + 10000 * MS, 40 * MS);
		if (round == 0)
			began_ns = now_ns;
		assert_int_equal(tiering.round.calm_ns, now_ns - began_ns);
	}
	period_ns = tiering.period_ns;
	memset(world.seen[0], 0, FAST_ROOM);
	memset(world.seen[1], 5, FAST_ROOM);
	began_ns = go_round(now_ns + 10000 * MS, 40 * MS);
	assert_int_equal(tiering.round.calm_ns, 0);
	now_ns = go_round(began_ns + 10000 * MS, 40 * MS);
	assert_int_equal(tiering.round.calm_ns, now_ns - began_ns);
	assert_true(tiering.period_ns < period_ns / 2);
}

/* Rounds as a budget has them, with peeks in between; returns the last decision's time. */
static uint64_t begin_peeking(void)
{
	struct tiering_config peeking = config;
	uint64_t now_ns = 0;

	peeking.peek_ns = 200 * MS;
	tiering_start(&tiering, &peeking, 2);
	memset(world.seen, 3, sizeof(world.seen));
	for (unsigned round = 0; round < 20; round++) {
		tiering_abandon(&tiering, now_ns);
		now_ns = go_round(now_ns + 10000 * MS, 40 * MS);
	}
	return now_ns;
}

static void peek(uint64_t now_ns, uint64_t last_units, uint64_t unseen_units)
{
	const struct tiering_peek seen = { last_units, unseen_units };

	tiering_peeked(&tiering, now_ns, &seen);
}

/* As long as there is time for another one; none of these tells anything. */
static void memory_is_peeked_at_between_rounds(void **state)
{
	uint64_t now_ns, when_ns, due_ns, units = 0;
	unsigned peeks = 0;

	(void)state;
	now_ns = begin_peeking();
	due_ns = tiering.began_ns + tiering.period_ns;
	while (tiering_next(&tiering, now_ns, &when_ns) == TIERING_PEEK) {
		assert_int_equal(when_ns, now_ns + 200 * MS);
		now_ns = when_ns;
		units += 1000 - 10 * peeks++;
		peek(now_ns, 100000, units);
	}
	assert_true(peeks > 5);
	assert_true(due_ns > now_ns && due_ns <= now_ns + 200 * MS);
	assert_int_equal(next_clear(), due_ns);
	/* Another rule learns nothing from a round that comes sooner. */
	now_ns = begin_peeking();
	tiering_set_rule(&tiering, &rule_hint_latency);
	tiering_abandon(&tiering, now_ns);
	go_round(now_ns, 40 * MS);
	assert_int_equal(tiering_next(&tiering, now_ns, &when_ns), TIERING_CLEAR);
}

static void a_peek_hastens_the_next_round(void **state)
{
	uint64_t now_ns, when_ns, units = 0;

	(void)state;
	now_ns = begin_peeking();
	assert_true(tiering.round.nr_scans > 5);
	for (unsigned peeks = 0; peeks < 4; peeks++) {
		assert_int_equal(tiering_next(&tiering, now_ns, &when_ns), TIERING_PEEK);
		now_ns = when_ns;
		units += peeks < 3 ? 1000 : 1500;
		peek(now_ns, 100000, units);
	}
	assert_int_equal(next_clear(), now_ns);
	go_round(now_ns, 40 * MS);
	assert_int_equal(tiering.round.nr_scans, 5); /* it is short */
}

/* Whether it is a sign if the last scan, and then a peek in 200 ms, see so many units. */
static bool is_first_peek_a_sign(uint64_t last_units, uint64_t unseen_units)
{
	const uint64_t now_ns = begin_peeking();
	uint64_t when_ns;

	assert_int_equal(tiering_next(&tiering, now_ns, &when_ns), TIERING_PEEK);
	peek(when_ns, last_units, unseen_units);
	return tiering_next(&tiering, when_ns, &when_ns) == TIERING_CLEAR;
}

/* By what there was in the time before its round's last scan. */
static void the_first_peek_is_held_against_the_last_scan(void **state)
{
	uint64_t last_ns, peek_ns, units;
	unsigned last;

	(void)state;
	peek_ns = begin_peeking() + 200 * MS - tiering.peeked_ns;
	last = tiering.scans - 1;
	last_ns = tiering.round.after_ns[last] - tiering.round.after_ns[last - 1];
	assert_int_equal(tiering_sample(&tiering).last_score, tiering.round.nr_scans - last);
	units = 1000 * peek_ns / last_ns;
	assert_false(is_first_peek_a_sign(1000, units));
	assert_true(is_first_peek_a_sign(1000, 2 * units));
}

/* However much there is, a peek looks at about as much of it, at all of it after some rounds. */
static void a_peek_is_at_a_sample(void **state)
{
	static const uint64_t all_units[] = { 0, 128, 8191, 65536, 1 << 30 };
	struct tiering_sample sample;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		tiering.seen.all_units = all_units[i];
		sample = tiering_sample(&tiering);
		assert_true(all_units[i] / sample.groups <= 8192);
		assert_true(all_units[i] < 8192 || all_units[i] / sample.groups > 4096);
		for (unsigned round = 0; round < 20; round++) {
			const uint64_t number = sample.number;

			assert_true(number < sample.groups);
			tiering.rounds++;
			sample = tiering_sample(&tiering);
			assert_int_equal(sample.number, (number + 1) % sample.groups);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_done_with_one_tier, start),
		cmocka_unit_test_setup(the_budget_paces_rounds, start),
		cmocka_unit_test_setup(what_targets_lose_paces_rounds_too, start),
		cmocka_unit_test_setup(the_first_rounds_are_on_credit, start),
		cmocka_unit_test_setup(hot_pages_of_all_targets_get_fast_memory, start),
		cmocka_unit_test_setup(a_scan_changes_no_places, start),
		cmocka_unit_test_setup(it_begins_anew_on_other_nodes, start),
		cmocka_unit_test_setup(a_round_can_be_given_up, start),
		cmocka_unit_test_setup(no_more_moves_than_the_rate_allows, start),
		cmocka_unit_test_setup(moves_of_a_round_keep_to_the_rate, start),
		cmocka_unit_test_setup(memory_that_becomes_short_ends_promotion, start),
		cmocka_unit_test_setup(a_glance_ends_the_round, start),
		cmocka_unit_test_setup(moves_are_made_between_scans, start),
		cmocka_unit_test_setup(moves_of_large_units_are_cut_into_turns, start),
		cmocka_unit_test_setup(what_was_not_moved_is_given_up_with_the_round, start),
		cmocka_unit_test_setup(a_shift_ends_the_calm, start),
		cmocka_unit_test_setup(scans_end_when_nearly_all_was_seen, start),
		cmocka_unit_test_setup(the_rate_is_for_the_time_that_has_passed, start),
		cmocka_unit_test_setup(what_has_gone_was_not_all, start),
		cmocka_unit_test_setup(unseen_units_cost_what_seen_ones_do, start),
		cmocka_unit_test_setup(a_round_of_few_scans_is_short, start),
		cmocka_unit_test_setup(a_doubtful_round_hastens_the_next, start),
		cmocka_unit_test_setup(memory_is_peeked_at_between_rounds, start),
		cmocka_unit_test_setup(a_peek_hastens_the_next_round, start),
		cmocka_unit_test_setup(the_first_peek_is_held_against_the_last_scan, start),
		cmocka_unit_test_setup(a_peek_is_at_a_sample, start),
	};

	return cmocka_run_group_tests_name("tiering", tests, NULL, NULL);
}
