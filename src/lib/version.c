/* SPDX-License-Identifier: MIT */
/* Names and the version: the public calls that need nothing else. */
#include <mpol/mpol.h>

const char *mpol_version(void)
{
	return MPOL_VERSION;
}

const char *mpol_memory_kind_name(enum mpol_memory_kind kind)
{
	static const char *const names[] = {
		[MPOL_MEMORY_UNKNOWN] = "unknown", [MPOL_MEMORY_DRAM] = "dram",
		[MPOL_MEMORY_HBM] = "hbm",	   [MPOL_MEMORY_CXL] = "cxl",
		[MPOL_MEMORY_PMEM] = "pmem",
	};

	if ((unsigned int)kind >= sizeof(names) / sizeof(names[0]))
		return "unknown";
	return names[kind];
}
