/* SPDX-License-Identifier: MIT */
/*
 * The rule "hint-latency": what is accessed soon after it was unmapped is hot (Huang Ying's
 * "hot page selection", Linux 6.1; kernel/sched/fair.c, should_numa_migrate_memory).  A clear
 * of accessed bits stands for unmapping, the first scan that sees a unit for its hint fault.
 *
 * Slow units seen within the threshold are promoted, the sooner the hotter, as far as the rate
 * limit goes; for want of room the coldest are demoted: what was not seen for the most rounds.
 * The threshold follows the limit (numa_promotion_adjust_threshold): once a minute it
 * becomes shorter where more than 110 % of what may be moved was hot enough, longer where less
 * than 90 % was.
 *
 * Not as the kernel does it: everything is looked at in each round, not 256 MiB of it; what
 * is hot is not demoted to make room for what is no hotter; and plenty of free memory
 * does not make everything hot.
 */
#ifndef POLICY_RULE_HINT_LATENCY_H
#define POLICY_RULE_HINT_LATENCY_H

#include "exchange.h"

#define HINT_LATENCY_BASE_MS   1000			       /* hot_threshold_ms */
#define HINT_LATENCY_STEP_MS   (2 * HINT_LATENCY_BASE_MS / 16) /* NUMA_MIGRATION_ADJUST_STEPS */
#define HINT_LATENCY_ADJUST_NS 60000000000ULL		       /* scan_period_max_ms */

struct hint_latency {
	struct exchange exchange; /* first: rule.h, union rule_tier */
	uint32_t threshold_ms;
	/* Since the threshold was adjusted last: what was hot enough, and what might be moved. */
	uint64_t adjusted_ns;
	uint64_t wanted_pages, limit_pages;
};

#endif
