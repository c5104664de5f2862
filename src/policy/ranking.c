/* SPDX-License-Identifier: MIT */
/* Who is hot enough for fast memory: see ranking.h. */
#include "ranking.h"

#include <string.h>

#include "moves.h"

/* A mean reaches back over so many rounds, once there were so many. */
#define MEAN_ROUNDS 8

/* From a score that is so far from the mean it moves as if it were young. */
#define SUDDEN_HEATS (2 * RANKING_HEAT_STEP)
#define SUDDEN_AGE   2

/* Moved units stay for so many rounds. */
#define REST_ROUNDS 10

/* Two units whose heats differ by less may be the same: a factor of 2 in accesses. */
#define NOISE_HEATS (RANKING_HEAT_STEP / 2)

/* Caution is judged after so many pages were moved, and grows where over a tenth was regretted. */
#define JUDGED_PAGES 1024
#define CAUTION_STEP (RANKING_HEAT_STEP / 2)
#define MOST_CAUTION (3 * RANKING_HEAT_STEP)

/* More than anything sees, and than any move takes; as little as overflows nothing. */
#define HINTED_ACCESSES (1ULL << 40)

#define NR_SCANS      5
#define FIRST_SCAN_NS 1000000ULL
#define LEAST_SCAN_NS 125000ULL
#define MOST_SCAN_NS  64000000ULL

void ranking_start(struct ranking *ranking, int tier)
{
	memset(ranking, 0, sizeof(*ranking));
	ranking->tier = tier;
}

/* Scores are logarithms: between two of them accesses are taken to grow along a straight line. */
static void tell_accesses(struct ranking *ranking)
{
	const struct port_round *round = &ranking->round;

	for (unsigned heat = 0; heat < RANKING_HEATS; heat++) {
		const unsigned score = heat / RANKING_HEAT_STEP, part = heat % RANKING_HEAT_STEP;
		uint64_t below = 0, above;

		if (score >= round->nr_scans) {
			ranking->accesses[heat] = RANKING_PAYBACK_NS / round->after_ns[0];
			continue;
		}
		if (score > 0)
			below = RANKING_PAYBACK_NS / round->after_ns[round->nr_scans - score];
		above = RANKING_PAYBACK_NS / round->after_ns[round->nr_scans - score - 1];
		ranking->accesses[heat] = below + (above - below) * part / RANKING_HEAT_STEP;
	}
	ranking->accesses[RANKING_HINTED_HOT] = HINTED_ACCESSES;
}

void ranking_begin(struct ranking *ranking, const struct port_round *round,
		   const struct port_nodes *nodes, const struct ranking *faster)
{
	uint32_t fast_ns = UINT32_MAX, slow_ns = UINT32_MAX;

	ranking->fast = ranking->slow = (struct nodemask) { 0 };
	ranking->room_pages = ranking->owed_pages = 0;
	ranking->slower_tier = -1;
	ranking->ceiling = faster ? faster->promote.heat : RANKING_HEATS;
	for (unsigned i = 0; i < nodes->nr; i++) {
		const struct port_node *node = &nodes->nodes[i];
		const bool fast = node->tier == ranking->tier;
		uint32_t *nearest_ns = fast ? &fast_ns : &slow_ns;

		if (node->tier < ranking->tier)
			continue;
		if (!fast && (ranking->slower_tier < 0 || node->tier < ranking->slower_tier))
			ranking->slower_tier = node->tier;
		if (node->latency_ns < *nearest_ns)
			*nearest_ns = node->latency_ns;
		nodemask_set(fast ? &ranking->fast : &ranking->slow, node->id);
		if (fast && node->free_pages > node->reserve_pages)
			ranking->room_pages += node->free_pages - node->reserve_pages;
		else if (fast)
			ranking->owed_pages += node->reserve_pages - node->free_pages;
	}
	ranking->gain_ns = slow_ns != UINT32_MAX && slow_ns > fast_ns ? slow_ns - fast_ns : 0;
	ranking->round = *round;
	memset(ranking->fast_pages, 0, sizeof(ranking->fast_pages));
	memset(ranking->slow_pages, 0, sizeof(ranking->slow_pages));
	tell_accesses(ranking);
}

static int clamp_heat(int heat)
{
	return heat < 0 ? 0 : heat >= RANKING_HEATS ? RANKING_HEATS - 1 : heat;
}

