/* SPDX-License-Identifier: MIT */
/*
 * Described machines, the second step: the nodes.  Node ids ascend, so that
 * position in the description and position in the machine are the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "machine-yaml-internal.h"
#include "nodemask.h"
#include "units.h"

/* What a node is refused for, with the node's place. */
#define REFUSE(reader, code, index, key, ...) \
	yaml_refuse(&reader->source, code, (struct yaml_place) { "nodes", index, key }, __VA_ARGS__)

#define MIB (1ULL << 20)

static int read_id(const struct yaml_reader *reader, int index)
{
	const struct yaml_node *yaml = &reader->yaml->nodes[index];
	struct machine_node *node = &reader->machine->nodes[index];

	if (yaml->id >= NODES_MAX)
		return REFUSE(reader, -EINVAL, index, "id", "node %u: ids go up to %d", yaml->id,
			      NODES_MAX - 1);
	for (int i = 0; i < index; i++)
		if (reader->machine->nodes[i].id == (int)yaml->id)
			return REFUSE(reader, -EINVAL, index, "id", "node %u is described twice",
				      yaml->id);
	if (index && reader->machine->nodes[index - 1].id > (int)yaml->id)
		return REFUSE(reader, -EINVAL, index, "id",
			      "node %u comes after node %d: ids must ascend", yaml->id,
			      reader->machine->nodes[index - 1].id);
	node->id = yaml->id;
	if (yaml->socket) {
		if (*yaml->socket >= NODES_MAX)
			return REFUSE(reader, -EINVAL, index, "socket",
				      "socket %u: numbers go up to %d", *yaml->socket,
				      NODES_MAX - 1);
		node->socket = *yaml->socket;
	}
	return 0;
}

static int read_kind(const struct yaml_reader *reader, int index)
{
	static const struct {
		const char *name;
		enum mpol_memory_kind kind;
	} kinds[] = {
		{ "dram", MPOL_MEMORY_DRAM },
		{ "hbm", MPOL_MEMORY_HBM },
		{ "cxl", MPOL_MEMORY_CXL },
		{ "pmem", MPOL_MEMORY_PMEM },
	};
	const struct yaml_node *yaml = &reader->yaml->nodes[index];

	if (!yaml->kind) {
		if (!yaml->memory)
			return 0;
		return REFUSE(reader, -EBADMSG, index, NULL,
			      "node %u has memory, but its kind is missing", yaml->id);
	}
	if (!yaml->memory)
		return REFUSE(reader, -EINVAL, index, "kind", "node %u has a kind but no memory",
			      yaml->id);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(yaml->kind, kinds[i].name)) {
			reader->machine->nodes[index].kind = kinds[i].kind;
			return 0;
		}
	}
	return REFUSE(reader, -EBADMSG, index, "kind",
		      "node %u: no such kind: %.40s (dram, hbm, cxl or pmem)", yaml->id,
		      yaml->kind);
}

static int read_memory(const struct yaml_reader *reader, int index)
{
	const struct yaml_node *yaml = &reader->yaml->nodes[index];
	uint64_t bytes;

	if (!yaml->memory)
		return 0;
	if (units_parse_bytes(yaml->memory, &bytes) < 0)
		return REFUSE(reader, -EBADMSG, index, "memory",
			      "node %u: not a size: %.40s (such as 1GiB)", yaml->id, yaml->memory);
	if (!bytes)
		return REFUSE(reader, -EINVAL, index, "memory",
			      "node %u has 0 bytes: leave the key out for a node without memory",
			      yaml->id);
	if (bytes % MIB)
		return REFUSE(reader, -EINVAL, index, "memory",
			      "node %u: %.40s is not a multiple of 1 MiB", yaml->id, yaml->memory);
	reader->machine->nodes[index].capacity_bytes = bytes;
	return 0;
}

/* The node's CPUs as a mask; *next_cpu is the first that nr_cpus has not given out. */
static int read_cpu_mask(const struct yaml_reader *reader, int index, uint32_t *next_cpu,
			 struct nodemask *ret_cpus)
{
	const struct yaml_node *yaml = &reader->yaml->nodes[index];
	struct nodemask cpus = { { 0 } };

