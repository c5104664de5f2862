/* SPDX-License-Identifier: MIT */
/*
 * The running machine, or a recorded one, as a struct machine: read from /sys
 * below a root descriptor.
 */
#ifndef HOST_TOPOLOGY_H
#define HOST_TOPOLOGY_H

#include <mpol/mpol.h>

#include "machine.h"

/*
 * Reads, relative to root (rootfs_open):
 *
 *   sys/devices/system/node/     nodes, CPUs, distances, memory, performance by
 *                                initiator (access0, access1), memory-side caches
 *                                (Documentation/admin-guide/mm/numaperf.rst)
 *   sys/devices/virtual/memory_tiering/           the kernel's tiers (6.1)
 *   sys/kernel/mm/mempolicy/weighted_interleave/  the kernel's weights (6.9)
 *   sys/bus/dax/, sys/bus/cxl/                    where memory is attached
 *   proc/sys/kernel/hostname                      the name
 *
 * All but the first may be absent.  The machine comes back judged, with tiers.
 *
 * A kind is stated where a DAX device's memory is a node (below an NVDIMM bus:
 * PMEM, below a CXL region: CXL) or where a node's memory blocks lie in a CXL
 * RAM region; for the others see machine_judge.
 *
 * Errors: -ENOENT (no NUMA information below root), -EBADMSG (a file that the
 * kernel cannot have written: named in *err), -EACCES, -ENOMEM, or another
 * errno of openat(2) or read(2).
 */
int topology_read(int root, struct machine **ret_machine, struct mpol_error *err);

#endif
