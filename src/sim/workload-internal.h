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
 * A family of streams.  A model is what all threads read and none writes, and copies
 * share; a state is how far one thread has come, and holds no pointers.
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

	/* How many accesses a thread makes in all; NULL: as OPTION_ACCESSES says. */
	uint64_t (*length)(const struct workload *workload, unsigned thread);

	/* The next WORKLOAD_BLOCK accesses of a thread; behind its end they may be anything. */
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
	unsigned *model_users; /* workloads that share it */
	size_t thread_bytes;   /* of struct workload_thread and the generator's state behind it */
	char *threads;
};

/* What every workload takes, in its list of options. */
/* clang-format off */
#define COMMON_OPTIONS(think, overlap) \
	{ OPTION_SIZE, "1GiB" }, \
	{ OPTION_THREADS, "4" }, \
	{ OPTION_ACCESSES, "0" }, \
	{ OPTION_THINK, think }, \
	{ OPTION_OVERLAP, overlap }
/* clang-format on */

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

/* How the ranks of a workload move on from time to time; and how far a thread is with it. */
struct moves {
	uint64_t period; /* accesses of a thread; never: MOVES_NEVER */
	uint32_t step;	 /* ranks */
	uint32_t wrap;	 /* where offset begins again at 0 */
};

struct phase {
	uint64_t nr_left; /* accesses until the next move */
	uint32_t offset;  /* ranks, added to each */
};

#define MOVES_NEVER (1ULL << 63)

/* How many of nr accesses belong to the phase. */
static inline size_t phase_room(const struct phase *phase, size_t nr)
{
	return nr < phase->nr_left ? nr : phase->nr_left;
}

/* After nr accesses, at most phase_room. */
static inline void phase_pass(const struct moves *moves, struct phase *phase, size_t nr)
{
	phase->nr_left -= nr;
	if (phase->nr_left)
		return;
	phase->nr_left = moves->period;
	phase->offset = (uint32_t)(((uint64_t)phase->offset + moves->step) % moves->wrap);
}

/* A thread's way through its part of the pages, again and again. */
struct sweep {
	uint32_t first_page, end_page;
	uint32_t page, lines_left; /* of page */
};

static inline void sweep_start(struct sweep *sweep, const struct workload_info *info,
			       unsigned thread, uint32_t lines)
{
	sweep->first_page = first_of_thread(info->nr_pages, thread, info->nr_threads);
	sweep->end_page = first_of_thread(info->nr_pages, thread + 1, info->nr_threads);
	sweep->page = sweep->first_page;
	sweep->lines_left = lines;
}

/* The next page; lines: accesses to a page. */
static inline uint32_t sweep_on(struct sweep *sweep, uint32_t lines)
{
	const uint32_t page = sweep->page;

	if (!--sweep->lines_left) {
		sweep->lines_left = lines;
		if (++sweep->page == sweep->end_page)
			sweep->page = sweep->first_page;
	}
	return page;
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

/*
 * A workload of a generator that workload_new does not know by name.  text is what prepare
 * goes by; info, regions and options are all zero before it.  As workload_new.
 */
int workload_new_of(const struct generator *generator, const char *text, uint64_t seed,
		    struct workload **ret, struct mpol_error *err);

#endif
