/* SPDX-License-Identifier: MIT */
/* Measured bandwidths: measuring, keeping, showing, and finding them again. */
#ifndef CLI_WEIGHTS_MEASURE_H
#define CLI_WEIGHTS_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "cleanup.h"

DEFINE_CLEANUP(struct mpol_bandwidths *, mpol_bandwidths_free);

/* Measures this machine, keeps the result, prints it.  Returns a verb's status. */
int weights_measure(const struct mpol_topology *topology, uint64_t time_ns, bool json);

/*
 * What was kept for this machine.  NULL: nothing; where it is of another one, or damaged, stderr
 * says so.
 */
struct mpol_bandwidths *weights_measured(const struct mpol_topology *topology);

#endif
