/* SPDX-License-Identifier: MIT */
/* Described machines, the first step: text to structs by a strict schema. */
#include "machine-yaml.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "machine-yaml-internal.h"
#include "nodemask.h"

#define STEP "read machine description"

DEFINE_CLEANUP(struct machine *, machine_free);

/* ---- The schema ------------------------------------------------------------ */

static const cyaml_schema_field_t cache_fields[] = {
	CYAML_FIELD_UINT("level", CYAML_FLAG_DEFAULT, struct yaml_cache, level),
	CYAML_FIELD_STRING_PTR("size", CYAML_FLAG_POINTER, struct yaml_cache, size, 0, 64),
	YAML_OPTIONAL_TEXT("line", struct yaml_cache, line),
	YAML_OPTIONAL_TEXT("indexing", struct yaml_cache, indexing),
	YAML_OPTIONAL_TEXT("policy", struct yaml_cache, policy),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t cache_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_cache, cache_fields),
};

static const cyaml_schema_field_t load_point_fields[] = {
	CYAML_FIELD_UINT("utilisation", CYAML_FLAG_DEFAULT, struct yaml_load_point, utilisation),
	CYAML_FIELD_UINT("latency", CYAML_FLAG_DEFAULT, struct yaml_load_point, latency),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t load_point_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_load_point, load_point_fields),
};

static const cyaml_schema_field_t node_fields[] = {
	CYAML_FIELD_UINT("id", CYAML_FLAG_DEFAULT, struct yaml_node, id),
	YAML_OPTIONAL_NUMBER("socket", struct yaml_node, socket),
	YAML_OPTIONAL_TEXT("kind", struct yaml_node, kind),
	YAML_OPTIONAL_TEXT("memory", struct yaml_node, memory),
	YAML_OPTIONAL_TEXT("cpus", struct yaml_node, cpus),
	YAML_OPTIONAL_NUMBER("nr_cpus", struct yaml_node, nr_cpus),
	CYAML_FIELD_SEQUENCE_COUNT("caches", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				   struct yaml_node, caches, nr_caches, &cache_schema, 0,
				   MACHINE_MAX_CACHES),
	YAML_OPTIONAL_TEXT("total_bandwidth", struct yaml_node, total_bandwidth),
	CYAML_FIELD_SEQUENCE_COUNT("loaded_latency", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				   struct yaml_node, load_points, nr_load_points,
				   &load_point_schema, 0, MACHINE_MAX_LOAD_POINTS),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t node_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_node, node_fields),
};

static const cyaml_schema_value_t row_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, 8192),
};

static const cyaml_schema_field_t distances_fields[] = {
	CYAML_FIELD_SEQUENCE_COUNT("matrix", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				   struct yaml_distances, rows, nr_rows, &row_schema, 0, NODES_MAX),
	YAML_OPTIONAL_NUMBER("same_socket", struct yaml_distances, same_socket),
	YAML_OPTIONAL_NUMBER("remote", struct yaml_distances, remote),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t performance_fields[] = {
	CYAML_FIELD_STRING_PTR("initiators", CYAML_FLAG_POINTER, struct yaml_performance,
			       initiators, 0, 4096),
	CYAML_FIELD_STRING_PTR("targets", CYAML_FLAG_POINTER, struct yaml_performance, targets, 0,
			       4096),
	YAML_OPTIONAL_TEXT("latency", struct yaml_performance, latency),
	YAML_OPTIONAL_TEXT("read_latency", struct yaml_performance, read_latency),
	YAML_OPTIONAL_TEXT("write_latency", struct yaml_performance, write_latency),
	YAML_OPTIONAL_TEXT("bandwidth", struct yaml_performance, bandwidth),
	YAML_OPTIONAL_TEXT("read_bandwidth", struct yaml_performance, read_bandwidth),
	YAML_OPTIONAL_TEXT("write_bandwidth", struct yaml_performance, write_bandwidth),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t performance_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_performance, performance_fields),
};

static const cyaml_schema_field_t machine_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct yaml_machine, name, 0, 4096),
	YAML_OPTIONAL_TEXT("description", struct yaml_machine, description),
	CYAML_FIELD_SEQUENCE_COUNT("nodes", CYAML_FLAG_POINTER, struct yaml_machine, nodes,
				   nr_nodes, &node_schema, 0, NODES_MAX),
	CYAML_FIELD_MAPPING_PTR("distances", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				struct yaml_machine, distances, distances_fields),
	CYAML_FIELD_SEQUENCE_COUNT("performance", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				   struct yaml_machine, performances, nr_performances,
				   &performance_schema, 0, NODES_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t machine_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_machine, machine_fields),
};

/* ---- Loading ------------------------------------------------------------------- */

/* The name becomes a host name and part of file names. */
static int check_name(const struct yaml_reader *reader)
{
	const char *name = reader->yaml->name;
	size_t length = strlen(name);
	bool good = length >= 1 && length <= 63 && isalnum((unsigned char)*name);

	for (size_t i = 0; good && i < length; i++)
		good = isalnum((unsigned char)name[i]) || name[i] == '-';
	if (!good)
		return yaml_refuse(&reader->source, -EBADMSG,
				   (struct yaml_place) { "name", -1, NULL },
				   "a name is 1 to 63 letters, digits and hyphens");
	return 0;
}

/* Turns what was loaded into reader->machine. */
static int build(struct yaml_reader *reader)
{
	int r;

	r = check_name(reader);
	if (r < 0)
		return r;
	if (!reader->yaml->nr_nodes)
		return yaml_refuse(&reader->source, -EINVAL,
				   (struct yaml_place) { "nodes", -1, NULL },
				   "a machine needs at least one node");
	r = machine_new(reader->yaml->name, reader->yaml->nr_nodes, &reader->machine);
	if (r < 0)
		return error_errno(reader->source.err, r, STEP);
	if (reader->yaml->description) {
		reader->machine->description = strdup(reader->yaml->description);
		if (!reader->machine->description)
			return error_errno(reader->source.err, -ENOMEM, STEP);
	}

	r = yaml_read_nodes(reader);
	if (r == 0)
		r = yaml_read_distances(reader);
	if (r == 0)
		r = yaml_read_performances(reader);
	return r;
}

int machine_from_yaml_text(const char *name, const char *text, size_t length,
			   struct machine **ret_machine, struct mpol_error *err)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	struct yaml_reader reader = {
		.source = {
			.name = name,
			.text = text,
			.length = length,
			.step = STEP,
			.advice = "mpol-machine(5) describes the keys and their form",
			.err = err,
		},
	};
	void *yaml = NULL;
	int r;

	r = yaml_load(&reader.source, &machine_schema, &yaml);
	if (r < 0)
		return r;
	if (!yaml) {
		error_set(err, -EBADMSG, STEP, "it is empty");
		error_on(err, "%s", name);
		error_advise(err, "%s", reader.source.advice);
		return -EBADMSG;
	}
	reader.yaml = yaml;
	r = build(&reader);
	machine = reader.machine;
	yaml_unload(&machine_schema, yaml);
	if (r < 0)
		return r;
	*ret_machine = steal_pointer(&machine);
	return 0;
}

int machine_from_yaml(const char *path, struct machine **ret_machine, struct mpol_error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int r;

	r = yaml_read_file(path, &text, &length);
	if (r < 0) {
		error_errno(err, r, STEP);
		error_on(err, "%s", path);
		return r;
	}
	return machine_from_yaml_text(path, text, length, ret_machine, err);
}
