/* SPDX-License-Identifier: MIT */
/* The machine that mpol runs on, as the simulator takes it. */
#ifndef CLI_MACHINE_OF_TOPOLOGY_H
#define CLI_MACHINE_OF_TOPOLOGY_H

#include "machine.h"

/* Errors: those of mpol_topology_new. */
int machine_of_this(struct machine **ret_machine, struct mpol_error *error);

#endif
