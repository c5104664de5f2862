/* SPDX-License-Identifier: MIT */
/*
 * hwloc XML to struct machine: see machine-hwloc.h.
 *
 * expat calls back for each element.  What is open is kept on a stack, so that
 * an element counts only where hwloc puts it.  After the first error the
 * parser is stopped and every callback returns at once.
 */
#include "machine-hwloc.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "cleanup.h"
#include "error.h"
#include "grow.h"
#include "machine-hwloc-internal.h"
#include "text.h"

#define STEP "read machine"

/* A list of numbers within one element: hwloc writes ten at a time. */
#define MAX_LIST_BYTES (1U << 20)

DEFINE_CLEANUP(XML_Parser, XML_ParserFree);

enum element {
	ELEMENT_OTHER, /* passed over, with all that is in it */
	ELEMENT_TOPOLOGY,
	ELEMENT_OBJECT,
	ELEMENT_DISTANCES,
	ELEMENT_INDEXES,
	ELEMENT_VALUES,
	ELEMENT_ATTRIBUTE,
};

struct frame {
	enum element element;
	bool is_cache;			/* a memory-side cache … */
	struct mpol_memory_cache cache; /* … and what it is */
	int node;			/* its position among those found, -1: not a node */
};

/* The table that is being read. */
struct distances {
	bool by_gp;
	size_t nr_objects;
	int positions[NODES_MAX]; /* of the objects, -1: not there */
	size_t nr_positions;
	size_t nr_values;
};

struct reader {
	const char *name;
	struct mpol_error *err;
	XML_Parser parser;
	int error; /* 0 until something is wrong */
	struct frame frames[MACHINE_HWLOC_MAX_DEPTH];
	int depth;
	struct hwloc_build build;
	char *host_name;
	bool has_distances;
	struct distances distances;
	enum hwloc_attribute attribute;
	struct text list;
};

static void reader_release(struct reader *reader)
{
	hwloc_build_release(&reader->build);
	text_free(&reader->list);
	free(reader->host_name);
}

/* ---- Errors and attributes ------------------------------------------------------ */

static void __attribute__((format(printf, 3, 4)))
refuse(struct reader *reader, int code, const char *cause, ...)
{
	char words[160];
	va_list args;

	va_start(args, cause);
	vsnprintf(words, sizeof(words), cause, args);
	va_end(args);
	error_set(reader->err, code, STEP, "%s", words);
	error_on(reader->err, "%s, line %lu", reader->name,
		 (unsigned long)XML_GetCurrentLineNumber(reader->parser));
	error_advise(reader->err, "lstopo FILE.xml writes such a file on the machine in question");
	reader->error = code;
	XML_StopParser(reader->parser, XML_FALSE);
}

static void lack_memory(struct reader *reader)
{
	reader->error = error_errno(reader->err, -ENOMEM, STEP);
	error_on(reader->err, "%s", reader->name);
	XML_StopParser(reader->parser, XML_FALSE);
}

/* The value of key; "" if it is not there. */
static const char *value_of(const char **attributes, const char *key)
{
	for (; *attributes; attributes += 2)
		if (!strcmp(attributes[0], key))
			return attributes[1];
	return "";
}

static bool value_is(const char **attributes, const char *key, const char *value)
{
	return !strcmp(value_of(attributes, key), value);
}

/* Reads a whole number that must be there, or refuses. */
static bool read_number(struct reader *reader, const char **attributes, const char *key,
			uint64_t *ret_number)
{
	const char *value = value_of(attributes, key);

	if (parse_u64(value, 10, ret_number) == 0)
		return true;
	if (*value)
		refuse(reader, -EBADMSG, "%s is not a number: %.40s", key, value);
	else
		refuse(reader, -EBADMSG, "%s is missing", key);
	return false;
}

static bool read_cpus(struct reader *reader, const char **attributes, const char *key,
		      struct cpumask *ret_cpus)
{
	const char *value = value_of(attributes, key);
	int r = cpumask_parse(value, ret_cpus);

	if (r == -ENOMEM)
		lack_memory(reader);
	else if (r == -ERANGE)
		refuse(reader, -EINVAL, "%s has CPUs from %d on", key, CPUMASK_MAX_CPUS);
	else if (r < 0 && *value)
		refuse(reader, -EBADMSG, "%s is not a set of CPUs: %.40s", key, value);
	else if (r < 0)
		refuse(reader, -EBADMSG, "%s is missing", key);
	return r == 0;
}

