/* SPDX-License-Identifier: MIT */
/*
 * What memory can deliver: one node alone, and several among which pages are
 * interleaved.  Pure, and in integers, so the answer is the same on any machine.
 *
 * The model of a node.  Its peaks for reads alone and for writes alone are
 * given.  What is between them for a mix depends on what reads and writes share:
 *
 *   BANDWIDTH_SHARED  One bus that carries either, as between a memory controller
 *                     and its modules.  A byte read takes 1 / read peak of its
 *                     time, a byte written 1 / write peak: the capacity for a mix
 *                     is their harmonic mean, weighted by the mix.
 *   BANDWIDTH_DUPLEX  A direction for each, as in PCI Express and so in CXL.
 *                     Neither waits for the other: the capacity is reached when
 *                     the first of both directions is full.
 *
 * Either may have a limit for both together as well: modules behind a CXL link that
 * are slower than its two directions (Micron states 36 GB/s at two reads per write for a
 * module whose link carries 32 GB/s each way: that alone would give 48).  Not modelled:
 * turning a bus round.
 *
 * The model of an interleave.  A node's share of the traffic is its share of the
 * pages, exactly: that holds for a program that works through all of them alike
 * (STREAM), and is what weighted interleave is for.  Every thread needs pages of all nodes in
 * turn, so the whole is as fast as the node that is first at its capacity lets it be:
 * min(capacity / share).  Where the demand is limited as well, Little's law
 * ends it: bytes in flight / average latency, which grows with each node's load.
 */
#ifndef POLICY_BANDWIDTH_H
#define POLICY_BANDWIDTH_H

#include <stddef.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "load-curve.h"

/* No peak is above (35 TB/s): products of two fit in 128 bits with all they are multiplied by. */
#define BANDWIDTH_MAX_BYTES (1ULL << 45)

/* A cache line, what a thread waits for. */
#define BANDWIDTH_LINE_BYTES 64

enum bandwidth_bus {
	BANDWIDTH_SHARED,
	BANDWIDTH_DUPLEX,
};

struct bandwidth_node {
	int id;		      /* for people */
	uint64_t read_bytes;  /* per second, reads alone; 0: reads are impossible */
	uint64_t write_bytes; /* per second, writes alone; 0: writes are impossible */
	uint64_t both_bytes;  /* per second, of any mix at most; 0: only what the peaks imply */
	enum bandwidth_bus bus;
	uint32_t latency_ns; /* idle; used only where the demand is limited */
	/* Straight lines from idle latency at no load through the points; the caller's. */
	const struct load_point *curve;
	size_t nr_points; /* 0: the latency is always the idle one */
};

/* Of the bytes that reach memory, so many are read for so many written: 2:1, or counts of bytes. */
struct bandwidth_mix {
	uint64_t reads, writes;
};

/* Memory and what is asked of it. */
struct bandwidth_profile {
	const struct bandwidth_node *nodes;
	size_t nr_nodes;
	struct bandwidth_mix mix;
	/* What all threads together have asked for and not yet got, at most:
	 * bandwidth_in_flight(); 0: as much as memory delivers. */
	uint64_t in_flight_bytes;
};

/* The index of no node: what ends a flow is the demand. */
#define BANDWIDTH_DEMAND SIZE_MAX

/* What an interleave delivers. */
struct bandwidth_flow {
	uint64_t bytes;	     /* per second, of all nodes together */
	uint64_t latency_ps; /* average; 0 where no node states one */
	size_t limit;	     /* index of the node that is at its capacity, or BANDWIDTH_DEMAND */
};

/* What memory of that kind is built like: CXL is DUPLEX, all others SHARED. */
enum bandwidth_bus bandwidth_bus_of(enum mpol_memory_kind kind);

/*
 * What the node delivers of such a mix, in bytes per second, reads and writes
 * together, rounded down.  0: it cannot, or the mix is empty.  Peaks above
 * BANDWIDTH_MAX_BYTES count as that.
 */
uint64_t bandwidth_capacity(const struct bandwidth_node *node, const struct bandwidth_mix *mix);

/* How long the node answers when utilisation_ppm of its capacity is drawn; more than 10^6 is 10^6.
 */
uint64_t bandwidth_latency_ps(const struct bandwidth_node *node, uint32_t utilisation_ppm);

/*
 * The demand of threads each of which keeps so many cache lines on their way:
 * as many as its core has line fill buffers, or more with prefetching.
 */
uint64_t bandwidth_in_flight(uint32_t threads, uint32_t lines_per_thread);

/*
 * What memory delivers to a program of whose traffic so many parts of their sum go to nodes[i];
 * 0: none.  Of several nodes that are at their capacity the first is named.
 * No bytes at all where the shares are all 0, or a node with one cannot deliver the mix.
 */
struct bandwidth_flow bandwidth_split(const struct bandwidth_profile *profile,
				      const uint32_t *shares);

/* The same of an interleave: weights[i] pages of a round are on nodes[i].  MPOL_NODES_MAX at most.
 */
struct bandwidth_flow bandwidth_interleave(const struct bandwidth_profile *profile,
					   const uint8_t *weights);

#endif
