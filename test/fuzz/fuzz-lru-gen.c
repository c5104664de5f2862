/* SPDX-License-Identifier: MIT */
/* Any lru_gen, and a cgroup to find in it (after a NUL): refused, or its own or one above. */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "lru-gen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lru_gen_group group;
	_cleanup_free_ char *text = calloc(1, size + 2);
	const char *cgroup;
	char path[256];
	size_t length;

	if (!text)
		return 0;
	memcpy(text, data, size);
	cgroup = text + strlen(text) + 1;
	if (cgroup > text + size)
		cgroup = text + size;
	if (lru_gen_cgroup(cgroup, path, sizeof(path)) < 0)
		return 0;
	if (*path != '/')
		abort();
	if (lru_gen_find(text, path, &group) < 0)
		return 0;
	length = strlen(group.path);
	if (strcmp(group.path, "/") != 0 &&
	    (strncmp(group.path, path, length) != 0 || (path[length] && path[length] != '/')))
		abort();
	for (size_t i = 0; i < group.nr_nodes; i++)
		if (group.nodes[i].node < 0)
			abort();
	return 0;
}
