/* SPDX-License-Identifier: MIT */
/*
 * Splitting a transparent huge page of another process into its base pages.
 *
 * MADV_COLD on a part of a huge page splits it first, by process_madvise(2) from outside as well
 * (mm/madvise.c, madvise_cold_or_pageout_pte_range; the same in Linux 6.1 to 6.12).  Unlike
 * debugfs's split_huge_pages it needs no debugfs and no kernel without lockdown, but CAP_SYS_NICE
 * only, and the right to look into the process.  The part is one base page: as a side effect it
 * loses its accessed bit, and is the first of the 512 that reclaim would take if it is not accessed
 * again.
 */
#ifndef HOST_HUGE_SPLIT_H
#define HOST_HUGE_SPLIT_H

#include <stdint.h>

#include <mpol/mpol.h>

/*
 * Asks for the huge page at the address, the first of its own, to be split.  What became of it
 * shows where it is: the kernel does not tell, and leaves those alone that others map too, or that
 * are pinned. Returns 0; -EINVAL: locked memory, or none of which the kernel has lists; -ENOMEM:
 * nothing is there; -ESRCH; -EPERM, -EACCES, -ENOSYS: not by us, or not here.
 */
int huge_split(int pidfd, uint64_t address);

/*
 * Whether huge pages of others can be found and split, tried on a page of our own.  Where no huge
 * page could be had for that, what is known is believed.
 * Errors: -EPERM (CAP_SYS_NICE is missing, or a filter of system calls forbids it), -EOPNOTSUPP
 * (this kernel cannot), -ENOMEM.
 */
int huge_split_try(int root, struct mpol_error *err);

#endif
