/* SPDX-License-Identifier: MIT */
/*
 * Writing our own traces (mpol-trace(5)).  The same records, header and release of
 * libzstd give the same bytes.  A failure sticks: what follows it could not be a trace.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "cleanup.h"
#include "error.h"
#include "trace-block.h"

#define STEP "write trace"

#define LEVEL 3

struct trace_writer {
	char *path, *unfinished;
	int fd;
	int failed; /* 0, or what the first failure returned */
	enum trace_kind kind;
	uint32_t checksum; /* of all so far */
	uint64_t nr_blocks, nr_records;
	ZSTD_CCtx *zstd;
	struct trace_record previous;
	uint32_t nr_in_block;
	size_t payload_bytes;
	unsigned char payload[TRACE_PAYLOAD_MAX_BYTES];
	unsigned char block[TRACE_BLOCK_BYTES + ZSTD_COMPRESSBOUND(TRACE_PAYLOAD_MAX_BYTES) +
			    TRACE_CHECKSUM_BYTES];
};

static int fail(struct trace_writer *writer, struct mpol_error *err, int code, const char *step)
{
	writer->failed = code;
	error_errno(err, code, step);
	error_on(err, "trace %s", writer->path);
	return code;
}

/* Writes length bytes, and behind them, where there is room, the checksum. */
static int put(struct trace_writer *writer, unsigned char *bytes, size_t length,
	       struct mpol_error *err)
{
	size_t written = 0;

	writer->checksum = crc32(writer->checksum, bytes, length);
	trace_put_u32(bytes + length, writer->checksum);
	length += TRACE_CHECKSUM_BYTES;
	while (written < length) {
		const ssize_t nr = write(writer->fd, bytes + written, length - written);

		if (nr < 0 && errno != EINTR)
			return fail(writer, err, -errno, STEP);
		written += nr < 0 ? 0 : nr;
	}
	return 0;
}

static int put_header(struct trace_writer *writer, uint32_t page_bytes, const char *origin,
		      struct mpol_error *err)
{
	unsigned char *bytes = writer->block;
	const size_t origin_bytes = strlen(origin);

	memcpy(bytes, TRACE_MAGIC, TRACE_MAGIC_BYTES);
	trace_put_u32(bytes + 8, TRACE_VERSION);
	trace_put_u32(bytes + 12, writer->kind);
	trace_put_u32(bytes + 16, page_bytes);
	trace_put_u32(bytes + 20, origin_bytes);
	memcpy(bytes + TRACE_HEADER_BYTES, origin, origin_bytes);
	return put(writer, bytes, TRACE_HEADER_BYTES + origin_bytes, err);
}

static int put_block(struct trace_writer *writer, struct mpol_error *err)
{
	unsigned char *bytes = writer->block;
	const size_t compressed_bytes =
		ZSTD_compressCCtx(writer->zstd, bytes + TRACE_BLOCK_BYTES,
				  ZSTD_COMPRESSBOUND(TRACE_PAYLOAD_MAX_BYTES), writer->payload,
				  writer->payload_bytes, LEVEL);

	if (ZSTD_isError(compressed_bytes))
		return fail(writer, err, -ENOMEM, STEP);
	trace_put_u32(bytes, TRACE_BLOCK_TAG);
	trace_put_u32(bytes + 4, writer->nr_in_block);
	trace_put_u32(bytes + 8, writer->payload_bytes);
	trace_put_u32(bytes + 12, compressed_bytes);
	writer->nr_blocks++;
	writer->nr_records += writer->nr_in_block;
	writer->nr_in_block = 0;
	writer->payload_bytes = 0;
	writer->previous = (struct trace_record) { 0 };
	return put(writer, bytes, TRACE_BLOCK_BYTES + compressed_bytes, err);
}

static int put_end(struct trace_writer *writer, struct mpol_error *err)
{
	unsigned char *bytes = writer->block;

	trace_put_u32(bytes, TRACE_END_TAG);
	trace_put_u32(bytes + 4, 0);
	trace_put_u64(bytes + 8, writer->nr_blocks);
	trace_put_u64(bytes + 16, writer->nr_records);
	return put(writer, bytes, TRACE_END_BYTES, err);
}

