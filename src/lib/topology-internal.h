/* SPDX-License-Identifier: MIT */
/* What other files of this room need of a topology beyond mpol.h. */
#ifndef LIB_TOPOLOGY_INTERNAL_H
#define LIB_TOPOLOGY_INTERNAL_H

#include <mpol/mpol.h>

#include "machine.h"

/* The machine that the topology shows; the topology's. */
const struct machine *topology_machine(const struct mpol_topology *topology);

/* A descriptor of the folder below which /proc and /sys are read; NULL: "/".  Errors: of open(2).
 */
int topology_open_root(const char *root, struct mpol_error *error);

#endif
