/* SPDX-License-Identifier: MIT */
/*
 * Generations of the multi-generational LRU, as debugfs shows them
 * (Documentation/admin-guide/mm/multigen_lru.rst).  Pure.
 */
#ifndef HOST_LRU_GEN_H
#define HOST_LRU_GEN_H

#include <stddef.h>
#include <stdint.h>

#define LRU_GEN_NODES_MAX 1024

/* A memory cgroup, and its youngest generation on each node. */
struct lru_gen_group {
	uint32_t id;
	char path[4096]; /* "/" of the root */
	size_t nr_nodes;
	struct {
		int node;
		uint64_t youngest;
	} nodes[LRU_GEN_NODES_MAX];
};

/*
 * Finds in the text of lru_gen the memory cgroup of a cgroup: its own, or that of the nearest
 * one above that has one.  path: "/a/b".
 * Returns 0, -ENOENT (not even the root's), -EBADMSG, or -ENOMEM; *ret may be written to all the
 * same.
 */
int lru_gen_find(const char *text, const char *path, struct lru_gen_group *ret);

/* The cgroup that a process's memory is charged to, from the text of /proc/PID/cgroup, into size
 * bytes.  Returns 0, -ENOENT or -ENAMETOOLONG. */
int lru_gen_cgroup(const char *text, char *ret_path, size_t size);

#endif
