/* SPDX-License-Identifier: MIT */
/* What kinds of ranges there are, for those who go over all of a process. */
#ifndef LIB_RANGES_H
#define LIB_RANGES_H

#include <stdbool.h>
#include <stddef.h>

#include <mpol/mpol.h>

/* Whether a range is never meant: a mapping of the kernel's, or memory that mpol left there. */
bool range_is_left_out(const struct mpol_process *process, size_t index);

/*
 * Whether it is private memory of no file that consists of base pages and transparent huge pages,
 * and is no stack: what can be cut into stripes.  As /proc/PID/maps has them: permissions "rw-p".
 */
bool range_is_private_anonymous(const char *permissions, const char *name);

/* Whether it is memory of programs (heap, stack, anonymous or shared memory), not of a file. */
bool range_is_memory(const struct mpol_vma *vma);

#endif