	if (yaml->cpus && yaml->nr_cpus)
		return REFUSE(reader, -EBADMSG, index, "nr_cpus",
			      "node %u has both cpus and nr_cpus", yaml->id);
	if (yaml->cpus && nodemask_parse(yaml->cpus, &cpus) < 0)
		return REFUSE(reader, -EBADMSG, index, "cpus",
			      "node %u: not a list of CPUs below %d: %.40s (such as 0-1,3)",
			      yaml->id, NODES_MAX, yaml->cpus);
	if (yaml->nr_cpus) {
		if (*yaml->nr_cpus > NODES_MAX - *next_cpu)
			return REFUSE(reader, -EINVAL, index, "nr_cpus",
				      "a machine has at most %d CPUs", NODES_MAX);
		for (uint32_t i = 0; i < *yaml->nr_cpus; i++)
			nodemask_set(&cpus, (*next_cpu)++);
	}
	*ret_cpus = cpus;
	return 0;
}

static int store_cpus(const struct yaml_reader *reader, int index, const struct nodemask *cpus)
{
	size_t length = nodemask_format(cpus, NULL, 0);
	char *list = malloc(length + 1);

	if (!list)
		return error_errno(reader->source.err, -ENOMEM, "read machine description");
	nodemask_format(cpus, list, length + 1);
	reader->machine->nodes[index].cpus = list;
	return 0;
}

static int read_cpus(const struct yaml_reader *reader)
{
	struct nodemask cpus, common, all = { { 0 } };
	const char *counted = NULL;
	uint32_t next_cpu = 0;
	int r;

	for (uint32_t i = 0; i < reader->yaml->nr_nodes; i++) {
		const struct yaml_node *yaml = &reader->yaml->nodes[i];
		const char *way = yaml->cpus ? "cpus" : yaml->nr_cpus ? "nr_cpus" : NULL;

		if (way && counted && strcmp(way, counted) != 0)
			return REFUSE(reader, -EBADMSG, i, way,
				      "some nodes have cpus and some nr_cpus: use one of them");
		counted = way ? way : counted;
		r = read_cpu_mask(reader, i, &next_cpu, &cpus);
		if (r < 0)
			return r;
		common = nodemask_and(&all, &cpus);
		if (!nodemask_empty(&common))
			return REFUSE(reader, -EINVAL, i, "cpus", "CPU %d is on two nodes",
				      nodemask_next(&common, 0));
		all = nodemask_or(&all, &cpus);
		r = store_cpus(reader, i, &cpus);
		if (r < 0)
			return r;
		if (nodemask_empty(&cpus) && !yaml->memory)
			return REFUSE(reader, -EINVAL, i, NULL,
				      "node %u has neither CPUs nor memory", yaml->id);
	}
	if (nodemask_empty(&all))
		return REFUSE(reader, -EINVAL, -1, NULL, "no node has a CPU");
	return 0;
}

static int read_cache_words(const struct yaml_reader *reader, int index,
			    const struct yaml_cache *yaml, struct mpol_memory_cache *cache)
{
	cache->indexing = -1;
	cache->write_through = -1;
	if (yaml->indexing && !strcmp(yaml->indexing, "direct"))
		cache->indexing = 0;
	else if (yaml->indexing && !strcmp(yaml->indexing, "indexed"))
		cache->indexing = 1;
	else if (yaml->indexing)
		return REFUSE(reader, -EBADMSG, index, "caches",
			      "no such indexing: %.40s (direct or indexed)", yaml->indexing);
	if (yaml->policy && !strcmp(yaml->policy, "write-back"))
		cache->write_through = 0;
	else if (yaml->policy && !strcmp(yaml->policy, "write-through"))
		cache->write_through = 1;
	else if (yaml->policy)
		return REFUSE(reader, -EBADMSG, index, "caches",
			      "no such policy: %.40s (write-back or write-through)", yaml->policy);
	return 0;
}

