/* SPDX-License-Identifier: MIT */
/*
 * Reading our own traces (mpol-trace(5)).  A block is handed out only when its
 * checksum, which is also that of all before it, holds and every record of it is
 * one.  A trace without its end is cut off, whatever else is right with it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "error.h"
#include "trace-block.h"
#include "trace-format.h"

struct reading {
	struct trace_bytes *bytes;
	enum trace_kind kind;
	uint32_t checksum; /* of all so far */
	uint64_t nr_blocks, nr_records;
	size_t next, nr; /* of the block's records: the next to be handed out, how many there are */
	bool ended;
	char origin[TRACE_ORIGIN_MAX_BYTES + 1];
	ZSTD_DCtx *zstd;
	unsigned char payload[TRACE_PAYLOAD_MAX_BYTES];
	struct trace_record records[TRACE_BLOCK_RECORDS_MAX];
};

/* At least nr bytes in the window, or the trace is cut off. */
static int want(struct reading *reading, size_t nr, const char *what, struct mpol_error *err)
{
	struct trace_bytes *bytes = reading->bytes;
	int r = trace_bytes_want(bytes, nr, err);

	if (r < 0 || bytes->length >= nr)
		return r;
	return trace_bytes_fault(bytes, bytes->offset + bytes->length, err, "cut off within %s",
				 what);
}

/* Whether the window's first nr bytes, after all before them, have the checksum behind them. */
static int check(struct reading *reading, size_t nr, const char *what, struct mpol_error *err)
{
	struct trace_bytes *bytes = reading->bytes;
	const uint32_t checksum = crc32(reading->checksum, bytes->data, nr);

	if (checksum != trace_get_u32(bytes->data + nr))
		return trace_bytes_fault(bytes, bytes->offset, err,
					 "the checksum of %s does not hold", what);
	reading->checksum = checksum;
	return 0;
}

static int read_header(struct reading *reading, struct trace_info *info, struct mpol_error *err)
{
	struct trace_bytes *bytes = reading->bytes;
	uint32_t version, kind, page_bytes, origin_bytes;
	const char *fault;
	int r = want(reading, TRACE_HEADER_BYTES + TRACE_CHECKSUM_BYTES, "the header", err);

	if (r < 0)
		return r;
	if (memcmp(bytes->data, TRACE_MAGIC, TRACE_MAGIC_BYTES) != 0)
		return trace_bytes_fault(bytes, 0, err, "not a trace of mpol");
	version = trace_get_u32(bytes->data + 8);
	if (version != TRACE_VERSION)
		return trace_bytes_fault(bytes, 8, err, "version %u; this program reads %u",
					 version, TRACE_VERSION);
	kind = trace_get_u32(bytes->data + 12);
	page_bytes = trace_get_u32(bytes->data + 16);
	origin_bytes = trace_get_u32(bytes->data + 20);
	fault = trace_header_fault(kind, page_bytes, origin_bytes);
	if (fault)
		return trace_bytes_fault(bytes, 12, err, "%s", fault);
	r = want(reading, TRACE_HEADER_BYTES + origin_bytes + TRACE_CHECKSUM_BYTES, "the header",
		 err);
	if (r >= 0)
		r = check(reading, TRACE_HEADER_BYTES + origin_bytes, "the header", err);
	if (r < 0)
		return r;
	memcpy(reading->origin, bytes->data + TRACE_HEADER_BYTES, origin_bytes);
	if (memchr(reading->origin, '\0', origin_bytes))
		return trace_bytes_fault(bytes, TRACE_HEADER_BYTES, err, "the origin is not text");
	reading->kind = kind;
	*info = (struct trace_info) { kind, page_bytes, info->format, reading->origin };
	trace_bytes_skip(bytes, TRACE_HEADER_BYTES + origin_bytes + TRACE_CHECKSUM_BYTES);
	return 0;
}

