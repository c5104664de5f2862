/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a trace, from a file, decompressed where zstd(1) compressed it.
 * For the readers of formats; they look at a window of the bytes and move it on.
 */
#ifndef SIM_TRACE_BYTES_H
#define SIM_TRACE_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct mpol_error;

struct trace_bytes {
	const unsigned char *data; /* the window: bytes from offset on */
	size_t length;		   /* how many of them are there */
	uint64_t offset;	   /* of data[0] among the (decompressed) bytes of the file */
	uint64_t line;		   /* its number, from 1: counted by trace_bytes_line only */
	const char *path;
};

/* The longest line that trace_bytes_line reads, and the widest window there is. */
#define TRACE_LINE_MAX_BYTES   65536u
#define TRACE_WINDOW_MAX_BYTES (2u << 20)

/*
 * Opens a file, with an empty window.  Returns 0, or with err filled in what
 * open(2) gave or -ENOMEM.  Close it by trace_bytes_close.
 */
int trace_bytes_open(const char *path, struct trace_bytes **ret_bytes, struct mpol_error *err);

/*
 * Makes the window at least nr long (at most TRACE_WINDOW_MAX_BYTES), or as long as
 * what there is.  data moves.  Returns 0, or with err filled in: what read(2)
 * gave; -EBADMSG: not what zstd wrote, or cut off; -ENOMEM.
 */
int trace_bytes_want(struct trace_bytes *bytes, size_t nr, struct mpol_error *err);

/* Moves the window past nr bytes, no more than are in it. */
static inline void trace_bytes_skip(struct trace_bytes *bytes, size_t nr)
{
	bytes->data += nr;
	bytes->length -= nr;
	bytes->offset += nr;
}

/*
 * The next line, without its newline (or CR and newline), terminated; NULL at the
 * end.  It is the caller's to change until the next call.  Returns 0; -EBADMSG: longer
 * than TRACE_LINE_MAX_BYTES, or has a NUL; what trace_bytes_want gives.
 */
int trace_bytes_line(struct trace_bytes *bytes, char **ret_line, struct mpol_error *err);

/* Says what is wrong at an offset of the file; returns -EBADMSG. */
int trace_bytes_fault(const struct trace_bytes *bytes, uint64_t offset, struct mpol_error *err,
		      const char *cause, ...) __attribute__((format(printf, 4, 5)));

/* The same of the line that trace_bytes_line gave last. */
int trace_bytes_line_fault(const struct trace_bytes *bytes, struct mpol_error *err,
			   const char *cause, ...) __attribute__((format(printf, 3, 4)));

/* Takes NULL. */
void trace_bytes_close(struct trace_bytes *bytes);

#endif
