/* SPDX-License-Identifier: MIT */
/*
 * The tracker idlepage: idle page tracking (Documentation/admin-guide/mm/idle_page_tracking.rst),
 * a bit for each physical page, which is set here and which the kernel clears when it finds the
 * page accessed. To look is to have the kernel go through everything that maps the page, KVM guests
 * included, so it costs a microsecond or more per page; nothing is flushed, so a TLB hides what is
 * hottest.
 *
 * Pages that are kept together have one bit, the first one's: which pages are the first
 * of others says /proc/kpageflags.  A page that has come or moved since the clear is not
 * idle, and counts as accessed.
 */
#include "tracker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accessed-bit.h"
#include "cleanup.h"
#include "error.h"
#include "maps.h"
#include "pagemap.h"
#include "process.h"

#define BITMAP	   "sys/kernel/mm/page_idle/bitmap"
#define FLAGS	   "proc/kpageflags"
#define WINDOW	   4096 /* pages looked at at a time */
#define MOST_RUN   64	/* words of the bitmap, read or written at once */
#define MOST_ORDER 10	/* of pages that are kept together, 4 MiB */

struct idled {
	struct tracker tracker;
	int root;
	pid_t tid; /* of a thread that has its memory */
	int pagemap, flags, bitmap;
};

/* A page that is there: its place in the window, and the number of the physical page whose bit
 * stands for it. */
struct found {
	uint64_t number;
	uint32_t place;
};

static struct idled *idled_of(struct tracker *tracker)
{
	return (struct idled *)tracker;
}

/* ---- From addresses to physical pages ------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const struct found *one = a, *other = b;

	if (one->number != other->number)
		return one->number < other->number ? -1 : 1;
	return one->place < other->place ? -1 : one->place > other->place;
}

static uint64_t read_flags(const struct idled *idled, uint64_t number)
{
	uint64_t flags = 0;

	if (pread(idled->flags, &flags, sizeof(flags), (off_t)(number * sizeof(flags))) !=
	    sizeof(flags))
		return 0;
	return flags;
}

/* The first of the pages that this one is kept together with; they are aligned to their size. */
static uint64_t find_head(const struct idled *idled, uint64_t number)
{
	if (!(read_flags(idled, number) & KPAGEFLAGS_TAIL))
		return number;
	for (unsigned order = 1; order <= MOST_ORDER; order++) {
		const uint64_t head = number >> order << order;

		if (head != number && read_flags(idled, head) & KPAGEFLAGS_HEAD)
			return head;
	}
	return number;
}

/* Neighbours of one huge page lie side by side: only one of them is asked for. */
static void find_heads(const struct idled *idled, struct found *found, size_t nr)
{
	uint64_t head = UINT64_MAX, end = 0;

	for (size_t i = 0; i < nr; i++) {
		const uint64_t number = found[i].number;

		if (number < end && number >= head) {
			found[i].number = head;
			continue;
		}
		head = find_head(idled, number);
		end = head;
		if (head != number)
			for (end = number + 1; read_flags(idled, end) & KPAGEFLAGS_TAIL &&
					       end - head < 1UL << MOST_ORDER;
			     end++)
				;
		found[i].number = head;
	}
}

/* The pages of at most WINDOW addresses that are there, by the number of their bit. */
static ssize_t find(const struct idled *idled, uint64_t start, size_t nr, struct found *ret)
{
	uint64_t entries[WINDOW];
	size_t found = 0;
	ssize_t got = pread(idled->pagemap, entries, nr * sizeof(*entries),
			    (off_t)(start / PAGE_BYTES * sizeof(*entries)));

	if (got <= 0)
		return got < 0 && errno != ESRCH ? -errno : -ESRCH;
	for (size_t i = 0; i < (size_t)got / sizeof(*entries); i++)
		if (entries[i] & PAGEMAP_PRESENT && entries[i] & PAGEMAP_NUMBER)
			ret[found++] = (struct found) { entries[i] & PAGEMAP_NUMBER, (uint32_t)i };
	qsort(ret, found, sizeof(*ret), by_number);
	find_heads(idled, ret, found);
	return (ssize_t)found;
}

