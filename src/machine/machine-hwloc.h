/* SPDX-License-Identifier: MIT */
/*
 * Machines as hwloc describes them: the XML that lstopo(1) writes on any machine.
 *
 * The reader is our own, over expat: hwloc's importer crashes on some XML that
 * lstopo would not write.  Anybody's XML may be read.
 */
#ifndef MACHINE_MACHINE_HWLOC_H
#define MACHINE_MACHINE_HWLOC_H

#include <stddef.h>

#include "machine.h"

/* Elements within elements: deeper is refused.  lstopo needs some 25, bridges within bridges. */
#define MACHINE_HWLOC_MAX_DEPTH 128

/*
 * Reads length bytes of XML, of hwloc's versions 2 and 3, into *ret_machine,
 * not judged yet; name stands for the file in errors.
 *
 * XML knows less than /sys: free memory, the kernel's tiers and weights and
 * the write policy of caches are not in it.  hwloc gives a node without CPUs
 * those that are nearest to it; here each CPU belongs to the node with the
 * smallest such set, the lowest number among equals.
 *
 * What is not about memory nodes is passed over, unless it is not XML.
 * Declarations, so entities, are not taken and nothing outside the text is read.
 *
 * Returns 0, or with err filled in (file and line in its object):
 *   -EBADMSG  not XML, or not of hwloc's form
 *   -EINVAL   no memory node in it, a node twice, or numbers that cannot be
 *   -ENOMEM
 */
int machine_from_hwloc_xml_text(const char *name, const char *text, size_t length,
				struct machine **ret_machine, struct mpol_error *err);

#endif
