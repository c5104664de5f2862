/* SPDX-License-Identifier: MIT */
/*
 * numactl(8)'s options: see numactl.h.
 *
 * Lists are understood before anything is set: a bad one changes nothing.  Where
 * numactl quietly does something else than it was told (a range that runs
 * backwards), that is refused instead.
 */
#include "numactl.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "cleanup.h"
#include "error.h"
#include "nodemask.h"
#include "numactl-list.h"
#include "preload.h"

#define CPUS_MAX 8192 /* CONFIG_NR_CPUS of x86-64, at most */

struct cpus {
	bool cpus[CPUS_MAX];
};

static const struct {
	int option;
	const char *name, *mode; /* how it begins in mpol-policy(7) */
} memory_options[] = {
	{ 'm', "--membind", "bind" },
	{ 'p', "--preferred", "prefer" },
	{ 'P', "--preferred-many", "prefer-many" },
	{ 'i', "--interleave", "interleave" },
	{ 'w', "--weighted-interleave", "weighted" },
	{ 'l', "--localalloc", "local" },
	{ NUMACTL_POLICY, "--policy", NULL },
};

static const char *memory_name(int option, const char **ret_mode)
{
	for (size_t i = 0; i < sizeof(memory_options) / sizeof(memory_options[0]); i++) {
		if (memory_options[i].option != option)
			continue;
		*ret_mode = memory_options[i].mode;
		return memory_options[i].name;
	}
	return NULL;
}

static const char *cpus_name(int option)
{
	return option == 'N' ? "--cpunodebind" : "--physcpubind";
}

/* ---- Options ------------------------------------------------------------------- */

static int refuse_other(int option, struct mpol_error *error)
{
	error_set(error, -EINVAL, "read options", "not about running a command");
	switch (option) {
	case 's':
		error_on(error, "--show");
		error_advise(error, "mpol show PID shows a process's policies; $$ is the shell's "
				    "id");
		break;
	case 'H':
		error_on(error, "--hardware");
		error_advise(error, "mpol topo shows the machine's nodes");
		break;
	default:
		error_on(error, "-%c", option);
		error_advise(error, "policies of files and shared memory, which numactl(8) sets, "
				    "are no matter of mpol run");
		break;
	}
	return -EINVAL;
}

/* "same" is the list of nodes before.  Returns the list to read, or NULL. */
static const char *same_or(struct numactl *numactl, const char *argument)
{
	if (!strcmp(argument, "same"))
		return numactl->last_nodes;
	numactl->last_nodes = argument;
	return argument;
}

static int refuse_same(const char *name, struct mpol_error *error)
{
	error_set(error, -EINVAL, "read options", "no list of nodes stands before it");
	error_on(error, "%s same", name);
	error_advise(error, "\"same\" stands for the list of nodes given last");
	return -EINVAL;
}

static int take_memory(struct numactl *numactl, int option, const char *argument,
		       struct mpol_error *error)
{
	const char *mode, *name = memory_name(option, &mode);

	if (numactl->memory) {
		error_set(error, -EINVAL, "read options", "a policy was given before");
		error_on(error, "%s", name);
		error_advise(error, "a command has one policy: give one of -m, -p, -P, -i, -w, -l, "
				    "--policy");
		return -EINVAL;
	}
	numactl->memory = option;
	numactl->memory_argument = argument;
	if (option == 'l' || option == NUMACTL_POLICY)
		return 0;
	numactl->memory_argument = same_or(numactl, argument);
	return numactl->memory_argument ? 0 : refuse_same(name, error);
}

int numactl_option(struct numactl *numactl, int option, const char *argument,
		   struct mpol_error *error)
{
	switch (option) {
	case NUMACTL_PRELOAD:
		numactl->preload = true;
		return 0;
	case 'a':
		numactl->all = true;
		return 0;
	case 'b':
		numactl->balancing = true;
		return 0;
	case 'c':
	case 'N':
		numactl->cpus = 'N';
		numactl->cpus_argument = same_or(numactl, argument);
		return numactl->cpus_argument ? 0 : refuse_same("--cpunodebind", error);
	case 'C':
		numactl->cpus = 'C';
		numactl->cpus_argument = argument;
		return 0;
	case 'i':
	case 'l':
	case 'm':
	case 'p':
	case 'P':
	case 'w':
	case NUMACTL_POLICY:
		return take_memory(numactl, option, argument, error);
	default:
		return refuse_other(option, error);
	}
}

/* ---- Policy -------------------------------------------------------------------- */

/* Marks the nodes with memory; unless all, those that the cpuset allows. */
static int memory_nodes(const struct mpol_topology *topology, bool all, bool members[NODES_MAX],
			struct mpol_error *error)
{
	struct nodemask memory = argument_memory_nodes(topology), allowed = { { 0 } };
	struct mpol_args args = {
		.mems_allowed = allowed.bits,
		.mems_maxnode = MPOL_NODES_MAX,
		.error = error,
	};
	int node, r = mpol_get_mempolicy(&args, sizeof(args));

