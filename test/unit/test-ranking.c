/* SPDX-License-Identifier: MIT */
/* The ranking: who changes places, who does not, and that it comes to rest. */
#include "cmocka-all.h"

#include <string.h>

#include "moves.h"
#include "random.h"
#include "ranking.h"

#define NR 2000

enum { FAST, SLOW };

static const struct port_round round_of_5 = {
	.nr_scans = 5,
	.after_ns = { 1000000, 4000000, 16000000, 64000000, 256000000 },
	.move_page_ns = 1000,
	.max_moved_pages = 1000000,
};

static struct port_node node_list[] = {
	{ .id = FAST, .tier = 0, .latency_ns = 80, .nearest = { -1, SLOW } },
	{ .id = SLOW,
	  .tier = 1,
	  .latency_ns = 200,
	  .free_pages = 1 << 20,
	  .nearest = { FAST, -1 } },
};
static const struct port_nodes nodes = { node_list, 2 };

/* Base pages of one target, the first half of which is fast at first. */
struct units {
	uint8_t seen[NR];
	int16_t nodes[NR];
	struct ranking_unit units[NR];
	struct port_span span;
};

static struct ranking ranking;
static struct units units;
static uint32_t nr_rounds;
static uint64_t calm_ns;
static uint64_t now_ns, round_ns;
static bool is_resting; /* no round ends a step of it */

static int start(void **state)
{
	(void)state;
	calm_ns = 0;
	round_ns = 1000000000;
	is_resting = false;
	ranking_start(&ranking, 0);
	memset(&units, 0, sizeof(units));
	units.span = (struct port_span) {
		.target = 3,
		.first_page = 1000,
		.unit_pages = 1,
		.nr_units = NR,
		.seen = units.seen,
		.nodes = units.nodes,
	};
	for (int i = 0; i < NR; i++)
		units.nodes[i] = i < NR / 2 ? FAST : SLOW;
	node_list[FAST].least_pages = node_list[FAST].reserve_pages = 10;
	node_list[FAST].free_pages = 10;
	return 0;
}

/* One round up to the decision. */
static void decide(const struct port_round *of)
{
	const struct ranking_lesson lesson = { .round = ++nr_rounds, .rested = !is_resting };
	struct port_round round = *of;

	now_ns += round_ns;
	round.now_ns = now_ns;
	round.calm_ns = calm_ns;
	ranking_learn(&units.span, &lesson, units.units);
	ranking_begin(&ranking, &round, &nodes, NULL);
	ranking_count(&ranking, &units.span, units.units);
	ranking_decide(&ranking, &nodes);
}

/* Carries the decision out; returns how many pages moved.  part: moves at a time. */
static unsigned move(enum port_reason reason, size_t part)
{
	struct port_move room[NR];
	struct port_node after[] = { node_list[FAST], node_list[SLOW] };
	unsigned pages = 0;
	uint32_t done = 0;

	while (done < NR) {
		struct port_moves moves = {
			.moves = room,
			.max = part,
			.nodes = after,
			.nr_nodes = 2,
		};
		struct port_span rest = units.span;

		rest.first_page += done;
		rest.nr_units -= done;
		rest.seen += done;
		rest.nodes += done;
		done += ranking_select(&ranking, &rest, units.units + done, reason, &moves);
		for (size_t i = 0; i < moves.nr; i++) {
			const struct port_move *one = &room[i];

			assert_int_equal(one->target, 3);
			assert_int_equal(one->reason, reason);
			assert_int_equal(one->to, reason == PORT_PROMOTE ? FAST : SLOW);
			for (uint32_t j = 0; j < one->nr_pages; j++) {
				assert_int_equal(units.nodes[one->first_page - 1000 + j],
						 one->from);
				units.nodes[one->first_page - 1000 + j] = (int16_t)one->to;
			}
			pages += one->nr_pages;
		}
	}
	return pages;
}

static unsigned run(const struct port_round *round)
{
	decide(round);
	return move(PORT_DEMOTE, NR) + move(PORT_PROMOTE, NR);
}

static void see(int first, int nr, uint8_t seen)
{
	memset(units.seen + first, seen, (size_t)nr);
}

