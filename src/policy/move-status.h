/* SPDX-License-Identifier: MIT */
/*
 * What statuses of move_pages(2) mean for the next attempt.  Pure.
 *
 * The kernel (mm/migrate.c, do_pages_move) collects pages until one cannot be taken along, or
 * the end: it writes that one's status, then moves those collected, and writes theirs.  If one of
 * those stays where it is, or there is no more memory, it writes none of theirs, and stops.
 */
#ifndef POLICY_MOVE_STATUS_H
#define POLICY_MOVE_STATUS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* What the caller has written before the call. */
#define MOVE_STATUS_NOT_WRITTEN INT_MIN

/* Where a call stopped early. */
struct move_stop {
	size_t first, end; /* were to be moved, and some were not: ask where they are */
	size_t next;	   /* from here on nothing was tried */
};

/* From the statuses after a call that returned more than 0, or -ENOMEM. */
struct move_stop move_status_stop(const int *status, size_t nr);

enum move_outcome {
	MOVE_DONE,
	MOVE_GONE,  /* ENOENT: no page is there any more */
	MOVE_LATER, /* EBUSY and others: busy just now, or pinned: once again, not at once */
	MOVE_NEVER, /* the second time in a row; EACCES: others map it, and we may not move those */
	MOVE_NO_ROOM, /* ENOMEM: the node's fault, not the page's */
};

/* Of a page's status: a node, or a negative errno.  stayed: nor could it be moved the last time. */
enum move_outcome move_status_judge(int status, bool stayed);

#endif
