/* SPDX-License-Identifier: MIT */
/*
 * Traces: what a program did to its pages, in files.  Ours (mpol-trace(5)) are
 * written and read, those of others read.
 *
 * A trace is either a list of accesses or, as trackers see them, of counts per
 * interval; both are the same records.  Memory needed does not depend on the
 * length of a trace.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mpol_error;
struct trace_reader;
struct trace_writer;

/* The longest text of origin, without its end. */
#define TRACE_ORIGIN_MAX_BYTES 4096

enum trace_kind {
	TRACE_ACCESSES = 1, /* accesses in the order in which they were made; no marks */
	TRACE_COUNTS = 2,   /* counts of an interval, then its mark, and so on */
};

/* The accesses were stores. */
#define TRACE_WRITE 0x01u

/* An interval ended at time_ns; the record says nothing else: page and thread 0, the others 1. */
#define TRACE_MARK 0x02u

struct trace_record {
	uint64_t time_ns;  /* when; of a count: when its interval began; 0 where nobody knows */
	uint64_t page;	   /* number of the first page; another's trace: its object or block */
	uint64_t nr_pages; /* how many pages from there; at least 1, and all below 2^64 */
	uint64_t count;	   /* accesses to all of them together; at least 1 */
	uint32_t thread;   /* 0 where nobody knows */
	uint32_t flags;	   /* TRACE_WRITE, TRACE_MARK */
};

struct trace_info {
	enum trace_kind kind;
	uint32_t page_bytes; /* a power of two from 512 up; 0: what pages stand for has no size */
	const char *format;  /* "mpol", "oracle-general", "csv", "ramulator", "truth" */
	const char *origin;  /* free text; "" where there is none */
};

/*
 * Opens a trace.  format: NULL, then it is told by the file's content and name;
 * or what trace_info.format may be, csv with options (trace-csv.c).  Any of them
 * may be compressed as a whole by zstd(1).
 *
 * Returns 0, or with err filled in: what open(2) gave; -EINVAL: no such format or
 * option; -EBADMSG: not a trace of this format; -ENOMEM.  Close it by trace_close.
 */
int trace_open(const char *path, const char *format, struct trace_reader **ret_reader,
	       struct mpol_error *err);

/* Valid as long as the reader. */
const struct trace_info *trace_info(const struct trace_reader *reader);

/*
 * The next records, as many as are at hand and at most nr, which is not 0.
 * *ret_nr is 0 at the end of the trace only.
 *
 * Returns 0, or with err filled in: -EBADMSG: the trace is damaged, cut off or
 * not of its format; what read(2) gave.  Once failed it fails for ever.  Of our
 * own format, whatever was delivered before is what was written.
 */
int trace_next(struct trace_reader *reader, struct trace_record *records, size_t nr, size_t *ret_nr,
	       struct mpol_error *err);

/* Takes NULL. */
void trace_close(struct trace_reader *reader);

/*
 * Begins a trace of our own at path.  What is at path is replaced by
 * trace_writer_finish, at once; until then the trace grows beside it.
 * origin: what made the trace; copied.  page_bytes: see trace_info.
 *
 * Returns 0, or with err filled in: -EINVAL: the kind, page_bytes or a too long
 * origin; -EEXIST: something other than a plain file is there; what open(2) and
 * write(2) gave; -ENOMEM.  *ret_writer ends by trace_writer_finish or _abandon.
 */
int trace_writer_new(const char *path, enum trace_kind kind, uint32_t page_bytes,
		     const char *origin, struct trace_writer **ret_writer, struct mpol_error *err);

/*
 * Appends records.  Returns 0; -EINVAL: a record that trace_record's rules or the
 * trace's kind do not allow, and nothing was appended; what write(2) gave.
 */
int trace_write(struct trace_writer *writer, const struct trace_record *records, size_t nr,
		struct mpol_error *err);

/*
 * Puts the finished trace at its path and frees the writer, whatever it returns:
 * 0, or what write(2), fsync(2) and rename(2) gave; then path is as it was.
 */
int trace_writer_finish(struct trace_writer *writer, struct mpol_error *err);

/* Frees the writer and what it wrote; path is as it was.  Takes NULL. */
void trace_writer_abandon(struct trace_writer *writer);

#endif
