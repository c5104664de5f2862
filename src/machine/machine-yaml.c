/* SPDX-License-Identifier: MIT */
/*
 * Described machines, the first step: text to structs by libcyaml's strict
 * schema, and errors with their line.
 *
 * Nothing is kept between calls.  libcyaml keeps no positions, so for an error
 * found later the text is parsed once more, by libyaml, to find the line.
 */
#include "machine-yaml.h"

#include <ctype.h>
#include <cyaml/cyaml.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "cleanup.h"
#include "error.h"
#include "machine-yaml-internal.h"
#include "nodemask.h"

#define STEP "read machine description"

DEFINE_CLEANUP(struct machine *, machine_free);

/* ---- The schema ------------------------------------------------------------ */

#define OPTIONAL_TEXT(key, structure, member)                                                    \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, \
			       0, 4096)
#define OPTIONAL_NUMBER(key, structure, member) \
	CYAML_FIELD_UINT_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member)

static const cyaml_schema_field_t cache_fields[] = {
	CYAML_FIELD_UINT("level", CYAML_FLAG_DEFAULT, struct yaml_cache, level),
	CYAML_FIELD_STRING_PTR("size", CYAML_FLAG_POINTER, struct yaml_cache, size, 0, 64),
	OPTIONAL_TEXT("line", struct yaml_cache, line),
	OPTIONAL_TEXT("indexing", struct yaml_cache, indexing),
	OPTIONAL_TEXT("policy", struct yaml_cache, policy),
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
	OPTIONAL_NUMBER("socket", struct yaml_node, socket),
	OPTIONAL_TEXT("kind", struct yaml_node, kind),
	OPTIONAL_TEXT("memory", struct yaml_node, memory),
	OPTIONAL_TEXT("cpus", struct yaml_node, cpus),
	OPTIONAL_NUMBER("nr_cpus", struct yaml_node, nr_cpus),
	CYAML_FIELD_SEQUENCE_COUNT("caches", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				   struct yaml_node, caches, nr_caches, &cache_schema, 0,
				   MACHINE_MAX_CACHES),
	OPTIONAL_TEXT("total_bandwidth", struct yaml_node, total_bandwidth),
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
	OPTIONAL_NUMBER("same_socket", struct yaml_distances, same_socket),
	OPTIONAL_NUMBER("remote", struct yaml_distances, remote),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t performance_fields[] = {
	CYAML_FIELD_STRING_PTR("initiators", CYAML_FLAG_POINTER, struct yaml_performance,
			       initiators, 0, 4096),
	CYAML_FIELD_STRING_PTR("targets", CYAML_FLAG_POINTER, struct yaml_performance, targets, 0,
			       4096),
	OPTIONAL_TEXT("latency", struct yaml_performance, latency),
	OPTIONAL_TEXT("read_latency", struct yaml_performance, read_latency),
	OPTIONAL_TEXT("write_latency", struct yaml_performance, write_latency),
	OPTIONAL_TEXT("bandwidth", struct yaml_performance, bandwidth),
	OPTIONAL_TEXT("read_bandwidth", struct yaml_performance, read_bandwidth),
	OPTIONAL_TEXT("write_bandwidth", struct yaml_performance, write_bandwidth),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t performance_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_performance, performance_fields),
};

static const cyaml_schema_field_t machine_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct yaml_machine, name, 0, 4096),
	OPTIONAL_TEXT("description", struct yaml_machine, description),
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

/* ---- Errors with their line -------------------------------------------------- */

/* What libcyaml logs about a failed load: its first error, and the line of the innermost place. */
struct load_log {
	char cause[160];
	unsigned int line; /* 0: none given */
};

