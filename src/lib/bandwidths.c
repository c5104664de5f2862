/* SPDX-License-Identifier: MIT */
/*
 * Measured bandwidths: mpol_bandwidths_* of mpol/mpol.h.
 *
 * Of each node with CPUs towards each node with memory, and towards all of them, pages going round.
 * The time is shared out evenly; what cannot be measured is an error, never a guess.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "bandwidth-probe.h"
#include "bandwidths-record.h"
#include "cleanup.h"
#include "error.h"
#include "machine-identity.h"
#include "rootfs.h"
#include "topology-internal.h"

#define HUGE_BYTES    (2UL << 20)
#define MOST_CPUS     1024 /* of one node */
#define LEAST_TIME_NS 1000000ULL
/* Of the memory that is free on a node so much is taken at most: others live there too. */
#define FREE_PART 4

struct mpol_bandwidths {
	struct bandwidths_record record;
};

DEFINE_CLEANUP(struct mpol_bandwidths *, mpol_bandwidths_free);

void mpol_bandwidths_free(struct mpol_bandwidths *bandwidths)
{
	if (bandwidths)
		bandwidths_record_free(&bandwidths->record);
	free(bandwidths);
}

/* ---- Measuring ---------------------------------------------------------------------- */

struct measuring {
	const struct machine *machine;
	int root;
	struct nodemask memory;
	uint64_t time_ns; /* of one kind of access */
	size_t nr_done, nr_all;
	mpol_progress_fn *progress;
	void *user;
	struct bandwidths_record *record;
};

/* The CPUs of a node that this process may run on; returns how many. */
static size_t own_cpus(const struct machine_node *node, int *cpus)
{
	struct nodemask listed; /* a list is a list */
	cpu_set_t allowed;
	size_t nr = 0;
	int cpu;

	if (!node->cpus || nodemask_parse(node->cpus, &listed) < 0 ||
	    sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return 0;
	nodemask_for_each (cpu, &listed)
		if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &allowed))
			cpus[nr++] = cpu;
	return nr;
}

/* What all threads may have of the targets together. */
static uint64_t available(const struct measuring *measuring, const struct nodemask *targets)
{
	uint64_t least = UINT64_MAX, nr = 0;
	int node;

	nodemask_for_each (node, targets) {
		const struct machine *machine = measuring->machine;
		uint64_t bytes = machine->nodes[machine_index(machine, node)].free_bytes;

		least = bytes < least ? bytes : least;
		nr++;
	}
	return least / FREE_PART * nr;
}

static int too_little_memory(const struct nodemask *targets, uint64_t needed,
			     struct mpol_error *error)
{
	char nodes[64];

	nodemask_format(targets, nodes, sizeof(nodes));
	error_set(error, -ENOMEM, "measure bandwidth",
		  "%llu MiB must be free there, and four times that lest others suffer",
		  (unsigned long long)(needed >> 20));
	error_on(error, "memory of node %s", nodes);
	error_advise(error, "free some; or give weights: mpol weights set NODE=WEIGHT,...");
	return -ENOMEM;
}

static int measure_one(struct measuring *measuring, const struct machine_node *initiator,
		       const struct nodemask *targets, int target, struct mpol_error *error)
{
	int cpus[MOST_CPUS];
	struct bandwidth_probe probe = {
		.cpus = cpus,
		.nr_cpus = own_cpus(initiator, cpus),
		.targets = *targets,
		.time_ns = measuring->time_ns,
	};
	struct bandwidths_record *record = measuring->record;
	uint64_t bytes[PROBE_NR], needed;
	int r;

	probe.bytes_per_thread = bandwidth_probe_bytes(measuring->root, cpus[0], probe.nr_cpus);
	needed = probe.bytes_per_thread * probe.nr_cpus;
	if (needed > available(measuring, targets))
		return too_little_memory(targets, needed, error);
	r = bandwidth_probe_run(&probe, bytes, error);
	if (r < 0)
		return r;
	record->each[record->nr++] = (struct mpol_bandwidth) {
		.initiator = initiator->id,
		.target = target,
		.read_bytes = bytes[PROBE_READ],
		.write_bytes = bytes[PROBE_WRITE],
		.mixed_bytes = bytes[PROBE_MIXED],
	};
	measuring->nr_done++;
	if (measuring->progress)
		measuring->progress(measuring->nr_done, measuring->nr_all, measuring->user);
	return 0;
}

/* From one node's CPUs: each node alone, then all. */
static int measure_from(struct measuring *measuring, const struct machine_node *initiator,
			struct mpol_error *error)
{
	int node, r = 0;

	nodemask_for_each (node, &measuring->memory) {
		const struct nodemask alone = nodemask_of(node);

		r = measure_one(measuring, initiator, &alone, node, error);
		if (r < 0)
			return r;
	}
	if (nodemask_weight(&measuring->memory) > 1)
		r = measure_one(measuring, initiator, &measuring->memory, -1, error);
	return r;
}

