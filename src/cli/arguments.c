/* SPDX-License-Identifier: MIT */
/* Command-line arguments: see arguments.h. */
#include "arguments.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "derived-policy.h"
#include "error.h"
#include "text.h"
#include "units.h"
#include "weights-measure.h"

int argument_pid(const char *text, pid_t *ret_pid, struct mpol_error *error)
{
	if (parse_process_id(text, ret_pid) == 0)
		return 0;
	error_set(error, -EINVAL, "read PID", "not a process id");
	error_on(error, "\"%s\"", text);
	error_advise(error, "a process id is a number from 1; pidof(1) and pgrep(1) find it");
	return -EINVAL;
}

int argument_policy(const char *text, struct mpol_policy *ret_policy, struct mpol_error *error)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = NULL;
	int r = mpol_topology_new(NULL, &topology, error);

	return r < 0 ? r : argument_policy_of(text, topology, ret_policy, error);
}

int argument_policy_of(const char *text, const struct mpol_topology *topology,
		       struct mpol_policy *ret_policy, struct mpol_error *error)
{
	_cleanup_(mpol_bandwidths_freep) struct mpol_bandwidths *measured = NULL;

	if (!derived_policy_meant(text))
		return mpol_policy_parse(text, topology, ret_policy, error);
	measured = weights_measured(topology);
	return derived_policy(text, topology, measured, ret_policy, error);
}

struct nodemask argument_memory_nodes(const struct mpol_topology *topology)
{
	struct nodemask nodes = { { 0 } };

	for (size_t i = 0; i < mpol_topology_nr_nodes(topology); i++) {
		const struct mpol_node *node = mpol_topology_node(topology, i);

		if (node->has_memory)
			nodemask_set(&nodes, node->id);
	}
	return nodes;
}

static int refuse_nodes(struct mpol_error *error, int code, const char *option, const char *text)
{
	error_on(error, "%s %s", option, text);
	return code;
}

int argument_nodes(const char *option, const char *text, const struct mpol_topology *topology,
		   unsigned long *ret_nodes, struct mpol_error *error)
{
	struct nodemask memory = argument_memory_nodes(topology), nodes = memory, outside;
	char list[96];
	int node;

	nodemask_format(&memory, list, sizeof(list));
	if (strcmp(text, "all") != 0 &&
	    (nodemask_parse(text, &nodes) < 0 || nodemask_empty(&nodes))) {
		error_set(error, -EINVAL, "read nodes", "not a list of nodes");
		error_advise(error, "a list is such as 0-1,3 or all; nodes with memory: %s", list);
		return refuse_nodes(error, -EINVAL, option, text);
	}
	outside = nodemask_andnot(&nodes, &memory);
	node = nodemask_next(&outside, 0);
	if (node >= 0) {
		error_set(error, -ENODEV, "read nodes",
			  mpol_topology_node_by_id(topology, node) ? "node %d has no memory"
								   : "node %d does not exist",
			  node);
		error_advise(error, "nodes with memory on this machine: %s", list);
		return refuse_nodes(error, -ENODEV, option, text);
	}
	memcpy(ret_nodes, nodes.bits, sizeof(nodes.bits));
	return 0;
}

int argument_pidfd(const struct mpol_process *process, struct mpol_error *error)
{
	int fd = (int)syscall(SYS_pidfd_open, mpol_process_pid(process), 0U);

	if (fd >= 0)
		return fd;
	error_errno(error, -errno, "pidfd_open");
	error_on(error, "process %d (%s)", mpol_process_pid(process), mpol_process_name(process));
	return error->code;
}

int argument_bandwidth(const char *option, const char *text, uint64_t *ret_bytes,
		       struct mpol_error *error)
{
	if (!units_parse_bandwidth(text, ret_bytes) && *ret_bytes)
		return 0;
	error_set(error, -EINVAL, "read rate", "not a bandwidth");
	error_on(error, "%s %s", option, text);
	error_advise(error, "a bandwidth has a unit, as in 200MB/s or 1GiB/s");
	return -EINVAL;
}
