/* SPDX-License-Identifier: MIT */
/* Who is hot enough for fast memory: see ranking.h. */
#include "ranking.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "least.h"
#include "moves.h"

/* A mean reaches back over 32 rounds at last. */
#define OLDEST 5

/* From a score that is so far from the mean it moves as if it were that young. */
#define SUDDEN_HEATS (2 * RANKING_HEAT_STEP)
#define SUDDEN_AGE   3

/* Two units whose heats differ by less may be the same: a factor of 1.3 in accesses.  Where most
 * memory is in huge pages, whose exchange is dear, and of which so few differ that chance may
 * always find two, they need a factor of 4 but soon after a shift. */
#define NOISE_HEATS	 24
#define HUGE_NOISE_HEATS RANKING_HEAT_STEP
#define SOON_NS		 1000000000ULL

/* Two whose heats differ by so much are not equal: a factor of 8, and of 32 where most are huge. */
#define SURE_HEATS	(3 * RANKING_HEAT_STEP / 2)
#define HUGE_SURE_HEATS (5 * RANKING_HEAT_STEP / 2)

/* Of all pages, so many millionths may change places in a second although they are not sure to
 * differ: all that is needed soon after a shift, then a sixteenth after twice the time, and at
 * last what a slow drift takes. */
#define MOST_DOUBTFUL_PPM 8e6
#define PAIR_PPM	  2000000
struct allowance {
	double ppm_s4, least_ppm; /* in a second: over the fourth power of the time, and at last */
};
static const struct allowance of_base_pages = { 3e8, 200 }, of_huge_pages = { 1.2e7, 50 };

/* Caution is judged of so many pages that have rested, and of so many units, and no sooner after
 * the last time: by then other pages have rested. It grows where over a quarter is regretted. Where
 * little moves it fades, or nothing would be left to judge. */
#define JUDGED_PAGES 1024
#define JUDGED_UNITS 4
#define JUDGED_NS    2000000000ULL
#define FADE_NS	     20000000000ULL
#define CAUTION_STEP (RANKING_HEAT_STEP / 2)
#define MOST_CAUTION (3 * RANKING_HEAT_STEP)

/* More than anything sees, and than any move takes; as little as overflows nothing. */
#define HINTED_ACCESSES (1ULL << 40)

/* An accessed bit tells of a visit to a page. Each is taken for accesses to so many of its cache
 * lines: an assumption, and a low one for a record of a kilobyte. */
#define LINES_PER_VISIT	  4
#define PAYBACK_VISITS_NS (LINES_PER_VISIT * RANKING_PAYBACK_NS)

/* A round has at least so many scans, and more where they end within its period. */
#define LEAST_SCANS   5
#define FIRST_SCAN_NS 1000000ULL
#define LEAST_SCAN_NS 125000ULL
#define MOST_SCAN_NS  16000000ULL

/* Scans come sooner where the boundary is so near to the hottest heat, much sooner where it is the
 * hottest, as it is where a round has seen nothing but pages that are all in use; later where it is
 * so cold, but as long as every round teaches much, the next one rather comes soon. */
#define TOO_HOT_HEATS	(3 * RANKING_HEAT_STEP / 2)
#define TOO_COLD_HEATS	40
#define SATURATED_HEATS (RANKING_HEAT_STEP / 4)
#define SATURATED_STEPS 3

/* So long after a shift more becomes known of all units with every round: nothing is left to chance
 * yet, and what was moved may soon move again. */
#define LEARNING_NS   4000000000ULL
#define LEARNING_REST 1

void ranking_start(struct ranking *ranking, int tier)
{
	memset(ranking, 0, sizeof(*ranking));
	exchange_start(&ranking->exchange, tier);
}

/* Scores are logarithms: between two of them accesses are taken to grow along a straight line. */
static void tell_accesses(struct ranking *ranking)
{
	const struct port_round *round = &ranking->exchange.round;

	for (unsigned heat = 0; heat < RANKING_HEATS; heat++) {
		const unsigned score = heat / RANKING_HEAT_STEP, part = heat % RANKING_HEAT_STEP;
		uint64_t below = 0, above;

		if (score >= round->nr_scans) {
			ranking->accesses[heat] = PAYBACK_VISITS_NS / round->after_ns[0];
			continue;
		}
		if (score > 0)
			below = PAYBACK_VISITS_NS / round->after_ns[round->nr_scans - score];
		above = PAYBACK_VISITS_NS / round->after_ns[round->nr_scans - score - 1];
		ranking->accesses[heat] = below + (above - below) * part / RANKING_HEAT_STEP;
	}
	ranking->accesses[RANKING_HINTED_HOT] = HINTED_ACCESSES;
}

