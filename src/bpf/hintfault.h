/* SPDX-License-Identifier: MIT */
/* What hintfault.bpf.c tells src/host/tracker-hintfault.c, event by event. */
#ifndef BPF_HINTFAULT_H
#define BPF_HINTFAULT_H

#include <linux/types.h>

#define HINTFAULT_RING_BYTES (8 << 20)
#define HINTFAULT_PROCESSES  4096 /* followed at most */

enum hintfault_what {
	HINTFAULT_UNMAPPED, /* the kernel has made a range inaccessible, to see who accesses it */
	HINTFAULT_ACCESSED, /* a base page, */
	HINTFAULT_HUGE,	    /* or the huge page at this address, was accessed first since */
};

struct hintfault_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 start;   /* an address */
	__u64 end;     /* of a range that was unmapped */
	__u32 process; /* its id in the initial pid namespace */
	__u32 what;    /* enum hintfault_what */
};

#endif
