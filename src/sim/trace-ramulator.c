/* SPDX-License-Identifier: MIT */
/*
 * Ramulator's memory traces: a line per access, "0x12345680 R" or "… W", the
 * address of a byte, hexadecimal or decimal.  Pages are of 4 KiB.
 */
#include <errno.h>
#include <string.h>

#include "error.h"
#include "trace-format.h"

#define PAGE_BYTES 4096u

static int ramulator_open(struct trace_bytes *bytes, const char *options, void **ret_state,
			  struct trace_info *info, struct mpol_error *err)
{
	if (options)
		return error_set(err, -EINVAL, "open trace",
				 "the format ramulator takes no options");
	info->kind = TRACE_ACCESSES;
	info->page_bytes = PAGE_BYTES;
	*ret_state = bytes;
	return 0;
}

static int parse_line(const struct trace_bytes *bytes, char *line, struct trace_record *record,
		      struct mpol_error *err)
{
	char *address = strtok_r(line, " \t", &line);
	const char *what = strtok_r(NULL, " \t", &line);
	uint64_t number;

	if (!address || trace_parse_number(address, &number) < 0)
		return trace_bytes_line_fault(bytes, err, "does not begin with an address");
	if (!what || (strcmp(what, "R") != 0 && strcmp(what, "W") != 0))
		return trace_bytes_line_fault(bytes, err, "neither R nor W behind the address");
	if (strtok_r(NULL, " \t", &line))
		return trace_bytes_line_fault(bytes, err, "more than an address and R or W");
	*record = (struct trace_record) {
		.page = number / PAGE_BYTES,
		.nr_pages = 1,
		.count = 1,
		.flags = *what == 'W' ? TRACE_WRITE : 0,
	};
	return 0;
}

static int ramulator_next(void *state, struct trace_record *records, size_t nr, size_t *ret_nr,
			  struct mpol_error *err)
{
	struct trace_bytes *bytes = state;
	size_t got;

	for (got = 0; got < nr; got++) {
		char *line;
		int r = trace_bytes_line(bytes, &line, err);

		if (r < 0)
			return r;
		if (!line)
			break;
		r = parse_line(bytes, line, &records[got], err);
		if (r < 0)
			return r;
	}
	*ret_nr = got;
	return 0;
}

static void ramulator_close(void *state)
{
	(void)state; /* the bytes are not ours */
}

const struct trace_format trace_format_ramulator = { "ramulator", ramulator_open, ramulator_next,
						     ramulator_close };