/* What an access saves in the tier against all below it, each by its nearest node. */
static uint64_t gain_ns(const struct exchange *exchange, const struct port_nodes *nodes)
{
	uint32_t fast_ns = UINT32_MAX, slow_ns = UINT32_MAX;

	for (unsigned i = 0; i < nodes->nr; i++) {
		const struct port_node *node = &nodes->nodes[i];
		uint32_t *nearest_ns = node->tier == exchange->tier ? &fast_ns : &slow_ns;

		if (node->tier >= exchange->tier && node->latency_ns < *nearest_ns)
			*nearest_ns = node->latency_ns;
	}
	return slow_ns != UINT32_MAX && slow_ns > fast_ns ? slow_ns - fast_ns : 0;
}

void ranking_begin(struct ranking *ranking, const struct port_round *round,
		   const struct port_nodes *nodes, const struct ranking *faster)
{
	exchange_begin(&ranking->exchange, round, nodes, faster ? &faster->exchange : NULL);
	ranking->gain_ns = gain_ns(&ranking->exchange, nodes);
	ranking->held_pages = ranking->counted_pages = ranking->huge_pages = 0;
	memset(ranking->pages, 0, sizeof(ranking->pages));
	tell_accesses(ranking);
}

static int clamp_heat(int heat)
{
	return heat < 0 ? 0 : heat >= RANKING_HEATS ? RANKING_HEATS - 1 : heat;
}

/* A number of so many bits that follows from the unit and the round, and from nothing else. */
static int dither(uint64_t page, uint32_t round, unsigned bits)
{
	const uint64_t mixed = (page * 0x9e3779b97f4a7c15U + round) * 0xd6e8feb86659fd93U;

	return (int)(mixed >> 40 & ((1U << bits) - 1));
}

static_assert(PORT_MAX_SCANS * RANKING_HEAT_STEP < RANKING_HEATS, "a score is a heat");

/* is_grown: by age, whether it ends with this round. */
static struct ranking_unit learnt(struct ranking_unit unit, const struct ranking_lesson *lesson,
				  const bool *is_grown, uint64_t page, unsigned seen)
{
	const int before = unit.heat ? clamp_heat(unit.heat + lesson->heat_shift) : 0;
	const int change = (int)(seen * RANKING_HEAT_STEP) - before;
	unsigned age = unit.age;

	if (age > SUDDEN_AGE && abs(change) >= SUDDEN_HEATS)
		age = SUDDEN_AGE;
	/* What does not go into a heat is rounded by chance, so that means are right on average. */
	return (struct ranking_unit) {
		.heat = (uint16_t)(before + ((change + dither(page, lesson->round, age)) >> age)),
		.age = (uint16_t)(age + is_grown[age]),
		.rest = (uint16_t)(unit.rest - (unit.rest && lesson->rested)),
	};
}

void ranking_learn(const struct port_span *span, const struct ranking_lesson *lesson,
		   struct ranking_unit *units)
{
	bool is_grown[OLDEST + 1] = { false };

	for (unsigned age = 0; age < OLDEST; age++)
		is_grown[age] = lesson->round % (1U << age) == 0;
	for (uint32_t i = 0; i < span->nr_units; i++)
		if (span->nodes[i] >= 0)
			units[i] = learnt(units[i], lesson, is_grown, span->first_page + i,
					  span->seen[i]);
}

/* What chance may have made of a heat that is a mean of so many rounds, [age]: less by their root.
 * After the first one a whole score is believed. */
static const uint8_t margins[OLDEST + 1] = { 40, 40, 40, 28, 12, 6 };

/* Scores of what is often accessed vary by nearly one, as times until an access do: from a heat of
 * two scores on, who has a place keeps it by so much more; who comes into free room takes none. */
#define OFTEN_HEATS (2 * RANKING_HEAT_STEP)
static const uint8_t often_margins[OLDEST + 1] = { 90, 90, 50, 30, 4, 0 };

