/* SPDX-License-Identifier: MIT */
/* The bytes of our own traces (mpol-trace(5)): numbers, and records in the payload of a block. */
#ifndef SIM_TRACE_BLOCK_H
#define SIM_TRACE_BLOCK_H

#include "trace.h"

#define TRACE_MAGIC	  "\x89mpoltr\n"
#define TRACE_MAGIC_BYTES 8u
#define TRACE_VERSION	  1u

/* The header up to the text of origin: magic, version, kind, page_bytes, length of the text. */
#define TRACE_HEADER_BYTES 24u

/* A block up to its payload: tag, number of records, bytes of the payload, of it compressed. */
#define TRACE_BLOCK_BYTES 16u
#define TRACE_BLOCK_TAG	  0x4b4c4254u /* "TBLK" */

/* The end: tag, 0, number of blocks, of records. */
#define TRACE_END_BYTES 24u
#define TRACE_END_TAG	0x444e4554u /* "TEND" */

#define TRACE_CHECKSUM_BYTES 4u

#define TRACE_BLOCK_RECORDS_MAX 16384u

/* Flags, and five numbers of 64 bits at 7 bits a byte: more than any record has. */
#define TRACE_RECORD_MAX_BYTES	51u
#define TRACE_PAYLOAD_MAX_BYTES (1u << 20)

_Static_assert(TRACE_BLOCK_RECORDS_MAX *TRACE_RECORD_MAX_BYTES <= TRACE_PAYLOAD_MAX_BYTES,
	       "a full block must fit");

/* Little-endian, at any address. */
static inline void trace_put_u32(unsigned char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = value >> (8 * i);
}

static inline void trace_put_u64(unsigned char *at, uint64_t value)
{
	trace_put_u32(at, value);
	trace_put_u32(at + 4, value >> 32);
}

static inline uint32_t trace_get_u32(const unsigned char *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t trace_get_u64(const unsigned char *at)
{
	return trace_get_u32(at) | (uint64_t)trace_get_u32(at + 4) << 32;
}

/* NULL, or what trace.h does not allow in a record of a trace of this kind. */
const char *trace_record_fault(const struct trace_record *record, enum trace_kind kind);

/* The same of a header's numbers. */
const char *trace_header_fault(uint32_t kind, uint32_t page_bytes, size_t origin_bytes);

/*
 * The record behind previous (all 0 at the start of a block) as at most
 * TRACE_RECORD_MAX_BYTES.  Returns how many.
 */
size_t trace_record_encode(const struct trace_record *record, const struct trace_record *previous,
			   unsigned char *bytes);

/*
 * The reverse, for nr records that take all of the payload.  NULL, or what is
 * wrong; the content of records is then undefined, *ret_offset where in the payload.
 */
const char *trace_payload_decode(const unsigned char *payload, size_t length, enum trace_kind kind,
				 struct trace_record *records, size_t nr, size_t *ret_offset);

#endif
