/* SPDX-License-Identifier: MIT */
/* Reading a process's table of hints: see hint-table.h.  What it holds is never trusted. */
#include "hint-table.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>

#include "page.h"

#define ATTEMPTS 3

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EBADMSG;
}

/* What is wrong with a range that begins at or behind an address; NULL: nothing. */
static const char *judge(const struct hint_table_range *range, uint64_t from)
{
	if (range->start % PAGE_BYTES || range->end % PAGE_BYTES)
		return "a range is not of whole pages";
	if (range->start >= range->end)
		return "a range is empty";
	if (range->start < from)
		return "ranges overlap, or are out of order";
	if (range->hint < PORT_HINT_HOT || range->hint > PORT_HINT_PINNED)
		return "a hint is not known";
	return NULL;
}

int hint_table_parse(const void *bytes, size_t size, struct hint_ranges *ret_ranges,
		     const char **ret_why)
{
	const struct hint_table *table = bytes;
	uint64_t from = 0;

	if (size < sizeof(*table))
		return refuse(ret_why, "it is too short");
	if (table->magic != HINT_TABLE_MAGIC)
		return refuse(ret_why, "it does not begin as one");
	if (table->version != HINT_TABLE_VERSION)
		return refuse(ret_why, "its version is not known");
	if (table->sequence % 2)
		return -EAGAIN;
	if (table->nr > HINT_RANGES_MOST)
		return refuse(ret_why, "it has too many ranges");
	for (uint32_t i = 0; i < table->nr; from = table->ranges[i++].end) {
		const char *why = judge(&table->ranges[i], from);

		if (why)
			return refuse(ret_why, why);
	}
	ret_ranges->nr = table->nr;
	for (uint32_t i = 0; i < table->nr; i++)
		ret_ranges->ranges[i] = (struct hint_range) {
			.start = table->ranges[i].start,
			.end = table->ranges[i].end,
			.hint = (enum port_hint)table->ranges[i].hint,
		};
	return 0;
}

static int copy(pid_t pid, uint64_t from, void *to, size_t size)
{
	const struct iovec local = { to, size };
	const struct iovec remote = { (void *)(uintptr_t)from, size };
	const ssize_t r = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (r < 0)
		return -errno;
	return (size_t)r == size ? 0 : -EFAULT;
}

int hint_table_read(pid_t pid, uint64_t start, uint64_t end, struct hint_ranges *ret_ranges,
		    const char **ret_why)
{
	struct hint_table table, after;
	const size_t header = offsetof(struct hint_table, ranges);
	int r = -EAGAIN;

	if (end - start < sizeof(table))
		return refuse(ret_why, "it is too short");
	for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++) {
		r = copy(pid, start, &table, sizeof(table));
		if (r == 0)
			r = copy(pid, start, &after, header);
		if (r < 0)
			return r;
		r = memcmp(&table, &after, header) == 0
			    ? hint_table_parse(&table, sizeof(table), ret_ranges, ret_why)
			    : -EAGAIN;
	}
	return r;
}
