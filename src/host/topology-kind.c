/* SPDX-License-Identifier: MIT */
/*
 * What kind of memory a node is, where the way it is attached states it: DAX
 * devices handed to the kernel as nodes (drivers/dax/kmem.c) and CXL regions
 * that the firmware gave as ordinary memory (drivers/cxl/core/region.c).
 */
#include "topology-internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "rootfs.h"
#include "text.h"

#define DAX_DEVICES "sys/bus/dax/devices"
#define CXL_DEVICES "sys/bus/cxl/devices"

enum mpol_memory_kind topology_dax_kind(const char *path)
{
	/* An NVDIMM bus may hang below CXL: persistence is what matters then. */
	if (strstr(path, "/ndbus"))
		return MPOL_MEMORY_PMEM;
	if (strstr(path, "/ACPI0017:") || strstr(path, "/dax_region"))
		return MPOL_MEMORY_CXL;
	return MPOL_MEMORY_UNKNOWN;
}

/* One DAX device: gives its kind to the node that its memory has become. */
static int read_dax_device(struct topology_reader *reader, const char *device)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	uint64_t id;
	ssize_t r;
	int i;

	r = rootfs_read(reader->root, &text, DAX_DEVICES "/%s/target_node", device);
	if (r == -ENOENT || (r > 0 && !strcmp(text, "-1\n")))
		return 0;
	if (r >= 0 && parse_u64(text, 10, &id) < 0)
		r = -EBADMSG;
	if (r < 0)
		return topology_error(reader->err, r, "not a node's number",
				      DAX_DEVICES "/%s/target_node", device);
	i = id < NODES_MAX ? machine_index(reader->machine, id) : -1;
	if (i < 0)
		return 0;
	r = rootfs_readlink(reader->root, path, sizeof(path), DAX_DEVICES "/%s", device);
	if (r < 0)
		return topology_error(reader->err, r, "not a link to the device's directory",
				      DAX_DEVICES "/%s", device);
	if (topology_dax_kind(path) != MPOL_MEMORY_UNKNOWN)
		reader->machine->nodes[i].kind = topology_dax_kind(path);
	return 0;
}

static int read_hex(struct topology_reader *reader, uint64_t *ret, const char *path)
{
	_cleanup_free_ char *text = NULL;
	ssize_t r = rootfs_read(reader->root, &text, "%s", path);

	if (r == -ENOENT)
		return r;
	if (r >= 0) {
		const char *digits = strncmp(text, "0x", 2) ? text : text + 2;

		r = parse_u64(digits, 16, ret) < 0 ? -EBADMSG : 0;
	}
	return r < 0 ? topology_error(reader->err, r, "not a hexadecimal number", "%s", path) : 0;
}

/* Gives kind to the nodes that have a memory block (of block_bytes) in the range. */
static int mark_range(struct topology_reader *reader, uint64_t start, uint64_t bytes,
		      uint64_t block_bytes)
{
	for (int i = 0; i < reader->machine->nr_nodes; i++) {
		struct machine_node *node = &reader->machine->nodes[i];
		_cleanup_closedir_ DIR *dir = NULL;
		struct dirent *entry;
		int r = rootfs_opendir(reader->root, &dir, "sys/devices/system/node/node%d",
				       node->id);

		if (r < 0)
			return topology_error(reader->err, r, NULL,
					      "sys/devices/system/node/node%d", node->id);
		while ((entry = readdir(dir))) {
			uint64_t block;

			if (topology_parse_name(entry->d_name, "memory", UINT64_MAX / block_bytes,
						&block) &&
			    block * block_bytes >= start && block * block_bytes - start < bytes) {
				node->kind = MPOL_MEMORY_CXL;
				break;
			}
		}
	}
	return 0;
}

/* One CXL region: if it is RAM, the nodes that lie in it are CXL memory. */
static int read_cxl_region(struct topology_reader *reader, const char *region)
{
	_cleanup_free_ char *mode = NULL;
	uint64_t start, bytes, block_bytes;
	char path[PATH_MAX];
	int r;

	r = rootfs_read(reader->root, &mode, CXL_DEVICES "/%s/mode", region);
	if (r == -ENOENT || (r >= 0 && strcmp(mode, "ram\n")))
		return 0;
	if (r < 0)
		return topology_error(reader->err, r, NULL, CXL_DEVICES "/%s/mode", region);
	snprintf(path, sizeof(path), CXL_DEVICES "/%s/resource", region);
	r = read_hex(reader, &start, path);
	if (r == 0) {
		snprintf(path, sizeof(path), CXL_DEVICES "/%s/size", region);
		r = read_hex(reader, &bytes, path);
	}
	if (r == 0)
		r = read_hex(reader, &block_bytes, "sys/devices/system/memory/block_size_bytes");
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return block_bytes ? mark_range(reader, start, bytes, block_bytes) : 0;
}

/* Calls found for each entry of a directory that may be absent. */
static int for_each_device(struct topology_reader *reader, const char *path,
			   int (*found)(struct topology_reader *reader, const char *device))
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int r = rootfs_opendir(reader->root, &dir, "%s", path);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return topology_error(reader->err, r, NULL, "%s", path);
	while (r == 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			r = found(reader, entry->d_name);
	return r;
}

static int read_cxl_device(struct topology_reader *reader, const char *device)
{
	uint64_t number;

	if (!topology_parse_name(device, "region", INT_MAX, &number))
		return 0;
	return read_cxl_region(reader, device);
}

int topology_read_kinds(struct topology_reader *reader)
{
	int r = for_each_device(reader, CXL_DEVICES, read_cxl_device);

	/* After the regions: a DAX device on an NVDIMM bus knows more than its region. */
	return r < 0 ? r : for_each_device(reader, DAX_DEVICES, read_dax_device);
}
