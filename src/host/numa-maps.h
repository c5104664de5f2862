/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/numa_maps, and its join with /proc/PID/maps (maps.h): what ranges
 * a process has, which policy applies to each, and on which nodes its pages are
 * (Documentation/filesystems/proc.rst; fs/proc/task_mmu.c, show_numa_map;
 * mm/mempolicy.c, mpol_to_str).
 *
 * Pure: works on the files' text.  Text that the kernel cannot have written is
 * refused with -EBADMSG; a last line without its newline was cut off while the
 * file was recorded, and is left out.
 */
#ifndef HOST_NUMA_MAPS_H
#define HOST_NUMA_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "nodemask.h"

struct numa_maps_line {
	uint64_t start;
	/* The policy that applies: the range's own or, without one, that of the thread whose
	 * numa_maps was read.  Effective nodes; the kernel shows no home node and no weights. */
	struct mpol_policy policy;
	/* The kernel's buffer was too small: the highest nodes of the policy are missing. */
	bool policy_cut;
	uint64_t page_bytes; /* kernel page size, 0: nothing is resident */
	struct nodemask resident;
	uint64_t bytes[NODES_MAX]; /* valid for nodes in resident */
};

/*
 * Reads one line of length bytes, without its newline.
 * Returns 0 or -EBADMSG; *ret is untouched on failure.
 */
int numa_maps_parse_line(const char *line, size_t length, struct numa_maps_line *ret);

struct vma_node {
	int node;
	uint64_t bytes;
};

struct vma {
	uint64_t start, end;
	char permissions[5];
	char *name;			/* "" if none; "\012" decoded; owned */
	uint64_t device, inode, offset; /* of its file, as in maps.h */
	const struct mpol_policy *policy;
	bool policy_cut;
	bool is_locked;		/* vma_table_mark_locked */
	uint64_t page_bytes;	/* 0: nothing is resident */
	struct vma_node *nodes; /* ascending; owned */
	size_t nr_nodes;
};

/* The ranges of a process in ascending order.  Zero-initialise; free with vma_table_free. */
struct vma_table {
	struct vma *vmas;
	size_t nr_vmas;
	struct mpol_policy **policies; /* each once; owned */
	size_t nr_policies;
	struct nodemask resident;  /* nodes that any range has pages on */
	uint64_t bytes[NODES_MAX]; /* sums by node */
};

/*
 * Joins the two files by start address.  They are read one after the other
 * while the process runs on, so a range that only one of them has is left out
 * ([vsyscall], which no policy applies to, is always one).  Cuts maps in place.
 * Returns 0, -EBADMSG or -ENOMEM; *ret is untouched on failure.
 */
int vma_table_join(char *maps, const char *numa_maps, struct vma_table *ret);
void vma_table_free(struct vma_table *table);

/*
 * Marks the ranges that are locked (mlock(2)) by the text of /proc/PID/smaps.
 * Returns 0, or -EBADMSG, and some are marked perhaps.
 */
int vma_table_mark_locked(struct vma_table *table, const char *smaps);

/* The range that holds address, or NULL. */
const struct vma *vma_table_find(const struct vma_table *table, uint64_t address);

/*
 * The range whose shown policy is the thread's own, because nobody gives it
 * one: [vdso], else [vvar], else the first code.  NULL if there is none.
 */
const struct vma *vma_table_witness(const struct vma_table *table);

#endif
