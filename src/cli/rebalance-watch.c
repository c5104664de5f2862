/* SPDX-License-Identifier: MIT */
/* Watching what the places of pages follow from: see rebalance-watch.h. */
#include "rebalance-watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "clock.h"
#include "error.h"
#include "grow.h"

#define LEAST_PAUSE_NS 2000000000ULL
#define PAUSE_PER_LOOK 50

void rebalance_watch_free(struct rebalance_watch *watch)
{
	free(watch->processes);
	watch->processes = NULL;
}

/* Its entry, made if there is none yet; NULL: no memory. */
static struct rebalance_watched *find(struct rebalance_watch *watch,
				      const struct mpol_process *process)
{
	const pid_t pid = mpol_process_pid(process);
	const uint64_t start_ticks = mpol_process_start_ticks(process);
	struct rebalance_watched *processes;

	for (size_t i = 0; i < watch->nr; i++)
		if (watch->processes[i].pid == pid &&
		    watch->processes[i].start_ticks == start_ticks)
			return &watch->processes[i];
	processes = grow(watch->processes, watch->nr, &watch->allocated, sizeof(*processes));
	if (!processes)
		return NULL;
	watch->processes = processes;
	processes[watch->nr] =
		(struct rebalance_watched) { .pid = pid, .start_ticks = start_ticks };
	return &processes[watch->nr++];
}

static int read_machine(struct due_scene *scene, struct mpol_kernel_weights *weights,
			struct mpol_error *error)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = NULL;
	int r = mpol_topology_new(NULL, &topology, error);

	if (r < 0)
		return r;
	scene->memory = argument_memory_nodes(topology);
	*weights = (struct mpol_kernel_weights) { 0 };
	r = mpol_kernel_weights_read(NULL, weights, error);
	/* Before Linux 6.9 there are none. */
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	error_clear(error);
	scene->weights = weights->weights;
	return 0;
}

int rebalance_watch_look(struct rebalance_watch *watch, const struct target *target,
			 const struct journaling *journaling, bool *ret_due,
			 struct mpol_error *error)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	const uint64_t began_ns = clock_now_ns();
	struct mpol_kernel_weights weights;
	struct rebalance_watched *watched;
	struct due_scene scene = { 0 };
	const struct mpol_thread *first;
	int r = read_machine(&scene, &weights, error);

	if (r >= 0)
		r = targets_process(target, MPOL_PROCESS_THREADS, &process, error);
	if (r < 0)
		return r;
	first = mpol_process_thread(process, 0);
	if (first) {
		scene.policy = first->policy;
		memcpy(scene.allowed.bits, first->mems_allowed, sizeof(scene.allowed.bits));
	}
	scene.change_id = journaling_newest(journaling, process);
	watched = find(watch, process);
	if (!watched)
		return error_errno(error, -ENOMEM, "watch process");
	watched->is_seen = true;
	*ret_due = due_look(&watched->due, due_fingerprint(&scene)) == DUE_NOW;
	watch->looked_ns += clock_now_ns() - began_ns;
	return 0;
}

/* Those that have ended, or are no longer meant. */
static void forget_unseen(struct rebalance_watch *watch)
{
	size_t nr = 0;

	for (size_t i = 0; i < watch->nr; i++)
		if (watch->processes[i].is_seen)
			watch->processes[nr++] = watch->processes[i];
	watch->nr = nr;
	for (size_t i = 0; i < nr; i++)
		watch->processes[i].is_seen = false;
}

void rebalance_watch_wait(struct rebalance_watch *watch)
{
	uint64_t pause_ns = watch->looked_ns * PAUSE_PER_LOOK;

	if (pause_ns < LEAST_PAUSE_NS)
		pause_ns = LEAST_PAUSE_NS;
	watch->looked_ns = 0;
	forget_unseen(watch);
	clock_sleep_until(clock_now_ns() + pause_ns);
}
