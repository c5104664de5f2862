/* SPDX-License-Identifier: MIT */
/*
 * In a guest: libmpol's topology of the running machine is the machine that
 * its description says, as far as the kernel passes it on.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpol/mpol.h>

#include "cleanup.h"

DEFINE_CLEANUP(struct mpol_topology *, mpol_topology_free);

static int failures;

static void __attribute__((format(printf, 2, 3))) check(bool good, const char *sentence, ...)
{
	va_list args;

	printf("%s - ", good ? "ok" : "not ok");
	va_start(args, sentence);
	vprintf(sentence, args);
	va_end(args);
	printf("\n");
	failures += !good;
}

/* HMAT states bandwidths in whole multiples of a unit common to the table. */
static bool about(uint64_t actual, uint64_t described)
{
	return actual <= described && described - actual <= described / 100;
}

static void check_caches(const struct mpol_node *seen, const struct mpol_node *described)
{
	check(seen->nr_caches == described->nr_caches, "node %d: %zu caches (described: %zu)",
	      seen->id, seen->nr_caches, described->nr_caches);
	for (size_t i = 0; i < seen->nr_caches && i < described->nr_caches; i++) {
		const struct mpol_memory_cache *a = &seen->caches[i], *b = &described->caches[i];

		check(a->level == b->level && a->size_bytes == b->size_bytes &&
			      a->line_bytes == b->line_bytes && a->indexing == b->indexing &&
			      a->write_through == b->write_through,
		      "node %d: cache of level %u and %llu bytes (described: %u, %llu)", seen->id,
		      a->level, (unsigned long long)a->size_bytes, b->level,
		      (unsigned long long)b->size_bytes);
	}
}

/*
 * MemTotal lacks what the kernel set aside at boot: its image and the initramfs
 * on one node (110 MiB have been seen), page structs on each (1.6 %).
 */
#define RESERVED_BYTES (160ULL << 20)

static void check_node(const struct mpol_node *seen, const struct mpol_node *described,
		       bool weights)
{
	int id = described->id;

	check(seen->has_memory == described->has_memory && seen->has_cpu == described->has_cpu &&
		      !strcmp(seen->cpus, described->cpus),
	      "node %d: CPUs \"%s\" (described: \"%s\")", id, seen->cpus, described->cpus);
	check(seen->capacity_bytes <= described->capacity_bytes &&
		      described->capacity_bytes - seen->capacity_bytes <=
			      RESERVED_BYTES + described->capacity_bytes / 20 &&
		      seen->free_bytes <= seen->capacity_bytes,
	      "node %d: %llu bytes, %llu free (described: %llu)", id,
	      (unsigned long long)seen->capacity_bytes, (unsigned long long)seen->free_bytes,
	      (unsigned long long)described->capacity_bytes);
	check(!seen->has_memory || seen->kind == described->kind, "node %d: %s (described: %s)", id,
	      mpol_memory_kind_name(seen->kind), mpol_memory_kind_name(described->kind));
	check(seen->tier == described->tier, "node %d: tier %d (described: %d)", id, seen->tier,
	      described->tier);
	check(weights ? seen->kernel_weight >= 1 : seen->kernel_weight == -1, "node %d: weight %d",
	      id, seen->kernel_weight);
	check_caches(seen, described);
}

/* Returns whether the kernel states anything for the pair. */
static bool check_pair(const struct mpol_topology *here, const struct mpol_topology *there,
		       int from, int to)
{
	struct mpol_performance seen, described;

	check(mpol_topology_distance(here, from, to) == mpol_topology_distance(there, from, to),
	      "distance %d to %d is %d (described: %d)", from, to,
	      mpol_topology_distance(here, from, to), mpol_topology_distance(there, from, to));
	if (mpol_topology_performance(here, from, to, &seen) < 0)
		return false;
	if (mpol_topology_performance(there, from, to, &described) < 0) {
		check(false, "performance %d to %d is stated but not described", from, to);
		return true;
	}
	check(seen.read_latency_ns == described.read_latency_ns &&
		      seen.write_latency_ns == described.write_latency_ns &&
		      about(seen.read_bandwidth_bytes, described.read_bandwidth_bytes) &&
		      about(seen.write_bandwidth_bytes, described.write_bandwidth_bytes) &&
		      !seen.implausible,
	      "%d to %d: %u ns, %llu B/s (described: %u, %llu)", from, to, seen.read_latency_ns,
	      (unsigned long long)seen.read_bandwidth_bytes, described.read_latency_ns,
	      (unsigned long long)described.read_bandwidth_bytes);
	return true;
}

static void check_target(const struct mpol_topology *here, const struct mpol_topology *there,
			 const struct mpol_node *target)
{
	bool described = false, stated = false;

	for (size_t i = 0; i < mpol_topology_nr_nodes(there); i++) {
		const struct mpol_node *from = mpol_topology_node(there, i);
		struct mpol_performance performance;

		described |= from->has_cpu && mpol_topology_performance(there, from->id, target->id,
									&performance) == 0;
		stated |= check_pair(here, there, from->id, target->id) && from->has_cpu;
	}
	check(!target->has_memory || stated == described, "node %d: performance is %s", target->id,
	      stated ? "stated" : "not stated");
}

static int compare(const struct mpol_topology *here, const struct mpol_topology *there)
{
	bool weights = !access("/sys/kernel/mm/mempolicy/weighted_interleave", F_OK);
	size_t n = mpol_topology_nr_nodes(here);

	check(n == mpol_topology_nr_nodes(there), "%zu nodes (described: %zu)", n,
	      mpol_topology_nr_nodes(there));
	for (size_t i = 0; i < mpol_topology_nr_nodes(there); i++) {
		const struct mpol_node *described = mpol_topology_node(there, i);
		const struct mpol_node *seen = mpol_topology_node_by_id(here, described->id);

		check(seen != NULL, "node %d is there", described->id);
		if (!seen)
			continue;
		check_node(seen, described, weights);
		check_target(here, there, described);
	}
	for (size_t i = 0; i < mpol_topology_nr_findings(here); i++)
		check(false, "a finding: %s", mpol_topology_finding(here, i)->text);
	return failures != 0;
}

int main(void)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *here = NULL, *there = NULL;
	const char *path = getenv("LAB_MACHINE");
	struct mpol_error error = { 0 };

	if (!path) {
		printf("LAB_MACHINE is not set: this test runs in a guest of lab/run\n");
		return 77;
	}
	if (mpol_topology_new(NULL, &here, &error) < 0 ||
	    mpol_topology_new_from_file(path, &there, &error) < 0) {
		printf("not ok - %s: %s: %s\n", error.step, error.object, error.cause);
		return 1;
	}
	return compare(here, there);
}
