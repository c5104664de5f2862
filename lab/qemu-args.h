/* SPDX-License-Identifier: MIT */
/* A machine as QEMU's arguments (qemu-system-x86_64, q35). */
#ifndef LAB_QEMU_ARGS_H
#define LAB_QEMU_ARGS_H

#include <machine.h>
#include <text.h>

/*
 * Appends the arguments, one a line; those for the HMAT (hmat.h) are the
 * caller's, who knows the file that it is in.  cpu is the name of the CPU model that
 * -cpu will get: nodes with gaps need it.
 *
 * Returns 0; -EINVAL with err filled in: a machine that QEMU, or a Linux guest
 * below it, cannot be made to have; -ENOMEM.
 */
int qemu_args(const struct machine *machine, const char *cpu, struct text *args,
	      struct mpol_error *err);

#endif
