/* SPDX-License-Identifier: MIT */
/*
 * What the lab's ground truth counted by page (mpol-truth(5)) as counts of
 * intervals: for each page its loads, then its stores, for each interval a mark.
 * Times are the guest's.  An interval may be longer than memory, so its line is
 * taken apart as it comes; what belongs to a page must stand before the pages.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "trace-format.h"

#define PAGE_BYTES   4096u
#define DEPTH_MAX    16
#define WINDOW_BYTES 4096u
#define WORD_BYTES   40u

enum place { BETWEEN_LINES, IN_OBJECT, IN_PAGES };

struct truth {
	struct trace_bytes *bytes;
	struct mpol_error *err; /* of the call under way */
	int failed;		/* 0, or what reading gave: all that follows is void */

	enum place place;
	bool first; /* nothing of the object, or of the pages, was read yet */

	/* Of the object, whether and what. */
	bool is_interval, has_start, has_end, has_pages;
	uint64_t start_ns, end_ns;

	struct trace_record stores; /* of the page whose loads were handed out; count 0: none */
};

static void wrong(struct truth *truth, const char *what)
{
	if (!truth->failed)
		truth->failed = trace_bytes_line_fault(truth->bytes, truth->err, "%s", what);
}

/* The next byte, or -1: the end, or failed. */
static int peek(struct truth *truth)
{
	struct trace_bytes *bytes = truth->bytes;

	if (!bytes->length && !truth->failed)
		truth->failed = trace_bytes_want(bytes, WINDOW_BYTES, truth->err);
	return truth->failed || !bytes->length ? -1 : *bytes->data;
}

static int take(struct truth *truth)
{
	const int byte = peek(truth);

	if (byte >= 0)
		trace_bytes_skip(truth->bytes, 1);
	return byte;
}

/* The next byte that is no blank of a line. */
static int peek_token(struct truth *truth)
{
	int byte;

	while ((byte = peek(truth)) == ' ' || byte == '\t' || byte == '\r')
		take(truth);
	return byte;
}

static void expect(struct truth *truth, char byte)
{
	char what[] = "no \"x\" where one must be";

	what[4] = byte;
	if (peek_token(truth) == byte)
		take(truth);
	else
		wrong(truth, what);
}

/* A string as it is written, if it is short; a longer one is like no other. */
static void take_string(struct truth *truth, char ret_word[WORD_BYTES])
{
	size_t length = 0;
	int byte;

	expect(truth, '"');
	while ((byte = take(truth)) >= 0 && byte != '"') {
		if (byte < ' ') {
			wrong(truth, "a string that does not end");
			break;
		}
		/* What is escaped cannot end the string. */
		if (byte == '\\' && take(truth) < 0)
			break;
		if (length < WORD_BYTES)
			ret_word[length++] = byte;
	}
	if (byte < 0)
		wrong(truth, "cut off within a string");
	ret_word[length < WORD_BYTES ? length : 0] = '\0';
}

static uint64_t take_number(struct truth *truth)
{
	char digits[24];
	size_t length = 0;
	uint64_t number = 0;
	int byte = peek_token(truth);

	for (; isdigit(byte) && length < sizeof(digits) - 1; byte = peek(truth))
		digits[length++] = take(truth);
	digits[length] = '\0';
	if (isdigit(byte) || parse_u64(digits, 10, &number) < 0)
		wrong(truth, "no number where one must be");
	return number;
}

static void skip_scalar(struct truth *truth)
{
	char word[WORD_BYTES];
	int byte = peek_token(truth);

	if (byte == '"') {
		take_string(truth, word);
		return;
	}
	if (byte == '\n' || byte < 0)
		wrong(truth, "cut off");
	if (byte < 0 || !(isalnum(byte) || byte == '-'))
		wrong(truth, "no value where one must be");
	while (byte >= 0 && (isalnum(byte) || strchr("+-.", byte))) {
		take(truth);
		byte = peek(truth);
	}
}

/* A value that is not used: only its brackets are judged. */
static void skip_value(struct truth *truth)
{
	char closing[DEPTH_MAX];
	int depth = 0;

	do {
		const int byte = peek_token(truth);

		if (byte == '[' || byte == '{') {
			if (depth == DEPTH_MAX) {
				wrong(truth, "values within values within values");
				return;
			}
			closing[depth++] = byte == '[' ? ']' : '}';
			take(truth);
		} else if (depth && byte == closing[depth - 1]) {
			depth--;
			take(truth);
		} else if (depth && (byte == ',' || byte == ':')) {
			take(truth);
		} else {
			skip_scalar(truth);
		}
	} while (depth && !truth->failed);
}

static void begin_pages(struct truth *truth)
{
	if (!truth->is_interval || !truth->has_start || !truth->has_end)
		wrong(truth, "pages before event, guest_ns and start_guest_ns");
	if (truth->has_pages)
		wrong(truth, "pages twice");
	expect(truth, '[');
	truth->has_pages = true;
	truth->place = IN_PAGES;
	truth->first = true;
}

