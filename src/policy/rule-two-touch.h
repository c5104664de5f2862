/* SPDX-License-Identifier: MIT */
/*
 * The rule "two-touch": only what is accessed again is hot (Hasan Al Maruf's gate of 2021, in TPP,
 * ASPLOS'23, which asks the kernel's active and inactive lists).  Here each unit is on a list of
 * its own making: seen in one round it becomes referenced while it stays inactive; seen again in a
 * later one, active.  Only active units are promoted.  Room is made from the inactive end.  What is
 * demoted begins as inactive again.
 *
 * A reference is forgotten after some rounds without another, and what is active becomes inactive
 * after more of them, as the kernel's lists age.
 *
 * Seen in a round means accessed within a window after the clear.  Where more is active than fast
 * memory holds, that tells too little: the window is halved then, and doubled where it
 * is less than half of that.
 */
#ifndef POLICY_RULE_TWO_TOUCH_H
#define POLICY_RULE_TWO_TOUCH_H

#include "exchange.h"

#define TWO_TOUCH_LEAST_WINDOW_NS   1000000ULL
#define TWO_TOUCH_MOST_WINDOW_NS    1000000000ULL /* scan_period_min_ms */
#define TWO_TOUCH_REFERENCED_ROUNDS 8
#define TWO_TOUCH_ACTIVE_ROUNDS	    16

struct two_touch {
	struct exchange exchange; /* first: rule.h, union rule_tier */
	uint64_t window_ns;
};

#endif