static void learn(struct ranking_unit *unit, int heat_shift, unsigned seen)
{
	const int now = clamp_heat((int)(seen * RANKING_HEAT_STEP));
	const int before = unit->heat ? clamp_heat(unit->heat + heat_shift) : 0;
	const int change = now - before;
	unsigned age = unit->age;

	if (age > SUDDEN_AGE && (change >= SUDDEN_HEATS || change <= -SUDDEN_HEATS))
		age = SUDDEN_AGE;
	/* Away from zero, so that a mean reaches what it strives for. */
	unit->heat =
		(uint8_t)(before + (change + (change > 0 ? (int)age : -(int)age)) / ((int)age + 1));
	if (unit->age < MEAN_ROUNDS - 1)
		unit->age++;
	if (unit->rest)
		unit->rest--;
}

void ranking_learn(const struct port_span *span, int heat_shift, struct ranking_unit *units)
{
	for (uint32_t i = 0; i < span->nr_units; i++)
		if (span->nodes[i] >= 0)
			learn(&units[i], heat_shift, span->seen[i]);
}

void ranking_count(struct ranking *ranking, const struct port_span *span,
		   const struct ranking_unit *units)
{
	for (uint32_t i = 0; i < span->nr_units; i++) {
		if (span->nodes[i] < 0 || units[i].rest)
			continue;
		if (nodemask_test(&ranking->fast, span->nodes[i]))
			ranking->fast_pages[units[i].heat] += span->unit_pages;
		else if (units[i].heat <= ranking->ceiling &&
			 nodemask_test(&ranking->slow, span->nodes[i]))
			ranking->slow_pages[units[i].heat] += span->unit_pages;
	}
}

static void judge_caution(struct ranking *ranking)
{
	if (ranking->moved_pages < JUDGED_PAGES)
		return;
	if (ranking->regretted_pages * 10 > ranking->moved_pages)
		ranking->caution += ranking->caution < MOST_CAUTION ? CAUTION_STEP : 0;
	else
		ranking->caution /= 2;
	ranking->moved_pages = ranking->regretted_pages = 0;
}

/* Whether that many more accesses in fast memory repay so many moves of a page. */
static bool repays(const struct ranking *ranking, uint64_t accesses, unsigned moves)
{
	return accesses * ranking->gain_ns > moves * ranking->round.move_page_ns;
}

static bool worth_changing(const struct ranking *ranking, unsigned hot, unsigned cold)
{
	const unsigned caution = hot == RANKING_HINTED_HOT ? 0 : ranking->caution;

	return hot >= cold + NOISE_HEATS + caution &&
	       repays(ranking, ranking->accesses[hot] - ranking->accesses[cold], 2);
}

/* Takes pages of one heat after the other from an edge that moves inwards. */
struct frontier {
	const uint64_t *pages;
	struct ranking_edge edge; /* pages: of its heat, taken so far */
};

static uint64_t left(const struct frontier *frontier)
{
	return frontier->pages[frontier->edge.heat] - frontier->edge.pages;
}

/* The hottest slow heat that has pages left; false: none. */
static bool next_hot(struct frontier *hot)
{
	while (left(hot) == 0) {
		if (hot->edge.heat <= 1)
			return false;
		hot->edge = (struct ranking_edge) { .heat = hot->edge.heat - 1 };
	}
	return true;
}

