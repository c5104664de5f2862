/* SPDX-License-Identifier: MIT */
/* Any text: either refused with an error, or a policy that round-trips through its text. */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	struct policy_nodes nodes = { .online.bits = { 0x8f }, .memory.bits = { 0x87 } };
	struct mpol_policy policy, again;
	struct mpol_error err;
	char written[16384];

	if (!text)
		return 0;
	if (policy_parse(text, &nodes, &policy, &err) < 0) {
		if (!err.code || !err.cause[0])
			abort();
		return 0;
	}
	if (policy_format(&policy, written, sizeof(written)) >= sizeof(written))
		abort();
	if (policy_parse(written, &nodes, &again, &err) < 0 || !policy_equal(&policy, &again))
		abort();
	return 0;
}