static void __attribute__((format(printf, 3, 0)))
log_load(cyaml_log_t level, void *context, const char *format, va_list args)
{
	struct load_log *log = context;
	char line[256];
	const char *words = line;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(words, "Load: ", 6))
		words += 6;
	words += strspn(words, " ");
	if (!strcmp(words, "Backtrace:"))
		return;
	if (!strncmp(words, "in ", 3)) {
		const char *line_number = strstr(words, "(line: ");

		if (!log->line && line_number)
			log->line = strtoul(line_number + 7, NULL, 10);
	} else if (!*log->cause) {
		snprintf(log->cause, sizeof(log->cause), "%.*s", (int)sizeof(log->cause) - 1,
			 words);
	}
}

/*
 * libcyaml gives the place of an unknown key as that of what came before it.
 * Returns the line of the first scalar equal to key from there on, line if there is none.
 */
static unsigned int find_key(const struct yaml_reader *reader, const char *key, unsigned int line)
{
	unsigned int found = 0;
	yaml_parser_t parser;
	yaml_event_t event;
	bool end = false;

	if (!yaml_parser_initialize(&parser))
		return line;
	yaml_parser_set_input_string(&parser, (const unsigned char *)reader->text, reader->length);
	while (!end && !found && yaml_parser_parse(&parser, &event)) {
		end = event.type == YAML_STREAM_END_EVENT;
		if (event.type == YAML_SCALAR_EVENT && event.start_mark.line + 1 >= line &&
		    !strcmp((const char *)event.data.scalar.value, key))
			found = event.start_mark.line + 1;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return found ? found : line;
}

/* The value of key in a mapping, NULL if it has none. */
static yaml_node_t *mapping_get(yaml_document_t *document, const yaml_node_t *mapping,
				const char *key)
{
	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(document, pair->key);

		if (name && name->type == YAML_SCALAR_NODE &&
		    !strcmp((const char *)name->data.scalar.value, key))
			return yaml_document_get_node(document, pair->value);
	}
	return NULL;
}

/* Entry index of a sequence, NULL if it has none. */
static yaml_node_t *sequence_get(yaml_document_t *document, const yaml_node_t *sequence, int index)
{
	if (!sequence || sequence->type != YAML_SEQUENCE_NODE ||
	    index >= sequence->data.sequence.items.top - sequence->data.sequence.items.start)
		return NULL;
	return yaml_document_get_node(document, sequence->data.sequence.items.start[index]);
}