/* ---- Objects ---------------------------------------------------------------------- */

static enum mpol_memory_kind kind_of(const char *subtype)
{
	static const struct {
		const char *subtype;
		enum mpol_memory_kind kind;
	} subtypes[] = {
		{ "DRAM", MPOL_MEMORY_DRAM },	 { "HBM", MPOL_MEMORY_HBM },
		{ "MCDRAM", MPOL_MEMORY_HBM },	 { "NVM", MPOL_MEMORY_PMEM },
		{ "CXL-DRAM", MPOL_MEMORY_CXL }, { "CXL-NVM", MPOL_MEMORY_PMEM },
	};

	for (size_t i = 0; i < sizeof(subtypes) / sizeof(subtypes[0]); i++)
		if (!strcmp(subtype, subtypes[i].subtype))
			return subtypes[i].kind;
	return MPOL_MEMORY_UNKNOWN;
}

/* A memory-side cache; its level depends on what is within. */
static void start_cache(struct reader *reader, const char **attributes, struct frame *frame)
{
	const char *ways = value_of(attributes, "cache_associativity");
	uint64_t size_bytes, line_bytes;

	if (!read_number(reader, attributes, "cache_size", &size_bytes) ||
	    !read_number(reader, attributes, "cache_linesize", &line_bytes))
		return;
	if (line_bytes > UINT32_MAX) {
		refuse(reader, -EINVAL, "no cache has lines of %llu bytes",
		       (unsigned long long)line_bytes);
		return;
	}
	frame->is_cache = true;
	frame->cache = (struct mpol_memory_cache) {
		.size_bytes = size_bytes,
		.line_bytes = line_bytes,
		.indexing = !*ways || !strcmp(ways, "0") ? -1 : strcmp(ways, "1") != 0,
		.write_through = -1,
	};
}

/* The caches are the objects right around the node; the nearest to the memory is level 1. */
static void add_caches(const struct reader *reader, struct hwloc_node *node)
{
	for (int i = reader->depth - 1;
	     i >= 0 && reader->frames[i].is_cache && node->nr_caches < MACHINE_MAX_CACHES; i--) {
		node->caches[node->nr_caches] = reader->frames[i].cache;
		node->caches[node->nr_caches].level = node->nr_caches + 1;
		node->nr_caches++;
	}
}

static bool check_node(struct reader *reader, uint64_t id, uint64_t gp_index)
{
	if (id >= NODES_MAX)
		refuse(reader, -EINVAL, "node %llu: numbers go up to %d", (unsigned long long)id,
		       NODES_MAX - 1);
	else if (hwloc_build_find(&reader->build, id, false) >= 0)
		refuse(reader, -EINVAL, "node %d is there twice", (int)id);
	else if (hwloc_build_find(&reader->build, gp_index, true) >= 0)
		refuse(reader, -EINVAL, "gp_index %llu is there twice",
		       (unsigned long long)gp_index);
	return !reader->error;
}

static void start_node(struct reader *reader, const char **attributes, struct frame *frame)
{
	struct hwloc_build *build = &reader->build;
	struct hwloc_node node = { 0 }, *nodes;
	uint64_t id;

	if (!read_number(reader, attributes, "os_index", &id) ||
	    !read_number(reader, attributes, "gp_index", &node.gp_index) ||
	    !check_node(reader, id, node.gp_index) ||
	    (*value_of(attributes, "local_memory") &&
	     !read_number(reader, attributes, "local_memory", &node.capacity_bytes)) ||
	    !read_cpus(reader, attributes, "cpuset", &node.cpus))
		return;
	node.id = id;
	node.kind = kind_of(value_of(attributes, "subtype"));
	node.kind_stated = node.kind != MPOL_MEMORY_UNKNOWN;
	add_caches(reader, &node);

	nodes = grow(build->nodes, build->nr_nodes, &build->nr_allocated, sizeof(*nodes));
	if (!nodes) {
		cpumask_free(&node.cpus);
		lack_memory(reader);
		return;
	}
	build->nodes = nodes;
	nodes[build->nr_nodes] = node;
	frame->node = build->nr_nodes++;
}