static void test_hot_and_cold_change_places(void **state)
{
	(void)state;
	see(0, NR / 2 - 100, 5);
	see(NR - 100, 100, 5);
	assert_int_equal(run(&round_of_5), 200);
	for (int i = 0; i < NR; i++)
		assert_int_equal(units.nodes[i], units.seen[i] ? FAST : SLOW);
	/* And stay there. */
	for (int i = 0; i < 30; i++)
		assert_int_equal(run(&round_of_5), 0);
}

static void test_noise_moves_next_to_nothing(void **state)
{
	struct random random;
	unsigned moved = 0;

	(void)state;
	random_seed(&random, 5, 0);
	see(0, NR, 3);
	for (int i = 0; i < 8; i++)
		run(&round_of_5);
	for (int i = 0; i < 50; i++) {
		/* One of ten is seen by the scan before or behind. */
		for (int j = 0; j < NR; j++) {
			const uint64_t draw = random_below(&random, 20);

			units.seen[j] = (uint8_t)(3 + (draw == 0) - (draw == 1));
		}
		moved += run(&round_of_5);
	}
	/* Less than a four-hundredth of it in a round. */
	assert_in_range(moved, 0, 50 * NR / 400);
}

/* Those that may be equal change places soon after a shift, and hardly later; those that are not
 * always do. */
static void test_calm_lets_hardly_change_what_may_be_equal(void **state)
{
	unsigned moved = 0;

	(void)state;
	see(NR / 2, NR / 2, 1);
	calm_ns = 40000000000;
	for (int i = 0; i < 10; i++)
		moved += run(&round_of_5);
	/* At most 0.05 % in a second. */
	assert_in_range(moved, 2, 10 * NR / 2000);
	see(NR / 2, NR / 2, 4);
	for (int i = 0; i < 10; i++)
		moved += run(&round_of_5);
	assert_in_range(moved, NR - 10, NR);
	see(0, NR / 2, 5);
	calm_ns = moved = 0;
	for (int i = 0; i < 20; i++)
		moved += run(&round_of_5);
	assert_in_range(moved, NR - 10, NR);
}

/* Twenty, half of which are fast. */
static void use_huge_pages(void)
{
	units.span.unit_pages = 512;
	units.span.nr_units = 20;
	for (int i = 0; i < 20; i++)
		units.nodes[i] = i < 10 ? FAST : SLOW;
}

/* An allowance too small for huge pages in one round comes together over many. */
static void test_calm_lets_huge_pages_save_up(void **state)
{
	unsigned rounds = 0;

	(void)state;
	use_huge_pages();
	calm_ns = 40000000000;
	for (; rounds < 4000 && ranking.exchange.promote.pages == 0; rounds++) {
		see(10, 10, rounds % 2 ? 2 : 1);
		decide(&round_of_5);
	}
	assert_in_range(rounds, 500, 3999);
	assert_int_equal(ranking.exchange.promote.pages, 512);
	assert_int_equal(ranking.exchange.demote.pages, 512);
}

/* What differs by less than a score changes places soon after a shift only. */
static void test_huge_pages_differ_by_more(void **state)
{
	(void)state;
	use_huge_pages();
	see(10, 10, 1);
	calm_ns = 40000000000;
	for (int i = 0; i < 500; i++)
		decide(&round_of_5);
	assert_int_equal(ranking.exchange.promote.pages, 0);
	calm_ns = 500000000;
	decide(&round_of_5);
	assert_int_equal(ranking.exchange.promote.pages, 10 * 512);
}

/* Decides about units as they are, so long after a shift that nothing is left to chance. */
static void decide_calmly(void)
{
	struct port_round round = round_of_5;

	round.now_ns = now_ns += round_ns;
	round.calm_ns = 40000000000;
	ranking_begin(&ranking, &round, &nodes, NULL);
	ranking_count(&ranking, &units.span, units.units);
	ranking_decide(&ranking, &nodes);
}

static void know(int first, int nr, uint16_t heat)
{
	for (int i = first; i < first + nr; i++)
		units.units[i] = (struct ranking_unit) { .heat = heat, .age = 5 };
}

/* A factor of 8 in accesses makes base pages sure to differ, and huge ones one of 32. */
static void test_huge_pages_are_sure_later(void **state)
{
	(void)state;
	know(0, NR, 100);
	know(NR - 10, 10, 340);
	decide_calmly();
	assert_int_equal(ranking.exchange.promote.pages, 10);

	start(NULL);
	use_huge_pages();
	know(0, 20, 100);
	know(19, 1, 340);
	decide_calmly();
	assert_int_equal(ranking.exchange.promote.pages, 0);
	know(19, 1, 450);
	decide_calmly();
	assert_int_equal(ranking.exchange.promote.pages, 512);
}

