/* SPDX-License-Identifier: MIT */
/*
 * hwloc XML to struct machine: see machine-hwloc.h.
 *
 * hwloc only parses here; nothing is discovered and no variable of the
 * environment is needed, so any thread may call.
 */
#include "machine-hwloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hwloc.h>

#include "cleanup.h"
#include "error.h"

DEFINE_CLEANUP(struct machine *, machine_free);
DEFINE_CLEANUP(hwloc_topology_t, hwloc_topology_destroy);
DEFINE_CLEANUP(hwloc_bitmap_t, hwloc_bitmap_free);

/* Node i of the machine is objects[i] of the topology. */
struct import {
	hwloc_topology_t topology;
	struct machine *machine;
	hwloc_obj_t objects[NODES_MAX];
	hwloc_bitmap_t own_cpus[NODES_MAX];
};

static void import_release(struct import *import)
{
	for (int i = 0; i < NODES_MAX; i++)
		hwloc_bitmap_free(import->own_cpus[i]);
}

/* ---- Nodes -------------------------------------------------------------------- */

static enum mpol_memory_kind kind_of(hwloc_obj_t object)
{
	static const struct {
		const char *subtype;
		enum mpol_memory_kind kind;
	} subtypes[] = {
		{ "DRAM", MPOL_MEMORY_DRAM },	 { "HBM", MPOL_MEMORY_HBM },
		{ "MCDRAM", MPOL_MEMORY_HBM },	 { "NVM", MPOL_MEMORY_PMEM },
		{ "CXL-DRAM", MPOL_MEMORY_CXL }, { "CXL-NVM", MPOL_MEMORY_PMEM },
	};
	const char *dax = hwloc_obj_get_info_by_name(object, "DAXType");

	for (size_t i = 0; object->subtype && i < sizeof(subtypes) / sizeof(subtypes[0]); i++)
		if (!strcmp(object->subtype, subtypes[i].subtype))
			return subtypes[i].kind;
	if (dax && !strcmp(dax, "NVM"))
		return MPOL_MEMORY_PMEM;
	return hwloc_obj_get_info_by_name(object, "CXLDevice") ? MPOL_MEMORY_CXL
							       : MPOL_MEMORY_UNKNOWN;
}

/* The memory-side caches are the node's ancestors; the nearest to the memory is level 1. */
static void import_caches(hwloc_obj_t object, struct machine_node *node)
{
	for (hwloc_obj_t parent = object->parent;
	     parent && parent->type == HWLOC_OBJ_MEMCACHE && node->nr_caches < MACHINE_MAX_CACHES;
	     parent = parent->parent) {
		int ways = parent->attr->cache.associativity;

		node->caches[node->nr_caches] = (struct mpol_memory_cache) {
			.size_bytes = parent->attr->cache.size,
			.line_bytes = parent->attr->cache.linesize,
			.level = node->nr_caches + 1,
			.indexing = ways == 0 ? -1 : ways != 1,
			.write_through = -1,
		};
		node->nr_caches++;
	}
}

/* Of equally small sets, the lowest node's first: it takes the CPUs. */
static int by_cpus_then_id(const void *a, const void *b)
{
	const hwloc_obj_t x = *(const hwloc_obj_t *)a, y = *(const hwloc_obj_t *)b;
	int weight = hwloc_bitmap_weight(x->cpuset) - hwloc_bitmap_weight(y->cpuset);

	return weight ? weight : (x->os_index > y->os_index) - (x->os_index < y->os_index);
}

