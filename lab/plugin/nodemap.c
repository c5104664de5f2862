/* SPDX-License-Identifier: MIT */
/* Building the map from reported addresses to nodes; parts never overlap. */
#include "nodemap.h"

#include <errno.h>

int nodemap_add(struct nodemap *map, int node, uint64_t start, uint64_t length_bytes)
{
	if (length_bytes == 0 || start + length_bytes < start)
		return -EINVAL;
	for (unsigned int i = 0; i < map->nr; i++) {
		const struct nodemap_part *part = &map->parts[i];

		if (part->node == node || (start < part->start + part->length_bytes &&
					   part->start < start + length_bytes))
			return -EEXIST;
	}
	if (map->nr == NODEMAP_MAX)
		return -ENOSPC;
	map->parts[map->nr++] = (struct nodemap_part) { node, start, length_bytes };
	return 0;
}
