/* SPDX-License-Identifier: MIT */
/*
 * Machines known by name: the real ones of machines/ and the lab's.  They are
 * part of the program, so that a name means the same machine wherever it runs.
 */
#ifndef MACHINE_MACHINE_PROFILE_H
#define MACHINE_MACHINE_PROFILE_H

#include <stddef.h>

struct machine_profile {
	const char *name;
	const char *yaml; /* mpol-machine(5) */
};

/* In ascending order of name. */
extern const struct machine_profile machine_profiles[];
extern const size_t machine_nr_profiles;

/* The machine of that name, or NULL. */
const struct machine_profile *machine_profile_find(const char *name);

#endif
