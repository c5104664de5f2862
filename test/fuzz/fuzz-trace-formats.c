/* SPDX-License-Identifier: MIT */
/* Any bytes as a trace in each format of others; the first byte says which. */
#include "trace-memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {
		"csv",
		"csv:time=2,id=3,size=1,write=4,page=4096,delimiter=;",
		"csv:id=1,text-ids=yes,header=yes",
		"ramulator",
		"truth",
		"oracle-general",
		NULL,
	};

	if (size)
		read_in_memory(data + 1, size - 1,
			       formats[data[0] % (sizeof(formats) / sizeof(*formats))]);
	return 0;
}
