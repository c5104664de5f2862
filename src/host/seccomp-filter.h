/* SPDX-License-Identifier: MIT */
/*
 * What a seccomp filter would say to a system call, found out without making
 * it: the kernel's classic BPF machine (Documentation/userspace-api/
 * seccomp_filter.rst, Documentation/networking/filter.rst) on a copy of the
 * filter.
 */
#ifndef HOST_SECCOMP_FILTER_H
#define HOST_SECCOMP_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Runs the filter on the call.  Returns its verdict, SECCOMP_RET_*; a program
 * that the kernel would not have accepted counts as SECCOMP_RET_KILL_PROCESS.
 */
uint32_t seccomp_filter_run(const struct sock_filter *filter, size_t length,
			    const struct seccomp_data *call);

/* True if a call with this verdict is simply made (and perhaps logged). */
bool seccomp_lets_pass(uint32_t verdict);

#endif
