/* SPDX-License-Identifier: MIT */
/* Reading lru_gen: see lru-gen.h. */
#include "lru-gen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

/* Whether the cgroup is the path's, or above it. */
static bool is_above(const char *group, size_t length, const char *path)
{
	if (length == 1 && *group == '/')
		return true;
	return strncmp(group, path, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* "memcg ID PATH": the root's path may be missing, where the kernel has no memory cgroups. */
static int read_group(const char *line, size_t length, struct lru_gen_group *ret)
{
	unsigned int id;
	int at = -1;

	if (sscanf(line, "memcg %u %n", &id, &at) != 1 || at < 0)
		return -EBADMSG;
	ret->id = id;
	ret->nr_nodes = 0;
	if ((size_t)at >= length)
		snprintf(ret->path, sizeof(ret->path), "/");
	else if (length - (size_t)at >= sizeof(ret->path))
		return -EBADMSG;
	else
		snprintf(ret->path, sizeof(ret->path), "%.*s", (int)(length - (size_t)at),
			 line + at);
	return 0;
}

/* " node N", or a generation of it: "  NUMBER AGE ANON FILE"; the youngest is the last. */
static int read_line(const char *line, struct lru_gen_group *group)
{
	unsigned long long number;
	int node;

	if (sscanf(line, " node %d", &node) == 1) {
		if (node < 0 || group->nr_nodes == LRU_GEN_NODES_MAX)
			return -EBADMSG;
		group->nodes[group->nr_nodes].node = node;
		group->nodes[group->nr_nodes++].youngest = 0;
		return 0;
	}
	/* Statistics, where there are some, begin with a blank as well, but with no number. */
	if (group->nr_nodes && sscanf(line, " %llu %*u %*u", &number) == 1 &&
	    number > group->nodes[group->nr_nodes - 1].youngest)
		group->nodes[group->nr_nodes - 1].youngest = number;
	return 0;
}

int lru_gen_find(const char *text, const char *path, struct lru_gen_group *ret)
{
	_cleanup_free_ struct lru_gen_group *group = calloc(1, sizeof(*group));
	bool is_wanted = false, is_found = false;

	if (!group)
		return -ENOMEM;
	for (const char *line = text; *line; line = strchrnul(line, '\n'), line += *line == '\n') {
		const size_t length = strcspn(line, "\n");
		int r = 0;

		if (strncmp(line, "memcg", 5) == 0) {
			if (is_wanted)
				*ret = *group;
			is_found |= is_wanted;
			r = read_group(line, length, group);
			is_wanted = r == 0 && is_above(group->path, strlen(group->path), path) &&
				    (!is_found || strlen(group->path) > strlen(ret->path));
		} else if (is_wanted) {
			r = read_line(line, group);
		}
		if (r < 0)
			return r;
	}
	if (is_wanted)
		*ret = *group;
	return is_wanted || is_found ? 0 : -ENOENT;
}

int lru_gen_cgroup(const char *text, char *ret_path, size_t size)
{
	const char *found = NULL;

	for (const char *line = text; *line; line = strchrnul(line, '\n'), line += *line == '\n') {
		const char *controllers = strchr(line, ':'), *path;
		const char *end = strchrnul(line, '\n');

		path = controllers && controllers < end ? strchr(controllers + 1, ':') : NULL;
		if (!path || path > end)
			continue;
		/* Of version 1, which has a hierarchy for memory of its own; or of version 2. */
		if (strncmp(controllers, ":memory:", 8) == 0 ||
		    (!found && strncmp(controllers, "::", 2) == 0))
			found = path + 1;
	}
	if (!found || *found != '/')
		return -ENOENT;
	if (strcspn(found, "\n") >= size)
		return -ENAMETOOLONG;
	snprintf(ret_path, size, "%.*s", (int)strcspn(found, "\n"), found);
	return 0;
}
