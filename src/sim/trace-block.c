/* SPDX-License-Identifier: MIT */
/*
 * Records as bytes and back.  Each is one byte that tells which numbers follow,
 * then these, as varints: time and page as differences from the record before.
 * A record has one form only: a reader that accepts bytes would write the same.
 */
#include "trace-block.h"

#define HAS_TIME     0x04u /* differs from the one before */
#define HAS_PAGE     0x08u
#define HAS_NR_PAGES 0x10u /* not 1 */
#define HAS_COUNT    0x20u /* not 1 */
#define HAS_THREAD   0x40u /* differs from the one before */
#define KNOWN_BITS   0x7fu

const char *trace_record_fault(const struct trace_record *record, enum trace_kind kind)
{
	if (record->flags & ~(TRACE_WRITE | TRACE_MARK))
		return "unknown flags";
	if (!record->nr_pages || !record->count)
		return "nothing is counted";
	if (record->page + (record->nr_pages - 1) < record->page)
		return "pages beyond 2^64";
	if (!(record->flags & TRACE_MARK))
		return NULL;
	if (kind != TRACE_COUNTS)
		return "the mark of an interval among accesses";
	if (record->flags != TRACE_MARK || record->page || record->thread ||
	    record->nr_pages != 1 || record->count != 1)
		return "the mark of an interval with more than its time";
	return NULL;
}

const char *trace_header_fault(uint32_t kind, uint32_t page_bytes, size_t origin_bytes)
{
	if (kind != TRACE_ACCESSES && kind != TRACE_COUNTS)
		return "neither accesses nor counts";
	if (page_bytes && (page_bytes < 512 || page_bytes & (page_bytes - 1)))
		return "no such page size";
	if (origin_bytes > TRACE_ORIGIN_MAX_BYTES)
		return "the text of origin is too long";
	return NULL;
}

static unsigned char *put_varint(unsigned char *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = value | 0x80;
		value >>= 7;
	}
	*at++ = value;
	return at;
}

/* Small differences, of either sign, as small numbers. */
static uint64_t zigzag(uint64_t difference)
{
	return difference << 1 ^ -(difference >> 63);
}

static uint64_t unzigzag(uint64_t number)
{
	return number >> 1 ^ -(number & 1);
}

size_t trace_record_encode(const struct trace_record *record, const struct trace_record *previous,
			   unsigned char *bytes)
{
	unsigned int has = record->flags;
	unsigned char *at = bytes + 1;

	if (record->time_ns != previous->time_ns) {
		has |= HAS_TIME;
		at = put_varint(at, zigzag(record->time_ns - previous->time_ns));
	}
	if (record->page != previous->page) {
		has |= HAS_PAGE;
		at = put_varint(at, zigzag(record->page - previous->page));
	}
	if (record->nr_pages != 1) {
		has |= HAS_NR_PAGES;
		at = put_varint(at, record->nr_pages);
	}
	if (record->count != 1) {
		has |= HAS_COUNT;
		at = put_varint(at, record->count);
	}
	if (record->thread != previous->thread) {
		has |= HAS_THREAD;
		at = put_varint(at, record->thread);
	}
	bytes[0] = has;
	return at - bytes;
}

struct cursor {
	const unsigned char *at, *end;
	const char *fault;
};

static uint64_t get_varint(struct cursor *cursor)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
		const unsigned char byte = *cursor->at++;

		if ((shift == 63 && byte > 1) || (shift && !byte))
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	cursor->fault = "no number where one must be";
	return 0;
}

static void decode(struct cursor *cursor, struct trace_record *record,
		   const struct trace_record *previous)
{
	const unsigned char has = *cursor->at++;
	uint64_t thread = previous->thread;

	if (has & ~KNOWN_BITS)
		cursor->fault = "unknown flags";
	*record = *previous;
	record->flags = has & (TRACE_WRITE | TRACE_MARK);
	if (has & HAS_TIME)
		record->time_ns += unzigzag(get_varint(cursor));
	if (has & HAS_PAGE)
		record->page += unzigzag(get_varint(cursor));
	record->nr_pages = has & HAS_NR_PAGES ? get_varint(cursor) : 1;
	record->count = has & HAS_COUNT ? get_varint(cursor) : 1;
	if (has & HAS_THREAD)
		thread = get_varint(cursor);
	if (thread > UINT32_MAX)
		cursor->fault = "no such thread";
	record->thread = thread;
	if ((has & HAS_TIME && record->time_ns == previous->time_ns) ||
	    (has & HAS_PAGE && record->page == previous->page) ||
	    (has & HAS_NR_PAGES && record->nr_pages == 1) ||
	    (has & HAS_COUNT && record->count == 1) ||
	    (has & HAS_THREAD && thread == previous->thread))
		cursor->fault = cursor->fault ?: "a number that must be left out";
}

const char *trace_payload_decode(const unsigned char *payload, size_t length, enum trace_kind kind,
				 struct trace_record *records, size_t nr, size_t *ret_offset)
{
	struct cursor cursor = { payload, payload + length, NULL };
	const struct trace_record first = { 0 };

	for (size_t i = 0; i < nr; i++) {
		const unsigned char *start = cursor.at;

		if (cursor.at == cursor.end)
			cursor.fault = "fewer records than announced";
		else
			decode(&cursor, &records[i], i ? &records[i - 1] : &first);
		if (!cursor.fault)
			cursor.fault = trace_record_fault(&records[i], kind);
		if (cursor.fault) {
			*ret_offset = start - payload;
			return cursor.fault;
		}
	}
	if (cursor.at == cursor.end)
		return NULL;
	*ret_offset = cursor.at - payload;
	return "more bytes than records";
}
