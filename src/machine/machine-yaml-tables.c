/* SPDX-License-Identifier: MIT */
/*
 * Described machines, the third step: the distance and performance tables.
 * Both are given whole or by rule, and are complete afterwards.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "machine-yaml-internal.h"
#include "nodemask.h"
#include "text.h"
#include "units.h"

/* ACPI 6.5, 5.2.17: 10 is local, 255 unreachable; the kernel drops a table with
 * a remote distance of 10 or less (drivers/acpi/numa/srat.c, slit_valid). */
#define DISTANCE_LOCAL	10
#define DISTANCE_REMOTE 20
#define DISTANCE_MAX	254

static bool same_socket(const struct machine *machine, int i, int j)
{
	return machine->nodes[i].socket >= 0 &&
	       machine->nodes[i].socket == machine->nodes[j].socket;
}

/* ---- Distances --------------------------------------------------------------- */

static int check_distance(const struct yaml_reader *reader, struct yaml_place place, bool local,
			  uint64_t distance)
{
	if (local && distance != DISTANCE_LOCAL)
		return yaml_refuse(&reader->source, -EINVAL, place,
				   "the distance of a node to itself is %d, not %llu",
				   DISTANCE_LOCAL, (unsigned long long)distance);
	if (!local && (distance <= DISTANCE_LOCAL || distance > DISTANCE_MAX))
		return yaml_refuse(&reader->source, -EINVAL, place,
				   "a distance of %llu between two nodes (%d to %d are possible)",
				   (unsigned long long)distance, DISTANCE_LOCAL + 1, DISTANCE_MAX);
	return 0;
}

static int read_row(const struct yaml_reader *reader, int from)
{
	static const struct yaml_place place = { "distances", -1, "matrix" };
	_cleanup_free_ char *row = strdup(reader->yaml->distances->rows[from]);
	struct machine *machine = reader->machine;
	char *saved = NULL;
	uint64_t distance;
	int to = 0, r;

	if (!row)
		return error_errno(reader->source.err, -ENOMEM, "read machine description");
	for (char *word = strtok_r(row, " ", &saved); word;
	     word = strtok_r(NULL, " ", &saved), to++) {
		if (to >= machine->nr_nodes)
			continue;
		if (parse_u64(word, 10, &distance) < 0)
			return yaml_refuse(&reader->source, -EBADMSG, place,
					   "row %d: not a distance: %.40s", from + 1, word);
		r = check_distance(reader, place, from == to, distance);
		if (r < 0)
			return r;
		machine->distances[from * machine->nr_nodes + to] = distance;
	}
	if (to != machine->nr_nodes)
		return yaml_refuse(&reader->source, -EBADMSG, place,
				   "row %d has %d distances, but there are %d nodes", from + 1, to,
				   machine->nr_nodes);
	return 0;
}

static int read_matrix(const struct yaml_reader *reader)
{
	const struct yaml_distances *yaml = reader->yaml->distances;
	struct yaml_place place = { "distances", -1, "matrix" };
	int r = 0;

	if (yaml->same_socket || yaml->remote)
		return yaml_refuse(&reader->source, -EBADMSG, place,
				   "matrix excludes same_socket and remote");
	if ((int)yaml->nr_rows != reader->machine->nr_nodes)
		return yaml_refuse(&reader->source, -EBADMSG, place,
				   "%u rows, but there are %d nodes", yaml->nr_rows,
				   reader->machine->nr_nodes);
	for (int from = 0; r == 0 && from < reader->machine->nr_nodes; from++)
		r = read_row(reader, from);
	return r;
}

int yaml_read_distances(const struct yaml_reader *reader)
{
	const struct yaml_distances *yaml = reader->yaml->distances;
	struct machine *machine = reader->machine;
	uint32_t remote = yaml && yaml->remote ? *yaml->remote : DISTANCE_REMOTE;
	uint32_t near = yaml && yaml->same_socket ? *yaml->same_socket : remote;
	int r;

	if (yaml && yaml->rows)
		return read_matrix(reader);
	r = check_distance(reader, (struct yaml_place) { "distances", -1, "remote" }, false,
			   remote);
	if (r == 0)
		r = check_distance(reader, (struct yaml_place) { "distances", -1, "same_socket" },
				   false, near);
	if (r < 0)
		return r;
	for (int i = 0; i < machine->nr_nodes; i++)
		for (int j = 0; j < machine->nr_nodes; j++)
			machine->distances[i * machine->nr_nodes + j] = i == j ? DISTANCE_LOCAL
									: same_socket(machine, i, j)
										? near
										: remote;
	return 0;
}

