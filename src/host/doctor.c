/* SPDX-License-Identifier: MIT */
/*
 * Symptoms of the machine: one small function for each thing to look at, all
 * in one table.  What a file does not say is no symptom.
 */
#include "doctor.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "damon-sysfs.h"
#include "grow.h"
#include "huge-split.h"
#include "machine.h"
#include "rootfs.h"
#include "topology.h"

DEFINE_CLEANUP(struct machine *, machine_free);

void symptom_add(struct symptoms *symptoms, enum mpol_severity severity, const char *check,
		 const char *format, ...)
{
	struct mpol_symptom *items =
		grow(symptoms->items, symptoms->nr, &symptoms->allocated, sizeof(*items));
	char *text = NULL, *advice;
	va_list args;

	if (!items) {
		symptoms->error = -ENOMEM;
		return;
	}
	symptoms->items = items;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (!text) {
		symptoms->error = -ENOMEM;
		return;
	}
	advice = strchrnul(text, '\n');
	if (*advice)
		*advice++ = '\0';
	symptoms->items[symptoms->nr++] = (struct mpol_symptom) {
		.severity = severity,
		.check = check,
		.text = text,
		.advice = advice,
	};
}

void symptoms_free(struct symptoms *symptoms)
{
	for (size_t i = 0; i < symptoms->nr; i++)
		free((char *)symptoms->items[i].text);
	free(symptoms->items);
	*symptoms = (struct symptoms) { 0 };
}

/* What the checks look at. */
struct patient {
	int root;
	const struct machine *machine;
	struct symptoms *symptoms;
};

/* A file of one number; false where it is not there or holds something else. */
static bool read_number(const struct patient *patient, const char *path, uint64_t *ret)
{
	return rootfs_read_u64(patient->root, ret, "%s", path) == 0;
}

/* A file of one line, without its newline. */
static bool read_line(const struct patient *patient, const char *path, char *ret, size_t size)
{
	_cleanup_free_ char *text = NULL;

	if (rootfs_read(patient->root, &text, "%s", path) < 0)
		return false;
	snprintf(ret, size, "%.*s", (int)strcspn(text, "\n"), text);
	return true;
}

/* ---- The kernel -------------------------------------------------------------------- */

static void check_kernel(const struct patient *patient)
{
	unsigned int major, minor;
	char release[128];

	if (!read_line(patient, "proc/sys/kernel/osrelease", release, sizeof(release)) ||
	    sscanf(release, "%u.%u", &major, &minor) != 2)
		return;
	if (major < 6 || (major == 6 && minor < 1))
		symptom_add(patient->symptoms, MPOL_SEVERITY_ERROR, "kernel",
			    "Linux %s is older than 6.1, which mpol is made for\n"
			    "run Linux 6.1 or later",
			    release);
	else if (major == 6 && minor < 9)
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "kernel",
			    "Linux %s has no weighted interleave\nthat came with Linux 6.9",
			    release);
}

static void check_numa_balancing(const struct patient *patient)
{
	uint64_t value;

	if (!read_number(patient, "proc/sys/kernel/numa_balancing", &value) || !value)
		return;
	if (value & 2)
		symptom_add(patient->symptoms, MPOL_SEVERITY_WARNING, "numa_balancing",
			    "the kernel promotes pages to faster tiers by itself "
			    "(kernel.numa_balancing = %llu), also those that were just moved\n"
			    "sysctl kernel.numa_balancing=0",
			    (unsigned long long)value);
	else
		symptom_add(
			patient->symptoms, MPOL_SEVERITY_WARNING, "numa_balancing",
			"the kernel moves pages to the node that uses them (kernel.numa_balancing "
			"= %llu): memory without a policy of its own does not stay where it is "
			"moved\nsysctl kernel.numa_balancing=0, or bind it",
			(unsigned long long)value);
}

static void check_zone_reclaim(const struct patient *patient)
{
	uint64_t value;

	if (read_number(patient, "proc/sys/vm/zone_reclaim_mode", &value) && value)
		symptom_add(patient->symptoms, MPOL_SEVERITY_WARNING, "zone_reclaim_mode",
			    "a node frees memory of its own before others are used "
			    "(vm.zone_reclaim_mode = %llu): prefer and interleave are slow when a "
			    "node is full\nsysctl vm.zone_reclaim_mode=0",
			    (unsigned long long)value);
}

