/* SPDX-License-Identifier: MIT */
/* For the tests of workloads: one from a text, and accesses of it. */
#ifndef TEST_WORKLOAD_MAKE_H
#define TEST_WORKLOAD_MAKE_H

#include "cmocka-all.h"

#include <math.h>
#include <mpol/mpol.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "workload.h"

DEFINE_CLEANUP(struct workload *, workload_free);

#define _cleanup_workload_ _cleanup_(workload_freep)

/* The caller frees it.  Fails the test on an error. */
static inline struct workload *make_workload(const char *text, uint64_t seed)
{
	struct workload *workload = NULL;
	struct mpol_error err = { 0 };

	if (workload_new(text, seed, &workload, &err) < 0)
		fail_msg("%s: %s", err.object, err.cause);
	return workload;
}

/* The next nr accesses of a thread, in memory that the caller frees. */
static inline uint32_t *take(struct workload *workload, unsigned thread, size_t nr)
{
	uint32_t *accesses = calloc(nr, sizeof(*accesses));

	assert_non_null(accesses);
	assert_int_equal(workload_fill(workload, thread, accesses, nr), nr);
	return accesses;
}

/* Fails the test unless count of nr is within five standard deviations of the share. */
static inline void assert_share(size_t count, size_t nr, double share)
{
	double error = (double)count / (double)nr - share;

	if (fabs(error) > 5 * sqrt(share * (1 - share) / (double)nr) + 1e-9)
		fail_msg("%zu of %zu, should be %.5f", count, nr, share);
}

static inline size_t count_writes(const uint32_t *accesses, size_t nr)
{
	size_t writes = 0;

	for (size_t i = 0; i < nr; i++)
		writes += accesses[i] >> 31;
	return writes;
}

#endif