/* The line of the innermost part of a place that the text has, counted from 1. */
static size_t find_line(const struct yaml_reader *reader, struct yaml_place place)
{
	yaml_document_t document;
	yaml_parser_t parser;
	yaml_node_t *node, *inner;
	size_t line = 1;

	if (!yaml_parser_initialize(&parser))
		return line;
	yaml_parser_set_input_string(&parser, (const unsigned char *)reader->text, reader->length);
	if (yaml_parser_load(&parser, &document)) {
		node = yaml_document_get_root_node(&document);
		inner = node ? mapping_get(&document, node, place.section) : NULL;
		if (inner)
			node = inner;
		if (inner && place.index >= 0 &&
		    (inner = sequence_get(&document, node, place.index)))
			node = inner;
		if (inner && place.key && (inner = mapping_get(&document, node, place.key)))
			node = inner;
		if (node)
			line = node->start_mark.line + 1;
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return line;
}

int yaml_refuse(const struct yaml_reader *reader, int code, struct yaml_place place,
		const char *cause, ...)
{
	char words[sizeof(reader->err->cause)], index[16] = "";
	va_list args;

	va_start(args, cause);
	vsnprintf(words, sizeof(words), cause, args);
	va_end(args);
	if (place.index >= 0)
		snprintf(index, sizeof(index), "[%d]", place.index);

	error_set(reader->err, code, STEP, "%s", words);
	error_on(reader->err, "%s, line %zu, %s%s%s%s", reader->name, find_line(reader, place),
		 place.section, index, place.key ? "." : "", place.key ? place.key : "");
	error_advise(reader->err, "mpol-machine(5) describes the form");
	return code;
}

/* ---- Loading ------------------------------------------------------------------- */

static int refuse_load(const struct yaml_reader *reader, const struct load_log *log,
		       const char *otherwise)
{
	static const char unknown_key[] = "Unexpected key: ";
	unsigned int line = log->line;

	if (!strncmp(log->cause, unknown_key, strlen(unknown_key)))
		line = find_key(reader, log->cause + strlen(unknown_key), line);
	error_set(reader->err, -EBADMSG, STEP, "%s", *log->cause ? log->cause : otherwise);
	if (line)
		error_on(reader->err, "%s, line %u", reader->name, line);
	else
		error_on(reader->err, "%s", reader->name);
	error_advise(reader->err, "mpol-machine(5) lists the keys and their form");
	return -EBADMSG;
}

static int load(struct yaml_reader *reader, const cyaml_config_t *config,
		struct yaml_machine **ret_yaml)
{
	struct load_log *log = config->log_ctx;
	cyaml_data_t *data = NULL;
	cyaml_err_t r;

	r = cyaml_load_data((const uint8_t *)reader->text, reader->length, config, &machine_schema,
			    &data, NULL);
	if (r == CYAML_ERR_OOM)
		return error_errno(reader->err, -ENOMEM, STEP);
	if (r != CYAML_OK || !data)
		return refuse_load(reader, log, r == CYAML_OK ? "it is empty" : cyaml_strerror(r));
	*ret_yaml = data;
	return 0;
}

/* The name becomes a host name and part of file names. */
static int check_name(const struct yaml_reader *reader)
{
	const char *name = reader->yaml->name;
	size_t length = strlen(name);
	bool good = length >= 1 && length <= 63 && isalnum((unsigned char)*name);

	for (size_t i = 0; good && i < length; i++)
		good = isalnum((unsigned char)name[i]) || name[i] == '-';
	if (!good)
		return yaml_refuse(reader, -EBADMSG, (struct yaml_place) { "name", -1, NULL },
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
		return yaml_refuse(reader, -EINVAL, (struct yaml_place) { "nodes", -1, NULL },
				   "a machine needs at least one node");
	r = machine_new(reader->yaml->name, reader->yaml->nr_nodes, &reader->machine);
	if (r < 0)
		return error_errno(reader->err, r, STEP);
	if (reader->yaml->description) {
		reader->machine->description = strdup(reader->yaml->description);
		if (!reader->machine->description)
			return error_errno(reader->err, -ENOMEM, STEP);
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
	struct load_log log = { "", 0 };
	const cyaml_config_t config = {
		.log_fn = log_load,
		.log_ctx = &log,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	struct yaml_reader reader = { .name = name, .text = text, .length = length, .err = err };
	struct yaml_machine *yaml = NULL;
	int r;

	if (length > MACHINE_YAML_MAX_BYTES) {
		error_set(err, -E2BIG, STEP, "it is longer than %u bytes", MACHINE_YAML_MAX_BYTES);
		error_on(err, "%s", name);
		return -E2BIG;
	}
	r = load(&reader, &config, &yaml);
	if (r < 0)
		return r;
	reader.yaml = yaml;
	r = build(&reader);
	machine = reader.machine;
	cyaml_free(&config, &machine_schema, yaml, 0);
	if (r < 0)
		return r;
	*ret_machine = steal_pointer(&machine);
	return 0;
}

/* Reads up to one byte more than a description may have. */
static int read_file(const char *path, char **ret_text, size_t *ret_length)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	text = malloc(MACHINE_YAML_MAX_BYTES + 1);
	if (!text)
		return -ENOMEM;
	while (length <= MACHINE_YAML_MAX_BYTES) {
		n = read(fd, text + length, MACHINE_YAML_MAX_BYTES + 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += n;
	}
	*ret_text = steal_pointer(&text);
	*ret_length = length;
	return 0;
}

int machine_from_yaml(const char *path, struct machine **ret_machine, struct mpol_error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int r;

	r = read_file(path, &text, &length);
	if (r < 0) {
		error_errno(err, r, STEP);
		error_on(err, "%s", path);
		return r;
	}
	return machine_from_yaml_text(path, text, length, ret_machine, err);
}
