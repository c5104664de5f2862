/* SPDX-License-Identifier: MIT */
/* Reading lru_gen: see lru-gen.h. */
#include "lru-gen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"

/* Whether the cgroup is the path's, or above it. */
static bool is_above(const char *group, size_t length, const char *path)
{
	if (length == 1 && *group == '/')
		return true;
	return strncmp(group, path, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* "memcg ID PATH": the root's path may be missing, where the kernel has no memory cgroups. */
static int read_group(const char *line, const char *end, struct lru_gen_group *ret)
{
	const char *at = line + strlen("memcg");
	uint64_t id;
	size_t length;

	if (!parse_next_u64(&at, &id) || id > UINT32_MAX)
		return -EBADMSG;
	ret->id = (uint32_t)id;
	ret->nr_nodes = 0;
	at += strspn(at, " ");
	length = (size_t)(end - at);
	if (length >= sizeof(ret->path))
		return -EBADMSG;
	snprintf(ret->path, sizeof(ret->path), "%.*s", length ? (int)length : 1, length ? at : "/");
	return 0;
}

/* " node N", or a generation of it: "  NUMBER AGE ANON FILE"; the youngest is the last. */
static int read_line(const char *line, struct lru_gen_group *group)
{
	const char *at = line + strspn(line, " ");
	uint64_t number, age;

	if (strncmp(at, "node", strlen("node")) == 0) {
		at += strlen("node");
		if (!parse_next_u64(&at, &number) || number >= LRU_GEN_NODES_MAX ||
		    group->nr_nodes == LRU_GEN_NODES_MAX)
			return -EBADMSG;
		group->nodes[group->nr_nodes].node = (int)number;
		group->nodes[group->nr_nodes++].youngest = 0;
		return 0;
	}
	/* Statistics, where there are any, have a letter behind their second number. */
	if (group->nr_nodes && parse_next_u64(&at, &number) && parse_next_u64(&at, &age) &&
	    *at == ' ' && number > group->nodes[group->nr_nodes - 1].youngest)
		group->nodes[group->nr_nodes - 1].youngest = number;
	return 0;
}

int lru_gen_find(const char *text, const char *path, struct lru_gen_group *ret)
{
	_cleanup_free_ struct lru_gen_group *group = calloc(1, sizeof(*group));
	bool is_wanted = false, is_found = false;

	if (!group)
		return -ENOMEM;
	for (const char *line = text, *end; *line; line = end + (*end == '\n')) {
		int r = 0;

		end = strchrnul(line, '\n');
		if (strncmp(line, "memcg", 5) == 0) {
			if (is_wanted)
				*ret = *group;
			is_found |= is_wanted;
			r = read_group(line, end, group);
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
