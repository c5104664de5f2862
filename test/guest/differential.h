/* SPDX-License-Identifier: MIT */
/*
 * The differential test: random arguments (differential-args.c) are given to
 * three processes that are alike (differential-twin.c), to each in another
 * way, and test-differential.c compares what became of them.
 *
 *   raw     makes the system calls itself
 *   own     makes libmpol's calls for one's own policy
 *   remote  is changed and read from outside, by libmpol's mpol_process_*
 *
 * All are forked from one parent, so every address means the same in each.
 */
#ifndef TEST_DIFFERENTIAL_H
#define TEST_DIFFERENTIAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <mpol/mpol.h>

#define PAGE_BYTES   4096UL
#define WORD_BITS    64UL
#define REGION_PAGES 24
/* Bit n: page n of the region is so. */
#define REGION_HOLES	 (3U << 5 | 1U << 12 | 7U << 19)
#define REGION_READ_ONLY (3U << 8)
#define MAX_THREADS	 2
#define MAX_RANGES	 300
#define MASK_AREA_BYTES	 (2 * PAGE_BYTES) /* readable and writable, then nothing */
#define MAX_SIZE	 512UL		  /* of struct mpol_args, as given */

/* Not yet in glibc 2.36. */
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

/* What the tests need to know of the machine. */
struct machine_facts {
	int nr_node_ids; /* highest possible node + 1 */
	unsigned long memory[MPOL_NODE_WORDS];
	bool has_weights; /* weighted interleave, Linux 6.9 */
	uint8_t weights[MPOL_NODES_MAX];
};

enum operation {
	SET_THREAD, /* set_mempolicy */
	SET_RANGES, /* mbind, set_mempolicy_home_node */
	GET_THREAD,
	GET_RANGE,
	OPERATIONS,
};

/* One set of arguments.  Pointers in args are to the areas below, or NULL. */
struct argument_set {
	enum operation operation;
	struct mpol_args args; /* error: NULL or not, each caller has its own */
	size_t size;	       /* given beside args */
	bool tail;	       /* a byte beyond struct mpol_args is not zero */
	struct iovec ranges[MAX_RANGES];
	size_t nr_ranges;
	uint64_t addr;	    /* GET_RANGE */
	bool self_as_other; /* the own process is named by a pidfd where that is possible */
	int touch_page;	    /* of the region: written to beforehand; -1: none */
};

/* The same addresses in all processes.  Each area ends where nothing can be read or written. */
struct areas {
	char *region;		  /* REGION_PAGES pages, some of them not mapped */
	unsigned long *nodes_in;  /* shared by all */
	unsigned long *nodes_out; /* private to each process, as is the rest */
	unsigned long *allowed_out;
	uint8_t *weights_in, *weights_out;
};

/* The state of a policy as the kernel tells the process itself. */
struct raw_policy {
	int result; /* 0 or -errno */
	int mode;   /* with flags */
	unsigned long nodes[MPOL_NODE_WORDS];
};

struct raw_thread {
	struct raw_policy policy;
	unsigned long allowed[MPOL_NODE_WORDS];
	int next; /* node of an interleave policy, or -1 */
};

struct raw_state {
	struct raw_thread threads[MAX_THREADS];
	struct raw_policy pages[REGION_PAGES];
};

/* What a get call should answer. */
struct expected_get {
	int result;
	struct raw_policy policy, other; /* the one or the other */
	/*
	 * A relative policy seen from outside: nodes of these, if not NULL.  What the policy has
	 * beyond the words that hold nr_node_ids, the kernel folds in, but never tells.
	 */
	const unsigned long *within;
	const unsigned long *allowed;
	int next, other_next; /* the one or the other */
	int vma_node;
};

/* ---- differential-args.c ---- */

/* A stream of random numbers; the state is its seed. */
uint64_t random_next(uint64_t *state);
unsigned int random_below(uint64_t *state, unsigned int n);

void random_argument_set(uint64_t *state, const struct machine_facts *facts,
			 const struct areas *areas, struct argument_set *ret);
void print_argument_set(const struct argument_set *set, const struct areas *areas);

/* The caller's struct of set->size bytes.  error: the caller's own. */
struct mpol_args *build_args(const struct argument_set *set, struct mpol_error *error,
			     unsigned char buffer[MAX_SIZE]);

/* ---- differential-rules.c ---- */

/* Bytes that lie between address and the end of the area that it is in, 0 outside. */
size_t area_room(const void *area, const void *address);

/* The size rule: 0, -EINVAL or -E2BIG. */
int judge_size(const struct argument_set *set);

/* What the kernel shows from outside for what it tells from inside: effective nodes. */
struct raw_policy effective_policy(const struct machine_facts *facts, const struct raw_policy *raw,
				   const unsigned long *allowed);

/* What a get call must answer about its masks: 0, -EINVAL or -EFAULT. */
int judge_masks_room(const struct argument_set *set, const struct machine_facts *facts);
int judge_masks_writable(const struct argument_set *set, const struct areas *areas);

/*
 * Compares the answer of a get call, which had args before and has result now, and the areas.
 * NULL, or the name of what differs.
 */
void prepare_get(const struct areas *areas);
const char *check_get(const struct argument_set *set, const struct areas *areas, int r,
		      const struct mpol_args *result, const struct expected_get *expected);

/* ---- differential-twin.c ---- */

enum twin_kind { TWIN_RAW, TWIN_OWN, TWIN_REMOTE, TWINS };

struct twin;

/* Memory that is shared with the twins. */
struct shared {
	struct argument_set set;
	struct machine_facts facts;
	struct areas areas;
	bool by_thread;	   /* only the last thread is meant */
	size_t nr_threads; /* of each twin */
	struct twin_board {
		pid_t pid;
		atomic_uint asked[MAX_THREADS], answered[MAX_THREADS];
		pid_t tids[MAX_THREADS];
		int results[MAX_THREADS]; /* of the operation */
		char difference[128];	  /* a get call's answer and what it should be; "" */
		int vma_node;		  /* GET_RANGE: as the kernel tells */
		struct raw_state state;
	} boards[TWINS];
};

/* Forks a twin with shared->nr_threads threads; it dies with its parent. */
bool twin_start(struct shared *shared, enum twin_kind kind);

/* Kills it.  False if it had ended before. */
bool twin_stop(struct shared *shared, enum twin_kind kind);

/*
 * Has the twin touch the page, do the operation in its way (remote: nothing) and
 * read its state.  The first returns at once, the second when it is done;
 * false if the twin ends, or takes more than a minute.
 */
void twin_ask(struct shared *shared, enum twin_kind kind);
bool twin_wait(struct shared *shared, enum twin_kind kind);

#endif
