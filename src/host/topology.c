/* SPDX-License-Identifier: MIT */
/*
 * Reading a machine from /sys: see topology.h.
 *
 * Every file of a node that is online is either what the kernel writes or an
 * error that names it.  Nodes come and go (memory hotplug): a reading during
 * which the set of online nodes changed is thrown away and made again.
 */
#include "topology.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "rootfs.h"
#include "text.h"
#include "topology-internal.h"

#define NODES	"sys/devices/system/node"
#define TIERS	"sys/devices/virtual/memory_tiering"
#define WEIGHTS "sys/kernel/mm/mempolicy/weighted_interleave"

#define READINGS_MAX 5

DEFINE_CLEANUP(struct machine *, machine_free);

int topology_error(struct mpol_error *err, int code, const char *cause, const char *path, ...)
{
	char words[PATH_MAX];
	va_list args;

	va_start(args, path);
	vsnprintf(words, sizeof(words), path, args);
	va_end(args);
	if (code == -EBADMSG && cause)
		error_set(err, code, "read topology", "%s", cause);
	else
		error_errno(err, code, "read topology");
	error_on(err, "/%s", words);
	if (code == -EBADMSG)
		error_advise(err, "the kernel does not write this: where the tree is a recorded "
				  "one, record it again");
	return code;
}

/* A whole file of a node; a missing one and one with a NUL in it are -EBADMSG. */
static int read_node_file(struct topology_reader *reader, int node, const char *name,
			  char **ret_text)
{
	_cleanup_free_ char *text = NULL;
	ssize_t length = rootfs_read(reader->root, &text, NODES "/node%d/%s", node, name);

	if (length == -ENOENT)
		return topology_error(reader->err, -EBADMSG, "an online node without this file",
				      NODES "/node%d/%s", node, name);
	if (length < 0)
		return topology_error(reader->err, length, NULL, NODES "/node%d/%s", node, name);
	if (strlen(text) != (size_t)length)
		return topology_error(reader->err, -EBADMSG, "a NUL byte in it", NODES "/node%d/%s",
				      node, name);
	*ret_text = steal_pointer(&text);
	return 0;
}

/* A number that may be missing: then *ret stays. */
static int read_optional_u64(struct topology_reader *reader, uint64_t max, uint64_t *ret,
			     const char *path)
{
	uint64_t value;
	int r = rootfs_read_u64(reader->root, &value, "%s", path);

	if (r == -ENOENT)
		return 0;
	if (r == 0 && value > max)
		r = -EBADMSG;
	if (r < 0)
		return topology_error(reader->err, r, "not a number, or one that cannot be", "%s",
				      path);
	*ret = value;
	return 0;
}

/* ---- One node --------------------------------------------------------------- */

static int read_memory(struct topology_reader *reader, struct machine_node *node)
{
	_cleanup_free_ char *text = NULL;
	int r = read_node_file(reader, node->id, "meminfo", &text);

	if (r < 0)
		return r;
	if (topology_parse_meminfo(text, node->id, &node->capacity_bytes, &node->free_bytes) < 0)
		return topology_error(reader->err, -EBADMSG,
				      "no MemTotal and MemFree of this node in kB",
				      NODES "/node%d/meminfo", node->id);
	return 0;
}

static int read_cpus(struct topology_reader *reader, struct machine_node *node)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = read_node_file(reader, node->id, "cpulist", &text);

	if (r < 0)
		return r;
	if (topology_parse_cpulist(text, &length) < 0)
		return topology_error(reader->err, -EBADMSG, "not a list of CPUs",
				      NODES "/node%d/cpulist", node->id);
	text[length] = '\0';
	node->cpus = steal_pointer(&text);
	return 0;
}

/* Columns are online nodes in ascending order, as nodes[] is: not node numbers. */
static int read_distances(struct topology_reader *reader, int i)
{
	struct machine *machine = reader->machine;
	int id = machine->nodes[i].id, n = machine->nr_nodes;
	_cleanup_free_ char *text = NULL;
	char cause[96];
	int r = read_node_file(reader, id, "distance", &text);

	if (r < 0)
		return r;
	if (topology_parse_distances(text, n, &machine->distances[(size_t)i * n]) == 0)
		return 0;
	snprintf(cause, sizeof(cause), "not one distance (1 to 255) for each of %d online nodes",
		 n);
	return topology_error(reader->err, -EBADMSG, cause, NODES "/node%d/distance", id);
}

