/* SPDX-License-Identifier: MIT */
/* Latency and load: see timing.h. */
#include "timing.h"

#include <string.h>

#define PS_PER_S 1000000000000ULL

/* A quantum's load that counts at most: the first one's may be absurd. */
#define MOST_LOAD_PERMILLE 8000

/*
 * What stands in for a bandwidth that the machine does not state: the constants of
 * MEMTIS (SOSP'23) for DRAM, CXL and persistent memory, for HBM several times DRAM's.
 */
static const uint64_t default_bandwidth_bytes[] = {
	[MPOL_MEMORY_UNKNOWN] = 50000000000, [MPOL_MEMORY_DRAM] = 100000000000,
	[MPOL_MEMORY_HBM] = 400000000000,    [MPOL_MEMORY_CXL] = 25000000000,
	[MPOL_MEMORY_PMEM] = 15000000000,
};

static const struct mpol_performance *stated(const struct machine *machine, int from, int to)
{
	const struct mpol_performance *performance =
		&machine->performances[from * machine->nr_nodes + to];

	return performance->implausible ? NULL : performance;
}

/* The best that any node's CPUs get: it is the memory that is slow then, not the way to it. */
static uint64_t peak_bytes(const struct machine *machine, int node, bool write)
{
	uint64_t peak = 0;

	for (int from = 0; from < machine->nr_nodes; from++) {
		const struct mpol_performance *performance = stated(machine, from, node);
		uint64_t bytes = !performance ? 0
				 : write      ? performance->write_bandwidth_bytes
					      : performance->read_bandwidth_bytes;

		if (bytes > peak)
			peak = bytes;
	}
	return peak;
}

void timing_start(struct timing *timing, const struct machine *machine)
{
	*timing = (struct timing) { .machine = machine };
	for (int to = 0; to < machine->nr_nodes; to++) {
		const enum mpol_memory_kind kind = machine->nodes[to].kind;
		uint64_t read = peak_bytes(machine, to, false),
			 write = peak_bytes(machine, to, true);

		if (!read)
			read = default_bandwidth_bytes[kind];
		timing->memory[to] = (struct bandwidth_node) {
			.read_bytes = read,
			.write_bytes = write ? write : read,
			.both_bytes = machine->nodes[to].total_bandwidth_bytes,
			.bus = bandwidth_bus_of(kind),
		};
		for (int from = 0; from < machine->nr_nodes; from++)
			timing->idle_ps[from][to] =
				1000ULL * machine_idle_latency(machine, from, to);
	}
	for (int node = 0; node < machine->nr_nodes; node++)
		timing->queue_permille[node] = 1000;
	memcpy(timing->loaded_ps, timing->idle_ps, sizeof(timing->loaded_ps));
}

/* What was asked of the node in the quantum, in thousandths of what it can deliver. */
static uint64_t load(const struct timing *timing, int node, uint64_t quantum_ps)
{
	const struct bandwidth_mix mix = { timing->drawn_read_bytes[node],
					   timing->drawn_write_bytes[node] };
	const uint64_t per_second = bandwidth_capacity(&timing->memory[node], &mix);
	const uint64_t most = (uint64_t)((unsigned __int128)per_second * quantum_ps / PS_PER_S);

	return most ? (mix.reads + mix.writes) * 1000 / most : 0;
}

/*
 * Threads wait for what they asked for, so what is drawn falls as latency grows.  Multiplying the
 * queue by the load leads to where they balance; half of the way at a time, or it would swing.
 */
static void learn(struct timing *timing, int node, uint64_t load_permille)
{
	uint64_t *queue = &timing->queue_permille[node], aim;

	if (load_permille > MOST_LOAD_PERMILLE)
		load_permille = MOST_LOAD_PERMILLE;
	aim = *queue * (load_permille > 500 ? load_permille : 500) / 1000;
	*queue = (*queue + aim) / 2;
	if (*queue < 1000)
		*queue = 1000;
	timing->load_permille[node] = (uint32_t)((timing->load_permille[node] + load_permille) / 2);
}

void timing_next(struct timing *timing, uint64_t quantum_ps)
{
	const struct machine *machine = timing->machine;

	for (int to = 0; to < machine->nr_nodes; to++) {
		learn(timing, to, load(timing, to, quantum_ps));
		timing->drawn_read_bytes[to] = timing->drawn_write_bytes[to] = 0;
		for (int from = 0; from < machine->nr_nodes; from++)
			timing->loaded_ps[from][to] =
				machine_loaded_latency(&machine->nodes[to],
						       timing->idle_ps[from][to],
						       timing->load_permille[to]) *
				timing->queue_permille[to] / 1000;
	}
}