	if (r < 0)
		return r;
	if (!all)
		memory = nodemask_and(&memory, &allowed);
	nodemask_for_each (node, &memory)
		members[node] = true;
	return 0;
}

static int policy_of_list(const struct numactl *numactl, const char *mode,
			  const struct mpol_topology *topology, struct mpol_policy *ret_policy,
			  struct mpol_error *error)
{
	bool members[NODES_MAX] = { false }, list[NODES_MAX];
	const struct numactl_domain domain = {
		.noun = "node",
		.which = numactl->all ? "nodes with memory"
				      : "nodes with memory that the cpuset allows",
		.members = members,
		.nr = NODES_MAX,
	};
	struct nodemask nodes = { { 0 } };
	char words[NODES_MAX * 5], text[sizeof(words) + 32];
	int r = memory_nodes(topology, numactl->all, members, error);

	if (r >= 0)
		r = numactl_list(&domain, numactl->memory_argument, list, error);
	if (r < 0)
		return r;
	for (int node = 0; node < NODES_MAX; node++)
		if (list[node])
			nodemask_set(&nodes, node);
	nodemask_format(&nodes, words, sizeof(words));
	if (numactl->memory == 'p' && nodemask_weight(&nodes) != 1) {
		error_set(error, -EINVAL, "read list", "it names nodes %s, not one", words);
		error_advise(error, "--preferred-many takes several");
		return -EINVAL;
	}
	snprintf(text, sizeof(text), "%s:%s%s", mode, words,
		 numactl->balancing && numactl->memory == 'm' ? "+balancing" : "");
	return mpol_policy_parse(text, topology, ret_policy, error);
}

static int read_policy(const struct numactl *numactl, const struct mpol_topology *topology,
		       struct mpol_policy *ret_policy, struct mpol_error *error)
{
	const char *mode = NULL, *name = memory_name(numactl->memory, &mode);
	int r;

	if (numactl->memory == NUMACTL_POLICY)
		return argument_policy_of(numactl->memory_argument, topology, ret_policy, error);
	if (numactl->memory == 'l')
		return mpol_policy_parse(mode, topology, ret_policy, error);
	r = policy_of_list(numactl, mode, topology, ret_policy, error);
	if (r < 0)
		error_on(error, "%s %.128s", name, numactl->memory_argument);
	return r;
}

/* ---- CPUs ---------------------------------------------------------------------- */

/* Adds the CPUs of a node, in the kernel's list form, which mpol_nodes_parse cannot hold. */
static void add_cpus(const char *list, struct cpus *cpus)
{
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long cpu = first; cpu <= last && cpu < CPUS_MAX; cpu++)
			cpus->cpus[cpu] = true;
		list = *end == ',' ? end + 1 : "";
	}
}

static void cpus_of_nodes(const struct mpol_topology *topology, const bool *nodes,
			  struct cpus *ret_cpus)
{
	for (size_t i = 0; i < mpol_topology_nr_nodes(topology); i++) {
		const struct mpol_node *node = mpol_topology_node(topology, i);

		if (!nodes || nodes[node->id])
			add_cpus(node->cpus, ret_cpus);
	}
}

/* The CPUs that the caller may use now, which is what numactl calls its cpuset. */
static int own_cpus(struct cpus *ret_cpus, struct mpol_error *error)
{
	_cleanup_free_ cpu_set_t *set = calloc(1, CPU_ALLOC_SIZE(CPUS_MAX));

	if (!set)
		return error_errno(error, -ENOMEM, "sched_getaffinity");
	if (sched_getaffinity(0, CPU_ALLOC_SIZE(CPUS_MAX), set) < 0)
		return error_errno(error, -errno, "sched_getaffinity");
	for (size_t cpu = 0; cpu < CPUS_MAX; cpu++)
		ret_cpus->cpus[cpu] = CPU_ISSET_S(cpu, CPU_ALLOC_SIZE(CPUS_MAX), set);
	return 0;
}

static int read_cpu_list(const struct numactl *numactl, const struct mpol_topology *topology,
			 struct cpus *ret_cpus, struct mpol_error *error)
{
	_cleanup_free_ struct cpus *members = calloc(1, sizeof(*members));
	struct numactl_domain domain = {
		.noun = "CPU",
		.which = numactl->all ? "the machine's CPUs" : "CPUs that it may use now",
		.nr = CPUS_MAX,
	};
	int r = 0;

	if (!members)
		return error_errno(error, -ENOMEM, "read list");
	if (numactl->all)
		cpus_of_nodes(topology, NULL, members);
	else
		r = own_cpus(members, error);
	domain.members = members->cpus;
	return r < 0 ? r : numactl_list(&domain, numactl->cpus_argument, ret_cpus->cpus, error);
}

