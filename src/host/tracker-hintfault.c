/* SPDX-License-Identifier: MIT */
/*
 * The tracker hintfault: NUMA hint faults, caught by BPF (src/bpf/hintfault.bpf.c).
 *
 * The kernel's NUMA balancing unmaps memory, by and by, and is told by a fault who accesses it
 * next; so does this tracker learn how long each page stayed unaccessed (hint-delays.h).  It goes
 * at the kernel's pace, a sweep in 1 to 60 s: a clear forgets nothing, and the k-th scan shows
 * pages whose delay is of step k at most.
 *
 * kernel.numa_balancing is 3 meanwhile: 2 alone would leave out pages in fast memory, which
 * then look idle; and the limit of promotion is 0, since the kernel is to look and not to
 * move.  (It does all the same where a fast node has more than 1 GiB or a sixteenth free:
 * kernel/sched/fair.c, pgdat_free_space_enough.)  Both are set by the first clear, not by opening,
 * and given back (kernel-settings.h).
 *
 * Of a process with one thread the kernel never unmaps what is on the node where that runs
 * (mm/mprotect.c, change_pte_range): these pages look idle.  A fault costs the process
 * microseconds. So this is for studies, and is never chosen unasked.
 */
#include "tracker.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>

#include "cleanup.h"
#include "error.h"
#include "grow.h"
#include "hint-delays.h"
#include "kernel-settings.h"
#include "pagemap.h"
#include "process.h"
#include "rootfs.h"

#include "hintfault.h"
#include "hintfault.skel.h"

#define BALANCING "proc/sys/kernel/numa_balancing"
#define LIMIT	  "proc/sys/kernel/numa_balancing_promote_rate_limit_MBps"

struct hinted {
	struct tracker tracker;
	int root;
	pid_t pid;
	int pagemap; /* stands for its memory: no other program's */
	struct hint_delays *delays;
	bool has_begun;
	unsigned scans; /* since the clear */
};

/* What all processes that are followed share; there from the first to the last. */
static struct {
	struct hinted **list;
	size_t nr, nr_allocated;
	struct hintfault *skeleton;
	struct ring_buffer *events;
	bool is_attached;
	struct kernel_change *limit, *balancing;
} shared;

static struct hinted *hinted_of(struct tracker *tracker)
{
	return (struct hinted *)tracker;
}

/* ---- The program ------------------------------------------------------------------------------
 */

static int take_event(void *user, void *data, size_t bytes)
{
	const struct hintfault_event *event = data;
	struct hint_delays *delays = NULL;

	(void)user;
	for (size_t i = 0; i < shared.nr && bytes >= sizeof(*event); i++)
		if (shared.list[i]->pid == (pid_t)event->process)
			delays = shared.list[i]->delays;
	if (!delays)
		return 0;
	switch ((enum hintfault_what)event->what) {
	case HINTFAULT_UNMAPPED:
		hint_delays_unmap(delays, event->start, event->end, event->time_ns);
		break;
	case HINTFAULT_ACCESSED:
		return hint_delays_access(delays, event->start, 1, event->time_ns);
	case HINTFAULT_HUGE:
		return hint_delays_access(delays, event->start & -(HUGE_PAGES * PAGE_BYTES),
					  HUGE_PAGES, event->time_ns);
	}
	return 0;
}

