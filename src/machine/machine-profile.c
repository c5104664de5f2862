/* SPDX-License-Identifier: MIT */
/* Machines known by name: see machine-profile.h. */
#include "machine-profile.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *name, const void *profile)
{
	return strcmp(name, ((const struct machine_profile *)profile)->name);
}

const struct machine_profile *machine_profile_find(const char *name)
{
	return bsearch(name, machine_profiles, machine_nr_profiles, sizeof(*machine_profiles),
		       by_name);
}
