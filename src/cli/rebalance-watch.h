/* SPDX-License-Identifier: MIT */
/*
 * mpol rebalance --watch: again where weights, nodes, a cpuset or a policy have changed.
 *
 * The kernel tells nobody of any of these, so they are looked at again and again: of each process
 * the nodes that it may use and the policy of its first thread, and the journal's newest change of
 * it. Its policy is known by reading numa_maps, which the kernel makes by walking the process's
 * page tables; so the pauses grow with what looks take, and looking stays below a fiftieth of one
 * CPU.
 */
#ifndef CLI_REBALANCE_WATCH_H
#define CLI_REBALANCE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "due.h"
#include "journaling.h"
#include "targets.h"

struct rebalance_watched {
	pid_t pid;
	uint64_t start_ticks;
	struct due due;
	bool is_seen; /* since the last pause */
};

/* Zero-initialise; free with rebalance_watch_free. */
struct rebalance_watch {
	struct rebalance_watched *processes;
	size_t nr, allocated;
	uint64_t looked_ns; /* what looks have taken since the last pause */
};

void rebalance_watch_free(struct rebalance_watch *watch);

/*
 * Looks at the process.  *ret_due: whether it is to be redistributed now, which the caller then
 * does; so it is at the first look.  Errors: those of mpol_process_new and
 * mpol_kernel_weights_read, -ENOMEM.
 */
int rebalance_watch_look(struct rebalance_watch *watch, const struct target *target,
			 const struct journaling *journaling, bool *ret_due,
			 struct mpol_error *error);

/* Waits until the next look is due, or a signal is handled. */
void rebalance_watch_wait(struct rebalance_watch *watch);

#endif
