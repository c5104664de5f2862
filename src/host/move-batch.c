/* SPDX-License-Identifier: MIT */
/* Calls of move_pages for chosen pages: see move-batch.h. */
#include "move-batch.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "move-status.h"
#include "nodemask.h"
#include "room.h"
#include "steering.h"

#define MOST_UNITS 16384

/* For one batch: each goes on behind a page that made the one before it stop. */
#define MOST_CALLS 8

struct move_batch {
	int root;	  /* the caller's */
	bool with_shared; /* until the kernel says that we may not */
	enum room room;	  /* what counts as such */
	struct move_counts *counts;
	struct steering steering;
	/* All units of the batch are this process's and go to this node. */
	const struct move_batch_process *process;
	int node;
	uint64_t low_pages[NODES_MAX]; /* low watermarks */
	uint64_t asked_ns[NODES_MAX];  /* when for them; 0: never */
	struct nodemask full;	       /* nodes that nothing goes to in this round any more */
	struct steering_batch sizes;
	size_t nr;
	void *addresses[MOST_UNITS];
	int nodes[MOST_UNITS];
	int status[MOST_UNITS];
	uint32_t pages[MOST_UNITS];
	uint8_t flows[MOST_UNITS]; /* counts->flows */
};

struct move_batch *move_batch_new(int root, uint64_t call_ns, struct move_counts *counts)
{
	struct move_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->root = root;
	batch->counts = counts;
	batch->with_shared = true;
	batch->room = ROOM_FREE;
	batch->node = -1;
	steering_start(&batch->steering, call_ns);
	return batch;
}

void move_batch_free(struct move_batch *batch)
{
	free(batch);
}

void move_batch_manners(struct move_batch *batch, bool with_shared, enum room room)
{
	batch->with_shared = with_shared;
	batch->room = room;
}

/* Of units from one on, but for the last. */
static void note_call(struct move_batch *batch, size_t first, size_t end, uint64_t took_ns)
{
	struct move_counts *counts = batch->counts;
	struct steering_batch sizes = { 0 };

	for (size_t i = first; i < end; i++)
		steering_add(&batch->steering, &sizes, batch->pages[i]);
	steering_learn(&batch->steering, &sizes, took_ns);
	counts->calls++;
	counts->all_calls_ns += took_ns;
	if (took_ns > counts->longest_call_ns)
		counts->longest_call_ns = took_ns;
}

/* The flow that the unit belongs to. */
static uint8_t flow_of(struct move_counts *counts, const struct move_batch_unit *unit)
{
	struct move_flow flow = { .from = unit->from, .to = unit->to, .reason = unit->reason };

	for (unsigned i = 0; i < counts->nr_flows; i++) {
		const struct move_flow *known = &counts->flows[i];

		if (known->from == flow.from && known->to == flow.to &&
		    known->reason == flow.reason)
			return (uint8_t)i;
	}
	if (counts->nr_flows == MOVE_FLOWS)
		return MOVE_FLOWS - 1;
	if (counts->nr_flows == MOVE_FLOWS - 1)
		flow.from = flow.to = -1;
	counts->flows[counts->nr_flows] = flow;
	return (uint8_t)counts->nr_flows++;
}

static void settle(struct move_batch *batch)
{
	const struct move_batch_process *process = batch->process;
	struct move_counts *counts = batch->counts;

	for (size_t i = 0; i < batch->nr; i++) {
		const int status = batch->status[i] == batch->node ? 0 : batch->status[i];
		struct move_flow *flow = &counts->flows[batch->flows[i]];

		counts->asked_pages += batch->pages[i];
		flow->asked_pages += batch->pages[i];
		if (status == 0) {
			counts->moved_pages += batch->pages[i];
			flow->moved_pages += batch->pages[i];
			if (flow->from >= 0) /* where there is room again */
				nodemask_clear(&batch->full, flow->from);
		} else if (status < 0 && status > -MOVE_BATCH_ERRNOS) {
			counts->failed_pages[-status] += batch->pages[i];
			flow->failed_pages += batch->pages[i];
		} else {
			continue; /* not reached, or already elsewhere */
		}
		process->became((uint64_t)(uintptr_t)batch->addresses[i], batch->node, status,
				process->user);
	}
}

/* Where units are whose statuses the kernel did not write: there, or it failed with this errno. */
static void ask(struct move_batch *batch, size_t first, size_t end, int failure)
{
	if (syscall(SYS_move_pages, batch->process->pid, end - first, &batch->addresses[first],
		    NULL, &batch->status[first], 0) < 0)
		return;
	for (size_t i = first; i < end; i++)
		if (batch->status[i] >= 0 && batch->status[i] != batch->node)
			batch->status[i] = failure;
}

