/* SPDX-License-Identifier: MIT */
/* What workload.c and the generators share. */
#ifndef SIM_WORKLOAD_INTERNAL_H
#define SIM_WORKLOAD_INTERNAL_H

#include "random.h"
#include "workload.h"
#include "workload-options.h"

#define WORKLOAD_REGIONS_MAX 4

/* Accesses that a generator makes at a time. */
#define WORKLOAD_BLOCK 1024u

/* Accesses to a page that is read or written from end to end: one for each line of 64 bytes. */
#define WORKLOAD_LINES 64u

/*
 * A family of streams.  A model is what all threads read and none writes; a state is
 * how far one thread has come.  A state holds no pointers: a clone is a
 * workload made again, into which the states are copied.
 */
struct generator {
	const char *name;
	const struct workload_default *options; /* all that it takes; ends with { 0 } */
	size_t model_bytes, state_bytes;

	/*
	 * Fills in the model, which is all zeros, and the regions if there are others than
	 * one, "heap", of all pages (then nr_pages too).  Returns 0, -ENOMEM, or
	 * -ERANGE with err filled in: what was asked for does not fit together.
	 */
	int (*prepare)(struct workload *workload, struct mpol_error *err);

	/* Frees what the model points to, also after prepare failed.  NULL: nothing. */
	void (*release)(void *model);

	/* Fills in a thread's state, which is all zeros. */
	void (*start)(const struct workload *workload, unsigned thread, void *state);

	/* The next WORKLOAD_BLOCK accesses of a thread. */
	void (*make)(const struct workload *workload, void *state, uint32_t *accesses);
};

struct workload_thread;

struct workload {
	struct workload_info info;
	struct workload_region regions[WORKLOAD_REGIONS_MAX];
	const struct generator *generator;
	uint64_t seed;
	uint64_t option[WORKLOAD_OPTIONS];
	char *text;
	void *model;
	char *threads; /* of thread_bytes each: struct workload_thread, then the generator's state
			*/
	size_t thread_bytes;
};

/* One line of options that every workload takes; size, threads, think and overlap vary. */
#define COMMON_OPTIONS(size, threads, think, overlap)                                \
	{ OPTION_SIZE, size }, { OPTION_THREADS, threads }, { OPTION_THINK, think }, \
		{ OPTION_OVERLAP, overlap },                                         \
	{                                                                            \
		OPTION_ACCESSES, "0"                                                 \
	}

/* A share in 2^-31 or 2^-32, which random bits are compared with: below it is yes. */
static inline uint32_t chance_31(uint64_t millionths)
{
	return (uint32_t)((millionths << 31) / MILLION);
}

static inline uint64_t chance_32(uint64_t millionths)
{
	return (millionths << 32) / MILLION;
}

/*
 * ACCESS_WRITE or 0 by 31 bits made of all the bits of a random number, so that they are even
 * whatever a part of it was used for.
 */
static inline uint32_t write_bit(uint64_t random, uint32_t chance)
{
	return ((uint32_t)((random * 0xd1342543de82ef95) >> 33) - chance) & ACCESS_WRITE;
}

/* A thread's share of nr things in a row: the first one of it. */
static inline uint32_t first_of_thread(uint64_t nr, unsigned thread, unsigned nr_threads)
{
	return (uint32_t)(nr * thread / nr_threads);
}

/* How many neighbours stay together, as a power of 2, for a value of scatter= but none. */
static inline unsigned scatter_shift(uint64_t scatter)
{
	return scatter == SCATTER_HUGE ? 9 : 0;
}

extern const struct generator zipf_generator, uniform_generator, gups_generator, gauss_generator,
	hotcold_generator, shift_generator, pingpong_generator, scan_generator, stream_generator,
	graph_generator, ycsb_a_generator, ycsb_b_generator, ycsb_c_generator, ycsb_d_generator,
	ycsb_e_generator, ycsb_f_generator;

#endif
