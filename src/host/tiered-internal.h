/* SPDX-License-Identifier: MIT */
/* What is known of a process's pages: of tiered.c, which finds it out,
 * tiered-scan.c, tiered-tracker.c, tiered-shared.c and tiered-split.c. */
#ifndef HOST_TIERED_INTERNAL_H
#define HOST_TIERED_INTERNAL_H

#include <assert.h>

#include "census.h"
#include "hint-ranges.h"
#include "huge-pages.h"
#include "numa-maps.h"
#include "tiered.h"

#define BLOCK_PAGES 512
#define BLOCK_BYTES (BLOCK_PAGES * PAGE_BYTES)

/* A place: the position of its node among the nodes seen so far, from 1 on, or this. */
#define NO_PLACE   0
#define MOST_NODES 255

/* Beside the score, of a page for as long as it is there: it is shared, and another mapping's, or
 * nobody's, to go on with (tiered_join_shared); it could not be moved when that was last tried; it
 * is not tried any more. */
#define SEEN_SCORE	 0x1fU
#define SEEN_ELSEWHERE	 0x20U
#define SEEN_STAYED	 0x40U
#define SEEN_NEVER_MOVE	 0x80U
#define SEEN_KEEPS_PLACE (SEEN_ELSEWHERE | SEEN_NEVER_MOVE)

static_assert(PORT_MAX_SCANS <= SEEN_SCORE, "a score leaves room for what is known of moves");

/* 2 MiB of addresses, aligned; of a huge page only the first of each array counts. */
struct block {
	uint64_t first_page;
	bool huge, was_huge; /* now, and before the last census of all */
	uint8_t nr_splits;   /* attempts (policy/huge-pages.h) */
	uint16_t nr_pages;   /* by the last census: what has gone since counts, too */
	uint8_t places[BLOCK_PAGES];
	uint8_t seen[BLOCK_PAGES];
	struct ranking_unit units[BLOCK_PAGES];
};

static_assert(sizeof(struct block) + sizeof(struct block *) <= BLOCK_BYTES / 1000,
	      "what is known of memory takes at most a thousandth of it");

struct tiered {
	int root; /* the caller's */
	pid_t pid;
	struct move_batch_process process; /* by a thread that has its memory, as all else is */
	/* Where the names and numbers of files mean what they do (inodes of /proc/PID/ns), as it
	 * began. */
	uint64_t mount_namespace, ipc_namespace;
	struct nodemask memory;	 /* nodes that pages may be moved between */
	struct nodemask allowed; /* by its cpuset, as of the last clear */
	bool splits;		 /* huge pages, where it is worth it (tiered_split) */
	struct tracker *tracker;
	const struct tracker_kind *general; /* what it is, unless KVM guests ask for another */
	struct census *census;
	/* NULL: there are none.  Its own are those of its table, as of the last clear. */
	struct hint_ranges *others_hints, *own_hints;
	const char *hints_refused;
	struct block **blocks; /* by address */
	size_t nr_blocks, nr_allocated;
	int16_t nodes[MOST_NODES + 1]; /* by place: its node, and -1 for NO_PLACE */
	int nr_nodes;
	/* Its ranges, as of the last census; for so many rounds more they will do if they stay. */
	struct vma_table table;
	const struct vma *hint_table; /* of these, its table of hints; NULL: it has none */
	uint64_t ranges_hash;
	uint64_t locked_kib; /* as of the last clear */
	unsigned fresh_rounds;
};

/* The first block that ends behind the page; nr_blocks: there is none. */
size_t tiered_find_block(const struct tiered *tiered, uint64_t page);

/* Whether others may have the range's pages, too (tiered_join_shared). */
bool tiered_is_shared(const struct vma *vma);

/* Whether the range's pages stay where they are. */
bool tiered_leaves_alone(const struct tiered *tiered, const struct vma *vma);

/* The place of a node, which is a new one perhaps; NO_PLACE: there are too many. */
uint8_t tiered_place_of(struct tiered *tiered, int node);

/* Of a unit: who is not the process itself goes before it.  *until: addresses from there on may
 * have another. */
enum port_hint tiered_hint_of(const struct tiered *tiered, uint64_t start, uint64_t end,
			      uint64_t *until);

/* What it says of its own memory.  A table that is being written says what it said before. */
void tiered_read_own_hints(struct tiered *tiered);

/* Asks again whether it runs KVM guests, and takes the tracker that is to be taken then; the next
 * step must be to clear.  Errors: of tiered_use, where the one it has sees nothing of guests. */
int tiered_renew_tracker(struct tiered *tiered);

/* Whether the block is a huge page that is to come apart before it may move. */
bool tiered_is_to_be_split(const struct tiered *tiered, const struct block *block);

#endif
