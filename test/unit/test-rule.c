/* SPDX-License-Identifier: MIT */
/*
 * The rules by name, under tiering: what is hot for each, who makes room, how the threshold
 * of hint-latency follows the rate limit, that a rule can be changed while it goes on, and that
 * hints are obeyed by all of them.
 */
#include "cmocka-all.h"

#include <string.h>

#include "tiering.h"

#define MS 1000000ULL
#define S  (1000 * MS)

enum { FAST, SLOW };

/* The first FAST_PAGES are on the fast node at first, which has no room but for these. */
#define NR_PAGES   1000
#define FAST_PAGES 400

static struct {
	uint8_t seen[NR_PAGES]; /* scores */
	int16_t nodes[NR_PAGES];
	struct ranking_unit units[NR_PAGES];
	enum port_hint hints[NR_PAGES];
	bool pressed[NR_PAGES];
	bool pinned[NR_PAGES];		    /* stays where it is, as is found out by trying */
	uint8_t tries[NR_PAGES];	    /* of pinned ones */
	uint64_t free_pages, reserve_pages; /* of the fast node, before it was used */
	unsigned moved[2];		    /* by port_reason, ever */
	uint64_t now_ns;
} world;

static struct tiering tiering;

static const struct rule *const all_rules[] = { &rule_ranking, &rule_hint_latency,
						&rule_two_touch };

static bool gather(void *user, struct tiering_position from, struct tiering_chunk *chunk)
{
	uint32_t nr = 0;

	(void)user;
	if (from.page == NR_PAGES)
		return false;
	for (uint64_t page = from.page; page < NR_PAGES; page++, nr++) {
		if (world.hints[page] != world.hints[from.page] ||
		    world.pressed[page] != world.pressed[from.page])
			break;
		chunk->seen[nr] = world.seen[page];
		chunk->nodes[nr] = world.nodes[page];
		chunk->units[nr] = world.units[page];
	}
	chunk->span = (struct port_span) {
		.first_page = from.page,
		.unit_pages = 1,
		.nr_units = nr,
		.hint = world.hints[from.page],
		.pressed = world.pressed[from.page],
		.seen = chunk->seen,
		.nodes = chunk->nodes,
	};
	return true;
}

static void keep(void *user, const struct tiering_chunk *chunk)
{
	(void)user;
	memcpy(&world.units[chunk->span.first_page], chunk->units,
	       chunk->span.nr_units * sizeof(*chunk->units));
}

/* Whether it cannot be moved: it rests then, and the second time is not shown as movable again. */
static bool is_pinned(uint64_t page)
{
	if (!world.pinned[page])
		return false;
	if (++world.tries[page] == 1)
		world.units[page].rest = RANKING_MOST_REST;
	else
		world.nodes[page] = -1;
	return true;
}

static void carry_out(void *user, const struct port_move *moves, size_t nr)
{
	(void)user;
	for (size_t i = 0; i < nr; i++)
		for (uint64_t page = 0; page < moves[i].nr_pages; page++) {
			if (is_pinned(moves[i].first_page + page))
				continue;
			world.nodes[moves[i].first_page + page] = (int16_t)moves[i].to;
			world.moved[moves[i].reason]++;
		}
}

static unsigned nr_on(int node, unsigned first, unsigned end)
{
	unsigned nr = 0;

	for (unsigned page = first; page < end; page++)
		nr += world.nodes[page] == node;
	return nr;
}

static void start_with(const struct rule *rule, uint64_t bytes_per_s)
{
	const struct tiering_config config = {
		.budget_ppm = 10000,
		.least_period_ns = 100 * MS,
		.bytes_per_s = bytes_per_s,
		.rule = rule,
	};

	memset(&world, 0, sizeof(world));
	for (unsigned page = 0; page < NR_PAGES; page++)
		world.nodes[page] = page < FAST_PAGES ? FAST : SLOW;
	world.now_ns = S;
	tiering_start(&tiering, &config, 2);
}

