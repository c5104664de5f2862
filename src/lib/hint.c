/* SPDX-License-Identifier: MIT */
/*
 * Hints of a process about its own memory, written into the table that mpold reads
 * (host/hint-table.h).
 *
 * Everything that is remembered here is in one mapping of its own that a child finds empty after
 * fork(2) (MADV_WIPEONFORK), the lock included, whoever held it; and the child does not have the
 * parent's table (MADV_DONTFORK).  So a child has no hints until it gives some, into a table
 * of its own.  exec(2) leaves nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "hint-table.h"
#include "page.h"

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3 */
#define MFD_NOEXEC_SEAL 8U
#endif

/* All zeros at first, which is an open lock. */
struct own_hints {
	pthread_mutex_t lock;
	struct hint_table *table; /* NULL: nothing was ever declared */
	struct hint_ranges ranges;
};

static _Atomic(struct own_hints *) own_hints;

/* This process's; NULL with errno set. */
static struct own_hints *get_own(void)
{
	struct own_hints *own = atomic_load(&own_hints), *made;

	if (own)
		return own;
	made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (made == MAP_FAILED)
		return NULL;
	if (madvise(made, sizeof(*made), MADV_WIPEONFORK) == 0 &&
	    atomic_compare_exchange_strong(&own_hints, &own, made))
		return made;
	munmap(made, sizeof(*made));
	return own; /* another thread's; NULL where the kernel does not know the advice */
}

static int make_table(struct hint_table **ret)
{
	_cleanup_close_ int fd = memfd_create(HINT_TABLE_MEMFD, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	struct hint_table *table;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(HINT_TABLE_MEMFD, MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, sizeof(*table)) < 0)
		return -errno;
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (table == MAP_FAILED)
		return -errno;
	if (madvise(table, sizeof(*table), MADV_DONTFORK) < 0) {
		const int r = -errno;

		munmap(table, sizeof(*table));
		return r;
	}
	table->version = HINT_TABLE_VERSION;
	table->magic = HINT_TABLE_MAGIC;
	*ret = table;
	return 0;
}

/* Whoever reads meanwhile sees an odd sequence, or another one than before. */
static void publish(struct hint_table *table, const struct hint_ranges *ranges)
{
	_Atomic uint32_t *sequence = (_Atomic uint32_t *)&table->sequence;

	atomic_fetch_add(sequence, 1);
	table->nr = ranges->nr;
	for (uint32_t i = 0; i < ranges->nr; i++)
		table->ranges[i] = (struct hint_table_range) {
			.start = ranges->ranges[i].start,
			.end = ranges->ranges[i].end,
			.hint = ranges->ranges[i].hint,
		};
	atomic_fetch_add(sequence, 1);
}

static int declare(struct own_hints *own, const struct hint_range *range)
{
	int r;

	if (!own->table && range->hint == PORT_HINT_NONE)
		return 0;
	if (!own->table) {
		r = make_table(&own->table);
		if (r < 0)
			return r;
	}
	r = hint_ranges_set(&own->ranges, range->start, range->end, range->hint);
	if (r == 0)
		publish(own->table, &own->ranges);
	return r;
}

static int set_hint(void *addr, size_t length, enum port_hint hint, const char *step,
		    struct mpol_error *err)
{
	const uint64_t start = (uintptr_t)addr;
	const struct hint_range range = {
		.start = start,
		.end = start + (length + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES,
		.hint = hint,
	};
	struct own_hints *own;
	int r;

	if (start % PAGE_BYTES || range.end < start || length > SIZE_MAX - PAGE_BYTES) {
		error_set(err, -EINVAL, step, "not a range that begins with a page");
		error_on(err, "%zu bytes at %p", length, addr);
		return -EINVAL;
	}
	own = get_own();
	if (!own)
		return error_errno(err, -errno, step);
	pthread_mutex_lock(&own->lock);
	r = declare(own, &range);
	pthread_mutex_unlock(&own->lock);
	if (r == -ENOSPC) {
		error_set(err, r, step, "more than %d ranges", HINT_RANGES_MOST);
		error_advise(err, "take back others, or declare neighbours as one");
		return r;
	}
	return r < 0 ? error_errno(err, r, step) : 0;
}

int mpol_set_vma_hint(void *addr, size_t length, enum mpol_hint hint, struct mpol_error *error)
{
	switch (hint) {
	case MPOL_HINT_HOT:
		return set_hint(addr, length, PORT_HINT_HOT, "set a hint", error);
	case MPOL_HINT_COLD:
		return set_hint(addr, length, PORT_HINT_COLD, "set a hint", error);
	case MPOL_HINT_PINNED:
		return set_hint(addr, length, PORT_HINT_PINNED, "set a hint", error);
	}
	return error_set(error, -EINVAL, "set a hint", "%d is no hint", (int)hint);
}

int mpol_clear_vma_hint(void *addr, size_t length, struct mpol_error *error)
{
	return set_hint(addr, length, PORT_HINT_NONE, "take back a hint", error);
}
