/* SPDX-License-Identifier: MIT */
/* The identity of a machine: see machine-identity.h. */
#include "machine-identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "hash.h"
#include "rootfs.h"

/* With its end, so that "a", "bc" is not "ab", "c". */
static void add_text(uint64_t *hash, const char *text)
{
	*hash = hash_bytes(*hash, text, strlen(text) + 1);
}

static void add_number(uint64_t *hash, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	add_text(hash, text);
}

/* To the nearest eighth of its power of two. */
static uint64_t about(uint64_t bytes)
{
	uint64_t step = 1;

	while (bytes / step >= 16)
		step *= 2;
	return (bytes + step / 2) / step * step;
}

static void add_node(uint64_t *hash, const struct machine_node *node)
{
	add_number(hash, (uint64_t)node->id);
	add_number(hash, (uint64_t)node->kind);
	add_number(hash, about(node->capacity_bytes));
	add_text(hash, node->cpus ? node->cpus : "");
}

static void add_file(uint64_t *hash, int root, const char *path)
{
	_cleanup_free_ char *text = NULL;

	add_text(hash, rootfs_read(root, &text, "%s", path) < 0 ? "" : text);
}

static void add_cpu_model(uint64_t *hash, int root)
{
	_cleanup_free_ char *text = NULL;
	const char *model;

	if (rootfs_read(root, &text, "proc/cpuinfo") < 0)
		return;
	model = strstr(text, "model name");
	if (model)
		*hash = hash_bytes(*hash, model, strcspn(model, "\n"));
}

void machine_identity(int root, const struct machine *machine,
		      char ret_identity[MACHINE_IDENTITY_SIZE])
{
	static const char *const dmi[] = { "sys_vendor", "product_name", "board_name",
					   "bios_version" };
	uint64_t hash = HASH_START;
	char path[64];

	for (int i = 0; i < machine->nr_nodes; i++)
		add_node(&hash, &machine->nodes[i]);
	hash = hash_bytes(hash, machine->distances, (size_t)machine->nr_nodes * machine->nr_nodes);
	add_cpu_model(&hash, root);
	for (size_t i = 0; i < sizeof(dmi) / sizeof(dmi[0]); i++) {
		snprintf(path, sizeof(path), "sys/class/dmi/id/%s", dmi[i]);
		add_file(&hash, root, path);
	}
	snprintf(ret_identity, MACHINE_IDENTITY_SIZE, "%016" PRIx64, hash);
}
