/* SPDX-License-Identifier: MIT */
/*
 * What programs do to memory: seeded streams of accesses to pages, made by
 * generators that stand in for well-known benchmarks (mpol-workload(5)).
 *
 * The stream of a thread follows from the workload's text, the seed, the thread
 * and how many accesses it has made, from nothing else: not from time, policy,
 * or what other threads did.  So every policy is shown the very same accesses,
 * on any machine.
 */
#ifndef SIM_WORKLOAD_H
#define SIM_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

struct mpol_error;
struct workload; /* a workload and how far each of its threads has come */

/*
 * An access is the number of a base page (4 KiB) in the workload's own address
 * space, from 0 to nr_pages - 1, and this bit if it writes.
 */
#define ACCESS_WRITE 0x80000000u

/* The most pages that a workload may have: 1 TiB. */
#define WORKLOAD_PAGES_MAX (1u << 28)

#define WORKLOAD_PAGE_BYTES 4096u

/* Memory that a program would map at once.  Regions tile the address space, in order. */
struct workload_region {
	const char *name;
	uint32_t first_page, nr_pages;
};

struct workload_info {
	const char *name; /* of the generator: "zipf" */
	uint32_t nr_pages;
	unsigned nr_threads;
	const struct workload_region *regions;
	unsigned nr_regions;
	uint32_t think_ps;	   /* CPU time between two accesses of a thread, in picoseconds */
	uint32_t overlap_permille; /* accesses under way at once in a thread: 1000 is one */
};

/*
 * A workload from its text, "NAME:OPTION=VALUE,…", such as
 * "zipf:theta=0.99,size=8GiB,threads=4,writes=20%".  err may be NULL.
 * Returns 0; -EINVAL: no such workload, option or value; -ERANGE: a value out of
 * bounds; -ENOMEM.  *ret is untouched on failure; else free it with workload_free.
 */
int workload_new(const char *text, uint64_t seed, struct workload **ret, struct mpol_error *err);

/*
 * A workload that makes the accesses of a trace (trace.h), once.  Its pages lie behind
 * one another in the order of their numbers, gaps left out; a count's accesses come
 * in random order within its interval; threads are as slow as the trace was, where it
 * says when.
 *
 * Returns 0, or with err filled in: what trace_open and trace_next give; -EINVAL: it is about
 * objects without a size, or empty; -EFBIG: more accesses, pages or threads than fit; -ENOMEM.
 */
int workload_from_trace(const char *path, uint64_t seed, struct workload **ret,
			struct mpol_error *err);

/*
 * Another workload with the same past and so the same future: for an oracle.
 * NULL: no memory.  Free it as any other, before or after the first one, in the
 * same thread: they share what does not change.
 */
struct workload *workload_clone(const struct workload *workload);

/* Takes NULL. */
void workload_free(struct workload *workload);

/* Valid as long as the workload; never changes. */
const struct workload_info *workload_info(const struct workload *workload);

/*
 * The next nr accesses of a thread (0 to nr_threads - 1) into accesses.  Returns how
 * many there were: fewer than nr only at the thread's end, which most never reach.
 * Calls for different threads may run at the same time.
 */
size_t workload_fill(struct workload *workload, unsigned thread, uint32_t *accesses, size_t nr);

#endif