static void check_swap(const struct patient *patient)
{
	_cleanup_free_ char *text = NULL;
	const char *newline;

	if (rootfs_read(patient->root, &text, "proc/swaps") < 0)
		return;
	newline = strchr(text, '\n');
	if (newline && newline[1])
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "swap",
			    "there is swap: pages may leave a full node for it\n"
			    "prefer instead of bind where another node will do");
}

/* How the kernel's default, heuristic overcommit, differs is in proc_sys_vm(5). */
static void check_overcommit(const struct patient *patient)
{
	uint64_t value;

	if (read_number(patient, "proc/sys/vm/overcommit_memory", &value) && value == 2)
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "overcommit",
			    "memory is not overcommitted (vm.overcommit_memory = 2): programs may "
			    "be refused memory while nodes have some free\n"
			    "see CommitLimit in /proc/meminfo, or sysctl vm.overcommit_memory=0");
}

static void check_huge_pages(const struct patient *patient)
{
	char mode[64];

	if (read_line(patient, "sys/kernel/mm/transparent_hugepage/enabled", mode, sizeof(mode)) &&
	    strstr(mode, "[never]"))
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "transparent_hugepage",
			    "transparent huge pages are off: moving takes 512 times as many pages\n"
			    "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled");
}

/* Pools of hugetlbfs are the nodes' own: no page comes from another node than the policy's. */
static void check_pools(const struct patient *patient)
{
	static const unsigned int sizes_kib[] = { 2048, 1048576 };
	const struct nodemask memory = machine_memory_nodes(patient->machine);

	for (size_t i = 0; i < sizeof(sizes_kib) / sizeof(sizes_kib[0]); i++) {
		struct nodemask with = { { 0 } }, without;
		char list[96], path[128];
		uint64_t number;
		int node;

		nodemask_for_each (node, &memory) {
			snprintf(path, sizeof(path),
				 "sys/devices/system/node/node%d/hugepages/hugepages-%ukB/"
				 "nr_hugepages",
				 node, sizes_kib[i]);
			if (read_number(patient, path, &number) && number)
				nodemask_set(&with, node);
		}
		without = nodemask_andnot(&memory, &with);
		if (nodemask_empty(&with) || nodemask_empty(&without))
			continue;
		nodemask_format(&without, list, sizeof(list));
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "hugetlb",
			    "no huge pages of %u KiB are reserved on nodes %s, but on others: who "
			    "is bound there and uses hugetlbfs gets SIGBUS\n"
			    "reserve some: /sys/devices/system/node/nodeN/hugepages/"
			    "hugepages-%ukB/nr_hugepages",
			    sizes_kib[i], list, sizes_kib[i]);
	}
}

static void check_lockdown(const struct patient *patient)
{
	char mode[64];

	if (read_line(patient, "sys/kernel/security/lockdown", mode, sizeof(mode)) &&
	    strstr(mode, "[confidentiality]"))
		symptom_add(
			patient->symptoms, MPOL_SEVERITY_WARNING, "lockdown",
			"the kernel is locked down (confidentiality): what threads access cannot "
			"be traced with BPF\nboot with lockdown=integrity");
}

/* ---- Nodes and tiers --------------------------------------------------------------- */

static int count_tiers(const struct machine *machine, bool kernels)
{
	int tiers[NODES_MAX], nr_tiers = 0;

	for (int i = 0; i < machine->nr_nodes; i++) {
		const struct machine_node *node = &machine->nodes[i];
		int tier = kernels ? node->kernel_tier : node->tier, j = 0;

		while (j < nr_tiers && tiers[j] != tier)
			j++;
		if (node->capacity_bytes && tier >= 0 && j == nr_tiers)
			tiers[nr_tiers++] = tier;
	}
	return nr_tiers;
}

static void check_nodes(const struct patient *patient)
{
	struct nodemask memory = machine_memory_nodes(patient->machine);

	if (nodemask_weight(&memory) == 1)
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "nodes",
			    "only node %d has memory: every policy means the same\n"
			    "the lab has machines with more: lab/run",
			    nodemask_next(&memory, 0));
}

