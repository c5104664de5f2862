/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Tells of NUMA hint faults: when the kernel's NUMA balancing makes a range of a process
 * inaccessible, and when a page of it is accessed next.  The time between is how rarely the page is
 * used.
 *
 * Both happen in the process itself (task_numa_work and page faults, kernel/sched/fair.c and
 * mm/memory.c).  The kernel's own note of the time, in the page's flags, is not used: there is
 * one for pages in slow memory only.  The function that a base page's fault comes by
 * has another name in newer kernels, and its third argument is the address in all; which one it
 * is says user space, as it loads the program.
 */
#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "hintfault.h"

struct vm_fault {
	unsigned long address;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, HINTFAULT_RING_BYTES);
} events SEC(".maps");

/* The processes that somebody wants to know of. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HINTFAULT_PROCESSES);
	__type(key, __u32);
	__type(value, __u8);
} followed SEC(".maps");

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* An event that does not fit is lost: the page is seen with the next one. */
static int tell(__u32 what, __u64 start, __u64 end)
{
	__u32 process = bpf_get_current_pid_tgid() >> 32;
	struct hintfault_event *event;

	if (!bpf_map_lookup_elem(&followed, &process))
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->time_ns = bpf_ktime_get_ns();
	event->start = start;
	event->end = end;
	event->process = process;
	event->what = what;
	/* Nobody is to be woken: they look when they want to know. */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

/* (vma, start, end) */
SEC("fentry/change_prot_numa")
int unmapped(__u64 *arguments)
{
	return tell(HINTFAULT_UNMAPPED, arguments[1], arguments[2]);
}

/* (folio, fault, address, ...), or before Linux 6.10 numa_migrate_prep(page, vma, address, ...). */
SEC("fentry/numa_migrate_check")
int accessed(__u64 *arguments)
{
	return tell(HINTFAULT_ACCESSED, arguments[2], 0);
}

/* (fault) */
SEC("fentry/do_huge_pmd_numa_page")
int accessed_huge(__u64 *arguments)
{
	struct vm_fault *fault = (void *)arguments[0];

	return tell(HINTFAULT_HUGE, BPF_CORE_READ(fault, address), 0);
}
