/* SPDX-License-Identifier: MIT */
/*
 * Random numbers that are the same everywhere: xoshiro256** (Blackman and
 * Vigna, "Scrambled linear pseudorandom number generators", 2018), seeded by
 * splitmix64.  Not for secrets.
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state[4];
};

/* Streams of one seed (threads of one workload, say) are independent. */
void random_seed(struct random *random, uint64_t seed, uint64_t stream);

static inline uint64_t random_next(struct random *random)
{
	uint64_t *s = random->state;
	const uint64_t scaled = s[1] * 5;
	const uint64_t result = ((scaled << 7) | (scaled >> 57)) * 9;
	const uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

/* Below bound, which is not 0; its bias is below bound / 2^64 (Lemire 2019). */
static inline uint64_t random_below(struct random *random, uint64_t bound)
{
	return (uint64_t)(((unsigned __int128)random_next(random) * bound) >> 64);
}

#endif
