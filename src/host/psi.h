/* SPDX-License-Identifier: MIT */
/* Pressure stall information about memory (Documentation/accounting/psi.rst). */
#ifndef HOST_PSI_H
#define HOST_PSI_H

#include <stdint.h>
#include <sys/types.h>

/*
 * "full avg10" of the whole system, in hundredths of a percent.  Errors: -ENOENT, -EOPNOTSUPP (the
 * kernel has no PSI, or it is off: psi=1), -EBADMSG, -EACCES, -ENOMEM.
 */
int psi_read_system(int root, uint32_t *ret_permyriad);

/*
 * The same of the cgroup that a process is in; 0 of the root, which is the system.  Further error:
 * -ESRCH.
 */
int psi_read_process(int root, pid_t pid, uint32_t *ret_permyriad);

/* The same from the text of such a file: 0 or -EBADMSG. */
int psi_parse_full(const char *text, uint32_t *ret_permyriad);

#endif
