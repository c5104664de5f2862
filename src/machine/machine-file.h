/* SPDX-License-Identifier: MIT */
/* Described machines in files, whatever their form. */
#ifndef MACHINE_MACHINE_FILE_H
#define MACHINE_MACHINE_FILE_H

#include "machine.h"

/* Longer files are refused: lstopo writes some 10 MiB for a thousand CPUs with their devices. */
#define MACHINE_FILE_MAX_BYTES (64U << 20)

/*
 * Reads the machine that machine-profile.h knows by that name; if there is
 * none, what the file of that name describes.  (So a file called as a machine
 * is must be given with its folder.)
 *
 * The description in a file is hwloc XML if its first character is "<", else
 * YAML (mpol-machine(5)).  The machine comes back judged, with tiers.
 *
 * Returns 0, or with err filled in: -ENOENT (neither is there), -EFBIG (longer than
 * MACHINE_FILE_MAX_BYTES), what opening and reading the file gave, or what machine-hwloc.h and
 * machine-yaml.h name.
 */
int machine_from_file(const char *path_or_name, struct machine **ret_machine,
		      struct mpol_error *err);

#endif
