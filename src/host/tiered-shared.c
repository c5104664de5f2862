/* SPDX-License-Identifier: MIT */
/*
 * Memory that several processes share, counted once: see tiered.h.
 *
 * What is shared is told by files, which shared memory of any kind is (memfd_create(2), shmget(2),
 * a shared mapping without a file): who has the same file mapped by the same name shares its pages.
 * Numbers and names of files are not enough where each container has its own: then namespaces tell
 * them apart.  Who shares a file across these goes on by itself.
 *
 * A file is gone through in windows.  All that share a page know what its owner does, so that the
 * next one can go on with it when the owner ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "least.h"
#include "tiered-internal.h"

/* One mapping of a file. */
struct mapping {
	struct tiered *tiered;
	const struct vma *vma;
	size_t order; /* who comes first goes before */
};

/* What all that map a file know of some of its pages. */
#define WINDOW_PAGES BLOCK_PAGES
struct window {
	uint64_t first; /* page of the file */
	uint8_t seen[WINDOW_PAGES];
	bool is_owned[WINDOW_PAGES];
	/* Of what is owned: */
	int16_t nodes[WINDOW_PAGES]; /* -1: nobody goes on with it */
	struct ranking_unit units[WINDOW_PAGES];
};

/* What of a mapping is in one block, and in one window. */
struct piece {
	struct block *block;
	unsigned first; /* page of the block */
	unsigned at;	/* page of the window */
	unsigned nr;	/* pages */
};

static uint64_t file_page(const struct vma *vma)
{
	return vma->offset / PAGE_BYTES;
}

/* ---- Who maps the same file ------------------------------------------------------------ */

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_files(const struct mapping *a, const struct mapping *b)
{
	int r = compare(a->vma->inode, b->vma->inode);

	if (r == 0)
		r = compare(a->vma->device, b->vma->device);
	if (r == 0)
		r = compare(a->tiered->mount_namespace, b->tiered->mount_namespace);
	if (r == 0)
		r = compare(a->tiered->ipc_namespace, b->tiered->ipc_namespace);
	return r == 0 ? strcmp(a->vma->name, b->vma->name) : r;
}

static int compare_mappings(const void *a, const void *b)
{
	const struct mapping *one = a, *other = b;
	const int r = compare_files(one, other);

	return r == 0 ? compare(one->order, other->order) : r;
}

bool tiered_is_shared(const struct vma *vma)
{
	return vma->permissions[3] == 's' && vma->inode && vma->page_bytes == PAGE_BYTES;
}

static size_t find_mappings(struct tiered *tiered, size_t order, struct mapping *ret)
{
	size_t nr = 0;

	for (size_t i = 0; i < tiered->table.nr_vmas; i++)
		if (tiered_is_shared(&tiered->table.vmas[i]))
			ret[nr++] = (struct mapping) {
				.tiered = tiered,
				.vma = &tiered->table.vmas[i],
				.order = order + i,
			};
	return nr;
}

/* ---- Going through a file ------------------------------------------------------------------ */

/* The mapping's next pages from *from on, and before end; then *from is behind them.  False: it has
 * none there. */
static bool next_piece(const struct mapping *mapping, uint64_t *from, uint64_t end,
		       struct piece *ret)
{
	const struct tiered *tiered = mapping->tiered;
	const uint64_t file_first = file_page(mapping->vma);
	const uint64_t first = mapping->vma->start / PAGE_BYTES;
	uint64_t page, until = mapping->vma->end / PAGE_BYTES, nr;
	struct block *block;
	size_t i;

	if (*from < file_first)
		*from = file_first;
	if (*from >= end)
		return false;
	page = first + (*from - file_first);
	i = tiered_find_block(tiered, page);
	if (i == tiered->nr_blocks)
		return false;
	block = tiered->blocks[i];
	if (page < block->first_page)
		page = block->first_page;
	until = least(until, block->first_page + BLOCK_PAGES);
	*from = file_first + (page - first);
	if (page >= until || *from >= end)
		return false;
	nr = least(until - page, end - *from);
	*ret = (struct piece) {
		.block = block,
		.first = (unsigned)(page - block->first_page),
		.at = (unsigned)(*from % WINDOW_PAGES),
		.nr = (unsigned)nr,
	};
	*from += nr;
	return true;
}

/* The first page of the file from one on that any of them has; UINT64_MAX: none has one. */
static uint64_t next_page(const struct mapping *mappings, size_t nr, uint64_t from)
{
	uint64_t next = UINT64_MAX;
	struct piece piece;

	for (size_t i = 0; i < nr; i++) {
		uint64_t behind = from;

		if (next_piece(&mappings[i], &behind, next, &piece))
			next = behind - piece.nr;
	}
	return next;
}

/* ---- What is known of each page ------------------------------------------------------------ */

/* So many pages of a piece are one unit, and this is where what is known of it stands. */
static unsigned unit_pages(const struct piece *piece)
{
	return piece->block->huge ? piece->nr : 1;
}

static unsigned unit_index(const struct piece *piece, unsigned page)
{
	return piece->block->huge ? 0 : piece->first + page;
}

