/* SPDX-License-Identifier: MIT */
/*
 * Machines as hwloc describes them: the XML that lstopo(1) writes on any machine.
 *
 * hwloc 2.9's importer refuses what is not XML but crashes on some XML that
 * lstopo would not write (a few bytes cut out suffice).  Use it on files from
 * lstopo, never on a stranger's.
 */
#ifndef MACHINE_MACHINE_HWLOC_H
#define MACHINE_MACHINE_HWLOC_H

#include <stddef.h>

#include "machine.h"

/*
 * Reads length bytes of XML into *ret_machine, not judged yet; name stands for
 * the file in errors.
 *
 * XML knows less than /sys: free memory, the kernel's tiers and weights and
 * the write policy of caches are not in it.  hwloc gives a node without CPUs
 * those that are nearest to it; here each CPU belongs to the node with the
 * smallest such set, the lowest number among equals.
 *
 * Returns 0, or with err filled in:
 *   -EBADMSG  not XML of hwloc
 *   -EINVAL   no memory node in it, or node numbers that cannot be
 *   -ENOMEM
 */
int machine_from_hwloc_xml_text(const char *name, const char *text, size_t length,
				struct machine **ret_machine, struct mpol_error *err);

#endif
