/* SPDX-License-Identifier: MIT */
/* Measured bandwidths as text, and back: a JSON document (mpol-weights(1), FILES). */
#ifndef LIB_BANDWIDTHS_RECORD_H
#define LIB_BANDWIDTHS_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "machine-identity.h"

struct bandwidths_record {
	char identity[MACHINE_IDENTITY_SIZE];
	int64_t time_s;		     /* since 1970 */
	struct mpol_bandwidth *each; /* owned */
	size_t nr;
};

/* Text to be freed with free(3); NULL: no memory. */
char *bandwidths_record_format(const struct bandwidths_record *record);

/*
 * Returns 0, -EBADMSG for what is no such document, -ENOMEM.  Numbers are within bounds
 * afterwards: nodes below MPOL_NODES_MAX, bandwidths up to BANDWIDTH_MAX_BYTES.
 * Free the record with bandwidths_record_free.
 */
int bandwidths_record_parse(const char *text, size_t length, struct bandwidths_record *ret_record);
void bandwidths_record_free(struct bandwidths_record *record);

#endif
