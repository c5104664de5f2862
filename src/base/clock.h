/* SPDX-License-Identifier: MIT */
/* Clocks: the monotonic one for deadlines and for measuring, CPU time for what work costs.  Not for
 * decisions: those are given a now. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of a clock (clock_gettime(2)). */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Nanoseconds of CLOCK_MONOTONIC. */
static inline uint64_t clock_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Sleeps until then, of CLOCK_MONOTONIC, or until a signal. */
static inline void clock_sleep_until(uint64_t then_ns)
{
	const struct timespec then = { (time_t)(then_ns / 1000000000U),
				       (long)(then_ns % 1000000000U) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
}

#endif
