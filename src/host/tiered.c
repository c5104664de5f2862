/* SPDX-License-Identifier: MIT */
/* A process's pages as tiering knows them: see tiered.h. */
#include "tiered-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "grow.h"
#include "hash.h"
#include "hint-table.h"
#include "least.h"
#include "move-status.h"
#include "numa-maps.h"
#include "policy.h"
#include "process.h"

/* To ask which pages there are costs more than all else in a round.  It is done where ranges have
 * changed, and in one round of so many. */
#define RENEW_ROUNDS 16

void tiered_close(struct tiered *tiered)
{
	if (!tiered)
		return;
	for (size_t i = 0; i < tiered->nr_blocks; i++)
		free(tiered->blocks[i]);
	free(tiered->blocks);
	if (tiered->tracker)
		tiered->tracker->kind->close(tiered->tracker);
	census_close(tiered->census);
	free(tiered->others_hints);
	free(tiered->own_hints);
	vma_table_free(&tiered->table);
	closep(&tiered->process.pidfd);
	free(tiered);
}

size_t tiered_find_block(const struct tiered *tiered, uint64_t page)
{
	size_t low = 0, high = tiered->nr_blocks;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (tiered->blocks[middle]->first_page + BLOCK_PAGES > page)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

uint8_t tiered_place_of(struct tiered *tiered, int node)
{
	for (int place = 1; place <= tiered->nr_nodes; place++)
		if (tiered->nodes[place] == node)
			return (uint8_t)place;
	if (tiered->nr_nodes == MOST_NODES)
		return NO_PLACE;
	tiered->nodes[++tiered->nr_nodes] = (int16_t)node;
	return (uint8_t)tiered->nr_nodes;
}

static void became(uint64_t address, int node, int status, void *user)
{
	struct tiered *tiered = user;
	const uint64_t page = address / PAGE_BYTES;
	struct block *block = tiered->blocks[tiered_find_block(tiered, page)];
	uint8_t *seen = &block->seen[page % BLOCK_PAGES];

	switch (move_status_judge(status, *seen & SEEN_STAYED)) {
	case MOVE_DONE:
		block->places[page % BLOCK_PAGES] = tiered_place_of(tiered, node);
		*seen &= (uint8_t)~SEEN_STAYED;
		break;
	case MOVE_GONE:
		block->places[page % BLOCK_PAGES] = NO_PLACE;
		break;
	case MOVE_LATER:
		block->units[page % BLOCK_PAGES].rest = RANKING_MOST_REST;
		*seen |= SEEN_STAYED;
		break;
	case MOVE_NEVER:
		*seen |= SEEN_NEVER_MOVE;
		break;
	case MOVE_NO_ROOM:
		break;
	}
}

/* By which of its threads to speak of its memory. */
static int choose_thread(struct tiered *tiered)
{
	_cleanup_close_ int pagemap =
		process_open_pagemap(tiered->root, tiered->pid, &tiered->process.pid);

	return pagemap < 0 ? pagemap : 0;
}

static int read_namespaces(struct tiered *tiered)
{
	const pid_t pid = tiered->process.pid;
	int r = process_read_namespace(tiered->root, pid, "mnt", &tiered->mount_namespace);

	return r < 0 ? r : process_read_namespace(tiered->root, pid, "ipc", &tiered->ipc_namespace);
}

int tiered_open(const struct tiered_request *request, struct tiered **ret, struct mpol_error *err)
{
	_cleanup_(tiered_closep) struct tiered *tiered = calloc(1, sizeof(*tiered));
	int r;

	if (!tiered)
		return error_errno(err, -ENOMEM, "tier a process");
	tiered->root = request->root;
	tiered->pid = request->pid;
	tiered->memory = request->memory;
	tiered->nodes[NO_PLACE] = -1;
	tiered->process = (struct move_batch_process) {
		.pidfd = (int)syscall(SYS_pidfd_open, request->pid, 0),
		.became = became,
		.user = tiered,
	};
	r = tiered->process.pidfd < 0 ? -errno : choose_thread(tiered);
	if (r == 0)
		r = read_namespaces(tiered);
	if (r == 0)
		r = census_open(request->root, tiered->process.pid, 0, &tiered->census);
	if (r < 0) {
		error_errno(err, r, "tier a process");
		error_on(err, "process %d", request->pid);
		return r;
	}
	r = tiered_use(tiered, request->tracker, err);
	if (r < 0)
		return r;
	*ret = steal_pointer(&tiered);
	return 0;
}

void tiered_use_memory(struct tiered *tiered, const struct nodemask *memory)
{
	tiered->memory = *memory;
	tiered->fresh_rounds = 0;
	census_reread_memory(tiered->census, tiered->root);
}

pid_t tiered_pid(const struct tiered *tiered)
{
	return tiered->pid;
}

int tiered_pidfd(const struct tiered *tiered)
{
	return tiered->process.pidfd;
}

const char *tiered_failure(const struct tiered *tiered, int r)
{
	if (r == -ESRCH)
		return "it has ended";
	return tiered->tracker->failure ? tiered->tracker->failure : strerror(-r);
}

/* ---- Which pages there are --------------------------------------------------------- */

/* A walk that makes the blocks anew from the old ones, both in order of address. */
struct renewal {
	struct tiered *tiered;
	bool is_shared;	    /* the range that is walked */
	struct block **old; /* those used again are NULL */
	size_t nr_old, next_old;
};

static void forget_seen(struct block *block)
{
	for (unsigned i = 0; i < BLOCK_PAGES; i++)
		block->seen[i] &= (uint8_t)~SEEN_SCORE;
}

/* What comes to where no page was is nobody's yet, should it be shared. */
static void empty(struct block *block)
{
	for (unsigned i = 0; i < BLOCK_PAGES; i++)
		if (block->places[i] == NO_PLACE)
			block->seen[i] = SEEN_ELSEWHERE;
	memset(block->places, NO_PLACE, sizeof(block->places));
	block->nr_pages = 0;
}

/* The old block of these addresses, without what the last round saw; or a new one.  Both are empty.
 */
static struct block *renew_block(struct renewal *renewal, uint64_t first_page)
{
	struct block **old = renewal->old, *block;

	while (renewal->next_old < renewal->nr_old &&
	       old[renewal->next_old]->first_page < first_page)
		free(steal_pointer(&old[renewal->next_old++]));
	if (renewal->next_old == renewal->nr_old ||
	    old[renewal->next_old]->first_page != first_page) {
		block = calloc(1, sizeof(*block));
		if (!block)
			return NULL;
		block->first_page = first_page;
	} else {
		block = steal_pointer(&old[renewal->next_old++]);
		forget_seen(block);
	}
	block->was_huge = block->huge;
	block->huge = false;
	empty(block);
	return block;
}

/* The block of a page, which is behind all before it.  NULL: no memory. */
static struct block *block_at(struct renewal *renewal, uint64_t page)
{
	struct tiered *tiered = renewal->tiered;
	const uint64_t first_page = page - page % BLOCK_PAGES;
	struct block **blocks, *block;

	if (tiered->nr_blocks && tiered->blocks[tiered->nr_blocks - 1]->first_page == first_page)
		return tiered->blocks[tiered->nr_blocks - 1];
	blocks = grow(tiered->blocks, tiered->nr_blocks, &tiered->nr_allocated, sizeof(*blocks));
	if (!blocks)
		return NULL;
	tiered->blocks = blocks;
	block = renew_block(renewal, first_page);
	if (block)
		blocks[tiered->nr_blocks++] = block;
	return block;
}

/* Pages that nobody else can go on with. */
static void take_back(struct block *block, uint64_t first, uint64_t nr)
{
	for (uint64_t i = first; i < first + nr; i++)
		block->seen[i] &= (uint8_t)~SEEN_ELSEWHERE;
}

static int take_run(const struct census_run *run, void *user)
{
	struct renewal *renewal = user;
	const uint8_t place = tiered_place_of(renewal->tiered, run->node);
	const bool huge = run->unit_bytes == BLOCK_BYTES;
	uint64_t page = run->start / PAGE_BYTES;

	while (page < run->end / PAGE_BYTES) {
		struct block *block = block_at(renewal, page);
		uint64_t end = page - page % BLOCK_PAGES + BLOCK_PAGES;

		if (!block)
			return -ENOMEM;
		if (end > run->end / PAGE_BYTES)
			end = run->end / PAGE_BYTES;
		block->huge = huge;
		/* Joined by the kernel: what the first of its pages was tells nothing of it.
		 * Mapped in pieces by now, it may still be one in memory, and does not move. */
		if (huge && !block->was_huge) {
			memset(block->units, 0, sizeof(block->units));
			memset(block->seen, SEEN_ELSEWHERE, sizeof(block->seen));
		} else if (!huge && block->was_huge) {
			memset(&block->seen[page % BLOCK_PAGES], block->seen[0], end - page);
		}
		memset(&block->places[page % BLOCK_PAGES], place, end - page);
		if (!renewal->is_shared)
			take_back(block, page % BLOCK_PAGES, end - page);
		block->nr_pages += (uint16_t)(end - page);
		page = end;
	}
	return 0;
}

bool tiered_leaves_alone(const struct tiered *tiered, const struct vma *vma)
{
	/* hugetlbfs has other sizes; where nothing is there it is 0. */
	return vma->page_bytes != PAGE_BYTES || vma->is_locked ||
	       policy_confines(vma->policy, &tiered->memory) ||
	       (vma->policy_cut && vma->policy->mode == MPOL_MODE_BIND);
}

static int renew_range(struct renewal *renewal, const struct vma *vma)
{
	struct census_request request = {
		.start = vma->start,
		.end = vma->end,
		.page_bytes = vma->page_bytes,
		.run = take_run,
		.user = renewal,
	};

	renewal->is_shared = tiered_is_shared(vma);
	return tiered_leaves_alone(renewal->tiered, vma)
		       ? 0
		       : census_walk(renewal->tiered->census, &request);
}

static int renew(struct tiered *tiered)
{
	struct renewal renewal = {
		.tiered = tiered,
		.old = steal_pointer(&tiered->blocks),
		.nr_old = tiered->nr_blocks,
	};
	struct vma_table *table = &tiered->table;
	int r;

	vma_table_free(table);
	*table = (struct vma_table) { 0 };
	tiered->hint_table = NULL;
	tiered->nr_blocks = tiered->nr_allocated = 0;
	r = process_read_vmas(tiered->root, tiered->process.pid, tiered->process.pid, table);
	if (r == 0 && tiered->locked_kib)
		r = process_read_locked(tiered->root, tiered->process.pid, table);
	for (size_t i = 0; i < table->nr_vmas && r == 0; i++) {
		const struct vma *vma = &table->vmas[i];

		if (!tiered->hint_table && strcmp(vma->name, HINT_TABLE_MAPPING) == 0)
			tiered->hint_table = vma;
		r = renew_range(&renewal, vma);
	}
	while (renewal.next_old < renewal.nr_old)
		free(renewal.old[renewal.next_old++]);
	free(renewal.old);
	return r;
}

/* Of /proc/PID/maps, which does not tell what is locked. */
static int hash_ranges(const struct tiered *tiered, uint64_t *ret_hash)
{
	_cleanup_free_ char *text = NULL;
	int r = process_read_file(tiered->root, tiered->process.pid, "maps", &text);

	if (r < 0)
		return r;
	*ret_hash = hash_bytes(HASH_START, text, strlen(text));
	*ret_hash = hash_bytes(*ret_hash, &tiered->locked_kib, sizeof(tiered->locked_kib));
	return 0;
}

/* The pages that there are, none of them seen yet. */
static int renew_if_due(struct tiered *tiered)
{
	uint64_t hash;
	int r = hash_ranges(tiered, &hash);

	if (r < 0)
		return r;
	if (tiered->fresh_rounds == 0 || hash != tiered->ranges_hash) {
		tiered->fresh_rounds = 0;
		r = renew(tiered);
		if (r == 0)
			r = tiered_renew_tracker(tiered);
		if (r < 0)
			return r;
		tiered->fresh_rounds = RENEW_ROUNDS;
		tiered->ranges_hash = hash;
	} else {
		for (size_t i = 0; i < tiered->nr_blocks; i++)
			forget_seen(tiered->blocks[i]);
	}
	tiered->fresh_rounds--;
	tiered_read_own_hints(tiered);
	return 0;
}

/* ---- A round ------------------------------------------------------------------------- */

int tiered_clear(struct tiered *tiered)
{
	struct process_thread thread;
	int r = process_read_thread(tiered->root, tiered->process.pid, tiered->process.pid,
				    &thread);

	if (r < 0)
		return r;
	tiered->locked_kib = thread.locked_kib;
	r = renew_if_due(tiered);
	if (r == 0)
		r = tiered->tracker->kind->clear(tiered->tracker);
	if (r == 0)
		tiered->allowed = thread.mems_allowed;
	return r;
}

/* ---- For the decision ----------------------------------------------------------------- */

/* Adds a block's units from one on, which are base pages or its one huge page. */
static void add_units(const struct tiered *tiered, const struct block *block, unsigned first,
		      uint32_t nr, struct tiering_chunk *chunk)
{
	const uint8_t stays = tiered_is_to_be_split(tiered, block) ? SEEN_NEVER_MOVE : 0;
	const uint8_t *seen = &block->seen[first], *places = &block->places[first];
	const uint32_t at = chunk->span.nr_units;
	uint8_t *restrict chunk_seen = &chunk->seen[at];
	int16_t *restrict chunk_nodes = &chunk->nodes[at];

	memcpy(&chunk->units[at], &block->units[first], nr * sizeof(*chunk->units));
	for (uint32_t i = 0; i < nr; i++) {
		const bool keeps_place = (seen[i] | stays) & SEEN_KEEPS_PLACE;

		chunk_seen[i] = seen[i] & SEEN_SCORE;
		chunk_nodes[i] = tiered->nodes[keeps_place ? NO_PLACE : places[i]];
	}
	chunk->span.nr_units += nr;
}

/* The block with the first unit that begins at a page or behind it.  The block of the page may have
 * become a huge page since the last chunk ended there. */
static size_t find_unit(const struct tiered *tiered, uint64_t page)
{
	const size_t i = tiered_find_block(tiered, page);

	return i + (i < tiered->nr_blocks && tiered->blocks[i]->huge &&
		    page > tiered->blocks[i]->first_page);
}

bool tiered_gather(const struct tiered *tiered, uint64_t page, struct tiering_chunk *chunk)
{
	size_t i = find_unit(tiered, page);
	const bool huge = i < tiered->nr_blocks && tiered->blocks[i]->huge;
	const uint32_t unit_pages = huge ? BLOCK_PAGES : 1;
	uint64_t until, nr;

	if (i == tiered->nr_blocks)
		return false;
	if (page < tiered->blocks[i]->first_page)
		page = tiered->blocks[i]->first_page;
	chunk->span.hint =
		tiered_hint_of(tiered, page * PAGE_BYTES, (page + unit_pages) * PAGE_BYTES, &until);
	chunk->span.first_page = page;
	chunk->span.unit_pages = unit_pages;
	chunk->span.nr_units = 0;
	chunk->span.seen = chunk->seen;
	chunk->span.nodes = chunk->nodes;
	until /= PAGE_BYTES; /* a unit that begins with this hint has it whole */
	if (until < page + unit_pages)
		until = page + unit_pages;
	for (; i < tiered->nr_blocks && tiered->blocks[i]->huge == huge &&
	       tiered->blocks[i]->first_page == page - page % BLOCK_PAGES;
	     i++, page += nr * unit_pages) {
		const unsigned first = (unsigned)(page % BLOCK_PAGES);

		nr = least((BLOCK_PAGES - first) / unit_pages, (until - page) / unit_pages);
		nr = least(nr, TIERING_CHUNK_UNITS - chunk->span.nr_units);
		if (nr == 0)
			break;
		add_units(tiered, tiered->blocks[i], first, (uint32_t)nr, chunk);
	}
	return true;
}

void tiered_keep(struct tiered *tiered, const struct tiering_chunk *chunk)
{
	uint64_t page = chunk->span.first_page;
	size_t at = tiered_find_block(tiered, page);

	for (uint32_t i = 0, nr; i < chunk->span.nr_units; i += nr, at++) {
		const unsigned first = (unsigned)(page % BLOCK_PAGES);

		nr = (uint32_t)least((BLOCK_PAGES - first) / chunk->span.unit_pages,
				     chunk->span.nr_units - i);
		memcpy(&tiered->blocks[at]->units[first], &chunk->units[i],
		       nr * sizeof(*chunk->units));
		page += (uint64_t)nr * chunk->span.unit_pages;
	}
}

/* ---- Moving ---------------------------------------------------------------------------- */

static int move_run(struct tiered *tiered, const struct port_move *move, struct move_batch *batch)
{
	const uint64_t end = move->first_page + move->nr_pages;
	const bool huge = tiered->blocks[tiered_find_block(tiered, move->first_page)]->huge;
	struct move_batch_unit unit = {
		.pages = huge ? BLOCK_PAGES : 1,
		.from = move->from,
		.to = move->to,
		.reason = move->reason,
	};
	int r = 0;

	for (uint64_t page = move->first_page; page < end && r == 0; page += unit.pages) {
		unit.address = page * PAGE_BYTES;
		r = move_batch_add(batch, &tiered->process, &unit);
	}
	return r;
}

int tiered_move(struct tiered *tiered, const struct port_move *moves, size_t nr,
		struct move_batch *batch)
{
	int r = 0;

	for (size_t i = 0; i < nr && r == 0; i++)
		if (nodemask_test(&tiered->allowed, moves[i].to))
			r = move_run(tiered, &moves[i], batch);
	return r;
}

static void add_sums(const struct block *block, struct tiered_sums *sums)
{
	if (block->huge) {
		sums->huge_pages++;
		sums->kept_huge_pages += block->nr_splits >= HUGE_MOST_SPLITS;
		sums->pages += block->places[0] == NO_PLACE ? 0 : block->nr_pages;
		sums->seen_pages += block->seen[0] & SEEN_SCORE ? block->nr_pages : 0;
		return;
	}
	for (unsigned page = 0; page < BLOCK_PAGES; page++) {
		sums->pages += block->places[page] != NO_PLACE;
		sums->seen_pages += (block->seen[page] & SEEN_SCORE) != 0;
	}
}

struct tiered_sums tiered_sums(const struct tiered *tiered)
{
	struct tiered_sums sums = { 0 };

	sums.state_bytes = sizeof(*tiered) + tiered->nr_allocated * sizeof(*tiered->blocks) +
			   tiered->nr_blocks * sizeof(**tiered->blocks);
	sums.state_bytes += (tiered->others_hints ? sizeof(*tiered->others_hints) : 0) +
			    (tiered->own_hints ? sizeof(*tiered->own_hints) : 0);
	for (size_t i = 0; i < tiered->nr_blocks; i++)
		add_sums(tiered->blocks[i], &sums);
	return sums;
}