/* ---- The bitmap
 * ---------------------------------------------------------------------------------- */

/* Words of the bitmap, one behind the other, that have bits of ours. */
struct run {
	uint64_t first;
	size_t nr;
	uint64_t words[MOST_RUN];
};

/* How many of the found pages, from the first on, have their bits in one run. */
static size_t take_run(const struct found *found, size_t nr, struct run *ret)
{
	size_t taken = 0;

	*ret = (struct run) { .first = found->number / 64 };
	for (; taken < nr; taken++) {
		const uint64_t word = found[taken].number / 64 - ret->first;

		if (word > ret->nr || word >= MOST_RUN)
			break;
		ret->nr = word + 1;
		ret->words[word] |= 1ULL << found[taken].number % 64;
	}
	return taken;
}

/* Bits that are 0 are left as they are by the kernel. */
static int write_run(const struct idled *idled, const struct run *run)
{
	const size_t bytes = run->nr * sizeof(*run->words);
	const ssize_t n =
		pwrite(idled->bitmap, run->words, bytes, (off_t)(run->first * sizeof(*run->words)));

	return n < 0 ? -errno : (size_t)n == bytes ? 0 : -EIO;
}

static int read_run(const struct idled *idled, struct run *run)
{
	const size_t bytes = run->nr * sizeof(*run->words);
	const ssize_t n =
		pread(idled->bitmap, run->words, bytes, (off_t)(run->first * sizeof(*run->words)));

	return n < 0 ? -errno : (size_t)n == bytes ? 0 : -EIO;
}

/* ---- As a tracker
 * ----------------------------------------------------------------------------------- */

static void idlepage_close(struct tracker *tracker)
{
	struct idled *idled = idled_of(tracker);

	closep(&idled->pagemap);
	closep(&idled->flags);
	closep(&idled->bitmap);
	free(idled);
}

DEFINE_CLEANUP(struct tracker *, idlepage_close);

static int explain(int r, const char *file, struct mpol_error *err)
{
	static const char step[] = "track idle pages";

	if (r == -EOPNOTSUPP) {
		error_set(err, r, step, "this kernel does not");
		error_advise(err, "needs CONFIG_IDLE_PAGE_TRACKING, which Debian's kernel lacks");
	} else {
		error_errno(err, r, step);
		error_advise(err, "needs CAP_SYS_ADMIN");
	}
	error_on(err, "/%s", file);
	return r;
}

static int open_file(int root, const char *file, int flags, int *ret, struct mpol_error *err)
{
	*ret = openat(root, file, flags | O_CLOEXEC);
	if (*ret >= 0)
		return 0;
	return explain(errno == ENOENT ? -EOPNOTSUPP : -errno, file, err);
}

/* Without the right to see numbers of physical pages, pagemap is read all the same, with zeros in
 * their place: everything would look idle. */
static int check_numbers(int root, struct mpol_error *err)
{
	static const char file[] = "proc/self/pagemap";
	_cleanup_close_ int pagemap = -1;
	volatile uint64_t own = 0; /* written, so its page is there */
	uint64_t entry = 0;
	int r = open_file(root, file, O_RDONLY, &pagemap, err);

	if (r < 0)
		return r;
	if (pread(pagemap, &entry, sizeof(entry),
		  (off_t)((uintptr_t)&own / PAGE_BYTES * sizeof(entry))) != sizeof(entry))
		return explain(-EIO, file, err);
	if (entry & PAGEMAP_PRESENT && entry & PAGEMAP_NUMBER)
		return 0;
	r = error_set(err, -EPERM, "track idle pages",
		      "the kernel shows no numbers of physical pages: all memory would look idle");
	error_on(err, "/%s", file);
	error_advise(err, "needs CAP_SYS_ADMIN, outside of user namespaces");
	return r;
}

