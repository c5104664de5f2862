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

#include "nodemask.h"

#define MACHINE_MAX_CACHES 4

struct machine_node {
	int id;
	enum mpol_memory_kind kind;
	uint64_t capacity_bytes; /* 0: a node without memory */
	uint64_t free_bytes;	 /* the running machine only */
	char *cpus;		 /* CPU numbers in list form, "" if none; owned */
	int tier;		 /* set by machine_assign_tiers: 0 is the fastest */
	int kernel_tier;	 /* memory_tierN, -1: none named */
	int kernel_weight;	 /* weighted interleave, -1: none */
	struct mpol_memory_cache caches[MACHINE_MAX_CACHES];
	unsigned int nr_caches;
};

struct machine {
	char *name; /* owned */
	struct machine_node *nodes;
	int nr_nodes;
	uint8_t *distances; /* [from * nr_nodes + to], SLIT: 10 local, 0 unknown */
	/* [initiator * nr_nodes + target]; all zero where nothing is stated */
	struct mpol_performance *performances;
	struct mpol_finding *findings; /* texts owned */
	int nr_findings;
};

/* A machine of nr_nodes zeroed nodes, empty tables.  Returns 0 or -ENOMEM. */
int machine_new(const char *name, int nr_nodes, struct machine **ret_machine);
void machine_free(struct machine *machine);

/* Position of node id in nodes[], or -1. */
int machine_index(const struct machine *machine, int id);

/* NULL if from or to is not in the machine. */
uint8_t *machine_distance(const struct machine *machine, int from, int to);
struct mpol_performance *machine_performance(const struct machine *machine, int initiator,
					     int target);

/* The nodes that have memory. */
struct nodemask machine_memory_nodes(const struct machine *machine);

/* Adds a finding about node (-1: the whole machine).  Returns 0 or -ENOMEM. */
int machine_find(struct machine *machine, int node, const char *text, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Flags statements that cannot be true: sets their implausible field and adds
 * a finding.  Judged by absolute bounds (no memory answers in under 20 ns or
 * over 5 us, none delivers under 100 MB/s or over 20 TB/s) and by contradiction
 * (a CPU's own node is stated slower than a remote one of the same kind; a
 * distance table with a node nearer to another than to itself).
 * Returns 0 or -ENOMEM.
 */
int machine_judge(struct machine *machine);

/*
 * Gives each node its tier: from plausible performance where stated, else
 * from kind, else from distance to the nearest CPU.  Values within 25 % of
 * each other share a tier (the kernel splits tiers at 6 %; semantics.md B).
 */
void machine_assign_tiers(struct machine *machine);

#endif