static int import_cpus(struct import *import)
{
	_cleanup_(hwloc_bitmap_freep) hwloc_bitmap_t taken = hwloc_bitmap_alloc();
	hwloc_obj_t objects[NODES_MAX];
	int n = import->machine->nr_nodes;

	if (!taken)
		return -ENOMEM;
	memcpy(objects, import->objects, n * sizeof(*objects));
	qsort(objects, n, sizeof(*objects), by_cpus_then_id);
	for (int rank = 0; rank < n; rank++) {
		int i = machine_index(import->machine, objects[rank]->os_index);
		hwloc_bitmap_t own = import->own_cpus[i] = hwloc_bitmap_alloc();

		if (!own || hwloc_bitmap_andnot(own, objects[rank]->cpuset, taken) < 0 ||
		    hwloc_bitmap_or(taken, taken, own) < 0 ||
		    hwloc_bitmap_list_asprintf(&import->machine->nodes[i].cpus, own) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const hwloc_obj_t x = *(const hwloc_obj_t *)a, y = *(const hwloc_obj_t *)b;

	return (x->os_index > y->os_index) - (x->os_index < y->os_index);
}

/* Makes the machine with its nodes.  -EINVAL: no nodes, or numbers that cannot be. */
static int import_nodes(struct import *import, const char *name)
{
	int n = hwloc_get_nbobjs_by_type(import->topology, HWLOC_OBJ_NUMANODE), r;
	hwloc_obj_t root = hwloc_get_root_obj(import->topology);
	const char *host = hwloc_obj_get_info_by_name(root, "HostName");

	if (n < 1 || n > NODES_MAX)
		return -EINVAL;
	for (int i = 0; i < n; i++)
		import->objects[i] = hwloc_get_obj_by_type(import->topology, HWLOC_OBJ_NUMANODE, i);
	qsort(import->objects, n, sizeof(*import->objects), by_id);
	for (int i = 0; i < n; i++)
		if (import->objects[i]->os_index >= NODES_MAX || !import->objects[i]->cpuset ||
		    (i && import->objects[i]->os_index == import->objects[i - 1]->os_index))
			return -EINVAL;

	r = machine_new(host ? host : name, n, &import->machine);
	if (r < 0)
		return r;
	for (int i = 0; i < n; i++) {
		struct machine_node *node = &import->machine->nodes[i];

		node->id = import->objects[i]->os_index;
		node->kind = kind_of(import->objects[i]);
		node->capacity_bytes = import->objects[i]->attr->numanode.local_memory;
		import_caches(import->objects[i], node);
	}
	return import_cpus(import);
}

/* ---- Tables -------------------------------------------------------------------- */

static void import_distances(struct import *import)
{
	struct hwloc_distances_s *distances;
	unsigned int nr = 1;

	/* By definition; hwloc leaves the table of a single node out. */
	for (int i = 0; i < import->machine->nr_nodes; i++)
		import->machine->distances[i * import->machine->nr_nodes + i] = 10;
	if (hwloc_distances_get_by_name(import->topology, "NUMALatency", &nr, &distances, 0) < 0 ||
	    nr == 0)
		return;
	for (unsigned int i = 0; i < distances->nbobjs * distances->nbobjs; i++) {
		hwloc_obj_t from = distances->objs[i / distances->nbobjs];
		hwloc_obj_t to = distances->objs[i % distances->nbobjs];
		uint8_t *place = NULL;

		if (from && to && from->type == HWLOC_OBJ_NUMANODE &&
		    to->type == HWLOC_OBJ_NUMANODE)
			place = machine_distance(import->machine, from->os_index, to->os_index);
		if (place && distances->values[i] <= UINT8_MAX)
			*place = distances->values[i];
	}
	hwloc_distances_release(import->topology, distances);
}

/* hwloc's attributes are in ns and MiB/s; the ones without direction stand for both. */
static void store_attribute(struct mpol_performance *performance, hwloc_memattr_id_t attribute,
			    uint64_t value)
{
	uint32_t ns = value > UINT32_MAX ? UINT32_MAX : value;
	uint64_t bytes = value > UINT64_MAX >> 20 ? UINT64_MAX : value << 20;

	if (attribute == HWLOC_MEMATTR_ID_LATENCY || attribute == HWLOC_MEMATTR_ID_READ_LATENCY)
		performance->read_latency_ns = ns;
	if (attribute == HWLOC_MEMATTR_ID_LATENCY || attribute == HWLOC_MEMATTR_ID_WRITE_LATENCY)
		performance->write_latency_ns = ns;
	if (attribute == HWLOC_MEMATTR_ID_BANDWIDTH || attribute == HWLOC_MEMATTR_ID_READ_BANDWIDTH)
		performance->read_bandwidth_bytes = bytes;
	if (attribute == HWLOC_MEMATTR_ID_BANDWIDTH ||
	    attribute == HWLOC_MEMATTR_ID_WRITE_BANDWIDTH)
		performance->write_bandwidth_bytes = bytes;
}

/* The CPUs of a location are those of one or more initiator nodes. */
static void import_value(struct import *import, int target, hwloc_memattr_id_t attribute,
			 const struct hwloc_location *location, uint64_t value)
{
	hwloc_const_cpuset_t cpus = location->type == HWLOC_LOCATION_TYPE_CPUSET
					    ? location->location.cpuset
					    : location->location.object->cpuset;

	for (int i = 0; cpus && i < import->machine->nr_nodes; i++)
		if (hwloc_bitmap_intersects(cpus, import->own_cpus[i]))
			store_attribute(
				&import->machine
					 ->performances[(size_t)i * import->machine->nr_nodes +
							target],
				attribute, value);
}

static int import_attribute(struct import *import, int target, hwloc_memattr_id_t attribute)
{
	_cleanup_free_ struct hwloc_location *locations = NULL;
	_cleanup_free_ hwloc_uint64_t *values = NULL;
	unsigned int nr = 0, room;

	if (hwloc_memattr_get_initiators(import->topology, attribute, import->objects[target], 0,
					 &nr, NULL, NULL) < 0 ||
	    nr == 0)
		return 0;
	room = nr;
	locations = calloc(room, sizeof(*locations));
	values = calloc(room, sizeof(*values));
	if (!locations || !values)
		return -ENOMEM;
	if (hwloc_memattr_get_initiators(import->topology, attribute, import->objects[target], 0,
					 &nr, locations, values) < 0)
		return 0;
	for (unsigned int i = 0; i < nr && i < room; i++)
		import_value(import, target, attribute, &locations[i], values[i]);
	return 0;
}

static int import_performance(struct import *import)
{
	/* Those without direction first: the others know better. */
	static const hwloc_memattr_id_t attributes[] = {
		HWLOC_MEMATTR_ID_LATENCY,	 HWLOC_MEMATTR_ID_BANDWIDTH,
		HWLOC_MEMATTR_ID_READ_LATENCY,	 HWLOC_MEMATTR_ID_WRITE_LATENCY,
		HWLOC_MEMATTR_ID_READ_BANDWIDTH, HWLOC_MEMATTR_ID_WRITE_BANDWIDTH,
	};

	for (int target = 0; target < import->machine->nr_nodes; target++)
		for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
			int r = import_attribute(import, target, attributes[i]);

			if (r < 0)
				return r;
		}
	return 0;
}

/* ---- The whole ------------------------------------------------------------------- */

static int load_xml(const char *text, size_t length, hwloc_topology_t *ret_topology)
{
	_cleanup_(hwloc_topology_destroyp) hwloc_topology_t topology = NULL;

	if (hwloc_topology_init(&topology) < 0)
		return -ENOMEM;
	if (hwloc_topology_set_xmlbuffer(topology, text, length) < 0 ||
	    hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) < 0 ||
	    hwloc_topology_set_type_filter(topology, HWLOC_OBJ_MEMCACHE,
					   HWLOC_TYPE_FILTER_KEEP_ALL) < 0 ||
	    hwloc_topology_load(topology) < 0)
		return errno == ENOMEM ? -ENOMEM : -EBADMSG;
	*ret_topology = steal_pointer(&topology);
	return 0;
}