static int read_cpu_nodes(const struct numactl *numactl, const struct mpol_topology *topology,
			  struct cpus *ret_cpus, struct mpol_error *error)
{
	bool members[NODES_MAX] = { false }, list[NODES_MAX];
	const struct numactl_domain domain = {
		.noun = "node",
		.which = "nodes with CPUs",
		.members = members,
		.nr = NODES_MAX,
	};
	int r;

	for (size_t i = 0; i < mpol_topology_nr_nodes(topology); i++) {
		const struct mpol_node *node = mpol_topology_node(topology, i);

		members[node->id] = node->has_cpu;
	}
	r = numactl_list(&domain, numactl->cpus_argument, list, error);
	if (r >= 0)
		cpus_of_nodes(topology, list, ret_cpus);
	return r;
}

static int read_cpus(const struct numactl *numactl, const struct mpol_topology *topology,
		     struct cpus *ret_cpus, struct mpol_error *error)
{
	int r = numactl->cpus == 'N' ? read_cpu_nodes(numactl, topology, ret_cpus, error)
				     : read_cpu_list(numactl, topology, ret_cpus, error);

	if (r < 0)
		error_on(error, "%s %.128s", cpus_name(numactl->cpus), numactl->cpus_argument);
	return r;
}

static int set_cpus(const struct numactl *numactl, const struct cpus *cpus,
		    struct mpol_error *error)
{
	_cleanup_free_ cpu_set_t *set = calloc(1, CPU_ALLOC_SIZE(CPUS_MAX));

	if (!set)
		return error_errno(error, -ENOMEM, "sched_setaffinity");
	for (size_t cpu = 0; cpu < CPUS_MAX; cpu++)
		if (cpus->cpus[cpu])
			CPU_SET_S(cpu, CPU_ALLOC_SIZE(CPUS_MAX), set);
	if (sched_setaffinity(0, CPU_ALLOC_SIZE(CPUS_MAX), set) == 0)
		return 0;
	error_errno(error, -errno, "sched_setaffinity");
	if (error->code == -EINVAL)
		error_set(error, -EINVAL, "sched_setaffinity",
			  "none of the CPUs is online and allowed by the cpuset");
	error_on(error, "%s %.128s", cpus_name(numactl->cpus), numactl->cpus_argument);
	return error->code;
}

/* " (0=3,2=1)": what the kernel has for the policy's nodes; nothing where it has no weights. */
static void format_kernels_weights(const struct mpol_policy *policy, char *buffer, size_t size)
{
	struct mpol_policy kernels = *policy;
	struct mpol_kernel_weights weights;
	char text[64];

	buffer[0] = '\0';
	if (mpol_kernel_weights_read(NULL, &weights, NULL) < 0)
		return;
	memcpy(kernels.weights, weights.weights, sizeof(kernels.weights));
	mpol_policy_format(&kernels, text, sizeof(text));
	snprintf(buffer, size, " (%s)", strchr(text, ':') + 1);
}

/* Weights of its own, for a program that does not run yet. */
static void refuse_weights(const struct mpol_policy *policy, struct mpol_error *error)
{
	char text[64], kernels[80];

	mpol_policy_format(policy, text, sizeof(text));
	format_kernels_weights(policy, kernels, sizeof(kernels));
	error_set(error, -EOPNOTSUPP, "check weights",
		  "they are not the kernel's%s, which policies go by", kernels);
	error_on(error, "%s", text);
	error_advise(error,
		     "--preload has a library stripe the program's memory; or once it runs: mpol "
		     "set PID %s; or for the whole machine: mpol weights set %s",
		     text, strchr(text, ':') + 1);
}

static int set_policy(const struct numactl *numactl, struct mpol_policy *policy,
		      struct mpol_error *error)
{
	struct mpol_args args;
	int r = 0;

	if (numactl->preload)
		r = preload_prepare(policy, error);
	else
		preload_forget();
	if (r < 0)
		return r;
	mpol_policy_to_args(policy, &args);
	args.error = error;
	r = mpol_set_mempolicy(&args, sizeof(args));
	if (r == -EOPNOTSUPP && policy->mode == MPOL_MODE_WEIGHTED_INTERLEAVE && !numactl->preload)
		refuse_weights(policy, error);
	return r;
}

int numactl_apply(const struct numactl *numactl, struct mpol_error *error)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = NULL;
	_cleanup_free_ struct cpus *cpus = calloc(1, sizeof(*cpus));
	struct mpol_policy policy;
	int r;

	if (!cpus)
		return error_errno(error, -ENOMEM, "read options");
	r = mpol_topology_new(NULL, &topology, error);
	if (r >= 0 && numactl->cpus)
		r = read_cpus(numactl, topology, cpus, error);
	if (r >= 0 && numactl->memory)
		r = read_policy(numactl, topology, &policy, error);
	if (r >= 0 && numactl->cpus)
		r = set_cpus(numactl, cpus, error);
	return r < 0 || !numactl->memory ? r : set_policy(numactl, &policy, error);
}
