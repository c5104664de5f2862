/* SPDX-License-Identifier: MIT */
/* Reading what stands on the command line: process ids, policies, nodes. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <sys/types.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "nodemask.h"

DEFINE_CLEANUP(struct mpol_topology *, mpol_topology_free);
DEFINE_CLEANUP(struct mpol_plan *, mpol_plan_free);
DEFINE_CLEANUP(struct mpol_process *, mpol_process_free);

/* A process or thread id: a decimal number from 1.  Returns 0 or -EINVAL. */
int argument_pid(const char *text, pid_t *ret_pid, struct mpol_error *error);

/*
 * A policy for this machine, also one whose weights are derived (derived-policy.h): from what was
 * measured here, if anything was.  Returns 0 or the error of mpol_topology_new,
 * mpol_policy_parse or derived_policy.
 */
int argument_policy(const char *text, struct mpol_policy *ret_policy, struct mpol_error *error);

/* The same where the topology, of this machine, has been read. */
int argument_policy_of(const char *text, const struct mpol_topology *topology,
		       struct mpol_policy *ret_policy, struct mpol_error *error);

/* The nodes with memory, which alone pages can be on. */
struct nodemask argument_memory_nodes(const struct mpol_topology *topology);

/*
 * Nodes of the machine: a list, or "all" for those with memory.  option names
 * it in errors: -EINVAL, -ENODEV (no such node, or one without memory).
 */
int argument_nodes(const char *option, const char *text, const struct mpol_topology *topology,
		   unsigned long *ret_nodes, struct mpol_error *error);

/* A bandwidth in bytes per second, not 0; option names it in errors: -EINVAL. */
int argument_bandwidth(const char *option, const char *text, uint64_t *ret_bytes,
		       struct mpol_error *error);

/*
 * A pidfd of the process.  Returns it or -ESRCH, -EMFILE, -ENFILE, -ENOMEM; *error is filled in.
 */
int argument_pidfd(const struct mpol_process *process, struct mpol_error *error);

#endif
