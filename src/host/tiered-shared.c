/* SPDX-License-Identifier: MIT */
/*
 * Memory that several processes share, counted once: see tiered.h.
 *
 * What is shared is told by files, which shared memory of any kind is (memfd_create(2), shmget(2),
 * a shared mapping without a file): who has the same file mapped by the same name shares its pages.
 * Numbers and names of files are not enough where each container has its own: then namespaces tell
 * them apart.  Who shares a file across these goes on by itself.
 *
 * A file is gone through in windows, with those of its mappings that reach into each.  All that
 * share a page know what its owner does, so that the next one can go on with it when the owner
 * ends.  What is a huge page to one of them is one in memory: it is whole for all.
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

/* What all that map a file know of one of its pages. */
struct page {
	uint8_t seen;
	bool is_owned;
	bool stays;    /* nobody goes on with it */
	uint8_t known; /* how much these are worth: know() */
	int16_t node;
	struct ranking_unit unit;
};

#define WINDOW_PAGES BLOCK_PAGES
struct window {
	uint64_t first; /* page of the file */
	bool is_huge;	/* to one of them at least */
	bool is_pinned; /* a page of it */
	struct page pages[WINDOW_PAGES];
};

/* What of a mapping is in one block, and in one window. */
struct piece {
	struct block *block;
	unsigned first; /* page of the block */
	unsigned at;	/* page of the window */
	unsigned nr;	/* pages */
};

/* A mapping that reaches into the window, and the next page that it has; UINT64_MAX: none. */
struct active {
	const struct mapping *mapping;
	bool is_asked; /* for that */
	uint64_t next;
};

/* The mappings of one file, by where in it they begin; and those of them that are active, by their
 * order. */
struct walk {
	const struct mapping *next, *end;
	struct active *active; /* [as many as there are] */
	size_t nr_active;
	void (*alive)(void);
};

static uint64_t first_page(const struct vma *vma)
{
	return vma->offset / PAGE_BYTES;
}

static uint64_t end_page(const struct vma *vma)
{
	return first_page(vma) + (vma->end - vma->start) / PAGE_BYTES;
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

	return r == 0 ? compare(one->vma->offset, other->vma->offset) : r;
}

