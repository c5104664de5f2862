/* SPDX-License-Identifier: MIT */
/* What ptescan.bpf.c and src/host/tracker-ptescan.c say to each other, in memory that both map. */
#ifndef BPF_PTESCAN_H
#define BPF_PTESCAN_H

#include <linux/types.h>

#define PTESCAN_ENTRIES 512  /* of a page table */
#define PTESCAN_PIECES	128  /* most per run: 256 MiB of base pages, or 128 GiB of huge ones */
#define PTESCAN_STEPS	8192 /* most per run, each over 2 MiB or an emptiness of at least that */

/* The bits of an entry that can be a physical address. */
#define PTESCAN_FRAME 0x000ffffffffff000ULL

/* Levels of page tables, as the number of address bits below one entry. */
#define PTESCAN_BASE_SHIFT 12
#define PTESCAN_HUGE_SHIFT 21

/* Why a run could not walk.  Not errnos: those are the run's own. */
enum ptescan_status {
	PTESCAN_OK,
	PTESCAN_GONE,	 /* the process has ended, or runs another program */
	PTESCAN_NO_FILE, /* the descriptor is no pagemap of a process with memory */
	PTESCAN_NO_BASE, /* where the kernel maps all of memory could not be found out */
};

/* What has to be known of the kernel; where page_offset is 0 the program asks the kernel. */
struct ptescan_bases {
	__u64 page_offset; /* where all of memory is mapped */
	__u64 memory_end;  /* physical */
	__u64 frame_mask;  /* the bits of an entry that are a physical address */
	__u32 levels;	   /* of page tables: 4 or 5 */
	__u32 unused;
};

struct ptescan_request {
	__u64 start, end;	    /* addresses, at multiples of a base page; in */
	struct ptescan_bases bases; /* in, and out if page_offset was 0 */
	__u64 next;	 /* where to go on: end, or less where the run's limits were met; out */
	__u64 top;	 /* where the kernel sees the top table; out */
	__s32 pagemap;	 /* descriptor; in */
	__u32 status;	 /* enum ptescan_status; out */
	__u32 nr_pieces; /* out */
	__u32 unused;
};

/* A piece of a table: where its first entry's memory is, and how many entries there are. */
struct ptescan_piece {
	__u64 start;
	__u32 nr;
	__u32 shift; /* PTESCAN_*_SHIFT */
};

#endif