/* A name and its value; of pages only the beginning. */
static void take_member(struct truth *truth)
{
	char name[WORD_BYTES], event[WORD_BYTES];

	take_string(truth, name);
	expect(truth, ':');
	if (!strcmp(name, "event")) {
		take_string(truth, event);
		truth->is_interval = !strcmp(event, "interval");
	} else if (!strcmp(name, "guest_ns")) {
		truth->end_ns = take_number(truth);
		truth->has_end = true;
	} else if (!strcmp(name, "start_guest_ns")) {
		truth->start_ns = take_number(truth);
		truth->has_start = true;
	} else if (!strcmp(name, "pages")) {
		begin_pages(truth);
	} else if (!strcmp(name, "pages_lost")) {
		if (take_number(truth))
			wrong(truth, "accesses were lost for want of memory");
	} else {
		skip_value(truth);
	}
}

/* Behind an object's "}".  Returns how many records that makes. */
static size_t end_line(struct truth *truth, struct trace_record *record)
{
	const int byte = peek_token(truth);

	if (byte == '\n')
		take(truth);
	else if (byte >= 0)
		wrong(truth, "more than an object");
	truth->place = BETWEEN_LINES;
	if (!truth->is_interval)
		return 0;
	if (!truth->has_pages)
		wrong(truth, "an interval that was not counted by page");
	*record = (struct trace_record) {
		.time_ns = truth->end_ns,
		.nr_pages = 1,
		.count = 1,
		.flags = TRACE_MARK,
	};
	return 1;
}

static size_t take_from_object(struct truth *truth, struct trace_record *record)
{
	const int byte = peek_token(truth);

	if (byte == '}') {
		take(truth);
		return end_line(truth, record);
	}
	if (!truth->first)
		expect(truth, ',');
	truth->first = false;
	take_member(truth);
	return 0;
}

/* "0x…", the address of a page. */
static uint64_t take_page(struct truth *truth)
{
	char word[WORD_BYTES];
	uint64_t address = 0;

	take_string(truth, word);
	if (strncmp(word, "0x", 2) != 0 || trace_parse_number(word, &address) < 0 ||
	    address % PAGE_BYTES)
		wrong(truth, "no page has this address");
	return address / PAGE_BYTES;
}

/* [address, node, loads, stores] */
static size_t take_from_pages(struct truth *truth, struct trace_record *record)
{
	struct trace_record loads = { .time_ns = truth->start_ns, .nr_pages = 1 };

	if (peek_token(truth) == ']') {
		take(truth);
		truth->place = IN_OBJECT;
		truth->first = false;
		return 0;
	}
	if (!truth->first)
		expect(truth, ',');
	truth->first = false;
	expect(truth, '[');
	loads.page = take_page(truth);
	expect(truth, ',');
	skip_scalar(truth);
	expect(truth, ',');
	truth->stores = loads;
	loads.count = take_number(truth);
	expect(truth, ',');
	truth->stores.count = take_number(truth);
	truth->stores.flags = TRACE_WRITE;
	expect(truth, ']');
	*record = loads;
	return loads.count != 0;
}

/* One step on; returns how many records came of it, 0 or 1. */
static size_t step(struct truth *truth, struct trace_record *record)
{
	if (truth->stores.count) {
		*record = truth->stores;
		truth->stores.count = 0;
		return 1;
	}
	if (truth->place == IN_PAGES)
		return take_from_pages(truth, record);
	if (truth->place == IN_OBJECT)
		return take_from_object(truth, record);
	truth->bytes->line++;
	truth->place = IN_OBJECT;
	truth->first = true;
	truth->is_interval = truth->has_start = truth->has_end = truth->has_pages = false;
	expect(truth, '{');
	return 0;
}

static int truth_next(void *state, struct trace_record *records, size_t nr, size_t *ret_nr,
		      struct mpol_error *err)
{
	struct truth *truth = state;
	size_t got = 0;

	truth->err = err;
	while (got < nr && !truth->failed &&
	       (truth->place != BETWEEN_LINES || truth->stores.count || peek(truth) >= 0))
		got += step(truth, &records[got]);
	if (truth->failed)
		return truth->failed;
	*ret_nr = got;
	return 0;
}

static int truth_open(struct trace_bytes *bytes, const char *options, void **ret_state,
		      struct trace_info *info, struct mpol_error *err)
{
	struct truth *truth;

	if (options)
		return error_set(err, -EINVAL, "open trace", "the format truth takes no options");
	truth = calloc(1, sizeof(*truth));
	if (!truth)
		return error_errno(err, -ENOMEM, "open trace");
	truth->bytes = bytes;
	info->kind = TRACE_COUNTS;
	info->page_bytes = PAGE_BYTES;
	*ret_state = truth;
	return 0;
}

static void truth_close(void *state)
{
	free(state);
}

const struct trace_format trace_format_truth = { "truth", truth_open, truth_next, truth_close };
