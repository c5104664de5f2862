/* SPDX-License-Identifier: MIT */
/*
 * Between the three steps of reading a described machine: machine-yaml.c loads
 * the text into the structs below, machine-yaml-nodes.c and
 * machine-yaml-tables.c check them and fill in the machine.
 *
 * Values with units, lists and words stay text until then: what is wrong with
 * them is said in our own words, with their line.
 */
#ifndef MACHINE_MACHINE_YAML_INTERNAL_H
#define MACHINE_MACHINE_YAML_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "yaml-load.h"

/* NULL: the key was left out; the same for every pointer below. */
struct yaml_cache {
	char *size;
	char *line;
	char *indexing;
	char *policy;
	uint32_t level;
};

struct yaml_load_point {
	uint32_t utilisation;
	uint32_t latency;
};

struct yaml_node {
	uint32_t id;
	uint32_t *socket;
	char *kind;
	char *memory;
	char *cpus;
	uint32_t *nr_cpus;
	struct yaml_cache *caches;
	uint32_t nr_caches;
	struct yaml_load_point *load_points;
	uint32_t nr_load_points;
	char *total_bandwidth;
};

struct yaml_distances {
	char **rows;
	uint32_t nr_rows;
	uint32_t *same_socket;
	uint32_t *remote;
};

struct yaml_performance {
	char *initiators;
	char *targets;
	char *latency;
	char *read_latency;
	char *write_latency;
	char *bandwidth;
	char *read_bandwidth;
	char *write_bandwidth;
};

struct yaml_machine {
	char *name;
	char *description;
	struct yaml_node *nodes;
	uint32_t nr_nodes;
	struct yaml_distances *distances;
	struct yaml_performance *performances;
	uint32_t nr_performances;
};

/* One reading: where it comes from, what was loaded, and what it becomes. */
struct yaml_reader {
	struct yaml_source source;
	const struct yaml_machine *yaml;
	struct machine *machine;
};

/*
 * Each fills in its part of reader->machine, nodes first.  Returns 0, or
 * -EBADMSG, -EINVAL or -ENOMEM with the source's error filled in.
 */
int yaml_read_nodes(const struct yaml_reader *reader);
int yaml_read_distances(const struct yaml_reader *reader);
int yaml_read_performances(const struct yaml_reader *reader);

#endif