static void check_tiers(const struct patient *patient)
{
	const int ours = count_tiers(patient->machine, false);
	const int kernels = count_tiers(patient->machine, true);

	if (ours > 1 && kernels == 1)
		symptom_add(patient->symptoms, MPOL_SEVERITY_WARNING, "tiers",
			    "the kernel sees one tier of memory where there are %d: it will not "
			    "demote to the slower one\nthe firmware's HMAT is missing or was not "
			    "believed: see dmesg, mpol topo",
			    ours);
}

static void check_demotion(const struct patient *patient)
{
	char mode[16];

	if (count_tiers(patient->machine, false) > 1 &&
	    read_line(patient, "sys/kernel/mm/numa/demotion_enabled", mode, sizeof(mode)) &&
	    (!strcmp(mode, "false") || !strcmp(mode, "0")))
		symptom_add(patient->symptoms, MPOL_SEVERITY_WARNING, "demotion",
			    "a full fast node swaps or drops pages instead of demoting them to the "
			    "slower tier\necho 1 >/sys/kernel/mm/numa/demotion_enabled");
}

/* Which of its two ways of ageing pages the kernel takes (admin-guide/mm/multigen_lru.rst). */
static void check_lru(const struct patient *patient)
{
	static const char path[] = "sys/kernel/mm/lru_gen/enabled";
	char mode[16];
	bool on;

	if (count_tiers(patient->machine, false) < 2 ||
	    !read_line(patient, path, mode, sizeof(mode)))
		return;
	on = strtoul(mode, NULL, 0) & 1;
	symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "mglru",
		    "the multi-generational LRU is %s (%s): what a full node demotes is what %s\n"
		    "echo %c >/%s takes the other way",
		    on ? "on" : "off", mode,
		    on ? "is in the oldest generation" : "the inactive lists end with",
		    on ? 'n' : 'y', path);
}

/* What only the machine itself can tell, since it has to be tried. */
static bool is_this_machine(int root)
{
	struct stat patient, here;

	return fstat(root, &patient) == 0 && stat("/", &here) == 0 &&
	       patient.st_dev == here.st_dev && patient.st_ino == here.st_ino;
}

static void check_splitting(const struct patient *patient)
{
	struct mpol_error why = { 0 };

	if (count_tiers(patient->machine, false) < 2 || !is_this_machine(patient->root))
		return;
	if (huge_split_try(patient->root, &why) == 0)
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "huge_pages",
			    "mpold can split huge pages, and move their parts; they stay whole "
			    "unless it is told to\nmpol tier add --huge-pages split");
	else
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "huge_pages",
			    "mpold cannot split huge pages: %s%s%s\n%s", why.object,
			    *why.object ? ": " : "", why.cause, why.advice);
}

/* Best read bandwidth that any node's CPUs have to node index; 0: not stated. */
static uint64_t best_bandwidth(const struct machine *machine, int index)
{
	uint64_t best = 0;

	for (int i = 0; i < machine->nr_nodes; i++) {
		const struct mpol_performance *seen =
			&machine->performances[i * machine->nr_nodes + index];

		if (!seen->implausible && seen->read_bandwidth_bytes > best)
			best = seen->read_bandwidth_bytes;
	}
	return best;
}

static void check_performance(const struct patient *patient)
{
	const struct machine *machine = patient->machine;
	struct nodemask memory = machine_memory_nodes(machine);

	for (int i = 0; nodemask_weight(&memory) > 1 && i < machine->nr_nodes; i++)
		if (machine->nodes[i].capacity_bytes && !best_bandwidth(machine, i))
			symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "performance",
				    "node %d states no believable bandwidth: weights cannot be "
				    "derived for it\nmpol weights explain tells why; mpol weights "
				    "set takes "
				    "yours",
				    machine->nodes[i].id);
}

static void check_weights(const struct patient *patient)
{
	const struct machine *machine = patient->machine;
	uint64_t least = UINT64_MAX, most = 0;
	bool equal = true;
	int weight = -1;

	for (int i = 0; i < machine->nr_nodes; i++) {
		const struct machine_node *node = &machine->nodes[i];
		uint64_t bandwidth = best_bandwidth(machine, i);

		if (!node->capacity_bytes)
			continue;
		if (node->kernel_weight < 0 || !bandwidth)
			return;
		equal = equal && (weight < 0 || weight == node->kernel_weight);
		weight = node->kernel_weight;
		least = bandwidth < least ? bandwidth : least;
		most = bandwidth > most ? bandwidth : most;
	}
	if (equal && least != UINT64_MAX && most > least + least / 4)
		symptom_add(
			patient->symptoms, MPOL_SEVERITY_WARNING, "weights",
			"weighted interleave gives every node the same share, though bandwidths "
			"differ up to %.1f times\nmpol weights auto gives the kernel weights that "
			"fit",
			(double)most / (double)least);
}

