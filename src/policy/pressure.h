/* SPDX-License-Identifier: MIT */
/*
 * Memory pressure, as the kernel states it (Documentation/accounting/psi.rst): the share of
 * the last 10 s in which all tasks of the system, or of a cgroup, stood still for want of memory
 * ("full avg10").  Where it is high, promoting would only add to it: copies need free memory
 * on the node that is short of it.  Demoting frees that, and goes on.  Pure.
 */
#ifndef POLICY_PRESSURE_H
#define POLICY_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

/* From the first one on it is high, until it is below the second. */
#define PRESSURE_HIGH_PERMYRIAD		  1000
#define PRESSURE_HIGH_NO_LONGER_PERMYRIAD 500

/* Whether pressure is high, given what it was before. */
bool pressure_is_high(bool was_high, uint32_t full_permyriad);

#endif
