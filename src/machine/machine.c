/* SPDX-License-Identifier: MIT */
/* The description of a machine: see machine.h. */
#include "machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

DEFINE_CLEANUP(struct machine *, machine_free);

int machine_new(const char *name, int nr_nodes, struct machine **ret_machine)
{
	_cleanup_(machine_freep) struct machine *machine = calloc(1, sizeof(*machine));
	size_t pairs = (size_t)nr_nodes * nr_nodes;

	if (!machine)
		return -ENOMEM;
	machine->name = strdup(name);
	machine->nodes = calloc(nr_nodes ? nr_nodes : 1, sizeof(*machine->nodes));
	machine->distances = calloc(pairs ? pairs : 1, sizeof(*machine->distances));
	machine->performances = calloc(pairs ? pairs : 1, sizeof(*machine->performances));
	if (!machine->name || !machine->nodes || !machine->distances || !machine->performances)
		return -ENOMEM;

	machine->nr_nodes = nr_nodes;
	for (int i = 0; i < nr_nodes; i++) {
		machine->nodes[i].socket = -1;
		machine->nodes[i].kernel_tier = -1;
		machine->nodes[i].kernel_weight = -1;
	}
	*ret_machine = steal_pointer(&machine);
	return 0;
}

void machine_free(struct machine *machine)
{
	if (!machine)
		return;
	for (int i = 0; i < machine->nr_nodes; i++)
		free(machine->nodes[i].cpus);
	for (int i = 0; i < machine->nr_findings; i++)
		free((char *)machine->findings[i].text);
	free(machine->findings);
	free(machine->performances);
	free(machine->distances);
	free(machine->nodes);
	free(machine->description);
	free(machine->name);
	free(machine);
}

bool machine_node_has_cpus(const struct machine_node *node)
{
	return node->cpus && *node->cpus;
}

int machine_index(const struct machine *machine, int id)
{
	for (int i = 0; i < machine->nr_nodes; i++)
		if (machine->nodes[i].id == id)
			return i;
	return -1;
}

uint8_t *machine_distance(const struct machine *machine, int from, int to)
{
	int i = machine_index(machine, from), j = machine_index(machine, to);

	return i < 0 || j < 0 ? NULL : &machine->distances[i * machine->nr_nodes + j];
}

struct mpol_performance *machine_performance(const struct machine *machine, int initiator,
					     int target)
{
	int i = machine_index(machine, initiator), j = machine_index(machine, target);

	return i < 0 || j < 0 ? NULL : &machine->performances[i * machine->nr_nodes + j];
}

struct nodemask machine_memory_nodes(const struct machine *machine)
{
	struct nodemask mask = { { 0 } };

	for (int i = 0; i < machine->nr_nodes; i++)
		if (machine->nodes[i].capacity_bytes)
			nodemask_set(&mask, machine->nodes[i].id);
	return mask;
}

int machine_find(struct machine *machine, int node, const char *text, ...)
{
	struct mpol_finding *findings;
	va_list args;
	char *words;
	int r;

	va_start(args, text);
	r = vasprintf(&words, text, args);
	va_end(args);
	if (r < 0)
		return -ENOMEM;

	findings = reallocarray(machine->findings, machine->nr_findings + 1, sizeof(*findings));
	if (!findings) {
		free(words);
		return -ENOMEM;
	}
	findings[machine->nr_findings++] = (struct mpol_finding) { node, words };
	machine->findings = findings;
	return 0;
}
