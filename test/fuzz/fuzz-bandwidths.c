/* SPDX-License-Identifier: MIT */
/* Any bytes as a file of measured bandwidths: refused, or the same again after it was written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bandwidths-record.h"
#include "cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bandwidths_record record = { 0 }, again = { 0 };
	_cleanup_free_ char *text = NULL;
	int r = bandwidths_record_parse((const char *)data, size, &record);

	if (r < 0)
		return r == -EBADMSG ? 0 : (abort(), 0);
	text = bandwidths_record_format(&record);
	if (!text || bandwidths_record_parse(text, strlen(text), &again) < 0 ||
	    again.nr != record.nr || strcmp(again.identity, record.identity) != 0 ||
	    memcmp(again.each, record.each, record.nr * sizeof(*record.each)) != 0)
		abort();
	bandwidths_record_free(&record);
	bandwidths_record_free(&again);
	return 0;
}
