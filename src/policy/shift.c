/* SPDX-License-Identifier: MIT */
/* Has a program begun to use other memory: see shift.h. */
#include "shift.h"

#include <string.h>

#define MILLION 1000000

/* Fewer units may have been accessed by chance. */
#define LEAST_UNITS 64

/* With fewer chance has its part. */
#define FEW_UNITS 256

/* The hottest are one unit of so many. */
#define TOP_SHARE 16

#define LEAST_CALM_ROUNDS 4
#define MOST_CALM_ROUNDS  1024

/* A shift that comes within so many times the calm is soon; the calm is then so many times as long.
 */
#define SOON	 2
#define BACK_OFF 4

/* After an alarm that was wrong there are no others for so many rounds, at first. */
#define FIRST_DEAF_ROUNDS 8

/* The usual share follows one that is less within so many rounds, one that is greater within fewer:
 * a shift that is not noticed at once is noticed later.  Few units vary by chance, above it as much
 * as below: one that rose quickly would soon be that of the luckiest rounds. */
#define FALLING_ROUNDS	  16
#define RISING_ROUNDS	  4
#define FEW_RISING_ROUNDS 8

/* How far below it shares are is a mean over so many, in which those above it count as on it: they
 * are most often of a program that is being learnt.  At first that is taken for much. */
#define SPREAD_ROUNDS	   16
#define FIRST_SPREAD_SHARE 40

/* So much of what rounds were below it that agreed on no shift is how it varies. */
#define DOUBT_SHARE 16

/* That much less than usual is believed soon, less of it when more rounds agree: a part of the
 * usual, one of so many, and so many times how far below it shares are. */
#define CLEAR_SHARE    4
#define CLEAR_SPREADS  10
#define LIKELY_SHARE   7
#define LIKELY_SPREADS 6
#define LIKELY_ROUNDS  3

/* Of few units a shift takes hardly more from a round than chance takes from one in ten, and rounds
 * that have to agree miss it.  So what they have less than usual, but for so much, which may be
 * chance, adds up, and what they have more is taken from it again (a CUSUM: E. S. Page, Continuous
 * Inspection Schemes, Biometrika, 1954).  A shift is where it comes to so much; one round is never
 * all of it. */
#define CHANCE_SHARE   12
#define CHANCE_SPREADS 2
#define SHIFT_SHARE    4
#define SHIFT_SPREADS  12
#define ALARM_SHARE    3 /* of that: the next round is to tell */

/* More first accesses than in the time before are a sign where they are more by a part, one of so
 * many, and by so many standard deviations of what is counted; than in the same scan before, by as
 * much and by as much more than it varies as what is believed soon. */
#define RISE_SHARE	8
#define RISE_DEVIATIONS 2

/* How rare what a scan sees first is: this, by how many units that are. */
#define RAREST (1ULL << 48)

/* In less time bursts of a program decide how much that is. */
#define LEAST_COUNTED_NS 100000000

static bool are_few(uint64_t accessed)
{
	return accessed < FEW_UNITS;
}

void shift_start(struct shift *shift)
{
	memset(shift, 0, sizeof(*shift));
	shift->calm_rounds = LEAST_CALM_ROUNDS;
	shift->next_deaf_rounds = FIRST_DEAF_ROUNDS;
}

void shift_witness(struct shift *shift, const struct nodemask *slow, const struct port_span *span)
{
	for (uint32_t i = 0; i < span->nr_units; i++) {
		if (span->nodes[i] < 0 || !span->seen[i])
			continue;
		shift->units[span->seen[i]]++;
		shift->fast_units[span->seen[i]] += !nodemask_test(slow, span->nodes[i]);
	}
}

/* The score of the coldest of the hottest units. */
static unsigned top_score(const struct shift *shift, uint64_t accessed)
{
	unsigned score = PORT_MAX_SCANS;

	for (uint64_t hotter = shift->units[score]; hotter * TOP_SHARE < accessed;)
		hotter += shift->units[--score];
	return score;
}

static uint64_t count_accessed(const struct shift *shift)
{
	uint64_t accessed = 0;

	for (unsigned score = 1; score <= PORT_MAX_SCANS; score++)
		accessed += shift->units[score];
	return accessed;
}

/* How much a unit of a score counts: about as often as it is accessed.  Of few units the hottest
 * are so few that chance would have most of that: there it grows less. */
static unsigned weigh(unsigned score, unsigned top, bool as_few)
{
	if (as_few)
		return score * score;
	return 1U << 2 * (score < top ? score : top);
}

/* Which part of what this round has seen is fast, in millionths, weighed in one way or the other.
 */