static int idlepage_open(int root, pid_t pid, struct tracker **ret, struct mpol_error *err)
{
	struct idled *idled = calloc(1, sizeof(*idled));
	_cleanup_(idlepage_closep) struct tracker *tracker = (struct tracker *)idled;
	int r;

	if (!idled)
		return error_errno(err, -ENOMEM, "track idle pages");
	*idled = (struct idled) {
		.tracker.kind = &tracker_idlepage,
		.root = root,
		.pagemap = -1,
		.flags = -1,
		.bitmap = -1,
	};
	r = open_file(root, BITMAP, O_RDWR, &idled->bitmap, err);
	if (r == 0)
		r = open_file(root, FLAGS, O_RDONLY, &idled->flags, err);
	if (r == 0)
		r = check_numbers(root, err);
	if (r < 0)
		return r;
	idled->pagemap = process_open_pagemap(root, pid, &idled->tid);
	if (idled->pagemap < 0) {
		error_errno(err, idled->pagemap, "track idle pages");
		error_on(err, "process %d", pid);
		return idled->pagemap;
	}
	*ret = steal_pointer(&tracker);
	return 0;
}

static int clear_range(const struct idled *idled, uint64_t start, uint64_t end)
{
	struct found found[WINDOW];
	struct run run;

	for (; start < end; start += WINDOW * PAGE_BYTES) {
		const uint64_t pages = (end - start) / PAGE_BYTES;
		ssize_t nr = find(idled, start, pages < WINDOW ? pages : WINDOW, found);
		int r = nr < 0 ? (int)nr : 0;

		for (ssize_t at = 0; at < nr && r == 0;) {
			at += (ssize_t)take_run(&found[at], (size_t)(nr - at), &run);
			r = write_run(idled, &run);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int idlepage_clear(struct tracker *tracker)
{
	const struct idled *idled = idled_of(tracker);
	_cleanup_free_ char *text = NULL;
	struct maps_entry entry;
	int r = process_read_file(idled->root, idled->tid, "maps", &text);
	char *cursor = text;

	if (r == 0 && !process_pagemap_is_alive(idled->pagemap))
		r = -ESRCH;
	if (r < 0)
		return r;
	while ((r = maps_next(&cursor, &entry)) == 1) {
		if (strncmp(entry.name, "[v", 2) == 0) /* the kernel's, which have no idle bit */
			continue;
		r = clear_range(idled, entry.start, entry.end);
		if (r < 0)
			return r;
	}
	return r;
}

static int scan_window(const struct idled *idled, uint64_t start, size_t nr_pages, uint64_t first,
		       uint64_t *bits)
{
	struct found found[WINDOW];
	struct run run;
	ssize_t nr = find(idled, start, nr_pages, found);
	int r = nr < 0 ? (int)nr : 0;

	for (ssize_t at = 0; at < nr && r == 0;) {
		const size_t taken = take_run(&found[at], (size_t)(nr - at), &run);

		r = read_run(idled, &run);
		for (size_t i = 0; i < taken && r == 0; i++) {
			const struct found *page = &found[at + (ssize_t)i];
			const uint64_t word = run.words[page->number / 64 - run.first];

			if (!(word >> page->number % 64 & 1))
				bits[(first + page->place) / 64] |= 1ULL
								    << (first + page->place) % 64;
		}
		at += (ssize_t)taken;
	}
	return r;
}

static int idlepage_scan(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	const uint64_t nr_pages = (end - start) / PAGE_BYTES;
	int r = 0;

	for (uint64_t first = 0; first < nr_pages && r == 0; first += WINDOW) {
		const uint64_t nr = nr_pages - first < WINDOW ? nr_pages - first : WINDOW;

		r = scan_window(idled_of(tracker), start + first * PAGE_BYTES, nr, first, bits);
	}
	return r;
}

const struct tracker_kind tracker_idlepage = {
	.name = "idlepage",
	.summary = "idle bits of physical pages: reads and writes, base and huge pages, also KVM "
		   "guests'; about two microseconds per page",
	.side_effects = "who else uses idle page tracking is disturbed",
	.sees_reads = true,
	.sees_guests = true,
	.is_automatic = true,
	.granularity_pages = 1,
	.clear_ns = 1000,
	.scan_ns = 1000,
	.target_fault_ns = ACCESSED_BIT_NS,
	.clears_accessed_bits = true,
	.capabilities = 1ULL << CAP_SYS_ADMIN,
	.open = idlepage_open,
	.close = idlepage_close,
	.clear = idlepage_clear,
	.scan = idlepage_scan,
};