static int measure_all(struct measuring *measuring, uint64_t time_ns, struct mpol_error *error)
{
	const struct machine *machine = measuring->machine;
	const size_t nr_targets = (size_t)nodemask_weight(&measuring->memory);
	int cpus[MOST_CPUS], r = 0;
	size_t nr_initiators = 0;

	for (int i = 0; i < machine->nr_nodes; i++)
		nr_initiators += own_cpus(&machine->nodes[i], cpus) > 0;
	measuring->nr_all = nr_initiators * (nr_targets + (nr_targets > 1));
	if (!measuring->nr_all)
		return error_set(error, -ENODEV, "measure bandwidth",
				 "there is no node with CPUs, or none with memory");
	measuring->time_ns = time_ns / measuring->nr_all / PROBE_NR;
	if (measuring->time_ns < LEAST_TIME_NS)
		measuring->time_ns = LEAST_TIME_NS;
	measuring->record->each = calloc(measuring->nr_all, sizeof(*measuring->record->each));
	if (!measuring->record->each)
		return error_errno(error, -ENOMEM, "measure bandwidth");
	for (int i = 0; r == 0 && i < machine->nr_nodes; i++)
		if (own_cpus(&machine->nodes[i], cpus) > 0)
			r = measure_from(measuring, &machine->nodes[i], error);
	return r;
}

int mpol_bandwidths_measure(const struct mpol_topology *topology, uint64_t time_ns,
			    mpol_progress_fn *progress, void *user,
			    struct mpol_bandwidths **ret_bandwidths, struct mpol_error *error)
{
	_cleanup_(mpol_bandwidths_freep) struct mpol_bandwidths *bandwidths =
		calloc(1, sizeof(*bandwidths));
	const struct machine *machine = topology_machine(topology);
	_cleanup_close_ int root = rootfs_open(NULL);
	struct measuring measuring = {
		.machine = machine,
		.root = root,
		.memory = machine_memory_nodes(machine),
		.progress = progress,
		.user = user,
	};
	int r = !bandwidths ? -ENOMEM : root < 0 ? root : 0;

	if (r < 0)
		return error_errno(error, r, "measure bandwidth");
	measuring.record = &bandwidths->record;
	r = measure_all(&measuring, time_ns, error);
	if (r < 0)
		return r;
	machine_identity(root, machine, bandwidths->record.identity);
	bandwidths->record.time_s = time(NULL);
	*ret_bandwidths = steal_pointer(&bandwidths);
	return 0;
}

/* ---- Keeping ------------------------------------------------------------------------ */

static int on_file(struct mpol_error *error, int code, const char *step, const char *path)
{
	error_errno(error, code, step);
	error_on(error, "%s", path);
	return code;
}

static int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const size_t length = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, length);
	if (n < 0)
		return -errno;
	if ((size_t)n != length)
		return -ENOSPC;
	return fsync(fd) < 0 ? -errno : 0;
}

int mpol_bandwidths_save(const struct mpol_bandwidths *bandwidths, const char *path,
			 struct mpol_error *error)
{
	_cleanup_free_ char *text = bandwidths_record_format(&bandwidths->record);
	_cleanup_free_ char *new_path = NULL;
	int r;

	if (!text || asprintf(&new_path, "%s.new", path) < 0)
		return error_errno(error, -ENOMEM, "write bandwidths");
	r = write_file(new_path, text);
	if (r == 0 && rename(new_path, path) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	unlink(new_path);
	return on_file(error, r, "write bandwidths", path);
}

/* Whether it was measured on the machine that the topology shows, which is the running one. */
static int check_identity(const struct bandwidths_record *record,
			  const struct mpol_topology *topology, const char *path,
			  struct mpol_error *error)
{
	_cleanup_close_ int root = rootfs_open(NULL);
	char identity[MACHINE_IDENTITY_SIZE];

	if (root < 0)
		return error_errno(error, root, "open /");
	machine_identity(root, topology_machine(topology), identity);
	if (!strcmp(identity, record->identity))
		return 0;
	error_set(error, -ESTALE, "read bandwidths",
		  "measured on another machine, or before it "
		  "was changed");
	error_on(error, "%s", path);
	error_advise(error, "mpol weights measure does it again");
	return -ESTALE;
}

int mpol_bandwidths_load(const char *path, const struct mpol_topology *topology,
			 struct mpol_bandwidths **ret_bandwidths, struct mpol_error *error)
{
	_cleanup_(mpol_bandwidths_freep) struct mpol_bandwidths *bandwidths =
		calloc(1, sizeof(*bandwidths));
	_cleanup_free_ char *text = NULL;
	ssize_t n;
	int r;

	if (!bandwidths)
		return error_errno(error, -ENOMEM, "read bandwidths");
	n = rootfs_read(AT_FDCWD, &text, "%s", path);
	if (n < 0)
		return on_file(error, (int)n, "read bandwidths", path);
	r = bandwidths_record_parse(text, (size_t)n, &bandwidths->record);
	if (r < 0) {
		on_file(error, r, "read bandwidths", path);
		error_advise(error, "mpol weights measure makes it anew");
		return r;
	}
	r = check_identity(&bandwidths->record, topology, path, error);
	if (r < 0)
		return r;
	*ret_bandwidths = steal_pointer(&bandwidths);
	return 0;
}

size_t mpol_bandwidths_nr(const struct mpol_bandwidths *bandwidths)
{
	return bandwidths->record.nr;
}

const struct mpol_bandwidth *mpol_bandwidths_at(const struct mpol_bandwidths *bandwidths,
						size_t index)
{
	return index < bandwidths->record.nr ? &bandwidths->record.each[index] : NULL;
}

int64_t mpol_bandwidths_time(const struct mpol_bandwidths *bandwidths)
{
	return bandwidths->record.time_s;
}
