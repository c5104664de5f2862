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
 */
#ifndef POLICY_RULE_TWO_TOUCH_H
#define POLICY_RULE_TWO_TOUCH_H

#include "exchange.h"

#define TWO_TOUCH_WINDOW_NS	    1000000000ULL /* of a round: scan_period_min_ms */
#define TWO_TOUCH_REFERENCED_ROUNDS 8
#define TWO_TOUCH_ACTIVE_ROUNDS	    16

#endif
