/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a trace of our own, as they are and with checksums that hold; and as
 * a payload, which is refused or has the only form that its records have.
 */
#include <zlib.h>

#include "trace-block.h"
#include "trace-memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NR_MAX 256

static void check_payload(const uint8_t *data, size_t size)
{
	static struct trace_record records[NR_MAX];
	static unsigned char again[NR_MAX * TRACE_RECORD_MAX_BYTES];
	const struct trace_record first = { 0 };
	const size_t nr = size ? data[0] : 0;
	size_t length = 0, offset = 0;

	if (!nr)
		return;
	data++;
	size--;
	if (trace_payload_decode(data, size, TRACE_COUNTS, records, nr, &offset)) {
		if (offset > size)
			abort();
		return;
	}
	for (size_t i = 0; i < nr; i++)
		length += trace_record_encode(&records[i], i ? &records[i - 1] : &first,
					      again + length);
	if (length != size || memcmp(again, data, size) != 0)
		abort();
}

/* Corrects the checksum behind length bytes, if all of it is there. */
static bool correct(unsigned char *bytes, size_t size, size_t *at, size_t length,
		    uint32_t *checksum)
{
	if (size - *at < TRACE_CHECKSUM_BYTES || length > size - *at - TRACE_CHECKSUM_BYTES)
		return false;
	*checksum = crc32(*checksum, bytes + *at, length);
	trace_put_u32(bytes + *at + length, *checksum);
	*at += length + TRACE_CHECKSUM_BYTES;
	return true;
}

static void correct_checksums(unsigned char *bytes, size_t size)
{
	uint32_t checksum = 0;
	size_t at = 0;
	bool more = size >= TRACE_HEADER_BYTES &&
		    correct(bytes, size, &at,
			    (size_t)TRACE_HEADER_BYTES + trace_get_u32(bytes + 20), &checksum);

	while (more && size - at >= TRACE_BLOCK_BYTES) {
		const size_t length =
			trace_get_u32(bytes + at) == TRACE_END_TAG
				? TRACE_END_BYTES
				: (size_t)TRACE_BLOCK_BYTES + trace_get_u32(bytes + at + 12);

		more = correct(bytes, size, &at, length, &checksum);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *bytes = malloc(size + 1);

	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	read_in_memory(bytes, size, "mpol");
	correct_checksums(bytes, size);
	read_in_memory(bytes, size, "mpol");
	check_payload(data, size);
	free(bytes);
	return 0;
}
