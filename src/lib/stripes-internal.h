/* SPDX-License-Identifier: MIT */
/*
 * A plan of stripes, as it is made (stripes-plan.c), carried out (stripes-cut.c) and used
 * by the calls that set policies.
 */
#ifndef LIB_STRIPES_INTERNAL_H
#define LIB_STRIPES_INTERNAL_H

#include <mpol/mpol.h>

#include "cleanup.h"
#include "target.h"

struct mpol_stripes {
	pid_t pid;
	uint64_t start_ticks;
	struct mpol_policy policy;	   /* effective nodes, no weight of 0 */
	struct mpol_policy thread_policy;  /* for the rest */
	struct mpol_stripes_range *ranges; /* neighbours with unlike huge pages are two */
	unsigned int *shifts;		   /* parallel to ranges */
	size_t nr;
};

DEFINE_CLEANUP(struct mpol_stripes *, mpol_stripes_free);

/* mpol_stripes_carry_out on an open target, which may be the calling process. */
int stripes_carry_out(struct mpol_stripes *stripes, const struct target *target,
		      struct mpol_stripes_result *ret_result, struct mpol_error *error);

/* What became of an address: the code of the range that holds it; -ECANCELED: none does. */
int stripes_code_at(const struct mpol_stripes *stripes, uint64_t address);

#endif