static void go_pressed_round(bool pressed)
{
	const struct port_node list[] = {
		{ .id = FAST,
		  .tier = 0,
		  .latency_ns = 80,
		  .free_pages = world.free_pages + FAST_PAGES - nr_on(FAST, 0, NR_PAGES),
		  .least_pages = world.reserve_pages,
		  .reserve_pages = world.reserve_pages,
		  .nearest = { FAST, SLOW } },
		{ .id = SLOW,
		  .tier = 1,
		  .latency_ns = 200,
		  .free_pages = 1 << 20,
		  .nearest = { FAST, SLOW } },
	};
	const struct tiering_world hooks = { NULL, gather, keep, carry_out };
	uint64_t when_ns;

	while (tiering_next(&tiering, world.now_ns, &when_ns) != TIERING_DECIDE) {
		if (when_ns > world.now_ns)
			world.now_ns = when_ns;
		if (tiering.step == TIERING_CLEAR)
			tiering_cleared(&tiering, world.now_ns);
		else
			tiering_scanned(&tiering, &(struct tiering_seen) { 0 });
	}
	tiering_decide(&tiering,
		       &(struct tiering_time) {
			       .now_ns = world.now_ns,
			       .move_page_ns = 1000,
			       .pressed = pressed,
		       },
		       &(struct port_nodes) { list, 2 }, &hooks);
	while (tiering_move(&tiering, &hooks))
		;
}

static void go_round(void)
{
	go_pressed_round(false);
}

/* Pages from one on are accessed at once, all others never. */
static void access_only(unsigned first, unsigned end)
{
	memset(world.seen, 0, sizeof(world.seen));
	memset(&world.seen[first], 4, end - first); /* soon, by the scans of each rule */
}

static void rules_have_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(rule_find(all_rules[i]->name), all_rules[i]);
		assert_non_null(strstr(RULE_NAMES, all_rules[i]->name));
	}
	assert_null(rule_find("hope"));
	assert_null(rule_find(""));
	tiering_start(&tiering, &(struct tiering_config) { .budget_ppm = 1 }, 2);
	assert_ptr_equal(tiering.rule, &rule_ranking);
}

static void edges_are_told_whatever_the_rule(void **state)
{
	union rule_tier tier = { 0 };
	struct rule_edges edges;

	(void)state;
	tier.ranking.exchange.promote.heat = 7;
	tier.ranking.exchange.demote.heat = 3;
	tier.ranking.caution = 2;
	edges = rule_edges(&rule_ranking, &tier);
	assert_int_equal(edges.promote_heat, 7);
	assert_int_equal(edges.demote_heat, 3);
	assert_int_equal(edges.caution, 2);
	tier = (union rule_tier) { 0 };
	tier.exchange.promote.heat = 9;
	tier.exchange.demote.heat = 1;
	edges = rule_edges(&rule_two_touch, &tier);
	assert_int_equal(edges.promote_heat, 9);
	assert_int_equal(edges.demote_heat, 1);
	assert_int_equal(edges.caution, 0);
}

/* ---- hint-latency ------------------------------------------------------------------ */

static void what_is_accessed_within_the_threshold_is_promoted_at_once(void **state)
{
	uint64_t when_ns;

	(void)state;
	start_with(&rule_hint_latency, 1 << 30);
	access_only(500, 600);
	go_round();
	assert_int_equal(nr_on(FAST, 500, 600), 100);
	assert_int_equal(world.moved[PORT_PROMOTE], 100);
	assert_int_equal(world.moved[PORT_DEMOTE], 100); /* there was no room */
	/* Its last scan is at the threshold. */
	tiering_next(&tiering, world.now_ns, &when_ns);
	tiering_cleared(&tiering, when_ns);
	assert_int_equal(tiering.round.after_ns[tiering.round.nr_scans - 1], 1000 * MS);
}

static void the_longest_unseen_make_room(void **state)
{
	(void)state;
	start_with(&rule_hint_latency, 1 << 30);
	for (unsigned round = 0; round < 5; round++) {
		access_only(round * 50, FAST_PAGES); /* the first ones were seen longest ago */
		go_round();
	}
	assert_int_equal(world.moved[PORT_DEMOTE], 0);
	access_only(500, 600);
	go_round();
	assert_int_equal(nr_on(SLOW, 0, 100), 100);
	assert_int_equal(nr_on(FAST, 100, FAST_PAGES), FAST_PAGES - 100);
}

static void what_is_as_hot_does_not_give_way(void **state)
{
	(void)state;
	start_with(&rule_hint_latency, 1 << 30);
	access_only(0, 1000);
	for (unsigned round = 0; round < 10; round++)
		go_round();
	assert_int_equal(world.moved[PORT_PROMOTE] + world.moved[PORT_DEMOTE], 0);
}

/* Runs for minutes; returns the threshold. */
static uint32_t threshold_after(unsigned minutes)
{
	const uint64_t end_ns = world.now_ns + minutes * 61 * S;

	while (world.now_ns < end_ns)
		go_round();
	return tiering.tiers[0].hint_latency.threshold_ms;
}

