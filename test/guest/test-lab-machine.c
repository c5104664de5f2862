/* SPDX-License-Identifier: MIT */
/*
 * In a guest: what the kernel shows is what the machine's description says.
 * Reads sysfs itself, so that an error of mpol's own reader cannot hide one of the lab's.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "hmat.h"
#include "machine-yaml.h"
#include "nodemask.h"

#define SYS_NODE "/sys/devices/system/node"

DEFINE_CLEANUP(struct machine *, machine_free);

static int failures;

static void __attribute__((format(printf, 2, 3))) check(bool good, const char *sentence, ...)
{
	va_list args;

	printf("%s - ", good ? "ok" : "not ok");
	va_start(args, sentence);
	vprintf(sentence, args);
	va_end(args);
	printf("\n");
	failures += !good;
}

/* The first line of a file below SYS_NODE, "" if it cannot be read. */
static void __attribute__((format(printf, 3, 4)))
read_line(char *line, size_t size, const char *format, ...)
{
	_cleanup_fclose_ FILE *stream = NULL;
	char path[256] = SYS_NODE "/";
	va_list args;

	va_start(args, format);
	vsnprintf(path + strlen(path), sizeof(path) - strlen(path), format, args);
	va_end(args);
	stream = fopen(path, "re");
	if (!stream || !fgets(line, size, stream))
		*line = '\0';
	line[strcspn(line, "\n")] = '\0';
}

static long long read_number(int node, const char *file)
{
	char line[64], *end;
	long long number;

	read_line(line, sizeof(line), "node%d/%s", node, file);
	number = strtoll(line, &end, 10);
	return *line && !*end ? number : -1;
}

/* ---- Nodes ------------------------------------------------------------------- */

static void check_list(const char *file, const struct nodemask *expected)
{
	char line[4096], words[4096];

	read_line(line, sizeof(line), "%s", file);
	nodemask_format(expected, words, sizeof(words));
	check(!strcmp(line, words), "%s is %s (described: %s)", file, line, words);
}

static void check_lists(const struct machine *machine)
{
	struct nodemask online = { { 0 } }, cpus = { { 0 } }, memory = { { 0 } };

	for (int i = 0; i < machine->nr_nodes; i++) {
		const struct machine_node *node = &machine->nodes[i];

		nodemask_set(&online, node->id);
		if (*node->cpus)
			nodemask_set(&cpus, node->id);
		if (node->capacity_bytes)
			nodemask_set(&memory, node->id);
	}
	check_list("online", &online);
	check_list("has_cpu", &cpus);
	check_list("has_memory", &memory);
}

/*
 * Of each node the kernel keeps 1/64 for its page structs; and somewhere its
 * image, a bounce buffer of 64 MiB (CONFIG_SWIOTLB), and what firmware has.
 */
static void check_memory(const struct machine_node *node)
{
	unsigned long long kib = 0, described_kib = node->capacity_bytes / 1024;
	_cleanup_fclose_ FILE *stream = NULL;
	char path[128], line[256];

	snprintf(path, sizeof(path), SYS_NODE "/node%d/meminfo", node->id);
	stream = fopen(path, "re");
	while (stream && fgets(line, sizeof(line), stream))
		if (sscanf(line, "Node %*d MemTotal: %llu kB", &kib) == 1)
			break;
	check(kib <= described_kib && kib + 160 * 1024 >= described_kib * 63 / 64,
	      "node %d has %llu KiB (described: %llu)", node->id, kib, described_kib);
}

static void check_distances(const struct machine *machine, int i)
{
	char line[4096], words[4096] = "";

	for (int j = 0; j < machine->nr_nodes; j++)
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%d", j ? " " : "",
			 machine->distances[i * machine->nr_nodes + j]);
	read_line(line, sizeof(line), "node%d/distance", machine->nodes[i].id);
	check(!strcmp(line, words), "node %d: distances %s (described: %s)", machine->nodes[i].id,
	      line, words);
}

/* ---- HMAT -------------------------------------------------------------------- */

static void check_value(int node, const char *name, long long described)
{
	char file[64];
	long long actual;

	snprintf(file, sizeof(file), "access0/initiators/%s", name);
	actual = read_number(node, file);
	check(actual == described, "node %d: %s is %lld (described: %lld)", node, name, actual,
	      described);
}

static void check_performance(const struct machine *machine, int i)
{
	int id = machine->nodes[i].id, initiator = hmat_initiator(machine, i);
	const struct mpol_performance *pair =
		&machine->performances[initiator * machine->nr_nodes + i];
	char line[64];

	if (!machine->nodes[i].capacity_bytes || !pair->read_latency_ns)
		return;
	check_value(id, "read_latency", pair->read_latency_ns);
	check_value(id, "write_latency", pair->write_latency_ns);
	check_value(id, "read_bandwidth", hmat_bandwidth_mib(machine, pair->read_bandwidth_bytes));
	check_value(id, "write_bandwidth",
		    hmat_bandwidth_mib(machine, pair->write_bandwidth_bytes));
	read_line(line, sizeof(line), "node%d/access0/initiators/node%d/distance", id,
		  machine->nodes[initiator].id);
	check(*line, "node %d: node %d is its initiator", id, machine->nodes[initiator].id);
}

static void check_caches(const struct machine_node *node)
{
	char file[64];

	for (unsigned int c = 0; c < node->nr_caches; c++) {
		const struct mpol_memory_cache *cache = &node->caches[c];
		const struct {
			const char *name;
			long long value;
		} values[] = {
			{ "size", cache->size_bytes },
			{ "line_size", cache->line_bytes },
			{ "indexing", cache->indexing < 0 ? 2 : cache->indexing },
			{ "write_policy", cache->write_through < 0 ? 2 : cache->write_through },
		};

		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			snprintf(file, sizeof(file), "memory_side_cache/index%u/%s", cache->level,
				 values[v].name);
			check(read_number(node->id, file) == values[v].value,
			      "node %d: %s is %lld (described: %lld)", node->id, file,
			      read_number(node->id, file), values[v].value);
		}
	}
}

int main(void)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	const char *path = getenv("LAB_MACHINE");
	struct mpol_error err = { 0 };

	if (!path) {
		printf("LAB_MACHINE is not set: this test runs in a guest of lab/run\n");
		return 77;
	}
	if (machine_from_yaml(path, &machine, &err) < 0) {
		printf("not ok - %s: %s\n", err.object, err.cause);
		return 1;
	}
	check_lists(machine);
	for (int i = 0; i < machine->nr_nodes; i++) {
		check_memory(&machine->nodes[i]);
		check_distances(machine, i);
		check_performance(machine, i);
		check_caches(&machine->nodes[i]);
	}
	return failures != 0;
}