static void start_object(struct reader *reader, const char **attributes, struct frame *frame)
{
	if (reader->build.machine)
		refuse(reader, -EBADMSG, "a second machine in one file");
	else if (value_is(attributes, "type", "NUMANode"))
		start_node(reader, attributes, frame);
	else if (value_is(attributes, "type", "MemCache"))
		start_cache(reader, attributes, frame);
}

/* Version 2 has the host's name in the outermost object, version 3 around it. */
static void take_info(struct reader *reader, const char **attributes, const struct frame *parent)
{
	const char *key = value_of(attributes, "name"), *value = value_of(attributes, "value");
	struct hwloc_node *node = parent->node < 0 ? NULL : &reader->build.nodes[parent->node];

	if (reader->depth <= 2 && !strcmp(key, "HostName") && *value && !reader->host_name) {
		reader->host_name = strdup(value);
		if (!reader->host_name)
			lack_memory(reader);
	}
	if (!node || node->kind_stated)
		return;
	if (!strcmp(key, "DAXType") && !strcmp(value, "NVM"))
		node->kind = MPOL_MEMORY_PMEM;
	else if (!strcmp(key, "CXLDevice") && node->kind == MPOL_MEMORY_UNKNOWN)
		node->kind = MPOL_MEMORY_CXL;
}

/* The outermost object has ended: all nodes are known. */
static void end_objects(struct reader *reader)
{
	if (!reader->build.nr_nodes)
		refuse(reader, -EINVAL, "no memory nodes in it");
	else if (hwloc_build_machine(&reader->build, reader->name) < 0)
		lack_memory(reader);
}

/* ---- Distances -------------------------------------------------------------------- */

/* Only the first table of the kernel's is taken: others are bandwidths, or of GPUs. */
static enum element start_distances(struct reader *reader, const char **attributes)
{
	uint64_t nr_objects;

	if (reader->has_distances || !value_is(attributes, "name", "NUMALatency") ||
	    !value_is(attributes, "type", "NUMANode") ||
	    !read_number(reader, attributes, "nbobjs", &nr_objects))
		return ELEMENT_OTHER;
	if (nr_objects > NODES_MAX) {
		refuse(reader, -EINVAL, "distances between %llu nodes, %d are possible",
		       (unsigned long long)nr_objects, NODES_MAX);
		return ELEMENT_OTHER;
	}
	reader->has_distances = true;
	reader->distances = (struct distances) {
		.by_gp = value_is(attributes, "indexing", "gp"),
		.nr_objects = nr_objects,
	};
	return ELEMENT_DISTANCES;
}

static void add_index(struct reader *reader, uint64_t number)
{
	struct distances *distances = &reader->distances;

	if (distances->nr_positions == distances->nr_objects)
		refuse(reader, -EBADMSG, "more than %zu indexes", distances->nr_objects);
	else
		distances->positions[distances->nr_positions++] =
			hwloc_build_find(&reader->build, number, distances->by_gp);
}

static void add_distance(struct reader *reader, uint64_t number)
{
	struct distances *distances = &reader->distances;
	struct machine *machine = reader->build.machine;
	size_t n = distances->nr_objects;
	int from, to;

	if (distances->nr_positions < n || distances->nr_values == n * n) {
		refuse(reader, -EBADMSG, "%zu indexes, then more than %zu distances",
		       distances->nr_positions, distances->nr_values);
		return;
	}
	from = distances->positions[distances->nr_values / n];
	to = distances->positions[distances->nr_values % n];
	distances->nr_values++;
	if (from >= 0 && to >= 0 && number <= UINT8_MAX)
		machine->distances[from * machine->nr_nodes + to] = number;
}

/* Gives each number of the list that has just ended to add. */
static void read_list(struct reader *reader, void (*add)(struct reader *, uint64_t))
{
	char *saved = NULL;
	uint64_t number;

	if (reader->list.error) {
		lack_memory(reader);
		return;
	}
	for (char *word = reader->list.data ? strtok_r(reader->list.data, " \t\r\n", &saved) : NULL;
	     word && !reader->error; word = strtok_r(NULL, " \t\r\n", &saved)) {
		if (parse_u64(word, 10, &number) < 0)
			refuse(reader, -EBADMSG, "not a number: %.40s", word);
		else
			add(reader, number);
	}
	reader->list.length = 0;
	if (reader->list.data)
		*reader->list.data = '\0';
}

