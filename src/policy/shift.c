/* SPDX-License-Identifier: MIT */
/* Has a program begun to use other memory: see shift.h. */
#include "shift.h"

#include <string.h>

/* Fewer units may have been accessed by chance. */
#define LEAST_UNITS 64

#define LEAST_CALM_ROUNDS 4
#define MOST_CALM_ROUNDS  1024

/* A shift that comes within so many times the calm is soon; the calm is then so many times as long.
 */
#define SOON	 4
#define BACK_OFF 4

/* The usual share is a mean over about so many rounds. */
#define USUAL_ROUNDS 4

void shift_start(struct shift *shift)
{
	memset(shift, 0, sizeof(*shift));
	shift->calm_rounds = LEAST_CALM_ROUNDS;
}

void shift_witness(struct shift *shift, const struct nodemask *slow, const struct port_span *span)
{
	for (uint32_t i = 0; i < span->nr_units; i++) {
		const bool counts = span->nodes[i] >= 0 && span->seen[i];
		const uint64_t weight = counts ? 1U << span->seen[i] : 0;

		shift->units += counts;
		shift->all += weight;
		if (counts && !nodemask_test(slow, span->nodes[i]))
			shift->fast += weight;
	}
}

/* Whether so much less than usual is fast that it cannot be the same memory. */
static bool differs(unsigned permille, unsigned usual_permille)
{
	return permille * 4 < usual_permille * 3;
}

static void remember(struct shift *shift, bool soon)
{
	if (soon && shift->calm_rounds < MOST_CALM_ROUNDS)
		shift->calm_rounds *= BACK_OFF;
	else if (!soon && shift->calm_rounds > LEAST_CALM_ROUNDS)
		shift->calm_rounds /= BACK_OFF;
	shift->rounds = 0;
}

bool shift_detect(struct shift *shift)
{
	const unsigned usual = shift->usual_permille;
	const bool known = shift->units >= LEAST_UNITS;
	const unsigned permille = known ? (unsigned)(shift->fast * 1000 / shift->all) : 0;
	bool shifted = false;

	shift->fast = shift->all = shift->units = 0;
	shift->rounds++;
	if (!known)
		return false;
	if (!differs(permille, usual)) {
		shift->usual_permille = (usual * (USUAL_ROUNDS - 1) + permille) / USUAL_ROUNDS;
	} else if (shift->rounds > shift->calm_rounds) {
		remember(shift, shift->rounds < SOON * shift->calm_rounds);
		shift->usual_permille = permille;
		shifted = true;
	}
	return shifted;
}
