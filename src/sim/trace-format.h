/* SPDX-License-Identifier: MIT */
/* What a reader of one format of traces gives to trace-reader.c. */
#ifndef SIM_TRACE_FORMAT_H
#define SIM_TRACE_FORMAT_H

#include "text.h"
#include "trace-bytes.h"
#include "trace.h"

struct trace_format {
	const char *name;

	/*
	 * Reads what is before the first record.  options: what was said behind the
	 * format's name and ":", NULL for nothing.  *ret_state is freed by close;
	 * info comes with the format's name and an empty origin, and what is put
	 * into it lives as long as the state.  Returns 0 or what trace_open says.
	 */
	int (*open)(struct trace_bytes *bytes, const char *options, void **ret_state,
		    struct trace_info *info, struct mpol_error *err);

	/* trace_next, called no more after a failure or the end. */
	int (*next)(void *state, struct trace_record *records, size_t nr, size_t *ret_nr,
		    struct mpol_error *err);

	/* Frees the state, not the bytes. */
	void (*close)(void *state);
};

/* The whole of text as a number, decimal or with 0x before it.  Returns as parse_u64 does. */
static inline int trace_parse_number(const char *text, uint64_t *ret)
{
	return parse_u64(text, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10, ret);
}

extern const struct trace_format trace_format_mpol;
extern const struct trace_format trace_format_oracle_general;
extern const struct trace_format trace_format_csv;
extern const struct trace_format trace_format_ramulator;
extern const struct trace_format trace_format_truth;

#endif