/* Whatever is accessed how often. */
static void test_hinted_huge_pages_are_sure(void **state)
{
	(void)state;
	use_huge_pages();
	know(0, 10, 880);
	know(10, 10, 100);
	know(19, 1, RANKING_HINTED_HOT);
	decide_calmly();
	assert_int_equal(ranking.exchange.promote.pages, 512);
	assert_int_equal(ranking.exchange.demote.pages, 512);
}

/* What cannot move makes room no coarser. */
static void test_room_is_of_units_that_move(void **state)
{
	(void)state;
	use_huge_pages();
	for (int i = 0; i < 20; i++)
		units.nodes[i] = -1;
	decide_calmly();
	assert_int_equal(ranking.exchange.largest_pages, 1);
}

/* A score more in one round is chance where both are accessed often. */
static void test_the_often_accessed_keep_their_place(void **state)
{
	unsigned rounds = 1;

	(void)state;
	see(0, NR / 2, 2);
	see(NR / 2, NR / 2, 3);
	while (run(&round_of_5) == 0)
		rounds++;
	assert_in_range(rounds, 4, 20);
}

/* One round may have seen by chance what another does not see. */
static void test_sure_of_a_difference_after_some_rounds(void **state)
{
	unsigned rounds = 1;

	(void)state;
	see(NR / 2, NR / 2, 1);
	while (run(&round_of_5) == 0)
		assert_in_range(++rounds, 2, 8);
	assert_in_range(rounds, 2, 8);
	start(NULL);
	see(NR / 2, NR / 2, 3);
	assert_int_equal(run(&round_of_5), NR);
}

/* Accesses so rare that the moves would cost more than they save. */
static void test_gain_must_pay(void **state)
{
	struct port_round round = round_of_5;

	(void)state;
	see(NR / 2, NR / 2, 1);
	round.move_page_ns = 1000000;
	for (int i = 0; i < 8; i++)
		assert_int_equal(run(&round), 0);
	round.move_page_ns = 10;
	assert_int_equal(run(&round), NR);
}

static void test_room_and_debt(void **state)
{
	(void)state;
	/* Room is taken by the hottest, and nothing leaves for it. */
	node_list[FAST].free_pages += 40;
	see(0, NR / 2, 4);
	see(NR / 2, NR / 2, 2);
	see(NR - 40, 40, 4);
	decide(&round_of_5);
	assert_int_equal(move(PORT_DEMOTE, NR), 0);
	assert_int_equal(move(PORT_PROMOTE, NR), 40);
	assert_int_equal(units.nodes[NR - 40], FAST);
	assert_int_equal(units.nodes[NR - 41], SLOW);
	/* Below the reserve the coldest leave, also if nobody wants their place. */
	start(NULL);
	node_list[FAST].free_pages = 0;
	see(0, NR / 2, 4);
	see(200, 10, 1);
	decide(&round_of_5);
	assert_int_equal(move(PORT_DEMOTE, NR), 10);
	assert_int_equal(units.nodes[200], SLOW);
	assert_int_equal(units.nodes[209], SLOW);
	assert_int_equal(move(PORT_PROMOTE, NR), 0);
}

/* Room for a part of a huge page is none, and who lacks a part demotes a whole one. */
static void test_room_and_debt_of_huge_pages(void **state)
{
	(void)state;
	use_huge_pages();
	node_list[FAST].free_pages += 300;
	see(10, 1, 4);
	decide(&round_of_5);
	assert_int_equal(ranking.exchange.promote.pages, 512);
	assert_int_equal(ranking.exchange.demote.pages, 512);

	start(NULL);
	use_huge_pages();
	node_list[FAST].free_pages = 0;
	decide(&round_of_5);
	assert_int_equal(ranking.exchange.promote.pages, 0);
	assert_int_equal(ranking.exchange.demote.pages, 512);
}

