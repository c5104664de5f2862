/* SPDX-License-Identifier: MIT */
/*
 * Measures what memory delivers: threads on given CPUs read, write, or do both, each in memory of
 * its own on given nodes, all at the same time.
 */
#ifndef HOST_BANDWIDTH_PROBE_H
#define HOST_BANDWIDTH_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "nodemask.h"

enum probe_access {
	PROBE_READ,
	PROBE_WRITE, /* past the caches, so that memory is not read for it */
	PROBE_MIXED, /* two bytes read for one written */
	PROBE_NR,
};

struct bandwidth_probe {
	const int *cpus; /* a thread on each */
	size_t nr_cpus;
	struct nodemask targets;   /* one node, or several, among which pages go round */
	uint64_t bytes_per_thread; /* more than caches hold of it; a multiple of 2 MiB */
	uint64_t time_ns;	   /* of each kind of access, once memory is there */
};

/*
 * How much memory each of nr_cpus threads on CPUs like cpu needs, so that it does not fit into
 * their caches: four times these, as root's /sys tells them; 64 MiB where it does not.
 */
uint64_t bandwidth_probe_bytes(int root, int cpu, size_t nr_cpus);

/*
 * Runs all kinds, one after the other; ret_bytes[PROBE_NR] are bytes per second, of reads and
 * writes together.
 * Errors: -EINVAL (no CPUs, nodes, or less than 2 MiB), -ENOMEM (not so much memory on the nodes,
 * or no more threads), those of mbind(2) and sched_setaffinity(2), such as a cpuset's -EINVAL.
 */
int bandwidth_probe_run(const struct bandwidth_probe *probe, uint64_t *ret_bytes,
			struct mpol_error *err);

#endif
