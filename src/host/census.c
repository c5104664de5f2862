/* SPDX-License-Identifier: MIT */
/*
 * The census: see census.h.
 *
 * Pages are looked at through windows that end where a huge page would end,
 * so that none straddles two.  A window's entries of pagemap are judged at once
 * (pagemap.h); what they do not tell is asked in one call of move_pages(2), one
 * address for what lies together like a huge page.  The process may
 * change at any time: each window is its own moment, and nothing that one says
 * is relied on for another.
 */
#include "census.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rootfs.h"

#define LEAST_WINDOW HUGE_PAGES
#define MOST_WINDOW  (4 * HUGE_PAGES)
#define MOST_HUGE    (MOST_WINDOW / HUGE_PAGES)

struct window {
	uint64_t first; /* number of the first page */
	size_t nr;
	uint64_t entries[MOST_WINDOW]; /* of pagemap */
	int nodes[MOST_WINDOW];
	/* By the huge page's worth of addresses that ends in the window: is it one? */
	bool huge[MOST_HUGE + 1];
};

struct census {
	pid_t pid;
	int pagemap;	/* -1: the kernel has none; then every page is asked for */
	int kpageflags; /* -1: not to be read */
	bool may_scan;
	bool sees_numbers;
	uint64_t zero; /* number of the zero page */
	struct node_blocks blocks;
	struct window walked; /* the window of census_walk */
	struct window asked;  /* of census_nodes, which may be called meanwhile */
	void *addresses[MOST_WINDOW];
	int answers[MOST_WINDOW];
	size_t questions[MOST_WINDOW]; /* the pages that addresses are of, as indices */
	uint64_t flags[MOST_WINDOW];   /* of kpageflags */
};

/* ---- Opening -------------------------------------------------------------------- */