static void the_threshold_follows_the_rate_limit(void **state)
{
	(void)state;
	/* Ten pages per second, of six hundred that would be hot: it shrinks to a step. */
	start_with(&rule_hint_latency, 40960);
	access_only(400, 1000);
	assert_int_equal(threshold_after(1), HINT_LATENCY_BASE_MS - HINT_LATENCY_STEP_MS);
	assert_int_equal(threshold_after(30), HINT_LATENCY_STEP_MS);
	/* Nothing is hot: it grows again, to twice what it began at. */
	access_only(0, 0);
	assert_int_equal(threshold_after(40), 2 * HINT_LATENCY_BASE_MS);
}

/* ---- two-touch ------------------------------------------------------------------------- */

static void once_is_not_enough(void **state)
{
	(void)state;
	start_with(&rule_two_touch, 1 << 30);
	access_only(500, 600);
	go_round();
	assert_int_equal(world.moved[PORT_PROMOTE], 0);
	access_only(0, 0);
	go_round();
	access_only(500, 550); /* again, in a following round though not the next */
	go_round();
	assert_int_equal(nr_on(FAST, 500, 550), 50);
	assert_int_equal(world.moved[PORT_PROMOTE], 50);
}

static void a_reference_is_forgotten(void **state)
{
	(void)state;
	start_with(&rule_two_touch, 1 << 30);
	for (unsigned i = 0; i < 3; i++) {
		access_only(500, 600);
		go_round();
		access_only(0, 0);
		for (unsigned round = 0; round < TWO_TOUCH_REFERENCED_ROUNDS; round++)
			go_round();
	}
	assert_int_equal(world.moved[PORT_PROMOTE], 0);
}

static void the_inactive_end_makes_room_and_active_ones_stay(void **state)
{
	(void)state;
	start_with(&rule_two_touch, 1 << 30);
	access_only(0, 350);
	go_round();
	go_round();
	access_only(500, 1000); /* for all of which there is no room */
	go_round();
	go_round();
	assert_int_equal(nr_on(SLOW, 350, FAST_PAGES), 50);
	assert_int_equal(nr_on(FAST, 0, 350), 350);
	assert_int_equal(world.moved[PORT_PROMOTE], 50);
	/* Those that were active age, and give way then. */
	for (unsigned round = 0; round < TWO_TOUCH_ACTIVE_ROUNDS; round++)
		go_round();
	assert_int_equal(nr_on(FAST, 500, 1000), FAST_PAGES);
}

static void what_was_demoted_begins_again(void **state)
{
	(void)state;
	start_with(&rule_two_touch, 1 << 30);
	access_only(0, 0);
	world.reserve_pages = 100;
	go_round();
	assert_int_equal(world.moved[PORT_DEMOTE], 100);
	world.reserve_pages = 0;
	access_only(0, 100);
	go_round();
	assert_int_equal(world.moved[PORT_PROMOTE], 0);
	go_round();
	assert_int_equal(world.moved[PORT_PROMOTE], 100);
}

static void the_window_follows_what_is_active(void **state)
{
	(void)state;
	start_with(&rule_two_touch, 1 << 30);
	access_only(0, 1000);
	for (unsigned round = 0; round < 20; round++)
		go_round();
	assert_true(tiering.round.after_ns[0] < 2 * TWO_TOUCH_LEAST_WINDOW_NS);
	access_only(0, 100);
	for (unsigned round = 0; round < 40; round++)
		go_round();
	assert_true(tiering.round.after_ns[0] > TWO_TOUCH_MOST_WINDOW_NS / 2);
}

/* ---- All ---------------------------------------------------------------------------------- */

static void a_rule_may_be_changed_while_it_goes_on(void **state)
{
	(void)state;
	start_with(&rule_ranking, 1 << 30);
	access_only(400, 500);
	world.free_pages = 500;
	for (unsigned i = 0; i < 9; i++) {
		const struct rule *rule = all_rules[i % 3];

		tiering_set_rule(&tiering, rule);
		world.moved[PORT_PROMOTE] = world.moved[PORT_DEMOTE] = 0;
		access_only(400 + i * 50, 450 + i * 50);
		for (unsigned round = 0; round < 3; round++)
			go_round();
		assert_int_equal(nr_on(FAST, 400 + i * 50, 450 + i * 50), 50);
		assert_int_equal(world.moved[PORT_DEMOTE], 0);
	}
}