/* ---- Performance ------------------------------------------------------------- */

#define REFUSE(reader, code, index, key, ...)                                                 \
	yaml_refuse(&reader->source, code, (struct yaml_place) { "performance", index, key }, \
		    __VA_ARGS__)

static bool stated(const struct mpol_performance *performance)
{
	return performance->read_latency_ns || performance->read_bandwidth_bytes;
}

static int read_latency(const struct yaml_reader *reader, int index, const char *key,
			const char *text, uint32_t *ret_ns)
{
	uint64_t ns;

	if (units_parse_duration(text, &ns) < 0)
		return REFUSE(reader, -EBADMSG, index, key, "not a duration: %.40s (such as 90ns)",
			      text);
	if (!ns || ns > UINT32_MAX)
		return REFUSE(reader, -EINVAL, index, key, "no memory has a latency of %.40s",
			      text);
	*ret_ns = ns;
	return 0;
}

static int read_bandwidth(const struct yaml_reader *reader, int index, const char *key,
			  const char *text, uint64_t *ret_bytes)
{
	uint64_t bytes;

	if (units_parse_bandwidth(text, &bytes) < 0)
		return REFUSE(reader, -EBADMSG, index, key,
			      "not a bandwidth: %.40s (such as 20GB/s)", text);
	if (!bytes)
		return REFUSE(reader, -EINVAL, index, key, "no memory has a bandwidth of %.40s",
			      text);
	*ret_bytes = bytes;
	return 0;
}

/* The values of one entry: each of latency and bandwidth as one value for both directions, as
 * two, or not at all. */
static int read_values(const struct yaml_reader *reader, int index,
		       struct mpol_performance *ret_values)
{
	const struct yaml_performance *yaml = &reader->yaml->performances[index];
	const char *read = yaml->read_latency ? yaml->read_latency : yaml->latency;
	const char *write = yaml->write_latency ? yaml->write_latency : yaml->latency;
	struct mpol_performance values = { 0 };
	int r = 0;

	if (!read != !write)
		return REFUSE(reader, -EBADMSG, index, read ? "read_latency" : "write_latency",
			      "latency is stated for one direction only");
	if (read)
		r = read_latency(reader, index, yaml->read_latency ? "read_latency" : "latency",
				 read, &values.read_latency_ns);
	if (r == 0 && write)
		r = read_latency(reader, index, yaml->write_latency ? "write_latency" : "latency",
				 write, &values.write_latency_ns);

	read = yaml->read_bandwidth ? yaml->read_bandwidth : yaml->bandwidth;
	write = yaml->write_bandwidth ? yaml->write_bandwidth : yaml->bandwidth;
	if (r == 0 && !read != !write)
		return REFUSE(reader, -EBADMSG, index, read ? "read_bandwidth" : "write_bandwidth",
			      "bandwidth is stated for one direction only");
	if (r == 0 && read)
		r = read_bandwidth(reader, index,
				   yaml->read_bandwidth ? "read_bandwidth" : "bandwidth", read,
				   &values.read_bandwidth_bytes);
	if (r == 0 && write)
		r = read_bandwidth(reader, index,
				   yaml->write_bandwidth ? "write_bandwidth" : "bandwidth", write,
				   &values.write_bandwidth_bytes);
	if (r == 0 && !stated(&values))
		return REFUSE(reader, -EBADMSG, index, NULL, "neither latency nor bandwidth");
	if (r == 0)
		*ret_values = values;
	return r;
}

/* Every node of list must be in the machine, and have what an initiator or a target has. */
static int check_nodes(const struct yaml_reader *reader, int index, const char *key,
		       const struct nodemask *list)
{
	bool initiators = !strcmp(key, "initiators");
	int id, i;

	nodemask_for_each (id, list) {
		i = machine_index(reader->machine, id);
		if (i < 0)
			return REFUSE(reader, -EINVAL, index, key, "there is no node %d", id);
		if (initiators && !*reader->machine->nodes[i].cpus)
			return REFUSE(reader, -EINVAL, index, key, "node %d has no CPUs", id);
		if (!initiators && !reader->machine->nodes[i].capacity_bytes)
			return REFUSE(reader, -EINVAL, index, key, "node %d has no memory", id);
	}
	return 0;
}

