/* SPDX-License-Identifier: MIT */
/* A point of a loaded-latency curve: how much later memory answers the more is drawn from it. */
#ifndef BASE_LOAD_CURVE_H
#define BASE_LOAD_CURVE_H

#include <stdint.h>

struct load_point {
	uint32_t utilisation_permille; /* of the capacity, 1 to 1000 */
	uint32_t latency_permille;     /* of the idle latency, 1000 or more */
};

#endif
