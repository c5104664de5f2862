/* SPDX-License-Identifier: MIT */
/* Calls of move_pages for chosen pages: see move-batch.h. */
#include "move-batch.h"

#include <errno.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "room.h"
#include "steering.h"

#define MOST_UNITS  16384
#define NOT_WRITTEN INT_MIN

struct move_batch {
	int root;	  /* the caller's */
	bool with_shared; /* until the kernel says that we may not */
	struct move_counts *counts;
	struct steering steering;
	/* All units of the batch are this process's and go to this node. */
	const struct move_batch_process *process;
	int node;
	uint64_t watermark; /* the node's */
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
	batch->node = -1;
	steering_start(&batch->steering, call_ns);
	return batch;
}

void move_batch_free(struct move_batch *batch)
{
	free(batch);
}

static void note_call(struct move_batch *batch, uint64_t took_ns)
{
	struct move_counts *counts = batch->counts;

	steering_learn(&batch->steering, &batch->sizes, took_ns);
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

static long move_pages(struct move_batch *batch)
{
	const uint64_t began_ns = clock_now_ns();
	const long r = syscall(SYS_move_pages, batch->process->pid, batch->nr, batch->addresses,
			       batch->nodes, batch->status,
			       batch->with_shared ? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE);

	if (r < 0)
		return -errno;
	note_call(batch, clock_now_ns() - began_ns);
	return 0;
}

static int call(struct move_batch *batch)
{
	struct pollfd alive = { .fd = batch->process->pidfd, .events = POLLIN };
	long r;

	if (poll(&alive, 1, 0) != 0)
		return -ESRCH;
	r = move_pages(batch);
	if (r == -EPERM && batch->with_shared) {
		batch->with_shared = false;
		r = move_pages(batch);
	}
	settle(batch);
	/* A full node is no error: what did not go there was counted. */
	return r == -ENOMEM ? 0 : (int)r;
}

int move_batch_flush(struct move_batch *batch)
{
	int r = 0;

	if (batch->nr &&
	    room_pages(batch->root, batch->node, batch->watermark) >= batch->sizes.pages)
		r = call(batch);
	batch->nr = 0;
	batch->sizes = (struct steering_batch) { 0 };
	return r;
}

/* What comes next is of that process and goes to that node. */
static void turn_to(struct move_batch *batch, const struct move_batch_process *process, int node)
{
	if (batch->node != node)
		batch->watermark = room_high_watermark(batch->root, node);
	batch->process = process;
	batch->node = node;
}

int move_batch_add(struct move_batch *batch, const struct move_batch_process *process,
		   const struct move_batch_unit *unit)
{
	int r = 0;

	if (unit->to != batch->node || process != batch->process || batch->nr == MOST_UNITS ||
	    !steering_has_room(&batch->steering, &batch->sizes, unit->pages)) {
		r = move_batch_flush(batch);
		turn_to(batch, process, unit->to);
	}
	batch->addresses[batch->nr] = (void *)(uintptr_t)unit->address;
	batch->nodes[batch->nr] = unit->to;
	batch->status[batch->nr] = NOT_WRITTEN;
	batch->flows[batch->nr] = flow_of(batch->counts, unit);
	batch->pages[batch->nr++] = (uint32_t)unit->pages;
	steering_add(&batch->steering, &batch->sizes, unit->pages);
	return r;
}
