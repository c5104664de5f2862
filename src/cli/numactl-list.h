/* SPDX-License-Identifier: MIT */
/* Lists of nodes and CPUs as numactl(8) writes them. */
#ifndef CLI_NUMACTL_LIST_H
#define CLI_NUMACTL_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <mpol/mpol.h>

/* What a list may name. */
struct numactl_domain {
	const char *noun;  /* "node", "CPU" */
	const char *which; /* in errors: "nodes with memory that the cpuset allows" */
	const bool *members;
	size_t nr; /* of members: numbers from 0 to nr - 1 */
};

/*
 * Reads "0-1,3", "all", "+0-1" (positions among the members), "!0" (all members
 * but), "!+0".  Ends of ranges must be members; what lies between and is none is
 * left out, as by numactl.  ret_list: domain->nr, untouched on failure.
 * Errors: -EINVAL (not of that form, or it names nothing), -ENODEV (no member).
 */
int numactl_list(const struct numactl_domain *domain, const char *text, bool *ret_list,
		 struct mpol_error *error);

#endif