/* Of a folio that is several units, such as a huge page mapped in pieces, the first takes all
 * along; of the second the kernel says that it is busy. */
static void ask_of_busy(struct move_batch *batch, size_t first, size_t end)
{
	for (size_t i = first, next; i < end; i = next) {
		next = i + 1;
		if (batch->status[i] != -EBUSY)
			continue;
		while (next < end && batch->status[next] == -EBUSY)
			next++;
		ask(batch, i, next, -EBUSY);
	}
}

/* From a unit on.  Returns the system call's result or -errno; *ret_next: what was not tried. */
static long move_pages(struct move_batch *batch, size_t first, size_t *ret_next)
{
	const uint64_t began_ns = clock_now_ns();
	const size_t nr = batch->nr - first;
	long r = syscall(SYS_move_pages, batch->process->pid, nr, &batch->addresses[first],
			 &batch->nodes[first], &batch->status[first],
			 batch->with_shared ? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE);
	const uint64_t took_ns = clock_now_ns() - began_ns;
	struct move_stop stop = { .next = nr };
	bool stopped;

	if (r < 0) /* find_mm_struct, mm/migrate.c: a process that is ending has no memory */
		r = errno == EINVAL ? -ESRCH : -errno;
	stopped = r > 0 || r == -ENOMEM;
	if (stopped)
		stop = move_status_stop(&batch->status[first], nr);
	if (stopped || r == 0)
		ask_of_busy(batch, first, first + stop.next);
	if (stopped)
		ask(batch, first + stop.first, first + stop.end, r > 0 ? -EBUSY : -ENOMEM);
	if (r >= 0)
		note_call(batch, first, first + stop.next, took_ns);
	*ret_next = first + stop.next;
	return r;
}

static int call(struct move_batch *batch)
{
	struct pollfd alive = { .fd = batch->process->pidfd, .events = POLLIN };
	size_t next = 0;
	long r = 0;

	if (poll(&alive, 1, 0) != 0)
		return -ESRCH;
	for (int i = 0; i < MOST_CALLS && next < batch->nr && r >= 0; i++) {
		const size_t first = next;

		r = move_pages(batch, first, &next);
		if (r == -EPERM && batch->with_shared) {
			batch->with_shared = false;
			r = move_pages(batch, first, &next);
		}
	}
	settle(batch);
	if (r == -ENOMEM || r == -ENODEV)
		nodemask_set(&batch->full, batch->node);
	/* A full node is no error: what did not go there was counted. */
	return r == -ENOMEM || r > 0 ? 0 : (int)r;
}

/* The low watermark of the batch's node.  One that could not be read is asked for again. */
static uint64_t low_pages(struct move_batch *batch)
{
	const uint64_t now_ns = clock_now_ns();
	const int node = batch->node;

	if (!batch->asked_ns[node] || now_ns - batch->asked_ns[node] >= ROOM_WATERMARKS_NS) {
		batch->low_pages[node] = room_watermarks(batch->root, node).low_pages;
		batch->asked_ns[node] = batch->low_pages[node] ? now_ns : 0;
	}
	return batch->low_pages[node];
}

/* As much of the batch as the node has room for. */
int move_batch_send(struct move_batch *batch)
{
	uint64_t pages = batch->sizes.pages, room = 0;
	int r = 0;

	if (batch->nr)
		room = room_pages(batch->root, batch->node, low_pages(batch), batch->room);
	for (; batch->nr && pages > room; nodemask_set(&batch->full, batch->node))
		pages -= batch->pages[--batch->nr];
	if (batch->nr)
		r = call(batch);
	batch->nr = 0;
	batch->sizes = (struct steering_batch) { 0 };
	return r;
}

int move_batch_flush(struct move_batch *batch)
{
	int r = move_batch_send(batch);

	batch->full = (struct nodemask) { 0 };
	return r;
}

int move_batch_add(struct move_batch *batch, const struct move_batch_process *process,
		   const struct move_batch_unit *unit)
{
	int r = 0;

	if (nodemask_test(&batch->full, unit->to))
		return 0;
	if (unit->to != batch->node || process != batch->process || batch->nr == MOST_UNITS ||
	    !steering_has_room(&batch->steering, &batch->sizes, unit->pages)) {
		r = move_batch_send(batch);
		batch->process = process;
		batch->node = unit->to;
	}
	batch->addresses[batch->nr] = (void *)(uintptr_t)unit->address;
	batch->nodes[batch->nr] = unit->to;
	batch->status[batch->nr] = MOVE_STATUS_NOT_WRITTEN;
	batch->flows[batch->nr] = flow_of(batch->counts, unit);
	batch->pages[batch->nr++] = (uint32_t)unit->pages;
	steering_add(&batch->steering, &batch->sizes, unit->pages);
	return r;
}
