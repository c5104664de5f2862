/* SPDX-License-Identifier: MIT */
/* How many calls a thread of another process makes in one stop, so that none takes long. */
#ifndef LIB_PACE_H
#define LIB_PACE_H

#include <stddef.h>
#include <stdint.h>

#include "remote.h"

#define PACE_FIRST   64
#define PACE_LEAST   16
#define PACE_STOP_NS 5000000ULL /* aimed at: above half of it no more calls, above twice fewer */

/*
 * The number for the next stop, after one that took so long for nr calls.  Halving, not in
 * proportion: what a stop costs besides its calls would make them ever fewer.
 */
static inline size_t pace_next(size_t nr, uint64_t away_ns)
{
	if (away_ns > 2 * PACE_STOP_NS)
		return nr / 2 > PACE_LEAST ? nr / 2 : PACE_LEAST;
	if (away_ns > PACE_STOP_NS / 2)
		return nr > PACE_LEAST ? nr : PACE_LEAST;
	return nr * 2 < REMOTE_MAX_CALLS ? nr * 2 : REMOTE_MAX_CALLS;
}

#endif
