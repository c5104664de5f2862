/* SPDX-License-Identifier: MIT */
/* Seeds for random.h. */
#include "random.h"

/* splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014. */
static uint64_t split(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void random_seed(struct random *random, uint64_t seed, uint64_t stream)
{
	uint64_t state = seed, salt = stream;

	state ^= split(&salt);
	for (int i = 0; i < 4; i++)
		random->state[i] = split(&state);
}
