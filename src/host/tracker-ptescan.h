/* SPDX-License-Identifier: MIT */
/*
 * The tracker ptescan: the accessed bits that x86-64 CPUs set in page tables.  They are
 * cleared through /proc/PID/clear_refs (proc_pid_clear_refs(5)), then a TLB flush makes
 * CPUs set them again (tlb-flush.h), and a BPF program copies the tables (ptescan-program.h).
 * Blind to memory of KVM guests, DMA, and hugetlbfs.  A clear holds the process's mmap
 * lock for writing, and takes from reclaim what it knew of the pages' use.
 *
 * Capabilities: CAP_BPF and CAP_PERFMON (to load the program: Linux 6.12 asks for the first alone,
 * 6.18 for both), CAP_SYSLOG (the kernel's addresses, which are searched for without it),
 * CAP_SYS_PTRACE (other users' pagemap), CAP_DAC_OVERRIDE (their clear_refs); CAP_SYS_ADMIN lets
 * the self-test compare where pages are, too.  The kernel: Linux 6.1 with BTF, not under
 * lockdown=confidentiality.
 *
 * The program is loaded when the first process is opened, and shared by all that are: they
 * must all be used by one thread.
 */
#ifndef HOST_TRACKER_PTESCAN_H
#define HOST_TRACKER_PTESCAN_H

#include "tracker.h"

/*
 * Its clear does not fail where the TLB cannot be flushed, as its check says.  What a CPU
 * remembers then does not count as accessed: no harm to base pages that are many, but hot
 * huge pages may look idle.
 */
extern const struct tracker_kind tracker_ptescan;

/* The flush alone, of a tracker that tracker_ptescan opened: for who clears in another way.
 * Errors: -ESRCH; none where it cannot flush. */
int tracker_ptescan_flush(struct tracker *tracker);

#endif
