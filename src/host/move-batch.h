/* SPDX-License-Identifier: MIT */
/*
 * Moving pages that somebody has chosen, one by one, in calls of move_pages(2) that each take about
 * as long as asked for (policy/steering.h).
 *
 * The kernel's statuses are what is counted and told.  Where it does not write them, since a page
 * could not be moved, it is asked where the pages are that it had tried; the call goes on behind
 * them. Of a unit that was not reached nothing is told.
 *
 * Nothing is moved to a node that this would bring below its low watermark; that more is left free,
 * but where pages change places, is the decision's business (ports.h, reserve_pages).
 *
 * A node without room, or that has gone, gets no more until pages leave it, or the next flush,
 * which ends a round.
 */
#ifndef HOST_MOVE_BATCH_H
#define HOST_MOVE_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cleanup.h"
#include "ports.h"
#include "room.h"

#define MOVE_BATCH_ERRNOS 134 /* above the largest errno of Linux */

/* More pairs of nodes than a machine's tiers have; what is beyond goes to the last, of nodes -1. */
#define MOVE_FLOWS 64

/* Pages from one node to another, for one reason. */
struct move_flow {
	int from, to;
	enum port_reason reason;
	uint64_t asked_pages, moved_pages, failed_pages;
};

/* Pages that were not reached, or were elsewhere already, are asked ones only. */
struct move_counts {
	uint64_t asked_pages, moved_pages;
	uint64_t failed_pages[MOVE_BATCH_ERRNOS]; /* by errno */
	uint64_t calls, longest_call_ns, all_calls_ns;
	struct move_flow flows[MOVE_FLOWS]; /* in order of first use */
	unsigned nr_flows;
};

/* Whose pages are moved. */
struct move_batch_process {
	pid_t pid; /* or the id of any of its threads that has memory */
	int pidfd; /* the process's */
	/* Told what became of each unit: it is on the node (status 0), or -errno. */
	void (*became)(uint64_t address, int node, int status, void *user);
	void *user;
};

struct move_batch;

/*
 * An empty batch for calls that are to take call_ns (not 0).  root: descriptor of "/"; counts: the
 * caller's, as root is.  Free it with move_batch_free.  NULL: no memory.
 */
struct move_batch *move_batch_new(int root, uint64_t call_ns, struct move_counts *counts);
void move_batch_free(struct move_batch *batch);
DEFINE_CLEANUP(struct move_batch *, move_batch_free);

/*
 * How it goes about it; at first with_shared and ROOM_FREE.  with_shared: pages that others map too
 * are moved where the caller may (CAP_SYS_NICE).  room: what counts as room on a node.
 */
void move_batch_manners(struct move_batch *batch, bool with_shared, enum room room);

/* Some base pages that move as a whole. */
struct move_batch_unit {
	uint64_t address, pages;
	int from, to;
	enum port_reason reason;
};

/*
 * Adds a unit.  The call for what was added before
 * is made when enough has come together, or when process or node are other ones than
 * before; the process must stay until then.
 *
 * Returns 0, or what a call that was made came to: -ESRCH, -EPERM, -EACCES (its
 * cpuset: nothing goes there), -ENODEV.  What a node has no room for (room.h) is not asked for,
 * and nothing is told of it.
 */
int move_batch_add(struct move_batch *batch, const struct move_batch_process *process,
		   const struct move_batch_unit *unit);

/* Makes the call for what was added.  Errors: as move_batch_add. */
int move_batch_send(struct move_batch *batch);

/* As move_batch_send, and ends a round. */
int move_batch_flush(struct move_batch *batch);

#endif
