/* SPDX-License-Identifier: MIT */
/*
 * The table in which a process declares ranges of its own memory hot, cold or pinned: how
 * libmpol writes it into the process (lib/hint.c), and mpold reads it from there.
 *
 * It is in a memfd of this name, mapped shared, so that it shows in /proc/PID/maps and needs
 * no way of its own between the two: whoever may look at a process's pages may read it, it is
 * gone with the process's memory, and mpold may come and go.  A process writes what it likes
 * into its memory, so the reader believes nothing; but it can only ever be about itself.
 */
#ifndef HOST_HINT_TABLE_H
#define HOST_HINT_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hint-ranges.h"

#define HINT_TABLE_MEMFD   "mpol-hints"
#define HINT_TABLE_MAPPING "/memfd:mpol-hints (deleted)" /* as /proc/PID/maps names it */

#define HINT_TABLE_MAGIC   0x73746e69686c706dULL /* "mplhints" */
#define HINT_TABLE_VERSION 1

struct hint_table_range {
	uint64_t start, end;
	uint32_t hint; /* enum port_hint */
	uint32_t zero;
};

struct hint_table {
	uint64_t magic;
	uint32_t version;
	uint32_t sequence; /* odd while it is being written; another one after each change */
	uint32_t nr;
	uint32_t zero;
	struct hint_table_range ranges[HINT_RANGES_MOST]; /* ascending, disjoint */
};

/*
 * What the bytes of a table say.  Returns 0; -EAGAIN: it is being written; -EBADMSG: it is none,
 * and *ret_why says what is wrong.  *ret_ranges is touched on success only.
 */
int hint_table_parse(const void *bytes, size_t size, struct hint_ranges *ret_ranges,
		     const char **ret_why);

/*
 * Reads the one mapped at [start, end) in a process; -EAGAIN after a few attempts.  Further
 * errors: those of process_vm_readv(2), such as -EPERM and -ESRCH.
 */
int hint_table_read(pid_t pid, uint64_t start, uint64_t end, struct hint_ranges *ret_ranges,
		    const char **ret_why);

#endif