/* The function that all faults of base pages come by: since Linux 6.10, and before. */
static const char *find_function(void)
{
	static const char *const names[] = { "numa_migrate_check", "numa_migrate_prep" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (libbpf_find_vmlinux_btf_id(names[i], BPF_TRACE_FENTRY) > 0)
			return names[i];
	return NULL;
}

static int load(void)
{
	const char *function = find_function();
	int r;

	if (!function)
		return -EOPNOTSUPP;
	shared.skeleton = hintfault__open();
	if (!shared.skeleton)
		return -errno;
	r = bpf_program__set_attach_target(shared.skeleton->progs.accessed, 0, function);
	if (r == 0)
		r = hintfault__load(shared.skeleton);
	if (r < 0)
		return r;
	shared.events =
		ring_buffer__new(bpf_map__fd(shared.skeleton->maps.events), take_event, NULL, NULL);
	return shared.events ? 0 : -errno;
}

static void unload(void)
{
	ring_buffer__free(steal_pointer(&shared.events));
	hintfault__destroy(steal_pointer(&shared.skeleton));
	shared.is_attached = false;
	kernel_change_end(steal_pointer(&shared.balancing));
	kernel_change_end(steal_pointer(&shared.limit));
	free(steal_pointer(&shared.list));
	shared.nr_allocated = 0;
}

static int explain(int r, struct mpol_error *err)
{
	error_errno(err, r, "catch NUMA hint faults");
	if (r == -EPERM || r == -EACCES)
		error_advise(err, "needs CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN, and a kernel "
				  "without lockdown=confidentiality");
	else /* -EINVAL is also how the verifier refuses what lockdown forbids */
		error_advise(err, "needs Linux 6.1 or later with CONFIG_NUMA_BALANCING and BTF, "
				  "without lockdown=confidentiality");
	return r;
}

static int load_quietly(struct mpol_error *err)
{
	libbpf_print_fn_t print;
	int r;

	if (shared.skeleton)
		return 0;
	print = libbpf_set_print(NULL);
	r = load();
	libbpf_set_print(print);
	return r < 0 ? explain(r, err) : 0;
}

/* ---- As a tracker
 * ----------------------------------------------------------------------------------- */

static void hintfault_close(struct tracker *tracker)
{
	struct hinted *hinted = hinted_of(tracker);
	const uint32_t process = (uint32_t)hinted->pid;

	for (size_t i = 0; i < shared.nr; i++)
		if (shared.list[i] == hinted)
			shared.list[i] = shared.list[--shared.nr];
	if (hinted->has_begun)
		bpf_map_delete_elem(bpf_map__fd(shared.skeleton->maps.followed), &process);
	if (shared.nr == 0)
		unload();
	closep(&hinted->pagemap);
	hint_delays_free(hinted->delays);
	free(hinted);
}

DEFINE_CLEANUP(struct tracker *, hintfault_close);

static int enlist(struct hinted *hinted)
{
	struct hinted **list =
		grow(shared.list, shared.nr, &shared.nr_allocated, sizeof(struct hinted *));

	if (!list)
		return -ENOMEM;
	shared.list = list;
	list[shared.nr++] = hinted;
	return 0;
}

static int hintfault_open(int root, pid_t pid, struct tracker **ret, struct mpol_error *err)
{
	struct hinted *hinted = calloc(1, sizeof(*hinted));
	_cleanup_(hintfault_closep) struct tracker *tracker = (struct tracker *)hinted;
	uint64_t value;
	pid_t tid;
	int r;

	if (!hinted)
		return error_errno(err, -ENOMEM, "follow accesses");
	*hinted = (struct hinted) { .tracker.kind = &tracker_hintfault, .root = root, .pid = pid };
	hinted->pagemap = process_open_pagemap(root, pid, &tid);
	hinted->delays = hint_delays_new();
	r = hinted->pagemap < 0 ? hinted->pagemap : hinted->delays ? 0 : -ENOMEM;
	if (r < 0) {
		error_errno(err, r, "follow accesses");
		error_on(err, "process %d", pid);
		return r;
	}
	if (rootfs_read_u64(root, &value, BALANCING) < 0 ||
	    rootfs_read_u64(root, &value, LIMIT) < 0)
		return explain(-EOPNOTSUPP, err);
	r = load_quietly(err);
	if (r == 0)
		r = enlist(hinted);
	if (r < 0)
		return r;
	*ret = steal_pointer(&tracker);
	return 0;
}

/* Has the kernel unmap memory, and tell. */
static int begin(struct hinted *hinted)
{
	const uint32_t process = (uint32_t)hinted->pid;
	int r = 0;

	if (!shared.is_attached)
		r = hintfault__attach(shared.skeleton);
	shared.is_attached = r == 0;
	if (r == 0 && !shared.limit)
		r = kernel_setting_put(hinted->root, LIMIT, "0", &shared.limit, NULL);
	if (r == 0 && !shared.balancing)
		r = kernel_setting_put(hinted->root, BALANCING, "3", &shared.balancing, NULL);
	if (r < 0) {
		hinted->tracker.failure = "kernel.numa_balancing cannot be set, or another mpold "
					  "has set it";
		return r;
	}
	r = bpf_map_update_elem(bpf_map__fd(shared.skeleton->maps.followed), &process,
				&(uint8_t) { 1 }, BPF_ANY);
	hinted->has_begun = r == 0;
	return r;
}

static int hintfault_clear(struct tracker *tracker)
{
	struct hinted *hinted = hinted_of(tracker);

	if (!process_pagemap_is_alive(hinted->pagemap))
		return -ESRCH;
	hinted->scans = 0;
	return hinted->has_begun ? 0 : begin(hinted);
}

static int hintfault_begin_scan(struct tracker *tracker)
{
	struct hinted *hinted = hinted_of(tracker);
	int r;

	if (!process_pagemap_is_alive(hinted->pagemap))
		return -ESRCH;
	hinted->scans++;
	r = ring_buffer__consume(shared.events);
	return r < 0 ? r : 0;
}

static int hintfault_scan(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	const struct hinted *hinted = hinted_of(tracker);

	if (!process_pagemap_is_alive(hinted->pagemap))
		return -ESRCH;
	hint_delays_read(hinted->delays, start, end, hinted->scans, bits);
	return 0;
}

const struct tracker_kind tracker_hintfault = {
	.name = "hintfault",
	.summary = "NUMA hint faults caught by BPF: how long each page stays unaccessed, reads and "
		   "writes, KVM guests' too; a fault for each page in each of the kernel's sweeps",
	.side_effects = "kernel.numa_balancing is 3 and its promotion limit 0 for the whole "
			"machine, until mpold ends: all processes fault, and the kernel moves "
			"pages to the socket that uses them, and to fast nodes with much free",
	.sees_reads = true,
	.sees_guests = true,
	.granularity_pages = 1,
	.scan_ns = 1,
	.target_fault_ns = 2000,
	.capabilities = 1ULL << CAP_BPF | 1ULL << CAP_PERFMON | 1ULL << CAP_SYS_ADMIN,
	.open = hintfault_open,
	.close = hintfault_close,
	.clear = hintfault_clear,
	.begin_scan = hintfault_begin_scan,
	.scan = hintfault_scan,
};