static int import_all(const char *name, const char *text, size_t length,
		      struct machine **ret_machine)
{
	_cleanup_(hwloc_topology_destroyp) hwloc_topology_t topology = NULL;
	_cleanup_(import_release) struct import import = { 0 };
	_cleanup_(machine_freep) struct machine *machine = NULL;
	int r = load_xml(text, length, &topology);

	if (r < 0)
		return r;
	import.topology = topology;
	r = import_nodes(&import, name);
	machine = import.machine;
	if (r == 0) {
		import_distances(&import);
		r = import_performance(&import);
	}
	if (r < 0)
		return r;
	*ret_machine = steal_pointer(&machine);
	return 0;
}

int machine_from_hwloc_xml_text(const char *name, const char *text, size_t length,
				struct machine **ret_machine, struct mpol_error *err)
{
	int r = import_all(name, text, length, ret_machine);

	if (r == 0)
		return 0;
	if (r == -EBADMSG)
		error_set(err, r, "read machine", "not XML of hwloc's version 2");
	else if (r == -EINVAL)
		error_set(err, r, "read machine", "no memory nodes numbered 0 to %d in it",
			  NODES_MAX - 1);
	else
		error_errno(err, r, "read machine");
	error_on(err, "%s", name);
	if (r == -EBADMSG || r == -EINVAL)
		error_advise(err, "lstopo FILE.xml writes such a file on the machine in question");
	return r;
}
