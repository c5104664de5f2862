/* SPDX-License-Identifier: MIT */
/*
 * Which pages a process writes, by the kernel's soft-dirty bits
 * (Documentation/admin-guide/mm/soft-dirty.rst): all are cleared, and what is
 * written afterwards has its bit set, a huge page as a whole.  Reads are not seen.
 *
 * Clearing write-protects every page of the process once: its next write to each takes a minor
 * fault.  The bits are the process's, not ours: another user of them (CRIU) and
 * this one disturb each other.
 */
#ifndef HOST_SOFT_DIRTY_H
#define HOST_SOFT_DIRTY_H

#include <stdint.h>
#include <sys/types.h>

#include "cleanup.h"

struct soft_dirty;

/*
 * Begins: clears all bits.  Free it with soft_dirty_close.
 * Errors: -ESRCH; -EACCES, -EPERM (may not look into it); -EOPNOTSUPP: a kernel without
 * CONFIG_MEM_SOFT_DIRTY; -ENOMEM.
 */
int soft_dirty_open(int root, pid_t pid, struct soft_dirty **ret);
void soft_dirty_close(struct soft_dirty *tracker);
DEFINE_CLEANUP(struct soft_dirty *, soft_dirty_close);

/*
 * Calls run for every piece of memory (addresses, whole base pages, ascending) that
 * was written since the last call, then clears all bits.  What is written between the look
 * at a page and the clearing is lost.  Pages that are not there now are not told of.
 *
 * Returns 0, what run returned if not 0 (bits are not cleared then), or -ESRCH: it has ended or
 * runs another program.
 */
int soft_dirty_sample(struct soft_dirty *tracker,
		      int (*run)(uint64_t start, uint64_t end, void *user), void *user);

#endif