static int read_cache(const struct yaml_reader *reader, int index, const struct yaml_cache *yaml)
{
	struct machine_node *node = &reader->machine->nodes[index];
	struct mpol_memory_cache *cache = &node->caches[node->nr_caches];
	const struct mpol_memory_cache *previous = node->nr_caches ? cache - 1 : NULL;
	uint64_t line_bytes = 64;

	if (yaml->level != node->nr_caches + 1)
		return REFUSE(reader, -EINVAL, index, "caches",
			      "node %d: cache levels count up from 1, not %u", node->id,
			      yaml->level);
	if (units_parse_bytes(yaml->size, &cache->size_bytes) < 0)
		return REFUSE(reader, -EBADMSG, index, "caches", "not a size: %.40s", yaml->size);
	if (!cache->size_bytes || cache->size_bytes >= node->capacity_bytes)
		return REFUSE(reader, -EINVAL, index, "caches",
			      "node %d: a cache of %.40s in front of a memory of %s", node->id,
			      yaml->size,
			      reader->yaml->nodes[index].memory ? reader->yaml->nodes[index].memory
								: "0 bytes");
	if (previous && cache->size_bytes >= previous->size_bytes)
		return REFUSE(reader, -EINVAL, index, "caches",
			      "node %d: the cache of level %u is not smaller than that of level %u",
			      node->id, yaml->level, previous->level);
	if (yaml->line && (units_parse_bytes(yaml->line, &line_bytes) < 0 || !line_bytes ||
			   line_bytes > 32768 || line_bytes & (line_bytes - 1)))
		return REFUSE(reader, -EINVAL, index, "caches",
			      "not a cache line: %.40s (a power of two up to 32KiB)", yaml->line);
	cache->line_bytes = line_bytes;
	cache->level = yaml->level;
	node->nr_caches++;
	return read_cache_words(reader, index, yaml, cache);
}

static int read_total_bandwidth(const struct yaml_reader *reader, int index)
{
	const struct yaml_node *yaml = &reader->yaml->nodes[index];
	uint64_t bytes;

	if (!yaml->total_bandwidth)
		return 0;
	if (!yaml->memory)
		return REFUSE(reader, -EINVAL, index, "total_bandwidth",
			      "node %u has a total_bandwidth but no memory", yaml->id);
	if (units_parse_bandwidth(yaml->total_bandwidth, &bytes) < 0)
		return REFUSE(reader, -EBADMSG, index, "total_bandwidth",
			      "node %u: not a bandwidth: %.40s (such as 20GB/s)", yaml->id,
			      yaml->total_bandwidth);
	if (!bytes)
		return REFUSE(reader, -EINVAL, index, "total_bandwidth",
			      "no memory has a bandwidth of %.40s", yaml->total_bandwidth);
	reader->machine->nodes[index].total_bandwidth_bytes = bytes;
	return 0;
}

static int read_load_point(const struct yaml_reader *reader, int index,
			   const struct yaml_load_point *yaml)
{
	struct machine_node *node = &reader->machine->nodes[index];
	struct machine_load_curve *curve = &node->load_curve;
	struct load_point point = { yaml->utilisation, yaml->latency };
	struct load_point previous = { 0, 1000 };

	if (curve->nr_points)
		previous = curve->points[curve->nr_points - 1];
	if (!node->capacity_bytes)
		return REFUSE(reader, -EINVAL, index, "loaded_latency",
			      "node %d has a loaded_latency but no memory", node->id);
	if (point.utilisation_permille <= previous.utilisation_permille ||
	    point.utilisation_permille > 1000)
		return REFUSE(reader, -EINVAL, index, "loaded_latency",
			      "node %d: a utilisation of %u after %u: they ascend, up to 1000",
			      node->id, point.utilisation_permille, previous.utilisation_permille);
	if (point.latency_permille < previous.latency_permille ||
	    point.latency_permille > MACHINE_LOAD_MAX_PERMILLE)
		return REFUSE(reader, -EINVAL, index, "loaded_latency",
			      "node %d: a latency of %u after %u: they never fall, up to %d",
			      node->id, point.latency_permille, previous.latency_permille,
			      MACHINE_LOAD_MAX_PERMILLE);
	curve->points[curve->nr_points++] = point;
	return 0;
}

int yaml_read_nodes(const struct yaml_reader *reader)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < reader->yaml->nr_nodes; i++) {
		const struct yaml_node *yaml = &reader->yaml->nodes[i];

		r = read_id(reader, i);
		if (r == 0)
			r = read_memory(reader, i);
		if (r == 0)
			r = read_kind(reader, i);
		if (r == 0)
			r = read_total_bandwidth(reader, i);
		for (uint32_t j = 0; r == 0 && j < yaml->nr_caches; j++)
			r = read_cache(reader, i, &yaml->caches[j]);
		for (uint32_t j = 0; r == 0 && j < yaml->nr_load_points; j++)
			r = read_load_point(reader, i, &yaml->load_points[j]);
	}
	return r < 0 ? r : read_cpus(reader);
}
