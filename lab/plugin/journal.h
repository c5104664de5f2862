/* SPDX-License-Identifier: MIT */
/* The JSON lines of a measurement; their form is mpol-truth(5). */
#ifndef LAB_PLUGIN_JOURNAL_H
#define LAB_PLUGIN_JOURNAL_H

#include <stdio.h>

#include "session.h"

/* Each writes one line and flushes it.  host_ns, guest_ns: when it happened. */
void journal_calibrated(FILE *out, const struct nodemap *map, uint64_t host_ns, uint64_t guest_ns);
void journal_start(FILE *out, const struct rules *what, int target, uint64_t host_ns,
		   uint64_t guest_ns);
void journal_mark(FILE *out, const char *name, uint64_t interval, uint64_t host_ns,
		  uint64_t guest_ns);
void journal_interval(FILE *out, const struct interval *interval, const struct nodemap *map);
void journal_stop(FILE *out, uint64_t host_ns, uint64_t guest_ns);

#endif