static int read_cache(struct topology_reader *reader, struct machine_node *node, uint64_t level)
{
	static const char *const names[] = { "size", "line_size", "indexing", "write_policy" };
	static const uint64_t max[] = { UINT64_MAX, UINT32_MAX, 2, 2 };
	uint64_t values[] = { 0, 0, UINT64_MAX, UINT64_MAX };
	char path[PATH_MAX];

	for (int i = 0; i < 4; i++) {
		int r;

		snprintf(path, sizeof(path), NODES "/node%d/memory_side_cache/index%llu/%s",
			 node->id, (unsigned long long)level, names[i]);
		r = read_optional_u64(reader, max[i], &values[i], path);
		if (r < 0)
			return r;
	}
	/* 2 stands for "other" in both (include/linux/node.h). */
	node->caches[node->nr_caches++] = (struct mpol_memory_cache) {
		.size_bytes = values[0],
		.line_bytes = values[1],
		.level = level,
		.indexing = values[2] > 1 ? -1 : (int32_t)values[2],
		.write_through = values[3] > 1 ? -1 : (int32_t)values[3],
	};
	return 0;
}

static int by_level(const void *a, const void *b)
{
	const struct mpol_memory_cache *x = a, *y = b;

	return (x->level > y->level) - (x->level < y->level);
}

static int read_caches(struct topology_reader *reader, struct machine_node *node)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int r = rootfs_opendir(reader->root, &dir, NODES "/node%d/memory_side_cache", node->id);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return topology_error(reader->err, r, NULL, NODES "/node%d/memory_side_cache",
				      node->id);
	while ((entry = readdir(dir)) && node->nr_caches < MACHINE_MAX_CACHES) {
		uint64_t level;

		if (!topology_parse_name(entry->d_name, "index", UINT8_MAX, &level))
			continue;
		r = read_cache(reader, node, level);
		if (r < 0)
			return r;
	}
	qsort(node->caches, node->nr_caches, sizeof(*node->caches), by_level);
	return 0;
}

static int read_performance_values(struct topology_reader *reader, int target, int class,
				   struct mpol_performance *ret)
{
	static const char *const names[] = { "read_latency", "write_latency", "read_bandwidth",
					     "write_bandwidth" };
	uint64_t values[4] = { 0 };
	char path[PATH_MAX];

	for (int i = 0; i < 4; i++) {
		int r;

		snprintf(path, sizeof(path), NODES "/node%d/access%d/initiators/%s", target, class,
			 names[i]);
		r = read_optional_u64(reader, UINT32_MAX, &values[i], path);
		if (r < 0)
			return r;
	}
	/* MiB per second (numaperf.rst), nanoseconds. */
	*ret = (struct mpol_performance) {
		.read_latency_ns = values[0],
		.write_latency_ns = values[1],
		.read_bandwidth_bytes = values[2] << 20,
		.write_bandwidth_bytes = values[3] << 20,
	};
	return 0;
}

/*
 * The values of an access class hold for every initiator linked in it.  Class 0
 * has the best initiators of any sort, class 1 the best that are CPUs.
 */
static int read_access(struct topology_reader *reader, int target, int class)
{
	struct mpol_performance performance;
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int r = rootfs_opendir(reader->root, &dir, NODES "/node%d/access%d/initiators", target,
			       class);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return topology_error(reader->err, r, NULL, NODES "/node%d/access%d/initiators",
				      target, class);
	r = read_performance_values(reader, target, class, &performance);
	if (r < 0)
		return r;
	while ((entry = readdir(dir))) {
		struct mpol_performance *place;
		uint64_t initiator;

		if (!topology_parse_name(entry->d_name, "node", NODES_MAX - 1, &initiator))
			continue;
		place = machine_performance(reader->machine, initiator, target);
		if (place)
			*place = performance;
	}
	return 0;
}

static int read_weight(struct topology_reader *reader, struct machine_node *node)
{
	uint64_t weight = 0;
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), WEIGHTS "/node%d", node->id);
	r = read_optional_u64(reader, UINT8_MAX, &weight, path);
	if (r == 0 && weight)
		node->kernel_weight = weight;
	return r;
}

static int read_node(struct topology_reader *reader, int i)
{
	struct machine_node *node = &reader->machine->nodes[i];
	int r = read_memory(reader, node);

	if (r == 0)
		r = read_cpus(reader, node);
	if (r == 0)
		r = read_distances(reader, i);
	if (r == 0)
		r = read_caches(reader, node);
	if (r == 0)
		r = read_access(reader, node->id, 0);
	if (r == 0)
		r = read_access(reader, node->id, 1);
	if (r == 0)
		r = read_weight(reader, node);
	return r;
}