/* The heat that counts: each has the benefit of the doubt for staying. */
static unsigned counted_heat(const struct ranking_unit *unit, bool fast)
{
	const int heat = unit->heat, margin = margins[unit->age];
	const int often = heat < OFTEN_HEATS ? heat : OFTEN_HEATS;

	if (heat == RANKING_HINTED_HOT)
		return unit->heat;
	if (!fast)
		return (unsigned)clamp_heat(heat - margin);
	return (unsigned)clamp_heat(heat + margin + often_margins[unit->age] * often / OFTEN_HEATS);
}

void ranking_count(struct ranking *ranking, const struct port_span *span,
		   const struct ranking_unit *units)
{
	struct exchange *exchange = &ranking->exchange;
	const uint32_t unit_pages = span->unit_pages;
	uint64_t counted = 0, held = 0;

	for (uint32_t i = 0; i < span->nr_units; i++) {
		const int node = span->nodes[i];
		const unsigned heat = units[i].heat;
		bool fast;

		if (node < 0)
			continue;
		fast = nodemask_test(&exchange->fast, node);
		if (!fast && (heat > exchange->ceiling || !nodemask_test(&exchange->slow, node)))
			continue;
		ranking->pages[heat] += unit_pages;
		counted++;
		held += fast;
		if (units[i].rest)
			continue;
		if (fast)
			exchange->fast_pages[counted_heat(&units[i], true)] += unit_pages;
		else
			exchange->slow_pages[counted_heat(&units[i], false)] += unit_pages;
	}
	if (counted)
		exchange_note_unit(exchange, unit_pages);
	ranking->counted_pages += counted * unit_pages;
	ranking->held_pages += held * unit_pages;
	ranking->huge_pages += unit_pages > 1 ? counted * unit_pages : 0;
}

static void judge_caution(struct ranking *ranking)
{
	const uint64_t now_ns = ranking->exchange.round.now_ns, pages = ranking->rested_pages;
	const bool enough = pages >= JUDGED_PAGES &&
			    pages >= JUDGED_UNITS * (uint64_t)ranking->exchange.largest_pages &&
			    now_ns - ranking->judged_ns >= JUDGED_NS;

	if (!enough && now_ns - ranking->judged_ns < FADE_NS)
		return;
	if (!enough || ranking->regretted_pages * 4 <= pages)
		ranking->caution /= 2;
	else if (ranking->caution < MOST_CAUTION)
		ranking->caution += CAUTION_STEP;
	ranking->judged_ns = now_ns;
	ranking->rested_pages = ranking->regretted_pages = 0;
}

/* Whether that many more accesses in fast memory repay so many moves of a page. */
static bool repays(const struct ranking *ranking, uint64_t accesses, unsigned moves)
{
	return accesses * ranking->gain_ns > moves * ranking->exchange.round.move_page_ns;
}

static bool is_mostly_huge(const struct ranking *ranking)
{
	return 2 * ranking->huge_pages > ranking->counted_pages;
}

static unsigned noise_heats(const struct ranking *ranking)
{
	const bool soon = ranking->exchange.round.calm_ns < SOON_NS;

	return is_mostly_huge(ranking) && !soon ? HUGE_NOISE_HEATS : NOISE_HEATS;
}

static bool worth_changing(const struct ranking *ranking, unsigned hot, unsigned cold)
{
	const unsigned caution = hot == RANKING_HINTED_HOT ? 0 : ranking->caution;

	return hot >= cold + noise_heats(ranking) + caution &&
	       repays(ranking, ranking->accesses[hot] - ranking->accesses[cold], 2);
}

/* Takes pages of one heat after the other, from an end inwards. */
struct frontier {
	const uint64_t *pages;
	struct ranking_edge at;	  /* pages: of its heat, taken so far */
	struct ranking_edge edge; /* of what was taken */
};

static uint64_t left(const struct frontier *frontier)
{
	return frontier->pages[frontier->at.heat] - frontier->at.pages;
}

static void take(struct frontier *frontier, uint64_t pages)
{
	frontier->at.pages += pages;
	frontier->edge = frontier->at;
}

/* The hottest slow heat that has pages left; false: none. */
static bool next_hot(struct frontier *hot)
{
	while (left(hot) == 0) {
		if (hot->at.heat <= 1)
			return false;
		hot->at = (struct ranking_edge) { .heat = hot->at.heat - 1 };
	}
	return true;
}

static bool next_cold(struct frontier *cold)
{
	while (left(cold) == 0) {
		if (cold->at.heat >= RANKING_HEATS - 1)
			return false;
		cold->at = (struct ranking_edge) { .heat = cold->at.heat + 1 };
	}
	return true;
}