/* Which of many equals has the room that there is would be chance, soon after a shift. */
static void test_room_is_not_left_to_chance_at_first(void **state)
{
	(void)state;
	node_list[FAST].free_pages += 40;
	see(0, NR, 2);
	see(NR - 30, 30, 5);
	assert_int_equal(run(&round_of_5), 30);
	for (int i = 0; i < NR; i++)
		assert_int_equal(units.nodes[i], i < NR / 2 || i >= NR - 30 ? FAST : SLOW);
	/* After a while nothing more is to be learnt. */
	start(NULL);
	node_list[FAST].free_pages += 40;
	calm_ns = 60000000000;
	see(0, NR, 2);
	assert_int_equal(run(&round_of_5), 40);
}

static void test_rest_is_short_at_first(void **state)
{
	(void)state;
	for (int later = 0; later < 2; later++) {
		start(NULL);
		node_list[FAST].free_pages += 40;
		calm_ns = later ? 60000000000 : 0;
		see(NR - 40, 40, 5);
		assert_int_equal(run(&round_of_5), 40);
		if (later)
			assert_int_equal(units.units[NR - 1].rest, RANKING_REST);
		else
			assert_in_range(units.units[NR - 1].rest, 1, RANKING_REST - 1);
	}
}

static void test_limit(void **state)
{
	struct port_round round = round_of_5;

	(void)state;
	see(NR / 2, NR / 2, 5);
	round.max_moved_pages = 100;
	assert_int_equal(run(&round), 100);
}

/* The same moves, whether they are asked for at once or one by one. */
static void test_parts(void **state)
{
	int16_t at_once[NR];

	(void)state;
	for (int part = NR; part >= 1; part = part > 3 ? 3 : part - 1) {
		start(NULL);
		for (int i = 0; i < NR; i++)
			units.seen[i] = (uint8_t)((i * 7 / 3) % 6);
		decide(&round_of_5);
		move(PORT_DEMOTE, (size_t)part);
		move(PORT_PROMOTE, (size_t)part);
		if (part == NR)
			memcpy(at_once, units.nodes, sizeof(at_once));
		assert_memory_equal(units.nodes, at_once, sizeof(at_once));
	}
}

/* All change places, and what was hot before is hot again. */
static void move_what_should_have_stayed(void)
{
	calm_ns = 60000000000;
	see(NR / 2, NR / 2, 4);
	assert_int_equal(run(&round_of_5), NR);
	see(NR / 2, NR / 2, 0);
	see(0, NR / 2, 4);
}

/* What was moved and turns out to be on the wrong side makes cautious, for a while. */
static void test_regret_makes_cautious(void **state)
{
	unsigned rounds = 0;

	(void)state;
	move_what_should_have_stayed();
	while (ranking.caution == 0) {
		assert_in_range(++rounds, 1, RANKING_REST);
		run(&round_of_5);
	}
	see(0, NR, 2);
	for (rounds = 0; rounds < 1000 && ranking.caution; rounds++)
		run(&round_of_5);
	assert_int_equal(ranking.caution, 0);
	assert_in_range(rounds, 20, 999);
}

/* However fast rounds are: the same pages' regret is not taken for more of it. */
static void test_caution_takes_time(void **state)
{
	unsigned caution;

	(void)state;
	move_what_should_have_stayed();
	while (ranking.rested_pages == 0)
		run(&round_of_5);
	is_resting = true;
	run(&round_of_5);
	caution = ranking.caution;
	assert_true(caution > 0);
	round_ns = 100000000;
	for (int i = 0; i < 19; i++) {
		run(&round_of_5);
		assert_int_equal(ranking.caution, caution);
	}
	round_ns = 1000000000;
	run(&round_of_5);
	assert_true(ranking.caution > caution);
}

/* Two halves that are hot in turn: what it does grows less, not more. */
static void test_ping_pong(void **state)
{
	unsigned early = 0, late = 0;

	(void)state;
	node_list[FAST].free_pages = node_list[FAST].reserve_pages;
	for (int i = 0; i < 200; i++) {
		const bool second = i / 3 % 2;
		unsigned moved;

		see(0, NR / 2, second ? 1 : 3);
		see(NR / 2, NR / 2, second ? 3 : 1);
		moved = run(&round_of_5);
		*(i < 50 ? &early : &late) += i < 50 || i >= 150 ? moved : 0;
	}
	assert_true(late <= early);
	assert_true(late < 2 * NR);
}