/* ---- Others at work ---------------------------------------------------------------- */

static void check_damon(const struct patient *patient)
{
	static const char *const modules[] = { "damon_reclaim", "damon_lru_sort" };
	uint64_t number = 0;
	char word[32], path[128];

	read_number(patient, "sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds", &number);
	for (uint64_t i = 0; i < number && i < 64; i++) {
		snprintf(path, sizeof(path), "sys/kernel/mm/damon/admin/kdamonds/%llu/state",
			 (unsigned long long)i);
		if (read_line(patient, path, word, sizeof(word)) && !strcmp(word, "on") &&
		    !damon_sysfs_is_mpolds(patient->root, i)) /* that one only looks */
			symptom_add(
				patient->symptoms, MPOL_SEVERITY_WARNING, "damon",
				"kdamond %llu is at work for somebody else, who may move or free "
				"pages\nsee /%.*s",
				(unsigned long long)i, (int)(strlen(path) - 6), path);
	}
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		snprintf(path, sizeof(path), "sys/module/%s/parameters/enabled", modules[i]);
		if (read_line(patient, path, word, sizeof(word)) && *word == 'Y')
			symptom_add(patient->symptoms, MPOL_SEVERITY_WARNING, "damon",
				    "%s is on: it frees or sorts pages by itself\n"
				    "echo N >/%s",
				    modules[i], path);
	}
}

/* ---- Rights ------------------------------------------------------------------------ */

static void check_yama(const struct patient *patient)
{
	uint64_t scope;

	if (!read_number(patient, "proc/sys/kernel/yama/ptrace_scope", &scope) || !scope)
		return;
	symptom_add(
		patient->symptoms, scope == 3 ? MPOL_SEVERITY_ERROR : MPOL_SEVERITY_NOTE, "yama",
		scope == 3
			? "no process may be traced (kernel.yama.ptrace_scope = %llu): no running "
			  "process's policy can be changed\nboot without it: it cannot be "
			  "lowered"
			: "only root may change other processes' policies "
			  "(kernel.yama.ptrace_scope = %llu)\nrun mpol as root, or sysctl "
			  "kernel.yama.ptrace_scope=0",
		(unsigned long long)scope);
}

static void check_capabilities(const struct patient *patient)
{
	static const struct {
		int number;
		const char *name, *gives;
	} wanted[] = {
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "changes other users' processes" },
		{ CAP_SYS_NICE, "CAP_SYS_NICE", "moves pages that are shared, and other users'" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
		  "reads seccomp filters, where pages are without asking for each, and sets the "
		  "policy of shared memory without a stop" },
	};
	static const char name[] = "\nCapEff:\t";
	_cleanup_free_ char *status = NULL;
	const char *line;
	uint64_t effective;

	if (rootfs_read(patient->root, &status, "proc/self/status") < 0 ||
	    !(line = strstr(status, name)))
		return;
	effective = strtoull(line + strlen(name), NULL, 16);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!(effective >> wanted[i].number & 1))
			symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "capabilities",
				    "mpol runs without %s, which %s\nrun it as root",
				    wanted[i].name, wanted[i].gives);
}

int doctor_check_machine(int root, struct symptoms *symptoms, struct mpol_error *err)
{
	static void (*const checks[])(const struct patient *) = {
		check_kernel,	  check_nodes,	      check_tiers,   check_demotion,
		check_lru,	  check_performance,  check_weights, check_numa_balancing,
		check_damon,	  check_zone_reclaim, check_swap,    check_overcommit,
		check_huge_pages, check_splitting,    check_pools,   check_lockdown,
		check_yama,	  check_capabilities,
	};
	_cleanup_(machine_freep) struct machine *machine = NULL;
	struct patient patient = { .root = root, .symptoms = symptoms };
	int r = topology_read(root, &machine, err);

	if (r < 0)
		return r;
	patient.machine = machine;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](&patient);
	return symptoms->error;
}
