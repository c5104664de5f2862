/* SPDX-License-Identifier: MIT */
/*
 * A machine: its memory nodes, their CPUs, and what each CPU node sees of each
 * memory node.  One description for the running machine (host/topology), the
 * lab's guests and the simulator's (machine-yaml).
 *
 * Nodes are kept in ascending order of id; ids may have gaps.  The distance
 * and performance tables are indexed by position in nodes[], not by id.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "load-curve.h"
#include "nodemask.h"

#define MACHINE_MAX_CACHES	  4
#define MACHINE_MAX_LOAD_POINTS	  16
#define MACHINE_LOAD_MAX_PERMILLE 100000

/*
 * A loaded-latency curve: idle latency at no load, straight lines through the
 * points, the last point's latency from there on.  Utilisations ascend from 1
 * to 1000; latencies never fall and are 1000 to MACHINE_LOAD_MAX_PERMILLE.
 */
struct machine_load_curve {
	struct load_point points[MACHINE_MAX_LOAD_POINTS];
	unsigned int nr_points; /* 0: not stated */
};

struct machine_node {
	int id;
	int socket; /* -1: not stated */
	enum mpol_memory_kind kind;
	bool kind_guessed;	 /* set by machine_judge: kind follows from performance */
	uint64_t capacity_bytes; /* 0: a node without memory */
	uint64_t free_bytes;	 /* the running machine only */
	char *cpus;		 /* CPU numbers in list form, "" if none; owned */
	int tier;		 /* set by machine_assign_tiers: 0 is the fastest, -1: no memory */
	int kernel_tier;	 /* memory_tierN, -1: none named */
	int kernel_weight;	 /* weighted interleave, -1: none */
	struct mpol_memory_cache caches[MACHINE_MAX_CACHES];
	unsigned int nr_caches;
	struct machine_load_curve load_curve;
	uint64_t
		total_bandwidth_bytes; /* per second, reads and writes, whoever asks; 0: unstated */
};

struct machine {
	char *name;	   /* owned */
	char *description; /* one line for people, or NULL; owned */
	struct machine_node *nodes;
	int nr_nodes;
	struct nodemask possible; /* nodes that may come online; empty where nothing says */
	uint8_t *distances;	  /* [from * nr_nodes + to], SLIT: 10 local, 0 unknown */
	/* [initiator * nr_nodes + target]; all zero where nothing is stated */
	struct mpol_performance *performances;
	struct mpol_finding *findings; /* texts owned */
	int nr_findings;
};

/* A machine of nr_nodes zeroed nodes, empty tables.  Returns 0 or -ENOMEM. */
int machine_new(const char *name, int nr_nodes, struct machine **ret_machine);
void machine_free(struct machine *machine);

/* Whether it has CPUs. */
bool machine_node_has_cpus(const struct machine_node *node);

/* Position of node id in nodes[], or -1. */
int machine_index(const struct machine *machine, int id);

/* NULL if from or to is not in the machine. */
uint8_t *machine_distance(const struct machine *machine, int from, int to);
struct mpol_performance *machine_performance(const struct machine *machine, int initiator,
					     int target);

/* The nodes that have memory. */
struct nodemask machine_memory_nodes(const struct machine *machine);

/*
 * How long node to answers CPUs of node from, both positions, while nothing else is asked of
 * it: as stated; else as stated for other CPUs, longer where they are nearer to it; else its
 * kind's usual latency, longer by distance where it has CPUs of its own.  In ns.
 */
uint32_t machine_idle_latency(const struct machine *machine, int from, int to);

/*
 * How long node answers while utilisation_permille of what it can deliver is
 * drawn from it, if it answers in idle_ns when nothing is: by its curve,
 * or by its kind's default where none is stated (mpol-machine(5) has them with
 * their sources).  Rounded to the nearest ns.  More than 1000 counts as 1000:
 * memory delivers no more, the rest waits elsewhere.
 */
uint64_t machine_loaded_latency(const struct machine_node *node, uint32_t idle_ns,
				unsigned int utilisation_permille);

/* The curve that machine_loaded_latency goes by: the node's own or its kind's; never empty. */
const struct machine_load_curve *machine_load_curve(const struct machine_node *node);

/* Adds a finding about node (-1: the whole machine).  Returns 0 or -ENOMEM. */
int machine_find(struct machine *machine, int node, const char *text, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether any of the numbers is there.  Says nothing about their plausibility. */
bool machine_performance_stated(const struct mpol_performance *performance);

/*
 * Judges what the machine states about itself; every reader of machines calls
 * it once, then machine_assign_tiers.
 *
 * 1. Flags statements that cannot be true: sets their implausible field and
 *    adds a finding per target.  Absolute bounds: no memory answers in under
 *    20 ns or over 5 us or delivers under 100 MB/s or over 20 TB/s; for the
 *    DRAM or HBM of the CPUs' own node the bounds are 1 us and 2 GB/s (firmware
 *    has stated 7600 ns and 1790 MB/s).  Contradiction: CPUs reach their own
 *    node over 10 % slower than another of the same kind; neither is believed
 *    then.
 * 2. Adds a finding for a node that the distance table puts nearer to another
 *    node than to itself.
 * 3. Guesses kinds that nobody stated.  A node with CPUs and memory is DRAM.
 *    One without CPUs is compared with the memory of the CPUs nearest to it:
 *      from 1.5 times the bandwidth at up to twice the latency   HBM
 *      from 1.3 times the latency, or latency unstated and up to
 *      two thirds of the bandwidth:
 *        written at up to half the read bandwidth                PMEM
 *        else                                                    CXL
 *      both within those bounds                                  DRAM
 *    and sets kind_guessed.  Without plausible numbers it stays unknown.
 *
 * Returns 0 or -ENOMEM.
 */
int machine_judge(struct machine *machine);

/*
 * Gives each node with memory its tier.  Call after machine_judge.
 *
 * Where every such node has plausible performance from some CPU: by latency
 * divided by bandwidth as seen from its best CPU node (the kernel's abstract
 * distance, mm/memory-tiers.c); values within 25 % of the tier's fastest share
 * it (the kernel splits tiers at a few per cent).  DRAM nodes with CPUs always
 * share a tier: a socket with fewer modules is no place to demote to.
 *
 * Else by kind: HBM, DRAM, CXL, unknown, PMEM; unknown ones by distance to the
 * nearest CPU, again within 25 %.  Numbers that only some nodes have are not
 * mixed with kinds.
 */
void machine_assign_tiers(struct machine *machine);

#endif