static uint64_t all_pages(const struct ranking *ranking)
{
	return exchange_sum(ranking->exchange.fast_pages, 0, RANKING_HEATS) +
	       exchange_sum(ranking->exchange.slow_pages, 0, RANKING_HEATS);
}

/* How many millionths of a page this round may exchange of units that are not sure to differ.  Of
 * an allowance that was not needed no more is kept than makes up a pair of units. */
static void allow_doubtful(struct ranking *ranking)
{
	const struct port_round *round = &ranking->exchange.round;
	const double calm_s = (double)round->calm_ns / 1e9;
	const uint64_t before_ns = ranking->decided_ns ? ranking->decided_ns : round->now_ns;
	const double passed_s = (double)(round->now_ns - before_ns) / 1e9;
	const struct allowance *allowance =
		is_mostly_huge(ranking) ? &of_huge_pages : &of_base_pages;
	double ppm_s = allowance->ppm_s4 / (calm_s > 1 ? calm_s * calm_s * calm_s * calm_s : 1);

	ppm_s = ppm_s > MOST_DOUBTFUL_PPM ? MOST_DOUBTFUL_PPM : ppm_s + allowance->least_ppm;
	ranking->doubtful_ppm =
		least(ranking->doubtful_ppm, (uint64_t)ranking->exchange.largest_pages * PAIR_PPM);
	ranking->doubtful_ppm += (uint64_t)(ppm_s * passed_s * (double)all_pages(ranking));
	ranking->decided_ns = round->now_ns;
}

/* Takes as much of the two frontiers as may change places, a pair of heats at most. */
static uint64_t exchange_pair(struct ranking *ranking, struct frontier *hot, struct frontier *cold,
			      uint64_t budget)
{
	const unsigned sure_heats = is_mostly_huge(ranking) ? HUGE_SURE_HEATS : SURE_HEATS;
	const bool sure =
		hot->at.heat == RANKING_HINTED_HOT || hot->at.heat >= cold->at.heat + sure_heats;
	uint64_t pages = least(least(left(hot), left(cold)), budget / 2);

	if (!sure) {
		pages = least(pages, ranking->doubtful_ppm / PAIR_PPM);
		pages -= pages % ranking->exchange.largest_pages;
		ranking->doubtful_ppm -= pages * PAIR_PPM;
	}
	take(hot, pages);
	take(cold, pages);
	return pages;
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
	const uint64_t fast = ranking->exchange.room_pages + ranking->held_pages;
	uint64_t hotter = 0;
	unsigned heat = RANKING_HEATS - 1;

	for (; heat > worth && hotter <= fast; heat--)
		hotter += ranking->pages[heat];
	return heat;
}

static bool is_learning(const struct ranking *ranking)
{
	return ranking->exchange.round.calm_ns < LEARNING_NS;
}

/* Fills what room there is for whole units, the hottest first.  As long as more is learnt with
 * every round, with those only that are sure to belong there. */
static void fill(const struct ranking *ranking, struct frontier *hot, uint64_t room,
		 uint64_t *budget)
{
	const bool learning = is_learning(ranking);
	uint64_t pages;

	for (; room && *budget && next_hot(hot); room -= pages, *budget -= pages) {
		const unsigned heat = hot->at.heat;

		if (!repays(ranking, ranking->accesses[heat], 1))
			return;
		if (learning && heat != RANKING_HINTED_HOT &&
		    (heat <= ranking->boundary || left(hot) > room))
			return;
		pages = least(least(room, left(hot)), *budget);
		take(hot, pages);
	}
}

void ranking_decide(struct ranking *ranking, const struct port_nodes *nodes)
{
	const struct ranking_edge hottest = { .heat = RANKING_HEATS - 1 }, coldest = { 0 };
	struct frontier hot = { ranking->exchange.slow_pages, hottest, hottest };
	struct frontier cold = { ranking->exchange.fast_pages, coldest, coldest };
	uint64_t owed = exchange_owed(&ranking->exchange, nodes), pages;
	uint64_t budget = ranking->exchange.round.max_moved_pages;

	ranking->boundary = boundary(ranking);
	judge_caution(ranking);
	for (; owed && budget && next_cold(&cold); owed -= pages, budget -= pages) {
		pages = least(least(owed, left(&cold)), budget);
		take(&cold, pages);
	}
	fill(ranking, &hot, exchange_room(&ranking->exchange, nodes), &budget);
	allow_doubtful(ranking);
	while (!owed && next_hot(&hot) && next_cold(&cold) &&
	       worth_changing(ranking, hot.at.heat, cold.at.heat) &&
	       (pages = exchange_pair(ranking, &hot, &cold, budget)) > 0)
		budget -= 2 * pages;
	ranking->exchange.promote = hot.edge;
	ranking->exchange.demote = cold.edge;
}

