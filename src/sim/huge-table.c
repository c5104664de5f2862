/* SPDX-License-Identifier: MIT */
/* Large tables: see huge-table.h. */
#include "huge-table.h"

#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE_BYTES (2UL << 20)

/* As it is mapped: whole huge pages, or, where it has not one, whole pages by the kernel's doing.
 */
static size_t mapped_bytes(size_t nr, size_t item_bytes)
{
	size_t bytes;

	if (__builtin_mul_overflow(nr, item_bytes, &bytes) || bytes > SIZE_MAX / 2)
		return 0;
	return bytes < HUGE_PAGE_BYTES ? bytes : (bytes + HUGE_PAGE_BYTES - 1) & -HUGE_PAGE_BYTES;
}

void *huge_table_new(size_t nr, size_t item_bytes)
{
	const size_t bytes = mapped_bytes(nr, item_bytes);
	const size_t slack = bytes < HUGE_PAGE_BYTES ? 0 : HUGE_PAGE_BYTES;
	size_t before;
	char *table;

	if (!bytes)
		return NULL;
	table = mmap(NULL, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (table == MAP_FAILED)
		return NULL;
	if (!slack)
		return table;
	before = -(uintptr_t)table & (HUGE_PAGE_BYTES - 1);
	if (before)
		munmap(table, before);
	munmap(table + before + bytes, slack - before);
	/* Only advice: without huge pages all works as well, more slowly. */
	(void)madvise(table + before, bytes, MADV_HUGEPAGE);
	return table + before;
}

void huge_table_free(void *table, size_t nr, size_t item_bytes)
{
	if (table)
		munmap(table, mapped_bytes(nr, item_bytes));
}
