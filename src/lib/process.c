/* SPDX-License-Identifier: MIT */
/*
 * The picture of a process: threads, their policies, ranges, bytes by node.
 *
 * One thread, the viewer, shows the ranges: the leader, or the first living
 * thread where the leader has ended.  A thread's policy is what its own
 * numa_maps shows for a range that nobody gives a policy (vma_table_witness);
 * a range that shows different threads different policies has none of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "numa-maps.h"
#include "process.h"
#include "rootfs.h"
#include "striped.h"
#include "target.h"

struct mpol_process {
	struct process_thread leader;
	struct vma_table table; /* as the viewer sees it; owns names and policies */
	int *nodes;
	uint64_t *node_bytes;
	size_t nr_nodes;
	struct mpol_thread *threads;
	struct mpol_policy *thread_policies; /* parallel to threads */
	size_t nr_threads;
	struct mpol_vma *vmas; /* parallel to table.vmas */
	uint64_t *vma_bytes;   /* [vma * nr_nodes + node] */
	struct striped_list striped;
};

DEFINE_CLEANUP(struct mpol_process *, mpol_process_free);

void mpol_process_free(struct mpol_process *process)
{
	if (!process)
		return;
	vma_table_free(&process->table);
	free(process->nodes);
	free(process->node_bytes);
	free(process->threads);
	free(process->thread_policies);
	free(process->vmas);
	free(process->vma_bytes);
	striped_free(&process->striped);
	free(process);
}

/* Nodes with pages of the process, or with memory that it may use. */
static int fill_nodes(int root, struct mpol_process *process)
{
	struct nodemask nodes = process->leader.mems_allowed, memory;
	int node;

	if (!rootfs_read_nodes(root, &memory, "sys/devices/system/node/has_memory"))
		nodes = nodemask_and(&nodes, &memory);
	nodes = nodemask_or(&nodes, &process->table.resident);
	process->nodes = calloc(nodemask_weight(&nodes) + 1, sizeof(*process->nodes));
	process->node_bytes = calloc(nodemask_weight(&nodes) + 1, sizeof(*process->node_bytes));
	if (!process->nodes || !process->node_bytes)
		return -ENOMEM;
	nodemask_for_each (node, &nodes) {
		process->nodes[process->nr_nodes] = node;
		process->node_bytes[process->nr_nodes++] = process->table.bytes[node];
	}
	return 0;
}

static size_t node_index(const struct mpol_process *process, int node)
{
	size_t i = 0;

	while (process->nodes[i] != node)
		i++;
	return i;
}

/* With the thread's policy *shown, what it tells about each range of the viewer's table. */
static void compare_vmas(struct mpol_process *process, const struct mpol_policy *viewer,
			 const struct vma_table *other, const struct mpol_policy *shown)
{
	if (!viewer || policy_equal(viewer, shown))
		return;
	for (size_t i = 0; i < process->table.nr_vmas; i++) {
		const struct vma *vma = vma_table_find(other, process->vmas[i].start);

		if (process->vmas[i].has_policy >= 0 || !vma)
			continue;
		if (policy_equal(vma->policy, process->vmas[i].policy))
			process->vmas[i].has_policy = 1;
		else if (policy_equal(vma->policy, shown))
			process->vmas[i].has_policy = 0;
	}
}

/* Reads the thread's policy; unless it is the viewer, tells the ranges' own from the thread's. */
static int fill_thread_policy(int root, struct mpol_process *process, size_t index,
			      const struct mpol_policy *viewer)
{
	_cleanup_(vma_table_free) struct vma_table table = { 0 };
	const struct vma *witness;
	int r;

	r = process_read_vmas(root, process->leader.tid, process->threads[index].tid, &table);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	witness = vma_table_witness(&table);
	if (!witness)
		return 0;
	process->thread_policies[index] = *witness->policy;
	process->threads[index].policy = &process->thread_policies[index];
	if (process->vmas)
		compare_vmas(process, viewer, &table, witness->policy);
	return 0;
}

static int fill_threads(int root, struct mpol_process *process, const struct mpol_policy *viewer)
{
	_cleanup_free_ pid_t *tids = NULL;
	size_t nr = 0;
	int r;

	r = process_list_threads(root, process->leader.tid, &tids, &nr);
	if (r < 0)
		return r;
	process->threads = calloc(nr, sizeof(*process->threads));
	process->thread_policies = calloc(nr, sizeof(*process->thread_policies));
	if (!process->threads || !process->thread_policies)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		struct mpol_thread *thread = &process->threads[process->nr_threads];
		struct process_thread read;

		r = process_read_thread(root, process->leader.tid, tids[i], &read);
		if (r == -ESRCH)
			continue;
		if (r < 0)
			return r;
		thread->tid = read.tid;
		thread->state = read.state;
		thread->start_ticks = read.start_ticks;
		memcpy(thread->name, read.name, sizeof(thread->name));
		memcpy(thread->mems_allowed, read.mems_allowed.bits, sizeof(thread->mems_allowed));
		r = fill_thread_policy(root, process, process->nr_threads++, viewer);
		if (r < 0)
			return r;
	}
	return 0;
}