/* Any heats: once it has come to rest, fast memory holds the hottest, but for noise. */
static void test_settles(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 9, 0);
	for (int world = 0; world < 20; world++) {
		unsigned coldest_fast = RANKING_HEATS - 1, hottest_slow = 0, moved = 1;

		start(NULL);
		for (int i = 0; i < NR; i++)
			units.seen[i] = (uint8_t)random_below(&random, 6);
		for (int i = 0; i < 60; i++)
			moved = run(&round_of_5);
		assert_int_equal(moved, 0);
		for (int i = 0; i < NR; i++) {
			const unsigned heat = units.units[i].heat;

			if (units.nodes[i] == FAST && heat < coldest_fast)
				coldest_fast = heat;
			if (units.nodes[i] == SLOW && heat > hottest_slow)
				hottest_slow = heat;
		}
		assert_true(hottest_slow <= coldest_fast + RANKING_HEAT_STEP);
	}
}

/* The scans go to where just hot enough is in their middle. */
static void test_scans_adapt(void **state)
{
	struct port_round next = { 0 };

	(void)state;
	assert_int_equal(ranking_next_scans(&ranking, 0, &next), 0);
	assert_int_equal(next.after_ns[0], 1000000);
	for (unsigned i = 1; i < next.nr_scans; i++)
		assert_int_equal(next.after_ns[i], 4 * next.after_ns[i - 1]);
	for (int i = 0; i < 8; i++) {
		see(0, NR, i % 2 ? 4 : 5);
		run(&round_of_5);
	}
	assert_int_equal(ranking_next_scans(&ranking, 0, &next), -RANKING_HEAT_STEP / 2);
	assert_int_equal(next.after_ns[0], 500000);
	/* Where all that rounds tell is that it is in use, much sooner at once. */
	start(NULL);
	see(0, NR, 5);
	run(&round_of_5);
	assert_int_equal(ranking_next_scans(&ranking, 0, &next), -3 * RANKING_HEAT_STEP / 2);
	assert_int_equal(next.after_ns[0], 125000);
	see(0, NR, 0);
	for (int i = 0; i < 300; i++)
		run(&round_of_5);
	/* Later only when there is time for it: soon after a shift every round counts. */
	assert_int_equal(ranking_next_scans(&ranking, 0, &next), 0);
	assert_int_equal(next.after_ns[0], 1000000);
	calm_ns = 4000000000;
	run(&round_of_5);
	assert_true(ranking_next_scans(&ranking, 0, &next) > 0);
	assert_int_equal(next.after_ns[0], 2000000);
}

/* Those that rest have their place, too: few hot ones elsewhere do not make the boundary hot. */
static void test_scans_count_what_rests(void **state)
{
	struct port_round next = { 0 };

	(void)state;
	see(0, NR, 1);
	see(0, NR / 2 - 100, 5);
	see(NR / 2, 50, 5);
	for (int i = 0; i < NR / 2; i++)
		units.units[i].rest = RANKING_MOST_REST;
	decide(&round_of_5);
	assert_int_equal(ranking_next_scans(&ranking, 0, &next), 0);
	assert_int_equal(next.after_ns[0], 1000000);
}

/* A round whose scans are where the ranking wants them, over units that are accessed every so
 * often. */
static unsigned run_adapted(uint64_t accessed_every_ns, uint64_t move_page_ns)
{
	struct port_round round = { 0 };
	const struct ranking_lesson lesson = {
		.round = ++nr_rounds,
		.heat_shift = ranking_next_scans(&ranking, 0, &round),
		.rested = true,
	};
	uint8_t seen = (uint8_t)round.nr_scans;

	for (unsigned i = 0; i < round.nr_scans && round.after_ns[i] < accessed_every_ns; i++)
		seen--;
	see(NR / 2, NR / 2, seen);
	round.move_page_ns = move_page_ns;
	round.max_moved_pages = 1000000;
	ranking_learn(&units.span, &lesson, units.units);
	ranking_begin(&ranking, &round, &nodes, NULL);
	ranking_count(&ranking, &units.span, units.units);
	ranking_decide(&ranking, &nodes);
	return move(PORT_DEMOTE, NR) + move(PORT_PROMOTE, NR);
}

/* Where there is room for all, scans must still tell apart what pays for its move and what does
 * not. */