/* A range that nobody accesses is hot, one that is accessed all the time is cold, two are pinned.
 */
static void hints_are_obeyed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		start_with(all_rules[i], 1 << 30);
		for (unsigned page = 0; page < 100; page++) {
			world.hints[page] = PORT_HINT_PINNED;
			world.hints[100 + page] = PORT_HINT_COLD;
			world.hints[500 + page] = PORT_HINT_HOT;
			world.hints[600 + page] = PORT_HINT_PINNED;
			world.hints[700 + page] = PORT_HINT_COLD;
		}
		access_only(100, 1000);
		memset(&world.seen[500], 0, 100);
		for (unsigned round = 0; round < 12; round++)
			go_round();
		assert_int_equal(nr_on(FAST, 0, 100), 100);
		assert_int_equal(nr_on(SLOW, 100, 200), 100);
		assert_int_equal(nr_on(FAST, 500, 600), 100);
		assert_int_equal(nr_on(SLOW, 600, 800), 200);
		/* They are taken back. */
		memset(world.hints, 0, sizeof(world.hints));
		access_only(100, 500);
		for (unsigned round = 0; round < 40; round++)
			go_round();
		assert_int_equal(nr_on(FAST, 100, 500), 400);
		assert_int_equal(nr_on(SLOW, 0, 100), 100);
		assert_int_equal(nr_on(SLOW, 500, 600), 100);
	}
}

/* More is hinted to be hot than fits: it pushes out what is not hinted, however hot. */
static void hot_ones_come_as_far_as_they_fit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		start_with(all_rules[i], 1 << 30);
		for (unsigned page = 400; page < 1000; page++)
			world.hints[page] = PORT_HINT_HOT;
		access_only(0, 400);
		memset(world.seen, 5, 400);
		for (unsigned round = 0; round < 20; round++)
			go_round();
		assert_int_equal(nr_on(FAST, 400, 1000), FAST_PAGES);
		assert_int_equal(world.moved[PORT_PROMOTE], FAST_PAGES); /* none of them twice */
	}
}

/* Under pressure nothing is promoted, nor demoted for what would be; what is owed still goes. */
static void pressure_stops_promotion_and_not_what_frees(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t scan_ns;

		start_with(all_rules[i], 1 << 30);
		access_only(500, 600);
		go_pressed_round(true);
		scan_ns = tiering.round.after_ns[0];
		for (unsigned round = 0; round < 10; round++)
			go_pressed_round(true);
		assert_int_equal(world.moved[PORT_PROMOTE] + world.moved[PORT_DEMOTE], 0);
		assert_int_equal(tiering.round.after_ns[0], scan_ns);
		world.reserve_pages = 50;
		go_pressed_round(true);
		assert_int_equal(world.moved[PORT_DEMOTE], 50);
		for (unsigned round = 0; round < 3; round++)
			go_round();
		assert_int_equal(nr_on(FAST, 500, 600),
				 100); /* what is hot was learned meanwhile */
	}
}

/* One target's cgroup is short of memory, another's is not. */
static void pressure_on_one_leaves_others(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		start_with(all_rules[i], 1 << 30);
		memset(&world.pressed[700], true, 100);
		access_only(600, 800);
		for (unsigned round = 0; round < 10; round++)
			go_round();
		assert_int_equal(nr_on(FAST, 600, 700), 100);
		assert_int_equal(nr_on(SLOW, 700, 800), 100);
		assert_int_equal(world.moved[PORT_DEMOTE], 100);
	}
}

static void go_for(uint64_t ns)
{
	for (const uint64_t until_ns = world.now_ns + ns; world.now_ns < until_ns;)
		go_round();
}

static void assert_tries(unsigned first, unsigned end, unsigned tries)
{
	for (unsigned page = first; page < end; page++)
		assert_int_equal(world.tries[page], tries);
}

static void what_could_not_be_moved_rests_and_then_stays(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		start_with(all_rules[i], 1 << 30);
		world.free_pages = 1000;
		go_round(); /* or the rule is new, and forgets */
		access_only(500, 600);
		memset(&world.pinned[500], true, 100);
		go_for(10 * S);
		assert_tries(500, 600, 1);
		memset(&world.pinned[550], false, 50); /* those were busy just then */
		go_for(10 * S);
		assert_tries(500, 550, 2);
		assert_int_equal(world.moved[PORT_PROMOTE], 50);
		go_for(40 * S);
		assert_tries(500, 550, 2);
		assert_tries(550, 600, 1);
		assert_int_equal(world.moved[PORT_PROMOTE], 50);
	}
}

