/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own table of interleave weights: /sys/kernel/mm/mempolicy/weighted_interleave
 * (Documentation/ABI/testing/sysfs-kernel-mm-mempolicy-weighted-interleave): a file nodeN for each
 * possible node since Linux 6.9; since 6.16 also "auto", whether the kernel derives them itself.
 */
#ifndef HOST_KERNEL_WEIGHTS_H
#define HOST_KERNEL_WEIGHTS_H

#include <mpol/mpol.h>

/*
 * Reads the table below root.
 * Errors: -EOPNOTSUPP (no such table: a kernel before 6.9), -EBADMSG (a file that the kernel cannot
 * have written), -ENOMEM, or another errno of openat(2) or read(2).
 */
int kernel_weights_read(int root, struct mpol_kernel_weights *ret, struct mpol_error *err);

/*
 * Writes the weights that are not 0, and that the kernel no longer derives them itself; or, where
 * wanted->automatic is 1, that it does: a kernel that cannot gets wanted's weights, too.
 * All or nothing: where a write fails, or the file then shows something else, those before it are
 * taken back, and *err says if even that failed.
 * Errors: those of reading; -ENODEV (no such node in the table); -EACCES; of write(2); -EIO.
 */
int kernel_weights_write(int root, const struct mpol_kernel_weights *wanted,
			 struct mpol_error *err);

#endif
