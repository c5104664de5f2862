/* SPDX-License-Identifier: MIT */
/* Machines described in YAML, in the form of mpol-machine(5). */
#ifndef MACHINE_MACHINE_YAML_H
#define MACHINE_MACHINE_YAML_H

#include <stddef.h>

#include "machine.h"

/*
 * Reads the description in a file into *ret_machine, which the caller frees
 * with machine_free.  It has been checked to be complete and possible; whether
 * QEMU can be it is the lab's question.
 *
 * Returns 0, or with err filled in (file, line and key in its object):
 *   -EBADMSG  not YAML, an unknown or missing key, a value of the wrong form
 *   -EINVAL   an impossible machine: a node twice, no CPU, a distance of 9, …
 *   -E2BIG    longer than YAML_MAX_BYTES (yaml-load.h)
 *   -ENOMEM, or what opening and reading the file gave
 */
int machine_from_yaml(const char *path, struct machine **ret_machine, struct mpol_error *err);

/* The same from length bytes of text; name stands for the file in errors. */
int machine_from_yaml_text(const char *name, const char *text, size_t length,
			   struct machine **ret_machine, struct mpol_error *err);

#endif
