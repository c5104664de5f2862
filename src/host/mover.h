/* SPDX-License-Identifier: MIT */
/* Moving resident pages of a process between nodes, with move_pages(2). */
#ifndef HOST_MOVER_H
#define HOST_MOVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "nodemask.h"

#define MOVER_MOST_BATCH_BYTES (64UL << 20)

struct mover_request {
	int root;  /* descriptor of "/" */
	pid_t pid; /* of a living process */
	int pidfd; /* of the same: no page is asked to move once it has ended */
	struct nodemask from;
	struct nodemask to;	  /* disjoint from from, not empty; within the target's cpuset */
	uint64_t start, end;	  /* addresses; end exclusive */
	uint64_t batch_ns;	  /* time aimed at per call, not 0 */
	uint64_t batch_bytes;	  /* most bytes per call, but for one huge page; 0: the most */
	uint64_t bandwidth_bytes; /* most bytes per second, 0: no limit */
	bool include_shared;	  /* also pages that other processes map: needs CAP_SYS_NICE */
	int (*progress)(uint64_t done_pages, uint64_t all_pages, void *user);
	/* Told of each call: base pages asked to move, and how long it took.  May be NULL. */
	void (*batch)(uint64_t pages, uint64_t took_ns, void *user);
	void *user;
};

/*
 * Moves what of the process's memory lies on from nodes.  *result counts, in
 * base pages, also on failure.
 * Errors: -ESRCH, -EPERM, -EACCES, -ENODEV, -ECANCELED, -EBADMSG, -ENOMEM (of
 * this process, not of the nodes: those are counted).
 */
int mover_run(const struct mover_request *request, struct mpol_move_result *result,
	      struct mpol_error *err);

#endif
