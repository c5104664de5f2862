/* SPDX-License-Identifier: MIT */
/*
 * Redistribution of a process's pages: what the census says of a range goes to
 * policy/redistribute, and what that chooses to move_pages(2).
 *
 * A range is walked twice: to count, and to choose.  What is chosen is kept by destination until it
 * is worth a call, and moved at a bounded rate.  Pages that stay for a reason of their own are made
 * up for by others that come later; where there are none, and the reason may pass, the range is
 * gone through again.
 */
#ifndef HOST_REDISTRIBUTOR_H
#define HOST_REDISTRIBUTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "redistribute.h"

struct redistributor_request {
	int root;		  /* descriptor of "/" */
	pid_t pid;		  /* of a living process */
	int pidfd;		  /* of the same: no page is asked to move once it has ended */
	int nr_nodes;		  /* positions */
	const int *ids;		  /* [nr_nodes] ascending */
	uint64_t batch_ns;	  /* time aimed at per call, not 0 */
	uint64_t bandwidth_bytes; /* most bytes per second, 0: no limit */
	bool with_shared;	  /* also pages that others map */
	bool dry_run;		  /* nothing is moved */
	uint64_t all_pages;	  /* for progress: of all ranges together */
	int (*progress)(uint64_t done_pages, uint64_t all_pages, void *user); /* != 0 stops; NULL */
	void *user;
};

struct redistributor_range {
	uint64_t start, end;		   /* addresses to look at */
	uint64_t vma_start;		   /* of the range that they are in */
	uint64_t page_bytes;		   /* the kernel's page size there */
	struct redistribute *redistribute; /* of the request's nodes */
	/* The position that the policy's formula gives an index, modulo period; 0: unknown. */
	const int16_t *formula; /* [period] */
	uint32_t period;
};

struct redistributor;

/*
 * Free it with redistributor_close.  The request's arrays, and *result, to which is added, are the
 * caller's until then.  Errors: -ESRCH, -EACCES, -ENOMEM.
 */
int redistributor_open(const struct redistributor_request *request,
		       struct mpol_rebalance_result *result, struct redistributor **ret);
void redistributor_close(struct redistributor *redistributor);
DEFINE_CLEANUP(struct redistributor *, redistributor_close);

/*
 * One range.  The nodes' room is looked up; weights are the caller's.
 * Errors: -ESRCH, -EPERM, -EACCES (its cpuset no longer allows a destination), -ENODEV (one has no
 * memory any more), -ECANCELED (progress asked to stop).
 */
int redistributor_run(struct redistributor *redistributor, const struct redistributor_range *range);

#endif