static void test_scans_tell_what_pays(void **state)
{
	unsigned moved = 0;

	(void)state;
	node_list[FAST].free_pages = 1 << 20;
	for (int i = 0; i < 30; i++)
		assert_int_equal(run_adapted(UINT64_MAX, 60000), 0);
	for (int i = 0; i < 5; i++)
		moved += run_adapted(1000000, 60000);
	assert_int_equal(moved, NR / 2);
}

#define TEST(name) cmocka_unit_test_setup(name, start)

/* The nearest fast node is full: another one of that tier has room. */
static void promotions_go_where_there_is_room(void **state)
{
	struct port_node list[] = {
		{ .id = 4, .tier = 0, .free_pages = 10, .reserve_pages = 10 },
		{ .id = 5, .tier = 0, .free_pages = 11, .reserve_pages = 10 },
		{ .id = 6, .tier = 1, .free_pages = 5, .nearest = { 4, -1, 7 } },
		{ .id = 7, .tier = 2, .free_pages = 0, .nearest = { 4, 6 } },
		{ .id = 8, .tier = 2, .free_pages = 99, .nearest = { 4, 6 } },
	};
	struct port_move room[2];
	struct port_moves five = { room, .max = 2, .nodes = list, .nr_nodes = 5 };

	(void)state;
	assert_int_equal(moves_destination(&five, 6, 0, 1), 5);
	list[0].free_pages = 11;
	assert_int_equal(moves_destination(&five, 6, 0, 1), 4);
	/* And so where it has room for a part of the unit. */
	list[0].free_pages = 310;
	list[1].free_pages = 610;
	assert_int_equal(moves_destination(&five, 6, 0, 512), 5);
	assert_int_equal(moves_destination(&five, 6, 0, 300), 4);
	list[0].free_pages = list[1].free_pages = 0; /* none has: as always */
	assert_int_equal(moves_destination(&five, 6, 0, 1), 4);
	/* A demotion has one target, or there might be cycles. */
	assert_int_equal(moves_destination(&five, 6, 2, 1), 7);
	assert_int_equal(moves_destination(&five, 6, 1, 1), -1);
	assert_int_equal(moves_destination(&five, 9, 0, 1), -1);
	assert_int_equal(moves_destination(&five, 6, -1, 1), -1);
	/* What goes there already is not to spare. */
	list[0].free_pages = 12;
	list[1].free_pages = 11;
	for (uint64_t page = 0; page < 3; page++) {
		const int to = moves_destination(&five, 6, 0, 1);

		assert_int_equal(to, page < 2 ? 4 : 5);
		assert_true(
			moves_add(&five, &(struct port_move) { 1, page, 1, 6, to, PORT_PROMOTE }));
	}
	assert_int_equal(five.nr, 2);
	assert_int_equal(list[0].free_pages, 10);
	assert_int_equal(list[1].free_pages, 10);
	assert_int_equal(list[2].free_pages, 8);
	/* What is not taken is not made. */
	assert_false(moves_add(&five, &(struct port_move) { 1, 9, 1, 6, 4, PORT_PROMOTE }));
	assert_int_equal(list[0].free_pages, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promotions_go_where_there_is_room),
		TEST(test_hot_and_cold_change_places),
		TEST(test_noise_moves_next_to_nothing),
		TEST(test_calm_lets_hardly_change_what_may_be_equal),
		TEST(test_calm_lets_huge_pages_save_up),
		TEST(test_huge_pages_differ_by_more),
		TEST(test_huge_pages_are_sure_later),
		TEST(test_hinted_huge_pages_are_sure),
		TEST(test_room_is_of_units_that_move),
		TEST(test_the_often_accessed_keep_their_place),
		TEST(test_sure_of_a_difference_after_some_rounds),
		TEST(test_gain_must_pay),
		TEST(test_room_and_debt),
		TEST(test_room_and_debt_of_huge_pages),
		TEST(test_room_is_not_left_to_chance_at_first),
		TEST(test_rest_is_short_at_first),
		TEST(test_limit),
		TEST(test_parts),
		TEST(test_regret_makes_cautious),
		TEST(test_caution_takes_time),
		TEST(test_ping_pong),
		TEST(test_settles),
		TEST(test_scans_adapt),
		TEST(test_scans_count_what_rests),
		TEST(test_scans_tell_what_pays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
