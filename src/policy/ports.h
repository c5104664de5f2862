/* SPDX-License-Identifier: MIT */
/*
 * The seam: what a decision may know of a world, and what it may ask of it.
 * host fills it from Linux, sim from a described machine; neither side knows
 * the other.  Preconditions that all of it shares, said once:
 *
 *   - Nodes are ids.  Pages are base pages of 4 KiB; a page is named by its
 *     number in the target's address space (address / 4096).
 *   - now_ns never goes back.  Nothing in policy/ reads a clock.
 *   - Arrays are the caller's, and only read, unless a declaration says state.
 *   - A decision allocates nothing, and is a function of its arguments: the
 *     same calls give the same bytes.
 */
#ifndef POLICY_PORTS_H
#define POLICY_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORT_MAX_TIERS 16

/* A node, as far as moving pages is concerned. */
struct port_node {
	int id;
	int tier; /* 0 is the fastest; -1: no memory */
	uint64_t capacity_pages;
	uint64_t free_pages;
	uint64_t least_pages;	/* free: where there are fewer, some have to leave */
	uint64_t reserve_pages; /* free: what comes leaves so many; not fewer than least_pages */
	uint32_t latency_ns;	/* from the CPUs nearest to it */
	int nearest[PORT_MAX_TIERS]; /* where its pages go in another tier; -1: nowhere */
};

struct port_nodes {
	const struct port_node *nodes;
	unsigned nr;
};

/* How a tracker looked in one round: a clear, then scans. */
#define PORT_MAX_SCANS 7

struct port_round {
	uint64_t now_ns;
	unsigned nr_scans;
	uint64_t after_ns[PORT_MAX_SCANS]; /* from the clear to each scan; ascending */
	uint64_t move_page_ns;		   /* what moving a base page costs */
	uint64_t max_moved_pages;	   /* that the rate limit leaves for this round */
	uint64_t calm_ns; /* since programs began, or began to use other memory than before */
};

/* What somebody who knows has said about a range of memory. */
enum port_hint {
	PORT_HINT_NONE,
	PORT_HINT_HOT,	  /* as if accessed more than all that has no hint */
	PORT_HINT_COLD,	  /* as if never accessed */
	PORT_HINT_PINNED, /* stays where it is */
};

/*
 * Neighbouring units of one target, all of one size and with one hint, as a round saw them.  seen:
 * 0, not accessed; else nr_scans for what the first scan found accessed, one less for what only the
 * second did, … So it is a logarithm of how often.
 */
struct port_span {
	uint32_t target;
	uint64_t first_page;
	uint32_t unit_pages;
	uint32_t nr_units;
	enum port_hint hint;  /* for all of them */
	bool pressed;	      /* its cgroup has too little memory: nothing is promoted */
	const uint8_t *seen;  /* [nr_units] */
	const int16_t *nodes; /* [nr_units] id; -1: not there, or must not move */
};

enum port_reason { PORT_PROMOTE, PORT_DEMOTE };

/* Move these pages there. */
struct port_move {
	uint32_t target;
	uint64_t first_page;
	uint32_t nr_pages;
	int from, to;
	enum port_reason reason;
};

/* Room for moves; nr is what has been written.  nodes: all there are, with free_pages as they will
 * be once these are made. */
struct port_moves {
	struct port_move *moves;
	size_t max, nr;
	struct port_node *nodes;
	unsigned nr_nodes;
};

#endif