static int compare_active(const void *a, const void *b)
{
	const struct active *one = a, *other = b;

	return compare(one->mapping->order, other->mapping->order);
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
	const uint64_t file_first = first_page(mapping->vma);
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

/* Makes those active that reach into the window. */
static void reach(struct walk *walk, const struct window *window)
{
	const struct mapping *first = walk->next;
	size_t nr = 0;

	for (size_t i = 0; i < walk->nr_active; i++)
		if (end_page(walk->active[i].mapping->vma) > window->first)
			walk->active[nr++] = walk->active[i];
	for (; walk->next < walk->end && first_page(walk->next->vma) < window->first + WINDOW_PAGES;
	     walk->next++)
		if (end_page(walk->next->vma) > window->first)
			walk->active[nr++] = (struct active) { .mapping = walk->next };
	walk->nr_active = nr;
	if (walk->next != first)
		qsort(walk->active, nr, sizeof(*walk->active), compare_active);
}

/* Many may reach into each of many windows. */
#define ALIVE_MAPPINGS 4096

/* The first page from one on that an active mapping has, or that one begins with which is not yet
 * active; UINT64_MAX: there are no more. */
static uint64_t next_page(const struct walk *walk, uint64_t from)
{
	uint64_t next = walk->next < walk->end ? first_page(walk->next->vma) : UINT64_MAX;
	struct piece piece;

	for (size_t i = 0; i < walk->nr_active; i++) {
		struct active *active = &walk->active[i];
		uint64_t behind = from;

		if (i % ALIVE_MAPPINGS == 0)
			walk->alive();
		if (!active->is_asked || active->next < from)
			active->next = next_piece(active->mapping, &behind, UINT64_MAX, &piece)
					       ? behind - piece.nr
					       : UINT64_MAX;
		active->is_asked = true;
		if (active->next < next)
			next = active->next;
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

static void leave_alone(struct window *window, unsigned from, unsigned end)
{
	for (unsigned i = from; i < end; i++) {
		window->pages[i].is_owned = window->pages[i].stays = true;
	}
}

/* Pages that a process has locked, or bound to nodes, stay for all; a part of a huge page keeps all
 * of it. */
static void leave_range_alone(struct window *window, const struct vma *vma)
{
	const uint64_t from = first_page(vma),
		       end = least(end_page(vma) - window->first, WINDOW_PAGES);

	window->is_pinned = true;
	leave_alone(window, from > window->first ? (unsigned)(from - window->first) : 0,
		    (unsigned)end);
}

static bool has_hints(const struct tiered *tiered)
{
	return tiered->others_hints || tiered->own_hints;
}

/* The hint of a unit.  *until_page of the piece: from there on there may be another. */
static enum port_hint hint_of(const struct tiered *tiered, const struct piece *piece, unsigned page,
			      unsigned *until_page)
{
	const uint64_t start = (piece->block->first_page + unit_index(piece, page)) * PAGE_BYTES;
	uint64_t until;
	enum port_hint hint;

	*until_page = piece->nr;
	if (!has_hints(tiered))
		return PORT_HINT_NONE;
	hint = tiered_hint_of(tiered, start, start + unit_pages(piece) * PAGE_BYTES, &until);
	if (until < start + (piece->nr - page) * PAGE_BYTES)
		*until_page = page + (unsigned)((until - start) / PAGE_BYTES);
	if (*until_page < page + unit_pages(piece))
		*until_page = page + unit_pages(piece);
	return hint;
}

/* Who goes on with a unit knows it best; else who has known it for longest. */
static uint8_t know(const struct block *block, unsigned index)
{
	const uint8_t is_own = block->seen[index] & SEEN_ELSEWHERE ? 0 : RANKING_MOST_AGE + 1;

	return (uint8_t)(1 + is_own + block->units[index].age);
}

static void look_at_piece(struct window *window, const struct tiered *tiered,
			  const struct piece *piece)
{
	const struct block *block = piece->block;

	window->is_huge |= block->huge && block->places[0] != NO_PLACE;
	for (unsigned i = 0; i < piece->nr; i++) {
		const unsigned index = unit_index(piece, i);
		struct page *page = &window->pages[piece->at + i];
		const uint8_t score = block->seen[index] & SEEN_SCORE, known = know(block, index);

		if (block->places[index] == NO_PLACE)
			continue;
		if (score > page->seen)
			page->seen = score;
		if (known > page->known) {
			page->known = known;
			page->node = tiered->nodes[block->places[index]];
			page->unit = block->units[index];
		}
	}
}

static void look_for_pins(struct window *window, const struct tiered *tiered,
			  const struct piece *piece)
{
	for (unsigned page = 0, until; page < piece->nr; page = until)
		if (hint_of(tiered, piece, page, &until) == PORT_HINT_PINNED)
			window->is_pinned = true;
}

static void look(struct window *window, const struct active *active)
{
	const struct mapping *mapping = active->mapping;
	struct piece piece;

	if (tiered_leaves_alone(mapping->tiered, mapping->vma))
		leave_range_alone(window, mapping->vma);
	for (uint64_t at = active->next;
	     next_piece(mapping, &at, window->first + WINDOW_PAGES, &piece);) {
		look_at_piece(window, mapping->tiered, &piece);
		look_for_pins(window, mapping->tiered, &piece);
	}
}

/* ---- Whose it is --------------------------------------------------------------------------- */

/* Whether what is known of one page says more of all than what is of another. */
static bool tells_more(const struct page *page, const struct page *other)
{
	return page->known > other->known ||
	       (page->known == other->known && page->unit.heat > other->unit.heat);
}

static void place(struct tiered *tiered, const struct piece *unit, int node)
{
	const uint8_t place = tiered_place_of(tiered, node);

	if (place != NO_PLACE)
		unit->block->places[unit_index(unit, 0)] = place;
}

/* The owner of a unit goes on with all that was seen of it, and with what is known of it best. */
static void own(struct tiered *tiered, const struct piece *unit, struct page *pages)
{
	const unsigned nr = unit_pages(unit), index = unit_index(unit, 0);
	uint8_t *seen = &unit->block->seen[index], score = 0;
	struct page best = pages[0];

	for (unsigned i = 0; i < nr; i++) {
		if (tells_more(&pages[i], &best))
			best = pages[i];
		if (pages[i].seen > score)
			score = pages[i].seen;
	}
	unit->block->units[index] = best.unit;
	*seen = (uint8_t)((*seen & ~(SEEN_SCORE | SEEN_ELSEWHERE)) | score);
	place(tiered, unit, best.node);
	for (unsigned i = 0; i < nr; i++) {
		pages[i].is_owned = true;
		pages[i].node = best.node;
		pages[i].unit = best.unit;
	}
}

static void leave_to_owner(struct tiered *tiered, const struct piece *unit, const struct page *page)
{
	const unsigned index = unit_index(unit, 0);

	unit->block->seen[index] |= SEEN_ELSEWHERE;
	if (page->stays)
		return;
	unit->block->units[index] = page->unit;
	place(tiered, unit, page->node);
}

/* Gives a unit to its first process, or leaves it to who has got it, or a part of it. */
static void assign(struct window *window, struct tiered *tiered, const struct piece *unit)
{
	struct page *pages = &window->pages[unit->at];

	if (unit->block->places[unit_index(unit, 0)] == NO_PLACE)
		return;
	for (unsigned i = 0; i < unit_pages(unit); i++)
		if (pages[i].is_owned) {
			leave_to_owner(tiered, unit, &pages[i]);
			return;
		}
	own(tiered, unit, pages);
}

/* Who is asked first: who has pinned it, or hinted otherwise; then all others; last who has in
 * pieces what is a huge page to another. */
enum turn { PINNED, HINTED, UNHINTED, IN_PIECES, NR_TURNS };

static enum turn turn_of(enum port_hint hint)
{
	switch (hint) {
	case PORT_HINT_PINNED:
		return PINNED;
	case PORT_HINT_HOT:
	case PORT_HINT_COLD:
		return HINTED;
	case PORT_HINT_NONE:
		break;
	}
	return UNHINTED;
}

static void assign_piece(struct window *window, struct tiered *tiered, const struct piece *piece,
			 enum turn turn)
{
	const bool in_pieces = window->is_huge && !piece->block->huge;

	if (in_pieces != (turn == IN_PIECES) || (turn < UNHINTED && !has_hints(tiered)))
		return;
	for (unsigned page = 0, until; page < piece->nr; page = until) {
		const enum port_hint hint = hint_of(tiered, piece, page, &until);

		if (!in_pieces && turn_of(hint) != turn)
			continue;
		for (; page < until; page += unit_pages(piece)) {
			const struct piece unit = {
				.block = piece->block,
				.first = piece->first + page,
				.at = piece->at + page,
				.nr = unit_pages(piece),
			};

			assign(window, tiered, &unit);
		}
	}
}

/* next_page has told which of the active mappings have pages of the window. */
static void join_window(const struct walk *walk, struct window *window)
{
	const uint64_t end = window->first + WINDOW_PAGES;
	struct piece piece;

	for (size_t i = 0; i < walk->nr_active; i++)
		look(window, &walk->active[i]);
	if (window->is_huge && window->is_pinned)
		leave_alone(window, 0, WINDOW_PAGES);
	for (enum turn turn = PINNED; turn < NR_TURNS; turn++)
		for (size_t i = 0; i < walk->nr_active; i++)
			for (uint64_t at = walk->active[i].next;
			     next_piece(walk->active[i].mapping, &at, end, &piece);)
				assign_piece(window, walk->active[i].mapping->tiered, &piece, turn);
}

static void join_file(struct walk *walk)
{
	uint64_t page = first_page(walk->next->vma);

	while (page != UINT64_MAX) {
		struct window window = { .first = page - page % WINDOW_PAGES };

		reach(walk, &window);
		page = next_page(walk, window.first);
		if (page < window.first + WINDOW_PAGES) {
			join_window(walk, &window);
			page = next_page(walk, window.first + WINDOW_PAGES);
		}
	}
}

/* All mappings of these processes, by their files; *ret_mappings is the caller's. */
static int list_mappings(struct tiered *const *tiereds, size_t nr, struct mapping **ret_mappings,
			 size_t *ret_nr)
{
	struct mapping *mappings;
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
	*ret_mappings = mappings;
	*ret_nr = nr_mappings;
	return 0;
}

int tiered_join_shared(struct tiered *const *tiereds, size_t nr, void (*alive)(void))
{
	_cleanup_free_ struct mapping *mappings = NULL;
	_cleanup_free_ struct active *active = NULL;
	size_t nr_mappings;
	int r = list_mappings(tiereds, nr, &mappings, &nr_mappings);

	if (r < 0)
		return r;
	active = malloc((nr_mappings + 1) * sizeof(*active));
	if (!active)
		return -ENOMEM;
	for (size_t first = 0, end; first < nr_mappings; first = end) {
		for (end = first + 1; end < nr_mappings; end++)
			if (compare_files(&mappings[first], &mappings[end]) != 0)
				break;
		join_file(&(struct walk) {
			.next = &mappings[first],
			.end = &mappings[end],
			.active = active,
			.alive = alive,
		});
	}
	return 0;
}