/* Room for a part of a huge page is none, and who lacks a part of one has a whole one leave. */
static void huge_pages_come_and_go_whole(void **state)
{
	static struct exchange exchange;
	const uint8_t seen[] = { 0, 0, 1, 1 };
	const int16_t on[] = { FAST, FAST, SLOW, SLOW };
	const struct ranking_unit units[] = {
		{ .heat = 1 }, { .heat = 1 }, { .heat = 9 }, { .heat = 9 }
	};
	const struct port_span span = {
		.unit_pages = 512,
		.nr_units = 4,
		.seen = seen,
		.nodes = on,
	};
	const struct port_round round = { .max_moved_pages = 1 << 20 };
	struct port_node list[] = {
		{ .id = FAST, .tier = 0, .free_pages = 300, .nearest = { -1, SLOW } },
		{ .id = SLOW, .tier = 1, .free_pages = 1 << 20, .nearest = { FAST, -1 } },
	};
	const struct port_nodes nodes = { list, 2 };

	(void)state;
	exchange_start(&exchange, 0);
	exchange_begin(&exchange, &round, &nodes, NULL);
	exchange_count(&exchange, &span, units);
	exchange_decide(&exchange, &nodes, 5);
	assert_int_equal(exchange.promote.pages, 1024);
	assert_int_equal(exchange.demote.pages, 1024);

	list[0].free_pages = 0;
	list[0].least_pages = 100;
	exchange_begin(&exchange, &round, &nodes, NULL);
	exchange_count(&exchange, &span, units);
	exchange_decide(&exchange, &nodes, 10);
	assert_int_equal(exchange.promote.pages, 0);
	assert_int_equal(exchange.demote.pages, 512);
}

/* Two nodes with room for a part of a huge page each have none for one. */
static void room_is_each_nodes_own(void **state)
{
	static struct exchange exchange;
	const struct port_round round = { .max_moved_pages = 1 << 20 };
	struct port_node list[] = {
		{ .id = 0, .tier = 0, .free_pages = 300 },
		{ .id = 1, .tier = 0, .free_pages = 300 },
		{ .id = 2, .tier = 1, .free_pages = 1 << 20 },
	};
	const struct port_nodes nodes = { list, 3 };

	(void)state;
	exchange_start(&exchange, 0);
	exchange_begin(&exchange, &round, &nodes, NULL);
	assert_int_equal(exchange.room_pages, 600);
	assert_int_equal(exchange_room(&exchange, &nodes), 600);
	exchange_note_unit(&exchange, 512);
	assert_int_equal(exchange_room(&exchange, &nodes), 0);
	list[1].free_pages = 600;
	assert_int_equal(exchange_room(&exchange, &nodes), 512);
	/* So it is with what is owed, and what one has is not the other's. */
	list[0].least_pages = list[1].least_pages = 400;
	assert_int_equal(exchange_owed(&exchange, &nodes), 512);
	list[1].free_pages = 399;
	assert_int_equal(exchange_owed(&exchange, &nodes), 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_have_names),
		cmocka_unit_test(edges_are_told_whatever_the_rule),
		cmocka_unit_test(what_is_accessed_within_the_threshold_is_promoted_at_once),
		cmocka_unit_test(the_longest_unseen_make_room),
		cmocka_unit_test(what_is_as_hot_does_not_give_way),
		cmocka_unit_test(the_threshold_follows_the_rate_limit),
		cmocka_unit_test(once_is_not_enough),
		cmocka_unit_test(a_reference_is_forgotten),
		cmocka_unit_test(the_inactive_end_makes_room_and_active_ones_stay),
		cmocka_unit_test(what_was_demoted_begins_again),
		cmocka_unit_test(the_window_follows_what_is_active),
		cmocka_unit_test(a_rule_may_be_changed_while_it_goes_on),
		cmocka_unit_test(hints_are_obeyed),
		cmocka_unit_test(hot_ones_come_as_far_as_they_fit),
		cmocka_unit_test(pressure_stops_promotion_and_not_what_frees),
		cmocka_unit_test(pressure_on_one_leaves_others),
		cmocka_unit_test(what_could_not_be_moved_rests_and_then_stays),
		cmocka_unit_test(huge_pages_come_and_go_whole),
		cmocka_unit_test(room_is_each_nodes_own),
	};

	return cmocka_run_group_tests_name("rule", tests, NULL, NULL);
}