/* The number of the page of zeros, as this process sees it: 0 if it may not see numbers. */
static uint64_t find_zero_page(int root)
{
	_cleanup_close_ int pagemap = openat(root, "proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	volatile char *page = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t entry = 0;

	if (page == MAP_FAILED)
		return 0;
	if (page[0] || pread(pagemap, &entry, sizeof(entry),
			     (off_t)((uintptr_t)page / PAGE_BYTES * sizeof(entry))) < 0)
		entry = 0;
	munmap((void *)page, PAGE_BYTES);
	return entry & PAGEMAP_NUMBER;
}

void census_close(struct census *census)
{
	if (!census)
		return;
	node_blocks_free(&census->blocks);
	if (census->pagemap >= 0)
		close(census->pagemap);
	if (census->kpageflags >= 0)
		close(census->kpageflags);
	free(census);
}

/* No such file: there is no such process, or the kernel has no pagemap at all. */
static int open_pagemap(struct census *census, int root)
{
	census->pagemap = rootfs_open_file(root, "proc/%d/pagemap", census->pid);
	if (census->pagemap != -ENOENT)
		return census->pagemap;
	return faccessat(root, "proc/self/pagemap", F_OK, 0) < 0 ? 0 : -ESRCH;
}

int census_open(int root, pid_t pid, unsigned int without, struct census **ret)
{
	_cleanup_(census_closep) struct census *census = calloc(1, sizeof(*census));
	int r;

	if (!census)
		return -ENOMEM;
	census->pid = pid;
	census->may_scan = !(without & CENSUS_WITHOUT_SCAN);
	census->kpageflags = -1;
	r = open_pagemap(census, root);
	if (r < 0)
		return r;
	if (!(without & CENSUS_WITHOUT_NUMBERS))
		census->zero = find_zero_page(root);
	census->sees_numbers = census->zero != 0;
	if (census->sees_numbers) {
		census->kpageflags = rootfs_open_file(root, "proc/kpageflags");
		r = node_blocks_read(root, &census->blocks);
		if (r < 0)
			return r;
	}
	*ret = steal_pointer(&census);
	return 0;
}

void census_reread_memory(struct census *census, int root)
{
	node_blocks_free(&census->blocks);
	/* Where that fails nothing is known, and the kernel is asked. */
	if (census->sees_numbers)
		node_blocks_read(root, &census->blocks);
}

/* ---- Huge pages ------------------------------------------------------------------ */

/* Flags of nr pages from the number on, 0 where they cannot be read. */
static void read_flags(const struct census *census, uint64_t number, size_t nr, uint64_t *ret_flags)
{
	size_t bytes = nr * sizeof(*ret_flags);
	ssize_t r =
		pread(census->kpageflags, ret_flags, bytes, (off_t)(number * sizeof(*ret_flags)));

	if (r != (ssize_t)bytes)
		memset(ret_flags, 0, bytes);
}

/* Whether the entries of a huge page's worth of addresses are those of one transparent huge page.
 */
static bool is_one_folio(const struct census *census, const uint64_t *entries)
{
	uint64_t number = entries[0] & PAGEMAP_NUMBER, head, middle;

	if (number % HUGE_PAGES)
		return false;
	for (size_t i = 0; i < HUGE_PAGES; i++)
		if (!(entries[i] & PAGEMAP_PRESENT) || (entries[i] & PAGEMAP_NUMBER) != number + i)
			return false;
	/* A smaller folio cannot hold the middle without beginning there. */
	read_flags(census, number, 1, &head);
	read_flags(census, number + HUGE_PAGES / 2, 1, &middle);
	return (head & KPAGEFLAGS_HEAD) && (head & KPAGEFLAGS_THP) && (middle & KPAGEFLAGS_TAIL);
}

static size_t huge_index(const struct window *window, size_t i)
{
	return (window->first + i) / HUGE_PAGES - window->first / HUGE_PAGES;
}

static void find_huge_by_flags(const struct census *census, struct window *window)
{
	size_t i = -window->first % HUGE_PAGES;

	for (; i + HUGE_PAGES <= window->nr; i += HUGE_PAGES)
		window->huge[huge_index(window, i)] = is_one_folio(census, window->entries + i);
}

/* Scans for pages of these categories.  Returns how many regions, or -1. */
static int scan(struct census *census, struct pagemap_scan *scan)
{
	int r = -1;

	scan->size = sizeof(*scan);
	if (census->may_scan)
		r = ioctl(census->pagemap, PAGEMAP_SCAN_IOCTL, scan);
	/* A kernel before 6.7. */
	if (r < 0)
		census->may_scan = false;
	return r;
}

static void find_huge_by_scan(struct census *census, struct window *window)
{
	struct pagemap_region regions[MOST_HUGE + 1];
	struct pagemap_scan huge = {
		.start = window->first * PAGE_BYTES,
		.end = (window->first + window->nr) * PAGE_BYTES,
		.regions = (uintptr_t)regions,
		.nr_regions = MOST_HUGE + 1,
		.all_of = PAGEMAP_SCAN_PRESENT | PAGEMAP_SCAN_HUGE,
	};
	int nr = scan(census, &huge);

	for (int i = 0; i < nr; i++)
		for (uint64_t at = regions[i].start; at < regions[i].end;
		     at += HUGE_PAGES * PAGE_BYTES)
			window->huge[huge_index(window, at / PAGE_BYTES - window->first)] = true;
}

static void find_huge(struct census *census, struct window *window)
{
	memset(window->huge, 0, sizeof(window->huge));
	if (window->nr < HUGE_PAGES)
		return;
	if (census->kpageflags >= 0)
		find_huge_by_flags(census, window);
	else
		find_huge_by_scan(census, window);
}

/* ---- One window ------------------------------------------------------------------- */

/* Without pagemap every page may be there. */
static int read_entries(const struct census *census, struct window *window)
{
	char *to = (char *)window->entries;
	size_t left = window->nr * sizeof(*window->entries);
	off_t at = (off_t)(window->first * sizeof(*window->entries));

	if (census->pagemap < 0) {
		for (size_t i = 0; i < window->nr; i++)
			window->entries[i] = PAGEMAP_PRESENT;
		return 0;
	}
	while (left) {
		ssize_t r = pread(census->pagemap, to, left, at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ESRCH;
		to += r;
		at += r;
		left -= (size_t)r;
	}
	if (!census->sees_numbers)
		for (size_t i = 0; i < window->nr; i++)
			window->entries[i] &= ~PAGEMAP_NUMBER;
	return 0;
}

/* Whether one answer holds for both pages of the window. */
static bool same_answer(const struct window *window, size_t a, size_t b)
{
	size_t huge = huge_index(window, a);

	if (huge == huge_index(window, b) && window->huge[huge])
		return true;
	return pagemap_as_one(window->first + a, window->entries[a], window->first + b,
			      window->entries[b]);
}

/* Asks move_pages(2) for the pages that the window's entries do not tell. */
static int ask(struct census *census, struct window *window)
{
	size_t nr = 0, last = 0;

	for (size_t i = 0; i < window->nr; i++) {
		if (window->nodes[i] >= PAGE_NOWHERE || (nr && same_answer(window, last, i)))
			continue;
		census->addresses[nr] = (void *)((window->first + i) * PAGE_BYTES);
		census->questions[nr++] = last = i;
	}
	if (syscall(SYS_move_pages, census->pid, nr, census->addresses, NULL, census->answers, 0) <
	    0)
		return -errno;
	for (size_t i = 0, question = 0; i < window->nr; i++) {
		int answer;

		if (window->nodes[i] >= PAGE_NOWHERE)
			continue;
		while (question + 1 < nr && census->questions[question + 1] <= i)
			question++;
		answer = census->answers[question];
		window->nodes[i] = answer < 0 ? PAGE_NOWHERE : answer;
	}
	return 0;
}

/* Fills the window with nr pages from the number first on. */
static int look(struct census *census, uint64_t first, size_t nr, struct window *window)
{
	size_t nr_ask;
	int r;

	window->first = first;
	window->nr = nr;
	r = read_entries(census, window);
	if (r < 0)
		return r;
	nr_ask = pagemap_judge(&census->blocks, census->zero, first, window->entries, nr,
			       window->nodes);
	find_huge(census, window);
	return nr_ask ? ask(census, window) : 0;
}

int census_nodes(struct census *census, uint64_t start, size_t nr, int *ret_nodes)
{
	uint64_t first = start / PAGE_BYTES;

	while (nr) {
		size_t now = MOST_WINDOW - first % HUGE_PAGES;
		int r;

		if (now > nr)
			now = nr;
		r = look(census, first, now, &census->asked);
		if (r < 0)
			return r;
		memcpy(ret_nodes, census->asked.nodes, now * sizeof(*ret_nodes));
		ret_nodes += now;
		first += now;
		nr -= now;
	}
	return 0;
}

/* ---- Walking ------------------------------------------------------------------------ */

struct walk {
	struct census *census;
	const struct census_request *request;
	struct census_run run; /* not handed out yet, as it may go on; empty: start equals end */
};

static int hand_out(struct walk *walk)
{
	struct census_run run = walk->run;

	if (run.start == run.end)
		return 0;
	walk->run.start = walk->run.end;
	return walk->request->run(&run, walk->request->user);
}

/* Adds nr units from the page with that number on. */
static int add(struct walk *walk, uint64_t page, uint64_t nr, int node, uint64_t unit_bytes)
{
	uint64_t start = page * PAGE_BYTES;
	struct census_run *run = &walk->run;
	int r;

	if (run->start == run->end || run->end != start || run->node != node ||
	    run->unit_bytes != unit_bytes) {
		r = hand_out(walk);
		if (r != 0)
			return r;
		*run = (struct census_run) { start, start, node, unit_bytes };
	}
	run->end += nr * unit_bytes;
	return 0;
}

/* Adds the window's pages from i to end, which are neighbours in memory too, folio by folio. */
static int add_folios(struct walk *walk, size_t i, size_t end)
{
	const struct window *window = &walk->census->walked;
	uint64_t *flags = walk->census->flags;
	size_t first = i, next;

	if (end - i == 1)
		return add(walk, window->first + i, 1, window->nodes[i], PAGE_BYTES);
	read_flags(walk->census, window->entries[i] & PAGEMAP_NUMBER, end - i, flags);
	for (; i < end; i = next) {
		int r;

		for (next = i + 1; next < end && (flags[next - first] & KPAGEFLAGS_TAIL);)
			next++;
		r = add(walk, window->first + i, 1, window->nodes[i], (next - i) * PAGE_BYTES);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Adds the window's pages from i to end, all on one node and none of a huge page. */
static int add_pages(struct walk *walk, size_t i, size_t end)
{
	const struct window *window = &walk->census->walked;
	const struct nodemask *folios_on = walk->request->folios_on;
	int node = window->nodes[i], r = 0;
	size_t next;

	if (!folios_on || walk->census->kpageflags < 0 || !nodemask_test(folios_on, node))
		return add(walk, window->first + i, end - i, node, PAGE_BYTES);
	for (; i < end && r == 0; i = next) {
		uint64_t number = window->entries[i] & PAGEMAP_NUMBER;

		for (next = i + 1; next < end; next++)
			if ((window->entries[next] & PAGEMAP_NUMBER) != number + (next - i))
				break;
		r = add_folios(walk, i, next);
	}
	return r;
}

/* Adds all that is there.  Returns 0 or what the request's run returned. */
static int add_window(struct walk *walk)
{
	const struct window *window = &walk->census->walked;
	size_t next;
	int r = 0;

	for (size_t i = 0; i < window->nr && r == 0; i = next) {
		uint64_t page = window->first + i;
		size_t boundary = i + HUGE_PAGES - page % HUGE_PAGES;
		int node = window->nodes[i];

		if (page % HUGE_PAGES == 0 && window->huge[huge_index(window, i)]) {
			next = boundary;
			if (node >= 0)
				r = add(walk, page, 1, node, HUGE_PAGES * PAGE_BYTES);
			continue;
		}
		if (boundary > window->nr)
			boundary = window->nr;
		for (next = i + 1; next < boundary && window->nodes[next] == node;)
			next++;
		if (node >= 0)
			r = add_pages(walk, i, next);
	}
	return r;
}

/* Whether the window shows nothing that is there. */
static bool is_empty(const struct window *window)
{
	for (size_t i = 0; i < window->nr; i++)
		if (window->entries[i] & PAGEMAP_PRESENT)
			return false;
	return true;
}

/* The number of the first page from the number first on that is there, or end; first, where that
 * cannot be known. */
static uint64_t skip_hole(struct census *census, uint64_t first, uint64_t end)
{
	struct pagemap_region region;
	struct pagemap_scan present = {
		.start = first * PAGE_BYTES,
		.end = end * PAGE_BYTES,
		.regions = (uintptr_t)&region,
		.nr_regions = 1,
		.most_pages = 1,
		.all_of = PAGEMAP_SCAN_PRESENT,
	};

	if (first == end)
		return end;
	switch (scan(census, &present)) {
	case 1:
		return region.start / PAGE_BYTES;
	case 0:
		return end;
	default:
		return first;
	}
}

static int walk_base_pages(struct walk *walk)
{
	uint64_t page = walk->request->start / PAGE_BYTES, end = walk->request->end / PAGE_BYTES;
	size_t size = LEAST_WINDOW;

	while (page < end) {
		size_t nr = size - page % HUGE_PAGES;
		int r;

		if (nr > end - page)
			nr = end - page;
		r = look(walk->census, page, nr, &walk->census->walked);
		if (r >= 0)
			r = add_window(walk);
		if (r == 0 && walk->request->at_once)
			r = hand_out(walk);
		if (r != 0)
			return r;
		page += nr;
		/* Small windows where memory is sparse, to come back to its holes soon. */
		if (is_empty(&walk->census->walked)) {
			page = skip_hole(walk->census, page, end);
			size = LEAST_WINDOW;
		} else if (size < MOST_WINDOW) {
			size *= 2;
		}
	}
	return 0;
}

/* Pages of hugetlbfs: one look at the beginning of each. */
static int walk_huge_pages(struct walk *walk)
{
	const struct census_request *request = walk->request;

	for (uint64_t at = request->start; at < request->end; at += request->page_bytes) {
		struct window *window = &walk->census->walked;
		int r = look(walk->census, at / PAGE_BYTES, 1, window);

		if (r >= 0 && window->nodes[0] >= 0)
			r = add(walk, at / PAGE_BYTES, 1, window->nodes[0], request->page_bytes);
		if (r == 0 && request->at_once)
			r = hand_out(walk);
		if (r != 0)
			return r;
	}
	return 0;
}

int census_walk(struct census *census, const struct census_request *request)
{
	struct walk walk = { .census = census, .request = request };
	int r = request->page_bytes > PAGE_BYTES ? walk_huge_pages(&walk) : walk_base_pages(&walk);

	return r != 0 ? r : hand_out(&walk);
}