/* ---- The whole machine -------------------------------------------------------- */

static int read_kernel_tiers(struct topology_reader *reader)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int r = rootfs_opendir(reader->root, &dir, TIERS);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return topology_error(reader->err, r, NULL, TIERS);
	while ((entry = readdir(dir))) {
		struct nodemask nodes;
		uint64_t tier;
		int node;

		if (!topology_parse_name(entry->d_name, "memory_tier", INT_MAX, &tier))
			continue;
		r = rootfs_read_nodes(reader->root, &nodes, TIERS "/%s/nodelist", entry->d_name);
		if (r == -ENOENT) /* the tier's last node has just left */
			continue;
		if (r < 0)
			return topology_error(reader->err, r, "not a list of nodes",
					      TIERS "/%s/nodelist", entry->d_name);
		nodemask_for_each (node, &nodes) {
			int i = machine_index(reader->machine, node);

			if (i >= 0)
				reader->machine->nodes[i].kernel_tier = tier;
		}
	}
	return 0;
}

static int read_online(int root, struct nodemask *ret_online, struct mpol_error *err)
{
	struct nodemask online;
	int r = rootfs_read_nodes(root, &online, NODES "/online");

	if (r == -ENOENT) {
		error_set(err, r, "read topology", "no NUMA information there");
		error_on(err, "/" NODES);
		error_advise(err, "the kernel must be built with CONFIG_NUMA, and /sys be "
				  "mounted; or describe the machine in a file");
		return r;
	}
	if (r == 0 && nodemask_empty(&online))
		r = -EBADMSG;
	if (r < 0)
		return topology_error(err, r, "not a list of at least one node", NODES "/online");
	*ret_online = online;
	return 0;
}

/* The host's name; "" where a recorded tree lacks it. */
static int read_name(int root, char **ret_name)
{
	_cleanup_free_ char *text = NULL;
	ssize_t r = rootfs_read(root, &text, "proc/sys/kernel/hostname");

	if (r >= 0)
		text[strcspn(text, "\n")] = '\0';
	else
		text = strdup("");
	if (!text)
		return -ENOMEM;
	*ret_name = steal_pointer(&text);
	return 0;
}

static int read_once(int root, const struct nodemask *online, struct machine **ret_machine,
		     struct mpol_error *err)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	_cleanup_free_ char *name = NULL;
	struct topology_reader reader = { .root = root, .err = err };
	int node, i = 0, r;

	r = read_name(root, &name);
	if (r == 0)
		r = machine_new(name, nodemask_weight(online), &machine);
	if (r < 0)
		return error_errno(err, r, "read topology");
	reader.machine = machine;

	nodemask_for_each (node, online)
		machine->nodes[i++].id = node;
	r = rootfs_read_nodes(root, &machine->possible, NODES "/possible");
	if (r < 0)
		return topology_error(err, r == -ENOENT ? -EBADMSG : r, "not a list of nodes",
				      NODES "/possible");
	for (i = 0; i < machine->nr_nodes && r == 0; i++)
		r = read_node(&reader, i);
	if (r == 0)
		r = read_kernel_tiers(&reader);
	if (r == 0)
		r = topology_read_kinds(&reader);
	if (r < 0)
		return r;
	*ret_machine = steal_pointer(&machine);
	return 0;
}

/* Reads until the nodes that are online were the same before and after. */
static int read_settled(int root, struct machine **ret_machine, struct mpol_error *err)
{
	struct nodemask online, after;
	int r = read_online(root, &online, err);

	if (r < 0)
		return r;
	for (int i = 0; i < READINGS_MAX; i++) {
		_cleanup_(machine_freep) struct machine *machine = NULL;

		r = read_once(root, &online, &machine, err);
		if (r == -ENOMEM)
			return r;
		if (rootfs_read_nodes(root, &after, NODES "/online") < 0 ||
		    nodemask_equal(&online, &after)) {
			if (r < 0)
				return r;
			error_clear(err); /* an earlier reading's */
			*ret_machine = steal_pointer(&machine);
			return 0;
		}
		online = after;
	}
	error_set(err, -EAGAIN, "read topology", "nodes keep coming and going");
	error_on(err, "/" NODES "/online");
	return -EAGAIN;
}

int topology_read(int root, struct machine **ret_machine, struct mpol_error *err)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	int r = read_settled(root, &machine, err);

	if (r < 0)
		return r;
	if (machine_judge(machine) < 0)
		return error_errno(err, -ENOMEM, "judge topology");
	machine_assign_tiers(machine);
	*ret_machine = steal_pointer(&machine);
	return 0;
}