static int64_t fast_part(const struct shift *shift, uint64_t accessed, bool as_few)
{
	const unsigned top = top_score(shift, accessed);
	uint64_t fast = 0, all = 0;

	for (unsigned score = 1; score <= PORT_MAX_SCANS; score++) {
		const unsigned weight = weigh(score, top, as_few);

		fast += shift->fast_units[score] * weight;
		all += shift->units[score] * weight;
	}
	return (int64_t)(fast * MILLION / all);
}

/* Whether something is so much less than usual, by a part of it and by how it varies. */
static bool is_less(const struct shift_usual *usual, int64_t now, int64_t share, int64_t spreads)
{
	const int64_t less = usual->level - now;

	return less * share > usual->level && less > spreads * usual->spread;
}

static bool is_clearly_less(const struct shift_usual *usual, int64_t ppm)
{
	return is_less(usual, ppm, CLEAR_SHARE, CLEAR_SPREADS);
}

/* For how many rounds one of many units counts towards a shift: a clear one for all that are
 * needed.
 */
static unsigned suspicion(const struct shift_usual *usual, int64_t ppm)
{
	if (is_clearly_less(usual, ppm))
		return LIKELY_ROUNDS;
	return is_less(usual, ppm, LIKELY_SHARE, LIKELY_SPREADS) ? 1 : 0;
}

/* What has varied much may do so again. */
static void begin_usual(struct shift_usual *usual, int64_t now)
{
	usual->level = now;
	if (usual->spread < now / FIRST_SPREAD_SHARE)
		usual->spread = now / FIRST_SPREAD_SHARE;
}

static void follow(struct shift_usual *usual, int64_t now, int64_t rising_rounds)
{
	const int64_t more = now - usual->level;

	if (!usual->level) {
		begin_usual(usual, now);
		return;
	}
	usual->spread += ((more < 0 ? -more : 0) - usual->spread) / SPREAD_ROUNDS;
	usual->level += more / (more < 0 ? FALLING_ROUNDS : rising_rounds);
}

/* A round as usual after some that were not: there was no shift, it varies so much. */
static void allay(struct shift *shift)
{
	struct shift_usual *usual = &shift->usual_of_many;

	if (shift->doubt_ppm > usual->spread)
		usual->spread += (shift->doubt_ppm - usual->spread) / DOUBT_SHARE;
	shift->doubt_ppm = 0;
}

static bool may_alarm(const struct shift *shift)
{
	return !shift->deaf_rounds && shift->rounds > shift->calm_rounds;
}

/* After the first scans of a round most units that no scan has seen are fast or slow by chance:
 * others than before are then not fewer of the fast ones, but more. */
static bool looks_shifted(const struct shift_scan *usual, uint64_t ns, int64_t ppm, int64_t rarity)
{
	return is_clearly_less(&usual->fast_ppm, ppm) ||
	       (ns >= LEAST_COUNTED_NS &&
		is_less(&usual->rarity, rarity, RISE_SHARE, CLEAR_SPREADS));
}

bool shift_glance(struct shift *shift, unsigned scan, uint64_t ns, uint64_t fast_units,
		  uint64_t units)
{
	struct shift_scan *usual = &shift->usual_of_scan[scan];
	int64_t ppm, rarity;

	if (are_few(units))
		return false;
	ppm = (int64_t)(fast_units * MILLION / units);
	rarity = (int64_t)(RAREST / units);
	if (!shift->is_alarmed && may_alarm(shift) && looks_shifted(usual, ns, ppm, rarity)) {
		shift->is_alarmed = true;
		return true;
	}
	follow(&usual->fast_ppm, ppm, RISING_ROUNDS);
	follow(&usual->rarity, rarity, RISING_ROUNDS);
	return false;
}

/* Whether there are more first accesses than those before make likely.  What chance does to a
 * count is as much as the count; those before were counted in another time. */
static bool has_risen(const struct shift *shift, uint64_t units, uint64_t ns)
{
	const double times = (double)ns / (double)shift->peeked_ns;
	const double expected = (double)shift->peeked_units * times;
	const double more = (double)units - expected * (RISE_SHARE + 1) / RISE_SHARE;
	const double variance = (double)units + expected * times;

	return units >= LEAST_UNITS && more > 0 &&
	       more * more > RISE_DEVIATIONS * RISE_DEVIATIONS * variance;
}

void shift_expect(struct shift *shift, uint64_t units, uint64_t ns)
{
	shift->peeked_units = units;
	shift->peeked_ns = ns;
}

bool shift_peek(struct shift *shift, uint64_t units, uint64_t ns)
{
	const bool alarms = !shift->is_alarmed && may_alarm(shift) && has_risen(shift, units, ns);

	shift_expect(shift, units, ns);
	shift->is_alarmed |= alarms;
	return alarms;
}

