/* SPDX-License-Identifier: MIT */
/* A machine's performance and memory-side caches as an ACPI HMAT. */
#ifndef LAB_HMAT_H
#define LAB_HMAT_H

#include <stdbool.h>

#include <machine.h>
#include <text.h>

/* Whether the machine states any performance or cache, and so has an HMAT. */
bool hmat_wanted(const struct machine *machine);

/*
 * Appends the table without its ACPI header (revision 2), as -acpitable takes it.
 * Returns 0; -EINVAL with err filled in: values that an HMAT cannot state; -ENOMEM.
 */
int hmat_write(const struct machine *machine, struct text *table, struct mpol_error *err);

/*
 * The node whose CPUs a guest takes for the initiator of node's memory: node
 * itself if it has CPUs, else the one that sees it best.  Position in nodes[].
 */
int hmat_initiator(const struct machine *machine, int node);

/*
 * A bandwidth in MiB/s as the table states it: in whole units, one for the
 * whole table, of a power of two MiB/s that lets the highest one fit.
 */
uint64_t hmat_bandwidth_mib(const struct machine *machine, uint64_t bandwidth_bytes);

#endif
