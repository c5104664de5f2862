/* SPDX-License-Identifier: MIT */
/* Room on a node: see room.h.  The texts are the kernel's; what is missing counts as 0. */
#include "room.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "cleanup.h"
#include "rootfs.h"
#include "text.h"

static const char *next_line(const char *line)
{
	const char *newline = strchr(line, '\n');

	return newline ? newline + 1 : NULL;
}

/* The number that a line has behind its key. */
static bool read_value(const char *line, const char *key, uint64_t *ret)
{
	const size_t length = strlen(key);

	line += strspn(line, " ");
	if (strncmp(line, key, length) != 0 || line[length] != ' ')
		return false;
	line += length;
	return parse_next_u64(&line, ret);
}

/* Whether a zone of some node begins here: "Node 0, zone   Normal". */
static bool begins_zone(const char *line, int *ret_node)
{
	char *end;

	if (strncmp(line, "Node ", strlen("Node ")) != 0)
		return false;
	*ret_node = (int)strtol(line + strlen("Node "), &end, 10);
	return strncmp(end, ", zone", strlen(", zone")) == 0;
}

struct room_watermarks room_parse_watermarks(const char *zoneinfo, int node)
{
	struct room_watermarks sums = { 0 };
	bool here = false;

	for (const char *line = zoneinfo; line; line = next_line(line)) {
		uint64_t pages;
		int of;

		if (begins_zone(line, &of))
			here = of == node;
		else if (here && read_value(line, "low", &pages))
			sums.low_pages += pages;
		else if (here && read_value(line, "high", &pages))
			sums.high_pages += pages;
	}
	return sums;
}

uint64_t room_parse_present_pages(const char *zoneinfo)
{
	uint64_t sum = 0, pages;

	for (const char *line = zoneinfo; line; line = next_line(line))
		if (read_value(line, "present", &pages))
			sum += pages;
	return sum;
}

/* The value of "key value", 0 if the key is not there. */
static uint64_t vmstat_value(const char *vmstat, const char *key)
{
	uint64_t value;

	for (const char *line = vmstat; line; line = next_line(line))
		if (read_value(line, key, &value))
			return value;
	return 0;
}

uint64_t room_parse_pages(const char *vmstat, uint64_t watermark_pages, enum room room)
{
	uint64_t file =
		vmstat_value(vmstat, "nr_active_file") + vmstat_value(vmstat, "nr_inactive_file");
	uint64_t busy = vmstat_value(vmstat, "nr_dirty") + vmstat_value(vmstat, "nr_writeback") +
			vmstat_value(vmstat, "nr_mapped");
	uint64_t available = vmstat_value(vmstat, "nr_free_pages");

	if (room == ROOM_ON_DEMAND && file > busy)
		available += file - busy;
	return available > watermark_pages ? available - watermark_pages : 0;
}

struct room_watermarks room_watermarks(int root, int node)
{
	_cleanup_free_ char *zoneinfo = NULL;

	if (rootfs_read(root, &zoneinfo, "proc/zoneinfo") < 0)
		return (struct room_watermarks) { 0 };
	return room_parse_watermarks(zoneinfo, node);
}

uint64_t room_pages(int root, int node, uint64_t watermark_pages, enum room room)
{
	_cleanup_free_ char *vmstat = NULL;

	if (rootfs_read(root, &vmstat, "sys/devices/system/node/node%d/vmstat", node) < 0)
		return UINT64_MAX;
	return room_parse_pages(vmstat, watermark_pages, room);
}
