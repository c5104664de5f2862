/* SPDX-License-Identifier: MIT */
/* Whether a machine is the one that something was measured on. */
#ifndef HOST_MACHINE_IDENTITY_H
#define HOST_MACHINE_IDENTITY_H

#include "machine.h"

/* Sixteen hexadecimal digits and their end. */
#define MACHINE_IDENTITY_SIZE 17

/*
 * A hash of what measured bandwidths depend on: the nodes, their CPUs, kinds and about their sizes
 * (a kernel takes its part of a node, another one more), the distances, the model of the CPUs, and
 * of what the DMI tables say what is readable: vendor, product, board, version of the BIOS.
 * root: whose /proc and /sys.
 */
void machine_identity(int root, const struct machine *machine,
		      char ret_identity[MACHINE_IDENTITY_SIZE]);

#endif