/* The records of the block whose header begins the window. */
static int read_block(struct reading *reading, struct mpol_error *err)
{
	struct trace_bytes *bytes = reading->bytes;
	const uint32_t nr_records = trace_get_u32(bytes->data + 4);
	const uint32_t payload_bytes = trace_get_u32(bytes->data + 8);
	const uint32_t compressed_bytes = trace_get_u32(bytes->data + 12);
	size_t length, offset;
	const char *fault;
	int r;

	if (!nr_records || nr_records > TRACE_BLOCK_RECORDS_MAX || payload_bytes < nr_records ||
	    payload_bytes > TRACE_PAYLOAD_MAX_BYTES ||
	    compressed_bytes > ZSTD_COMPRESSBOUND(TRACE_PAYLOAD_MAX_BYTES))
		return trace_bytes_fault(bytes, bytes->offset, err, "no block is like this");
	r = want(reading, TRACE_BLOCK_BYTES + compressed_bytes + TRACE_CHECKSUM_BYTES, "a block",
		 err);
	if (r >= 0)
		r = check(reading, TRACE_BLOCK_BYTES + compressed_bytes, "the block", err);
	if (r < 0)
		return r;
	length = ZSTD_decompressDCtx(reading->zstd, reading->payload, payload_bytes,
				     bytes->data + TRACE_BLOCK_BYTES, compressed_bytes);
	if (length != payload_bytes)
		return trace_bytes_fault(bytes, bytes->offset + TRACE_BLOCK_BYTES, err, "zstd: %s",
					 ZSTD_isError(length) ? ZSTD_getErrorName(length)
							      : "fewer bytes than announced");
	fault = trace_payload_decode(reading->payload, payload_bytes, reading->kind,
				     reading->records, nr_records, &offset);
	if (fault)
		return trace_bytes_fault(bytes, bytes->offset, err, "byte %zu of the block: %s",
					 offset, fault);
	trace_bytes_skip(bytes, TRACE_BLOCK_BYTES + compressed_bytes + TRACE_CHECKSUM_BYTES);
	reading->nr_blocks++;
	reading->nr_records += nr_records;
	reading->next = 0;
	reading->nr = nr_records;
	return 0;
}

static int read_end(struct reading *reading, struct mpol_error *err)
{
	struct trace_bytes *bytes = reading->bytes;
	int r = want(reading, TRACE_END_BYTES + TRACE_CHECKSUM_BYTES, "the end", err);

	if (r >= 0)
		r = check(reading, TRACE_END_BYTES, "the end", err);
	if (r < 0)
		return r;
	if (trace_get_u32(bytes->data + 4) != 0 ||
	    trace_get_u64(bytes->data + 8) != reading->nr_blocks ||
	    trace_get_u64(bytes->data + 16) != reading->nr_records)
		return trace_bytes_fault(bytes, bytes->offset, err,
					 "the end speaks of other blocks than there were");
	trace_bytes_skip(bytes, TRACE_END_BYTES + TRACE_CHECKSUM_BYTES);
	r = trace_bytes_want(bytes, 1, err);
	if (r >= 0 && bytes->length)
		r = trace_bytes_fault(bytes, bytes->offset, err, "something follows the end");
	reading->ended = r >= 0;
	return r;
}

static int mpol_next(void *state, struct trace_record *records, size_t nr, size_t *ret_nr,
		     struct mpol_error *err)
{
	struct reading *reading = state;
	uint32_t tag;
	int r = 0;

	if (reading->next == reading->nr && !reading->ended) {
		r = want(reading, TRACE_BLOCK_BYTES, "a block, or before the end", err);
		if (r < 0)
			return r;
		tag = trace_get_u32(reading->bytes->data);
		if (tag == TRACE_BLOCK_TAG)
			r = read_block(reading, err);
		else if (tag == TRACE_END_TAG)
			r = read_end(reading, err);
		else
			r = trace_bytes_fault(reading->bytes, reading->bytes->offset, err,
					      "neither a block nor the end");
		if (r < 0)
			return r;
	}
	if (nr > reading->nr - reading->next)
		nr = reading->nr - reading->next;
	memcpy(records, reading->records + reading->next, nr * sizeof(*records));
	reading->next += nr;
	*ret_nr = nr;
	return 0;
}

static void mpol_close(void *state)
{
	struct reading *reading = state;

	ZSTD_freeDCtx(reading->zstd);
	free(reading);
}

static int mpol_open(struct trace_bytes *bytes, const char *options, void **ret_state,
		     struct trace_info *info, struct mpol_error *err)
{
	struct reading *reading;
	int r;

	if (options)
		return error_set(err, -EINVAL, "open trace", "the format mpol takes no options");
	reading = calloc(1, sizeof(*reading));
	if (!reading || !(reading->zstd = ZSTD_createDCtx())) {
		free(reading);
		return error_errno(err, -ENOMEM, "open trace");
	}
	reading->bytes = bytes;
	r = read_header(reading, info, err);
	if (r < 0)
		mpol_close(reading);
	else
		*ret_state = reading;
	return r;
}

const struct trace_format trace_format_mpol = { "mpol", mpol_open, mpol_next, mpol_close };
