/* SPDX-License-Identifier: MIT */
/* What memory can deliver: see bandwidth.h.  No step rounds up: nothing delivers more than it can.
 */
#include "bandwidth.h"

#include "least.h"

#define PPM 1000000U

__extension__ typedef unsigned __int128 wide;

enum bandwidth_bus bandwidth_bus_of(enum mpol_memory_kind kind)
{
	return kind == MPOL_MEMORY_CXL ? BANDWIDTH_DUPLEX : BANDWIDTH_SHARED;
}

static wide capacity_by_peaks(const struct bandwidth_node *node, const struct bandwidth_mix *mix)
{
	wide read = least(node->read_bytes, BANDWIDTH_MAX_BYTES);
	wide write = least(node->write_bytes, BANDWIDTH_MAX_BYTES);
	wide reads = mix->reads, writes = mix->writes, all, by_reads, by_writes;

	while (reads > UINT32_MAX || writes > UINT32_MAX) {
		reads >>= 1;
		writes >>= 1;
	}
	all = reads + writes;
	if (!all || (reads && !read) || (writes && !write))
		return 0;
	if (!writes)
		return read;
	if (!reads)
		return write;
	if (node->bus == BANDWIDTH_SHARED)
		return all * read * write / (reads * write + writes * read);
	by_reads = all * read / reads;
	by_writes = all * write / writes;
	return by_reads < by_writes ? by_reads : by_writes;
}

uint64_t bandwidth_capacity(const struct bandwidth_node *node, const struct bandwidth_mix *mix)
{
	uint64_t by_peaks = (uint64_t)capacity_by_peaks(node, mix);

	return node->both_bytes ? least(by_peaks, node->both_bytes) : by_peaks;
}

uint64_t bandwidth_latency_ps(const struct bandwidth_node *node, uint32_t utilisation_ppm)
{
	uint64_t left_ppm = 0, left_permille = 1000;
	uint64_t at_ppm = least(utilisation_ppm, PPM);

	for (size_t i = 0; i < node->nr_points; i++) {
		uint64_t right_ppm = 1000ULL * node->curve[i].utilisation_permille;
		uint64_t right_permille = node->curve[i].latency_permille;

		if (at_ppm <= right_ppm)
			return (uint64_t)((wide)node->latency_ns *
					  (left_permille * (right_ppm - left_ppm) +
					   (right_permille - left_permille) * (at_ppm - left_ppm)) /
					  (right_ppm - left_ppm));
		left_ppm = right_ppm;
		left_permille = right_permille;
	}
	return node->latency_ns * left_permille;
}

uint64_t bandwidth_in_flight(uint32_t threads, uint32_t lines_per_thread)
{
	wide bytes = (wide)threads * lines_per_thread * BANDWIDTH_LINE_BYTES;

	return bytes < UINT64_MAX ? (uint64_t)bytes : UINT64_MAX;
}

/* Of all nodes by their share, when so many bytes per second flow. */
static uint64_t average_latency_ps(const struct bandwidth_profile *profile, const uint32_t *shares,
				   uint64_t sum, uint64_t bytes)
{
	wide latency_ps = 0;

	for (size_t i = 0; i < profile->nr_nodes; i++) {
		uint64_t capacity;

		if (!shares[i])
			continue;
		capacity = bandwidth_capacity(&profile->nodes[i], &profile->mix);
		latency_ps += (wide)shares[i] *
			      bandwidth_latency_ps(&profile->nodes[i],
						   (uint32_t)((wide)bytes * shares[i] * PPM /
							      ((wide)sum * capacity)));
	}
	return (uint64_t)(latency_ps / sum);
}

/*
 * Latency grows with the flow, so does their product, the bytes in flight:
 * halving the interval finds the largest flow for which they suffice.
 */
static void limit_by_demand(const struct bandwidth_profile *profile, const uint32_t *shares,
			    uint64_t sum, struct bandwidth_flow *flow)
{
	const wide in_flight = (wide)profile->in_flight_bytes * 1000000 * 1000000;
	uint64_t enough = 0, most = flow->bytes;

	while (enough < most) {
		uint64_t bytes = enough + (most - enough + 1) / 2;

		if ((wide)bytes * average_latency_ps(profile, shares, sum, bytes) <= in_flight)
			enough = bytes;
		else
			most = bytes - 1;
	}
	if (enough < flow->bytes)
		flow->limit = BANDWIDTH_DEMAND;
	flow->bytes = enough;
}

struct bandwidth_flow bandwidth_split(const struct bandwidth_profile *profile,
				      const uint32_t *shares)
{
	struct bandwidth_flow flow = { .bytes = UINT64_MAX, .limit = BANDWIDTH_DEMAND };
	uint64_t sum = 0;

	for (size_t i = 0; i < profile->nr_nodes; i++)
		sum += shares[i];
	if (!sum)
		return (struct bandwidth_flow) { .limit = BANDWIDTH_DEMAND };
	for (size_t i = 0; i < profile->nr_nodes; i++) {
		wide capacity, bytes;

		if (!shares[i])
			continue;
		capacity = bandwidth_capacity(&profile->nodes[i], &profile->mix);
		if (!capacity)
			return (struct bandwidth_flow) { .limit = i };
		bytes = capacity * sum / shares[i];
		if (bytes < flow.bytes) {
			flow.bytes = (uint64_t)bytes;
			flow.limit = i;
		}
	}
	if (profile->in_flight_bytes)
		limit_by_demand(profile, shares, sum, &flow);
	flow.latency_ps = average_latency_ps(profile, shares, sum, flow.bytes);
	return flow;
}

struct bandwidth_flow bandwidth_interleave(const struct bandwidth_profile *profile,
					   const uint8_t *weights)
{
	uint32_t shares[MPOL_NODES_MAX];

	for (size_t i = 0; i < profile->nr_nodes; i++)
		shares[i] = weights[i];
	return bandwidth_split(profile, shares);
}
