/* SPDX-License-Identifier: MIT */
/*
 * mpol run --preload: weights of its own for a program that is to be launched.  libmpol-preload.so
 * stripes the program's memory by them; here the environment is made that brings it there.
 */
#ifndef CLI_PRELOAD_H
#define CLI_PRELOAD_H

#include <mpol/mpol.h>

/*
 * Has the environment say what is wished, and puts into *policy what the thread is to have instead:
 * the kernel's own interleave over the same nodes.  Where the kernel's weights are those wished
 * no library is needed, and *policy stays.
 * Errors: -EINVAL (a policy without weights of its own, with flags; a library at a path, or an
 * LD_PRELOAD, that ld.so could not read), -ENOENT (the library is not there), those of
 * mpol_kernel_weights_read, -ENOMEM.
 */
int preload_prepare(struct mpol_policy *policy, struct mpol_error *error);

/* What a preloaded library of an outer mpol run would go by is void. */
void preload_forget(void);

#endif