static void end_distances(struct reader *reader)
{
	const struct distances *distances = &reader->distances;

	if (distances->nr_values != distances->nr_objects * distances->nr_objects)
		refuse(reader, -EBADMSG, "%zu distances between %zu nodes", distances->nr_values,
		       distances->nr_objects);
}

/* ---- Memory attributes --------------------------------------------------------------- */

static enum hwloc_attribute attribute_of(const char *name)
{
	static const char *const names[] = {
		[HWLOC_LATENCY] = "Latency",
		[HWLOC_READ_LATENCY] = "ReadLatency",
		[HWLOC_WRITE_LATENCY] = "WriteLatency",
		[HWLOC_BANDWIDTH] = "Bandwidth",
		[HWLOC_READ_BANDWIDTH] = "ReadBandwidth",
		[HWLOC_WRITE_BANDWIDTH] = "WriteBandwidth",
	};

	for (int i = HWLOC_LATENCY; i <= HWLOC_WRITE_BANDWIDTH; i++)
		if (!strcmp(name, names[i]))
			return i;
	return HWLOC_NO_ATTRIBUTE;
}

/*
 * The initiator is a set of CPUs or an object; of objects only nodes are looked
 * up: lstopo writes sets, and a GPU has no CPUs.
 */
static void take_value(struct reader *reader, const char **attributes)
{
	struct cpumask cpus = { 0 };
	uint64_t gp_index, value, initiator;
	int target, i;

	if (!value_is(attributes, "target_obj_type", "NUMANode") ||
	    !read_number(reader, attributes, "target_obj_gp_index", &gp_index) ||
	    !read_number(reader, attributes, "value", &value))
		return;
	target = hwloc_build_find(&reader->build, gp_index, true);
	if (value_is(attributes, "initiator_obj_type", "NUMANode")) {
		if (!read_number(reader, attributes, "initiator_obj_gp_index", &initiator))
			return;
		i = hwloc_build_find(&reader->build, initiator, true);
		if (i >= 0 && target >= 0)
			hwloc_build_value(&reader->build, reader->attribute, target,
					  &reader->build.nodes[i].cpus, value);
	} else if (!*value_of(attributes, "initiator_obj_type") &&
		   read_cpus(reader, attributes, "initiator_cpuset", &cpus)) {
		if (target >= 0)
			hwloc_build_value(&reader->build, reader->attribute, target, &cpus, value);
		cpumask_free(&cpus);
	}
}

/* ---- The elements ---------------------------------------------------------------------- */

static enum element start_root(struct reader *reader, const char *name, const char **attributes)
{
	const char *version = value_of(attributes, "version");

	if (strcmp(name, "topology") != 0)
		refuse(reader, -EBADMSG, "not XML of hwloc: <%.40s>, not <topology>", name);
	else if (strncmp(version, "2.", 2) != 0 && strncmp(version, "3.", 2) != 0)
		refuse(reader, -EBADMSG, "hwloc's XML of version %.16s, not 2 or 3",
		       *version ? version : "1");
	return ELEMENT_TOPOLOGY;
}

/* A child of <topology>. */
static enum element start_part(struct reader *reader, const char *name, const char **attributes,
			       struct frame *frame)
{
	bool distances = !strcmp(name, "distances2"), attribute = !strcmp(name, "memattr");

	if (!strcmp(name, "object")) {
		start_object(reader, attributes, frame);
		return ELEMENT_OBJECT;
	}
	if (!strcmp(name, "info"))
		take_info(reader, attributes, &reader->frames[reader->depth - 1]);
	if ((distances || attribute) && !reader->build.machine) {
		refuse(reader, -EBADMSG, "<%s> before the objects that it is about", name);
		return ELEMENT_OTHER;
	}
	if (distances)
		return start_distances(reader, attributes);
	if (!attribute)
		return ELEMENT_OTHER;
	reader->attribute = attribute_of(value_of(attributes, "name"));
	return reader->attribute == HWLOC_NO_ATTRIBUTE ? ELEMENT_OTHER : ELEMENT_ATTRIBUTE;
}

static enum element start_element(struct reader *reader, const char *name, const char **attributes,
				  struct frame *frame)
{
	const struct frame *parent = frame - 1;