static int fill_vmas(struct mpol_process *process, const struct mpol_policy *viewer)
{
	const struct vma_table *table = &process->table;

	process->vmas = calloc(table->nr_vmas + 1, sizeof(*process->vmas));
	process->vma_bytes = calloc(table->nr_vmas * process->nr_nodes + 1, sizeof(uint64_t));
	if (!process->vmas || !process->vma_bytes)
		return -ENOMEM;
	for (size_t i = 0; i < table->nr_vmas; i++) {
		const struct vma *from = &table->vmas[i];
		uint64_t *bytes = &process->vma_bytes[i * process->nr_nodes];
		struct mpol_vma *vma = &process->vmas[i];

		*vma = (struct mpol_vma) {
			.start = from->start,
			.end = from->end,
			.name = from->name,
			.has_policy = -1,
			.policy = from->policy,
			.page_bytes = from->page_bytes,
			.bytes_by_node = bytes,
		};
		memcpy(vma->permissions, from->permissions, sizeof(vma->permissions));
		if (viewer && !policy_equal(from->policy, viewer))
			vma->has_policy = 1;
		else if (from->policy->mode == MPOL_MODE_DEFAULT)
			vma->has_policy = 0; /* a range's own is never default */
		for (size_t n = 0; n < from->nr_nodes; n++)
			bytes[node_index(process, from->nodes[n].node)] = from->nodes[n].bytes;
	}
	return 0;
}

static bool any_vma_unclear(const struct mpol_process *process)
{
	for (size_t i = 0; process->vmas && i < process->table.nr_vmas; i++)
		if (process->vmas[i].has_policy < 0)
			return true;
	return false;
}

static int fill(int root, pid_t pid, unsigned int what, struct mpol_process *process,
		struct mpol_error *error)
{
	const struct vma *witness;
	pid_t viewer;
	int r;

	r = target_find_leader(root, pid, &process->leader, error);
	if (r < 0)
		return r;
	r = target_read_vmas(root, &process->leader, &viewer, &process->table, error);
	if (r < 0)
		return r;
	witness = vma_table_witness(&process->table);
	r = fill_nodes(root, process);
	if (r >= 0 && (what & MPOL_PROCESS_VMAS))
		r = fill_vmas(process, witness ? witness->policy : NULL);
	if (r >= 0 && ((what & MPOL_PROCESS_THREADS) || any_vma_unclear(process)))
		r = fill_threads(root, process, witness ? witness->policy : NULL);
	if (r >= 0 && process->vmas)
		r = striped_find(process->vmas, process->table.nr_vmas, &process->striped);
	if (r < 0)
		return target_error(error, r, "read /proc", &process->leader);
	return 0;
}

int mpol_process_new(const char *root, pid_t pid, unsigned int what,
		     struct mpol_process **ret_process, struct mpol_error *error)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	_cleanup_close_ int fd = rootfs_open(root);
	int r;

	if (fd < 0) {
		error_errno(error, fd, "open root");
		error_on(error, "%s", root ? root : "/");
		return fd;
	}
	process = calloc(1, sizeof(*process));
	if (!process)
		return error_errno(error, -ENOMEM, "read /proc");
	r = fill(fd, pid, what, process, error);
	if (r < 0)
		return r;
	*ret_process = steal_pointer(&process);
	return 0;
}

pid_t mpol_process_pid(const struct mpol_process *process)
{
	return process->leader.tid;
}

const char *mpol_process_name(const struct mpol_process *process)
{
	return process->leader.name;
}

uint64_t mpol_process_start_ticks(const struct mpol_process *process)
{
	return process->leader.start_ticks;
}

size_t mpol_process_nr_nodes(const struct mpol_process *process)
{
	return process->nr_nodes;
}

int mpol_process_node(const struct mpol_process *process, size_t index)
{
	return process->nodes[index];
}

uint64_t mpol_process_node_bytes(const struct mpol_process *process, size_t index)
{
	return process->node_bytes[index];
}

size_t mpol_process_nr_threads(const struct mpol_process *process)
{
	return process->nr_threads;
}

const struct mpol_thread *mpol_process_thread(const struct mpol_process *process, size_t index)
{
	return index < process->nr_threads ? &process->threads[index] : NULL;
}

size_t mpol_process_nr_vmas(const struct mpol_process *process)
{
	return process->vmas ? process->table.nr_vmas : 0;
}

const struct mpol_vma *mpol_process_vma(const struct mpol_process *process, size_t index)
{
	return index < mpol_process_nr_vmas(process) ? &process->vmas[index] : NULL;
}

const struct mpol_striped *mpol_process_striped(const struct mpol_process *process, size_t index)
{
	return index < process->striped.nr ? &process->striped.items[index] : NULL;
}
