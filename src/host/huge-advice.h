/* SPDX-License-Identifier: MIT */
/*
 * Which mappings a program has asked huge pages for, with madvise(2)'s MADV_HUGEPAGE: "hg" among
 * the VmFlags of /proc/PID/smaps (Documentation/filesystems/proc.rst).  Pure: works on the text.
 */
#ifndef HOST_HUGE_ADVICE_H
#define HOST_HUGE_ADVICE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The next mapping with that flag from *cursor on, in ascending order; moves *cursor behind it.
 * False: there is none.  What is not a line of that file is passed over.
 */
bool huge_advice_next(const char **cursor, uint64_t *ret_start, uint64_t *ret_end);

#endif