/* Opens the file beside the path that becomes the trace. */
static int open_unfinished(struct trace_writer *writer, const char *path, struct mpol_error *err)
{
	struct stat status;

	writer->path = strdup(path);
	if (!writer->path)
		return error_errno(err, -ENOMEM, STEP);
	/* What is renamed over a device or a link would put an end to it. */
	if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		error_set(err, -EEXIST, STEP, "there is something that is not a plain file");
		error_on(err, "trace %s", path);
		error_advise(err, "name a file, or a new name");
		return -EEXIST;
	}
	if (asprintf(&writer->unfinished, "%s.%d.unfinished", path, getpid()) < 0) {
		writer->unfinished = NULL;
		return fail(writer, err, -ENOMEM, STEP);
	}
	writer->fd = open(writer->unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (writer->fd >= 0)
		return 0;
	fail(writer, err, -errno, STEP);
	error_on(err, "%s", writer->unfinished);
	/* It is not ours to remove. */
	free(writer->unfinished);
	writer->unfinished = NULL;
	return writer->failed;
}

int trace_writer_new(const char *path, enum trace_kind kind, uint32_t page_bytes,
		     const char *origin, struct trace_writer **ret_writer, struct mpol_error *err)
{
	const char *fault = trace_header_fault(kind, page_bytes, strlen(origin));
	struct trace_writer *writer;
	int r;

	if (fault) {
		error_set(err, -EINVAL, STEP, "%s", fault);
		error_on(err, "trace %s", path);
		return -EINVAL;
	}
	writer = calloc(1, sizeof(*writer));
	if (!writer || !(writer->zstd = ZSTD_createCCtx())) {
		free(writer);
		return error_errno(err, -ENOMEM, STEP);
	}
	writer->fd = -1;
	writer->kind = kind;
	r = open_unfinished(writer, path, err);
	if (r >= 0)
		r = put_header(writer, page_bytes, origin, err);
	if (r < 0)
		trace_writer_abandon(writer);
	else
		*ret_writer = writer;
	return r;
}

int trace_write(struct trace_writer *writer, const struct trace_record *records, size_t nr,
		struct mpol_error *err)
{
	for (size_t i = 0; i < nr; i++) {
		const char *fault = trace_record_fault(&records[i], writer->kind);

		if (fault) {
			error_set(err, -EINVAL, STEP, "record %zu of %zu: %s", i + 1, nr, fault);
			error_on(err, "trace %s", writer->path);
			return -EINVAL;
		}
	}
	if (writer->failed)
		return fail(writer, err, writer->failed, STEP);
	for (size_t i = 0; i < nr; i++) {
		int r = 0;

		writer->payload_bytes += trace_record_encode(
			&records[i], &writer->previous, writer->payload + writer->payload_bytes);
		writer->previous = records[i];
		if (++writer->nr_in_block == TRACE_BLOCK_RECORDS_MAX)
			r = put_block(writer, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int finish(struct trace_writer *writer, struct mpol_error *err)
{
	int r = 0;

	if (writer->failed)
		return fail(writer, err, writer->failed, STEP);
	if (writer->nr_in_block)
		r = put_block(writer, err);
	if (r >= 0)
		r = put_end(writer, err);
	if (r < 0)
		return r;
	if (fsync(writer->fd) < 0)
		return fail(writer, err, -errno, STEP);
	if (rename(writer->unfinished, writer->path) < 0)
		return fail(writer, err, -errno, "name trace");
	free(writer->unfinished);
	writer->unfinished = NULL;
	return 0;
}

int trace_writer_finish(struct trace_writer *writer, struct mpol_error *err)
{
	int r = finish(writer, err);

	trace_writer_abandon(writer);
	return r;
}

void trace_writer_abandon(struct trace_writer *writer)
{
	if (!writer)
		return;
	if (writer->unfinished)
		unlink(writer->unfinished);
	if (writer->fd >= 0)
		close(writer->fd);
	ZSTD_freeCCtx(writer->zstd);
	free(writer->unfinished);
	free(writer->path);
	free(writer);
}
