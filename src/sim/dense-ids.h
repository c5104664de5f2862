/* SPDX-License-Identifier: MIT */
/*
 * From ids of any kind (the objects of a trace, page numbers of a sparse address
 * space) to indices 0, 1, 2, … in the order in which ids are first seen.
 */
#ifndef SIM_DENSE_IDS_H
#define SIM_DENSE_IDS_H

#include <stddef.h>
#include <stdint.h>

/* The most ids there may be. */
#define DENSE_IDS_MAX (1u << 31)

struct dense_slot {
	uint64_t id;
	uint32_t index; /* + 1; 0: free */
	uint32_t unused;
};

/* Zero-initialise; free it with dense_ids_free.  32 to 64 bytes an id. */
struct dense_ids {
	struct dense_slot *slots; /* 2^bits; at most half of them in use */
	unsigned int bits;
	uint32_t nr; /* ids seen so far */
};

/* Asks memory for what mapping these ids will need, and does not wait for it. */
void dense_ids_prefetch(const struct dense_ids *ids, const uint64_t *batch, size_t nr);

/*
 * The indices of nr ids; those not seen before get the next ones.  Returns 0;
 * -ENOMEM, -ERANGE (more than DENSE_IDS_MAX): nothing was mapped.
 */
int dense_ids_map(struct dense_ids *ids, const uint64_t *batch, size_t nr, uint32_t *ret_indices);

void dense_ids_free(struct dense_ids *ids);

#endif