	if (!reader->depth)
		return start_root(reader, name, attributes);
	if (parent->element == ELEMENT_TOPOLOGY)
		return start_part(reader, name, attributes, frame);
	if (parent->element == ELEMENT_OBJECT && !strcmp(name, "object")) {
		start_object(reader, attributes, frame);
		return ELEMENT_OBJECT;
	}
	if (parent->element == ELEMENT_OBJECT && !strcmp(name, "info"))
		take_info(reader, attributes, parent);
	else if (parent->element == ELEMENT_DISTANCES && !strcmp(name, "indexes"))
		return ELEMENT_INDEXES;
	else if (parent->element == ELEMENT_DISTANCES && !strcmp(name, "u64values"))
		return ELEMENT_VALUES;
	else if (parent->element == ELEMENT_ATTRIBUTE && !strcmp(name, "memattr_value"))
		take_value(reader, attributes);
	return ELEMENT_OTHER;
}

static void XMLCALL on_start(void *context, const char *name, const char **attributes)
{
	struct reader *reader = context;
	struct frame *frame = &reader->frames[reader->depth];

	if (reader->error)
		return;
	if (reader->depth == MACHINE_HWLOC_MAX_DEPTH) {
		refuse(reader, -EBADMSG, "elements within elements, more than %d deep",
		       MACHINE_HWLOC_MAX_DEPTH);
		return;
	}
	*frame = (struct frame) { .node = -1 };
	frame->element = start_element(reader, name, attributes, frame);
	reader->depth++;
}

static void XMLCALL on_end(void *context, const char *name)
{
	struct reader *reader = context;
	enum element element;

	(void)name;
	if (reader->error)
		return;
	element = reader->frames[--reader->depth].element;
	if (element == ELEMENT_OBJECT && reader->depth == 1)
		end_objects(reader);
	else if (element == ELEMENT_INDEXES)
		read_list(reader, add_index);
	else if (element == ELEMENT_VALUES)
		read_list(reader, add_distance);
	else if (element == ELEMENT_DISTANCES)
		end_distances(reader);
}

static void XMLCALL on_text(void *context, const char *text, int length)
{
	struct reader *reader = context;
	enum element element;

	if (reader->error || !reader->depth)
		return;
	element = reader->frames[reader->depth - 1].element;
	if (element != ELEMENT_INDEXES && element != ELEMENT_VALUES)
		return;
	if (reader->list.length + length > MAX_LIST_BYTES)
		refuse(reader, -EBADMSG, "a list longer than %u bytes", MAX_LIST_BYTES);
	else
		text_append(&reader->list, text, length);
}

/* Declarations could hold entities, with which little text becomes much; lstopo writes none. */
static void XMLCALL on_doctype(void *context, const char *name, const char *system_id,
			       const char *public_id, int has_declarations)
{
	struct reader *reader = context;

	(void)name, (void)system_id, (void)public_id;
	if (has_declarations)
		refuse(reader, -EBADMSG, "it declares entities or elements of its own");
}

static void read_all(struct reader *reader, const char *text, size_t length)
{
	XML_SetUserData(reader->parser, reader);
	XML_SetElementHandler(reader->parser, on_start, on_end);
	XML_SetCharacterDataHandler(reader->parser, on_text);
	XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
	if (length > INT_MAX) {
		refuse(reader, -EBADMSG, "it is longer than %d bytes", INT_MAX);
		return;
	}
	if (XML_Parse(reader->parser, text, length, XML_TRUE) == XML_STATUS_OK || reader->error)
		return;
	if (XML_GetErrorCode(reader->parser) == XML_ERROR_NO_MEMORY)
		lack_memory(reader);
	else
		refuse(reader, -EBADMSG, "not XML: %s",
		       XML_ErrorString(XML_GetErrorCode(reader->parser)));
}

int machine_from_hwloc_xml_text(const char *name, const char *text, size_t length,
				struct machine **ret_machine, struct mpol_error *err)
{
	_cleanup_(XML_ParserFreep) XML_Parser parser = XML_ParserCreate(NULL);
	_cleanup_(reader_release) struct reader reader = { .name = name, .err = err };

	if (!parser)
		return error_errno(err, -ENOMEM, STEP);
	reader.parser = parser;
	read_all(&reader, text, length);
	if (!reader.error && !reader.build.machine)
		refuse(&reader, -EINVAL, "no machine in it");
	if (reader.error)
		return reader.error;
	if (reader.host_name) {
		free(reader.build.machine->name);
		reader.build.machine->name = steal_pointer(&reader.host_name);
	}
	*ret_machine = hwloc_build_finish(&reader.build);
	return 0;
}
