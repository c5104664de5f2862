/* SPDX-License-Identifier: MIT */
/* Measured bandwidths as text: see bandwidths-record.h. */
#include "bandwidths-record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "bandwidth.h"
#include "cleanup.h"

/* Each node of the largest machines towards some hundred others. */
#define MOST_ENTRIES 65536

char *bandwidths_record_format(const struct bandwidths_record *record)
{
	json_t *array = json_array();
	char *text;
	json_t *value;

	for (size_t i = 0; i < record->nr; i++) {
		const struct mpol_bandwidth *each = &record->each[i];

		json_array_append_new(array, json_pack("{s:i, s:i, s:I, s:I, s:I}", "initiator",
						       each->initiator, "target", each->target,
						       "read", (json_int_t)each->read_bytes,
						       "write", (json_int_t)each->write_bytes,
						       "mixed", (json_int_t)each->mixed_bytes));
	}
	value = json_pack("{s:s, s:I, s:o}", "machine", record->identity, "time",
			  (json_int_t)record->time_s, "bytes_per_second", array);
	text = value ? json_dumps(value, JSON_INDENT(1)) : NULL;
	json_decref(value);
	return text;
}

static bool is_bandwidth(json_int_t bytes)
{
	return bytes > 0 && (uint64_t)bytes <= BANDWIDTH_MAX_BYTES;
}

static int parse_each(json_t *value, struct mpol_bandwidth *ret)
{
	json_int_t initiator, target, read, write, mixed;

	if (json_unpack_ex(value, NULL, JSON_STRICT, "{s:I, s:I, s:I, s:I, s:I}", "initiator",
			   &initiator, "target", &target, "read", &read, "write", &write, "mixed",
			   &mixed) < 0 ||
	    initiator < 0 || initiator >= MPOL_NODES_MAX || target < -1 ||
	    target >= MPOL_NODES_MAX || !is_bandwidth(read) || !is_bandwidth(write) ||
	    !is_bandwidth(mixed))
		return -EBADMSG;
	*ret = (struct mpol_bandwidth) {
		.initiator = (int32_t)initiator,
		.target = (int32_t)target,
		.read_bytes = (uint64_t)read,
		.write_bytes = (uint64_t)write,
		.mixed_bytes = (uint64_t)mixed,
	};
	return 0;
}

int bandwidths_record_parse(const char *text, size_t length, struct bandwidths_record *ret_record)
{
	_cleanup_(bandwidths_record_free) struct bandwidths_record record = { 0 };
	json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	const char *identity;
	json_int_t time_s;
	json_t *array;
	int r = 0;

	if (!value ||
	    json_unpack_ex(value, NULL, JSON_STRICT, "{s:s, s:I, s:o}", "machine", &identity,
			   "time", &time_s, "bytes_per_second", &array) < 0 ||
	    strlen(identity) != MACHINE_IDENTITY_SIZE - 1 || !json_is_array(array) ||
	    json_array_size(array) > MOST_ENTRIES) {
		json_decref(value);
		return -EBADMSG;
	}
	strcpy(record.identity, identity);
	record.time_s = time_s;
	record.each = calloc(json_array_size(array) + 1, sizeof(*record.each));
	if (!record.each)
		r = -ENOMEM;
	for (; r == 0 && record.nr < json_array_size(array); record.nr++)
		r = parse_each(json_array_get(array, record.nr), &record.each[record.nr]);
	json_decref(value);
	if (r < 0)
		return r;
	*ret_record = record;
	record = (struct bandwidths_record) { 0 };
	return 0;
}

void bandwidths_record_free(struct bandwidths_record *record)
{
	free(record->each);
	*record = (struct bandwidths_record) { 0 };
}