/* Pages that a process has locked, or bound to nodes, stay for all. */
static void leave_alone(struct window *window, const struct vma *vma)
{
	const uint64_t first = file_page(vma), end = first + (vma->end - vma->start) / PAGE_BYTES;

	for (unsigned i = 0; i < WINDOW_PAGES; i++)
		if (window->first + i >= first && window->first + i < end) {
			window->is_owned[i] = true;
			window->nodes[i] = -1;
		}
}

static void take_seen(struct window *window, const struct piece *piece)
{
	for (unsigned i = 0; i < piece->nr; i++) {
		const unsigned page = unit_index(piece, i);
		const uint8_t score = piece->block->seen[page] & SEEN_SCORE;

		if (piece->block->places[page] != NO_PLACE && score > window->seen[piece->at + i])
			window->seen[piece->at + i] = score;
	}
}

/* The owner of a unit goes on with all that was seen of it. */
static void own(struct window *window, const struct tiered *tiered, const struct piece *piece,
		unsigned first)
{
	const unsigned index = unit_index(piece, first);
	const struct block *block = piece->block;
	uint8_t *seen = &piece->block->seen[index], score = 0;

	for (unsigned at = piece->at + first; at < piece->at + first + unit_pages(piece); at++) {
		window->is_owned[at] = true;
		window->nodes[at] = tiered->nodes[block->places[index]];
		window->units[at] = block->units[index];
		if (window->seen[at] > score)
			score = window->seen[at];
	}
	*seen = (uint8_t)((*seen & ~(SEEN_SCORE | SEEN_ELSEWHERE)) | score);
}

static void leave_to_owner(const struct window *window, struct tiered *tiered,
			   const struct piece *piece, unsigned first)
{
	const unsigned index = unit_index(piece, first), at = piece->at + first;
	uint8_t place;

	piece->block->seen[index] |= SEEN_ELSEWHERE;
	if (window->nodes[at] < 0)
		return;
	piece->block->units[index] = window->units[at];
	place = tiered_place_of(tiered, window->nodes[at]);
	if (place != NO_PLACE)
		piece->block->places[index] = place;
}

static bool has_hint(const struct tiered *tiered, const struct piece *piece, unsigned page)
{
	const uint64_t start = (piece->block->first_page + unit_index(piece, page)) * PAGE_BYTES;
	uint64_t until;

	return tiered_hint_of(tiered, start, start + unit_pages(piece) * PAGE_BYTES, &until) !=
	       PORT_HINT_NONE;
}

/* Of units that have hints, or of the others. */
static void find_owners(struct window *window, struct tiered *tiered, const struct piece *piece,
			bool hinted)
{
	const bool may_have = tiered->others_hints || tiered->own_hints;

	if (hinted && !may_have)
		return;
	for (unsigned i = 0; i < piece->nr; i += unit_pages(piece)) {
		if (piece->block->places[unit_index(piece, i)] == NO_PLACE ||
		    (may_have && has_hint(tiered, piece, i) != hinted))
			continue;
		if (window->is_owned[piece->at + i])
			leave_to_owner(window, tiered, piece, i);
		else
			own(window, tiered, piece, i);
	}
}

static void join_window(const struct mapping *mappings, size_t nr, struct window *window)
{
	const uint64_t end = window->first + WINDOW_PAGES;
	struct piece piece;

	for (size_t i = 0; i < nr; i++) {
		if (tiered_leaves_alone(mappings[i].tiered, mappings[i].vma))
			leave_alone(window, mappings[i].vma);
		for (uint64_t at = window->first; next_piece(&mappings[i], &at, end, &piece);)
			take_seen(window, &piece);
	}
	for (int hinted = 1; hinted >= 0; hinted--)
		for (size_t i = 0; i < nr; i++)
			for (uint64_t at = window->first;
			     next_piece(&mappings[i], &at, end, &piece);)
				find_owners(window, mappings[i].tiered, &piece, hinted);
}

/* All mappings of one file. */
static void join_file(const struct mapping *mappings, size_t nr)
{
	uint64_t page = 0;

	while ((page = next_page(mappings, nr, page)) != UINT64_MAX) {
		struct window window = { .first = page - page % WINDOW_PAGES };

		join_window(mappings, nr, &window);
		page = window.first + WINDOW_PAGES;
	}
}

int tiered_join_shared(struct tiered *const *tiereds, size_t nr)
{
	_cleanup_free_ struct mapping *mappings = NULL;
	size_t nr_vmas = 0, nr_mappings = 0;

	for (size_t i = 0; i < nr; i++)
		nr_vmas += tiereds[i]->table.nr_vmas;
	mappings = malloc((nr_vmas + 1) * sizeof(*mappings));
	if (!mappings)
		return -ENOMEM;
	nr_vmas = 0;
	for (size_t i = 0; i < nr; i++) {
		nr_mappings += find_mappings(tiereds[i], nr_vmas, &mappings[nr_mappings]);
		nr_vmas += tiereds[i]->table.nr_vmas;
	}
	qsort(mappings, nr_mappings, sizeof(*mappings), compare_mappings);
	for (size_t first = 0, end; first < nr_mappings; first = end) {
		for (end = first + 1; end < nr_mappings; end++)
			if (compare_files(&mappings[first], &mappings[end]) != 0)
				break;
		join_file(&mappings[first], end - first);
	}
	return 0;
}