/* Only towards the end of its rest is enough known of a unit to regret its move. */
static void note_rest(struct ranking *ranking, bool is_fast, const struct ranking_unit *unit,
		      uint32_t pages)
{
	if (unit->rest > 1)
		return;
	ranking->rested_pages += pages;
	if (is_fast ? unit->heat < ranking->boundary : unit->heat > ranking->boundary)
		ranking->regretted_pages += pages;
}

uint32_t ranking_select(struct ranking *ranking, const struct port_span *span,
			struct ranking_unit *units, enum port_reason reason,
			struct port_moves *moves)
{
	const bool up = reason == PORT_PROMOTE;
	const struct nodemask *from = up ? &ranking->exchange.slow : &ranking->exchange.fast;
	const int tier = up ? ranking->exchange.tier : ranking->exchange.slower_tier;
	struct ranking_edge *edge = up ? &ranking->exchange.promote : &ranking->exchange.demote;
	int to;

	for (uint32_t i = 0; i < span->nr_units; i++) {
		struct ranking_unit *unit = &units[i];
		const int node = span->nodes[i];
		unsigned heat;

		if (node < 0 || !nodemask_test(from, node))
			continue;
		if (unit->rest) {
			note_rest(ranking, !up, unit, span->unit_pages);
			continue;
		}
		/* None counts as hotter than it is below the edge of the one, or as colder above
		 * the other's. */
		if (up ? unit->heat < edge->heat : unit->heat > edge->heat)
			continue;
		heat = counted_heat(unit, !up);
		if (!exchange_takes(edge, reason, heat, span->unit_pages))
			continue;
		to = moves_destination(moves, node, tier, span->unit_pages);
		if (to < 0)
			continue;
		if (!moves_add(moves, &(struct port_move) {
					      .target = span->target,
					      .first_page = span->first_page +
							    (uint64_t)i * span->unit_pages,
					      .nr_pages = span->unit_pages,
					      .from = node,
					      .to = to,
					      .reason = reason,
				      }))
			return i;
		if (heat == edge->heat)
			edge->pages -= span->unit_pages;
		unit->rest = is_learning(ranking) ? LEARNING_REST : RANKING_REST;
	}
	return span->nr_units;
}

/* How much sooner scans should come, as a power of two: all that is known of such heats may be that
 * they are accessed more often than scans can tell. */
static unsigned sooner(const struct ranking *ranking, unsigned heat)
{
	const unsigned hottest = ranking->exchange.round.nr_scans * RANKING_HEAT_STEP;

	if (heat + SATURATED_HEATS > hottest)
		return SATURATED_STEPS;
	return heat + TOO_HOT_HEATS > hottest ? 1 : 0;
}

int ranking_next_scans(const struct ranking *ranking, uint64_t period_ns,
		       struct port_round *ret_round)
{
	const unsigned heat = ranking->boundary, before = ranking->exchange.round.nr_scans;
	uint64_t first_ns = before ? ranking->exchange.round.after_ns[0] : FIRST_SCAN_NS;
	unsigned nr_scans = LEAST_SCANS, halvings = before ? sooner(ranking, heat) : 0;
	int heat_shift = 0;

	/* Twice as long makes half a score more of the same accesses. */
	for (; halvings && first_ns / 2 >= LEAST_SCAN_NS; halvings--) {
		first_ns /= 2;
		heat_shift -= RANKING_HEAT_STEP / 2;
	}
	if (before && heat < TOO_COLD_HEATS && !is_learning(ranking) &&
	    first_ns * 2 <= MOST_SCAN_NS) {
		first_ns *= 2;
		heat_shift = RANKING_HEAT_STEP / 2;
	}
	while (nr_scans < PORT_MAX_SCANS && first_ns << (2 * nr_scans) <= period_ns)
		nr_scans++;
	if (before)
		heat_shift += ((int)nr_scans - (int)before) * RANKING_HEAT_STEP;
	ret_round->nr_scans = nr_scans;
	for (unsigned i = 0; i < nr_scans; i++)
		ret_round->after_ns[i] = first_ns << (2 * i);
	return heat_shift;
}