void shift_forget_scans(struct shift *shift)
{
	memset(shift->usual_of_scan, 0, sizeof(shift->usual_of_scan));
}

/* What a round makes of the alarm that it was to tell about, and whether the next one is to tell:
 * not where so little is accessed that no round tells anything. */
static void judge_alarm(struct shift *shift, bool tells, bool shifted)
{
	const bool was_alarmed = shift->is_alarmed;

	if (shift->deaf_rounds)
		shift->deaf_rounds--;
	shift->is_alarmed = tells && shift->is_suspect && may_alarm(shift);
	if (!was_alarmed || shift->is_alarmed)
		return;
	if (shifted) {
		shift->next_deaf_rounds = FIRST_DEAF_ROUNDS;
	} else {
		shift->deaf_rounds = shift->next_deaf_rounds;
		if (shift->next_deaf_rounds < MOST_CALM_ROUNDS)
			shift->next_deaf_rounds *= BACK_OFF;
	}
}

static void remember(struct shift *shift, bool soon)
{
	if (soon && shift->calm_rounds < MOST_CALM_ROUNDS)
		shift->calm_rounds *= BACK_OFF;
	else if (!soon && shift->calm_rounds > LEAST_CALM_ROUNDS)
		shift->calm_rounds /= BACK_OFF;
	shift->rounds = 0;
}

/* What a round makes of its share. */
enum verdict { USUAL, UNUSUAL, SHIFTED };

static enum verdict judge_many(struct shift *shift, int64_t ppm)
{
	const struct shift_usual *usual = &shift->usual_of_many;
	const unsigned rounds = suspicion(usual, ppm);

	shift->is_suspect = rounds > 0;
	if (!rounds) {
		shift->suspect_rounds = 0;
		allay(shift);
		return USUAL;
	}
	shift->suspect_rounds += rounds;
	if (shift->doubt_ppm < usual->level - ppm)
		shift->doubt_ppm = usual->level - ppm;
	return shift->suspect_rounds >= LIKELY_ROUNDS ? SHIFTED : UNUSUAL;
}

static int64_t greater(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static enum verdict judge_few(struct shift *shift, int64_t ppm)
{
	const struct shift_usual *usual = &shift->usual_of_few;
	const int64_t chance = greater(usual->level / CHANCE_SHARE, usual->spread * CHANCE_SPREADS);
	const int64_t limit = greater(usual->level / SHIFT_SHARE, usual->spread * SHIFT_SPREADS);
	const int64_t less = usual->level - ppm, most = limit - limit / 4;

	shift->missing_ppm =
		greater(shift->missing_ppm + (less - chance < most ? less - chance : most), 0);
	shift->is_suspect = shift->missing_ppm * ALARM_SHARE > limit;
	if (shift->missing_ppm > limit) {
		shift->missing_ppm = limit + 1; /* until there may be one, and no longer */
		return SHIFTED;
	}
	return less > chance ? UNUSUAL : USUAL;
}

/* Whether what this round has seen comes of a shift.  It is judged by the weights that suit it, and
 * what is usual is followed by both: the next round may have few units, or many. */
static bool has_shifted(struct shift *shift, uint64_t accessed)
{
	const int64_t many_ppm = fast_part(shift, accessed, false);
	const int64_t few_ppm = fast_part(shift, accessed, true);
	const enum verdict verdict =
		are_few(accessed) ? judge_few(shift, few_ppm) : judge_many(shift, many_ppm);

	if (verdict == USUAL) {
		follow(&shift->usual_of_many, many_ppm, RISING_ROUNDS);
		follow(&shift->usual_of_few, few_ppm, FEW_RISING_ROUNDS);
	}
	if (verdict != SHIFTED || shift->rounds <= shift->calm_rounds)
		return false;
	remember(shift, shift->rounds < SOON * shift->calm_rounds);
	begin_usual(&shift->usual_of_many, many_ppm);
	begin_usual(&shift->usual_of_few, few_ppm);
	shift_forget_scans(shift);
	shift->suspect_rounds = 0;
	shift->missing_ppm = shift->doubt_ppm = 0;
	return true;
}

bool shift_detect(struct shift *shift)
{
	const uint64_t accessed = count_accessed(shift);
	const bool tells = accessed >= LEAST_UNITS;
	bool shifted;

	shift->rounds++;
	shifted = tells && has_shifted(shift, accessed);
	memset(shift->units, 0, sizeof(shift->units));
	memset(shift->fast_units, 0, sizeof(shift->fast_units));
	judge_alarm(shift, tells, shifted);
	return shifted;
}
