/* SPDX-License-Identifier: MIT */
/* What topology.c, topology-kind.c and their tests share. */
#ifndef HOST_TOPOLOGY_INTERNAL_H
#define HOST_TOPOLOGY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"

/* One reading of one machine. */
struct topology_reader {
	int root;
	struct machine *machine;
	struct mpol_error *err;
};

/*
 * Says which file could not be read (code: negative errno) or is not what the
 * kernel writes (-EBADMSG, with what is wrong as cause, else NULL).  Returns code.
 */
int topology_error(struct mpol_error *err, int code, const char *cause, const char *path, ...)
	__attribute__((format(printf, 4, 5)));

/* Sets the kind of nodes whose memory's attachment states it (topology.h). */
int topology_read_kinds(struct topology_reader *reader);

/*
 * The parsers of file contents.  text is terminated; each returns 0 or
 * -EBADMSG and leaves its results alone on failure.
 */

/* nodeN/distance: exactly nr numbers of 1 to 255. */
int topology_parse_distances(const char *text, int nr, uint8_t *ret_distances);

/* nodeN/meminfo of node: "Node N MemTotal: K kB" and "MemFree". */
int topology_parse_meminfo(const char *text, int node, uint64_t *ret_total_bytes,
			   uint64_t *ret_free_bytes);

/* nodeN/cpulist: CPU numbers in list form, ascending.  Returns the length without newline. */
int topology_parse_cpulist(const char *text, size_t *ret_length);

/* The number that ends a name such as "node12" after prefix, at most max; false: another name. */
bool topology_parse_name(const char *name, const char *prefix, uint64_t max, uint64_t *ret);

/* What the path of a DAX device's directory says about its memory. */
enum mpol_memory_kind topology_dax_kind(const char *path);

#endif