/* Reads a list of nodes or "all": every node that can be meant. */
static int read_nodes(const struct yaml_reader *reader, int index, const char *key,
		      const char *text, struct nodemask *ret_nodes)
{
	const struct machine *machine = reader->machine;
	struct nodemask nodes = { { 0 } };
	int r;

	if (!strcmp(text, "all")) {
		for (int i = 0; i < machine->nr_nodes; i++)
			if (*key == 'i' ? *machine->nodes[i].cpus
					: machine->nodes[i].capacity_bytes != 0)
				nodemask_set(&nodes, machine->nodes[i].id);
		*ret_nodes = nodes;
		return 0;
	}
	if (nodemask_parse(text, &nodes) < 0 || nodemask_empty(&nodes))
		return REFUSE(reader, -EBADMSG, index, key, "not a list of nodes: %.40s", text);
	r = check_nodes(reader, index, key, &nodes);
	if (r == 0)
		*ret_nodes = nodes;
	return r;
}

/* What targets may say besides a list; a pair belongs to an entry if it fits. */
enum target_rule { TARGETS_LISTED, TARGETS_LOCAL, TARGETS_SAME_SOCKET, TARGETS_OTHERS };

static bool targeted(const struct machine *machine, enum target_rule rule,
		     const struct nodemask *targets, int i, int j)
{
	switch (rule) {
	case TARGETS_LOCAL:
		return i == j;
	case TARGETS_SAME_SOCKET:
		return i != j && same_socket(machine, i, j);
	case TARGETS_OTHERS:
		return !stated(&machine->performances[i * machine->nr_nodes + j]);
	case TARGETS_LISTED:
		return nodemask_test(targets, machine->nodes[j].id);
	}
	return false;
}

static enum target_rule target_rule(const char *text)
{
	return !strcmp(text, "local")	      ? TARGETS_LOCAL
	       : !strcmp(text, "same-socket") ? TARGETS_SAME_SOCKET
	       : !strcmp(text, "others")      ? TARGETS_OTHERS
					      : TARGETS_LISTED;
}

static int read_entry(const struct yaml_reader *reader, int index)
{
	const struct yaml_performance *yaml = &reader->yaml->performances[index];
	enum target_rule rule = target_rule(yaml->targets);
	struct nodemask initiators, targets = { { 0 } };
	struct machine *machine = reader->machine;
	struct mpol_performance values, *pair;
	int r;

	r = read_values(reader, index, &values);
	if (r == 0)
		r = read_nodes(reader, index, "initiators", yaml->initiators, &initiators);
	if (r == 0 && rule == TARGETS_LISTED)
		r = read_nodes(reader, index, "targets", yaml->targets, &targets);
	if (r < 0)
		return r;

	for (int i = 0; i < machine->nr_nodes; i++) {
		for (int j = 0; j < machine->nr_nodes; j++) {
			if (!nodemask_test(&initiators, machine->nodes[i].id) ||
			    !machine->nodes[j].capacity_bytes ||
			    !targeted(machine, rule, &targets, i, j))
				continue;
			pair = &machine->performances[i * machine->nr_nodes + j];
			if (stated(pair))
				return REFUSE(reader, -EINVAL, index, NULL,
					      "node %d as seen from node %d is stated twice",
					      machine->nodes[j].id, machine->nodes[i].id);
			*pair = values;
		}
	}
	return 0;
}

/* Each node with CPUs must see each node with memory: half a table helps nobody. */
static int check_complete(const struct yaml_reader *reader)
{
	const struct machine *machine = reader->machine;

	for (int i = 0; i < machine->nr_nodes; i++)
		for (int j = 0; j < machine->nr_nodes; j++)
			if (*machine->nodes[i].cpus && machine->nodes[j].capacity_bytes &&
			    !stated(&machine->performances[i * machine->nr_nodes + j]))
				return REFUSE(reader, -EINVAL, -1, NULL,
					      "node %d as seen from node %d is missing",
					      machine->nodes[j].id, machine->nodes[i].id);
	return 0;
}

int yaml_read_performances(const struct yaml_reader *reader)
{
	int r = 0;

	if (!reader->yaml->nr_performances)
		return 0;
	for (uint32_t i = 0; r == 0 && i < reader->yaml->nr_performances; i++)
		r = read_entry(reader, i);
	return r < 0 ? r : check_complete(reader);
}
