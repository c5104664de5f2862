/* SPDX-License-Identifier: MIT */
/* A machine as QEMU's arguments (qemu-system-x86_64, q35). */
#ifndef LAB_QEMU_ARGS_H
#define LAB_QEMU_ARGS_H

#include <machine.h>
#include <text.h>

/*
 * Appends the arguments, one a line.  cpu is the name of the CPU model that
 * -cpu will get: nodes with gaps need it.
 *
 * Returns 0; -EINVAL with err filled in: a machine that QEMU, or a Linux guest
 * below it, cannot be made to have; -ENOMEM.
 */
int qemu_args(const struct machine *machine, const char *cpu, struct text *args,
	      struct mpol_error *err);

/*
 * The node whose CPUs a guest takes for the initiator of node's memory: node
 * itself if it has CPUs, else the one that sees it best.  Position in nodes[].
 */
int qemu_initiator(const struct machine *machine, int node);

/*
 * A bandwidth in MiB/s as the guest's HMAT will state it: in whole units, one
 * for the whole table, of a power of two MiB/s that lets the highest one fit.
 */
uint64_t qemu_bandwidth_mib(const struct machine *machine, uint64_t bandwidth_bytes);

#endif