static bool next_cold(struct frontier *cold)
{
	while (left(cold) == 0) {
		if (cold->edge.heat >= RANKING_HEATS - 1)
			return false;
		cold->edge = (struct ranking_edge) { .heat = cold->edge.heat + 1 };
	}
	return true;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void ranking_decide(struct ranking *ranking)
{
	struct frontier hot = { ranking->slow_pages, { .heat = RANKING_HEATS - 1 } };
	struct frontier cold = { ranking->fast_pages, { .heat = 0 } };
	uint64_t owed = ranking->owed_pages, room = ranking->room_pages, pages;
	uint64_t budget = ranking->round.max_moved_pages;

	judge_caution(ranking);
	for (; owed && budget && next_cold(&cold); owed -= pages, budget -= pages) {
		pages = least(least(owed, left(&cold)), budget);
		cold.edge.pages += pages;
	}
	for (; room && budget && next_hot(&hot) &&
	       repays(ranking, ranking->accesses[hot.edge.heat], 1);
	     room -= pages, budget -= pages) {
		pages = least(least(room, left(&hot)), budget);
		hot.edge.pages += pages;
	}
	while (!owed && budget > 1 && next_hot(&hot) && next_cold(&cold) &&
	       worth_changing(ranking, hot.edge.heat, cold.edge.heat)) {
		pages = least(least(left(&hot), left(&cold)), budget / 2);
		hot.edge.pages += pages;
		cold.edge.pages += pages;
		budget -= 2 * pages;
	}
	ranking->promote = hot.edge;
	ranking->demote = cold.edge;
}

/* Whether a unit of this heat is to go. */
static bool chosen(const struct ranking_edge *edge, enum port_reason reason, unsigned heat,
		   uint32_t unit_pages)
{
	if (heat != edge->heat)
		return reason == PORT_PROMOTE ? heat > edge->heat : heat < edge->heat;
	return edge->pages >= unit_pages;
}

/* A unit that rests, on the edge's other side by more than noise: it should not have been moved. */
static bool is_regretted(const struct ranking_edge *edge, enum port_reason reason, int heat)
{
	return reason == PORT_PROMOTE ? heat > (int)edge->heat + NOISE_HEATS
				      : heat + NOISE_HEATS < (int)edge->heat;
}

uint32_t ranking_select(struct ranking *ranking, const struct port_span *span,
			struct ranking_unit *units, const struct port_nodes *nodes,
			enum port_reason reason, struct port_moves *moves)
{
	const bool up = reason == PORT_PROMOTE;
	const struct nodemask *from = up ? &ranking->slow : &ranking->fast;
	const int tier = up ? ranking->tier : ranking->slower_tier;
	struct ranking_edge *edge = up ? &ranking->promote : &ranking->demote;

	for (uint32_t i = 0; i < span->nr_units; i++) {
		struct ranking_unit *unit = &units[i];
		struct port_move move = {
			.target = span->target,
			.first_page = span->first_page + (uint64_t)i * span->unit_pages,
			.nr_pages = span->unit_pages,
			.from = span->nodes[i],
			.reason = reason,
		};

		if (move.from < 0 || !nodemask_test(from, move.from))
			continue;
		if (unit->rest) {
			if (is_regretted(edge, reason, unit->heat))
				ranking->regretted_pages += span->unit_pages;
			continue;
		}
		if (!chosen(edge, reason, unit->heat, span->unit_pages))
			continue;
		move.to = moves_destination(nodes, move.from, tier);
		if (move.to < 0)
			continue;
		if (!moves_add(moves, &move))
			return i;
		if (unit->heat == edge->heat)
			edge->pages -= span->unit_pages;
		unit->rest = REST_ROUNDS;
		ranking->moved_pages += span->unit_pages;
	}
	return span->nr_units;
}

/* The heat from which on a move pays, whatever room there is. */
static unsigned least_worth(const struct ranking *ranking)
{
	unsigned heat = 0;

	while (ranking->gain_ns && heat < RANKING_HEATS - 1 &&
	       !repays(ranking, ranking->accesses[heat], 1))
		heat++;
	return heat;
}

/* The heat that fast memory would begin at if all that is worth it were in its place. */
static unsigned boundary(const struct ranking *ranking)
{
	const unsigned worth = least_worth(ranking);
	uint64_t fast = ranking->room_pages, hotter = 0;
	unsigned heat = RANKING_HEATS - 1;

	for (unsigned i = 0; i < RANKING_HEATS; i++)
		fast += ranking->fast_pages[i];
	for (; heat > worth && hotter <= fast; heat--)
		hotter += ranking->fast_pages[heat] + ranking->slow_pages[heat];
	return heat;
}

int ranking_next_scans(const struct ranking *ranking, struct port_round *ret_round)
{
	const unsigned heat = boundary(ranking), middle = NR_SCANS * RANKING_HEAT_STEP / 2;
	uint64_t first_ns = ranking->round.nr_scans ? ranking->round.after_ns[0] : FIRST_SCAN_NS;
	int heat_shift = 0;

	/* Twice as long makes half a score more of the same accesses. */
	if (ranking->round.nr_scans && heat > middle + RANKING_HEAT_STEP &&
	    first_ns / 2 >= LEAST_SCAN_NS) {
		first_ns /= 2;
		heat_shift = -RANKING_HEAT_STEP / 2;
	} else if (ranking->round.nr_scans && heat + RANKING_HEAT_STEP < middle &&
		   first_ns * 2 <= MOST_SCAN_NS) {
		first_ns *= 2;
		heat_shift = RANKING_HEAT_STEP / 2;
	}
	ret_round->nr_scans = NR_SCANS;
	for (unsigned i = 0; i < NR_SCANS; i++)
		ret_round->after_ns[i] = first_ns << (2 * i);
	return heat_shift;
}
