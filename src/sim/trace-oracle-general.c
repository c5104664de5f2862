/* SPDX-License-Identifier: MIT */
/*
 * libCacheSim's oracleGeneral: records of 24 bytes, little-endian and nothing
 * around them: u32 seconds, u64 object, u32 bytes of the object, s64 when it is
 * asked for next.  Objects stand for pages; the last two are not used.
 */
#include <errno.h>

#include "error.h"
#include "trace-block.h"
#include "trace-format.h"

#define RECORD_BYTES 24u

/* As many as are wanted of a file at once. */
#define WANTED_RECORDS 1024u

static int oracle_open(struct trace_bytes *bytes, const char *options, void **ret_state,
		       struct trace_info *info, struct mpol_error *err)
{
	if (options)
		return error_set(err, -EINVAL, "open trace",
				 "the format oracle-general takes no options");
	info->kind = TRACE_ACCESSES;
	*ret_state = bytes;
	return 0;
}

static int oracle_next(void *state, struct trace_record *records, size_t nr, size_t *ret_nr,
		       struct mpol_error *err)
{
	struct trace_bytes *bytes = state;
	int r = bytes->length < RECORD_BYTES
			? trace_bytes_want(bytes, RECORD_BYTES * WANTED_RECORDS, err)
			: 0;

	if (r < 0)
		return r;
	if (nr > bytes->length / RECORD_BYTES)
		nr = bytes->length / RECORD_BYTES;
	if (!nr && bytes->length)
		return trace_bytes_fault(bytes, bytes->offset, err,
					 "cut off: %zu bytes of a record of %u", bytes->length,
					 RECORD_BYTES);
	for (size_t i = 0; i < nr; i++) {
		const unsigned char *at = bytes->data + i * RECORD_BYTES;

		records[i] = (struct trace_record) {
			.time_ns = trace_get_u32(at) * UINT64_C(1000000000),
			.page = trace_get_u64(at + 4),
			.nr_pages = 1,
			.count = 1,
		};
	}
	trace_bytes_skip(bytes, nr * RECORD_BYTES);
	*ret_nr = nr;
	return 0;
}

static void oracle_close(void *state)
{
	(void)state; /* the bytes are not ours */
}

const struct trace_format trace_format_oracle_general = { "oracle-general", oracle_open,
							  oracle_next, oracle_close };
