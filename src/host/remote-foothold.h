/* SPDX-License-Identifier: MIT */
/*
 * Where the first code of ours can stand in a process that has none yet: in
 * zero bytes that follow a program's own code in its last page.  Nothing else
 * of the process is there, and no executable mapping need be made for it.
 *
 * The vdso is the best place: every program has it, and nobody maps or unmaps
 * it.  Where it is missing or full, the program's or a library's code serves.
 */
#ifndef HOST_REMOTE_FOOTHOLD_H
#define HOST_REMOTE_FOOTHOLD_H

#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

struct address_range {
	uint64_t start, end; /* addresses, end exclusive */
};

struct foothold_wanted {
	uint64_t magic; /* what an earlier controller has left there */
	uint64_t size;	/* bytes */
};

/*
 * Finds the tail of code whose first 8 bytes are the magic, else one whose
 * first size bytes are zero; at least that long, aligned to 16.  mem:
 * /proc/PID/mem.
 * Errors: -ESRCH (the process has gone), -EOPNOTSUPP (32-bit, or no such
 * tail), -errno of reading.
 */
int foothold_find(int root, pid_t pid, int mem, const struct foothold_wanted *wanted,
		  struct address_range *ret_range, struct mpol_error *err);

#endif
