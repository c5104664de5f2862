/* SPDX-License-Identifier: MIT */
/* The manager's state: of manager.c, manager-hints.c, manager-huge.c, manager-nodes.c and
 * manager-pressure.c, which work on it, and manager-status.c, which tells of it. */
#ifndef DAEMON_MANAGER_INTERNAL_H
#define DAEMON_MANAGER_INTERNAL_H

#include "kernel-tiering.h"
#include "manager.h"
#include "move-batch.h"
#include "tier-nodes.h"

/* Rounds that are remembered. */
#define MANAGER_DECISIONS 128

/* CPU time of ours, by what it was for; and of targets, about, that they lose by being looked at.
 */
struct manager_cpu {
	uint64_t looking_ns, deciding_ns, moving_ns, targets_ns;
};

struct manager {
	struct manager_config config; /* its tracker is the one in use */
	char tracker_reason[640];
	int root;
	struct tier_nodes *nodes;
	struct tiering tiering;
	struct roster roster;
	struct kernel_tiering kernel_tiering;
	uint64_t refreshed_ns;	/* when the roster was last */
	uint64_t watermarks_ns; /* when the nodes' were last asked for */
	bool nodes_are_new;	/* memory had come or gone then */
	bool nodes_failed;	/* to be read anew then, which was said */
	struct manager_watch watches[MANAGER_WATCHES];
	unsigned nr_watches;
	bool is_paused;
	char pause_reason[256];
	bool pressed;	      /* the machine has too little memory (policy/pressure.h) */
	uint64_t pressure_ns; /* when that was asked for */
	bool has_no_psi;      /* which was said */
	struct move_batch *batch;
	struct move_counts counts;		      /* of all that was ever moved */
	uint64_t moved_before_pages, calls_before_ns; /* of counts, at the last decision */
	uint64_t began_ns;
	uint64_t decided_pages[2]; /* by port_reason, in this round */
	struct manager_cpu cpu;
	uint64_t paced_ns;	   /* of cpu, looking and deciding that decisions know of */
	uint32_t accessed_bit_ns;  /* what it costs that one is cleared (accessed-bit.h) */
	uint64_t move_page_ns;	   /* 0: nothing was moved yet */
	uint64_t split_huge_pages; /* so far */
	uint64_t rounds;
	struct ctl_decision decisions[MANAGER_DECISIONS]; /* by round % MANAGER_DECISIONS */
};

/* CPU time of the whole process. */
uint64_t manager_cpu_ns(void);

/* Does TIERING_CLEAR, _SCAN and _PEEK with all processes, and says so.  Processes that fail go. */
void manager_clear(struct manager *manager);
void manager_scan(struct manager *manager);
void manager_peek(struct manager *manager);

/* Remembers the round that has just been decided. */
void manager_note_decision(struct manager *manager, uint64_t moved_pages);

/* What mpold needs for itself, libbpf's copy of the kernel's types first of all, is not taken from
 * the memory that it manages for others. */
void manager_leave_fast_memory(const struct manager *manager);

/* Where it is time, asks for the nodes' watermarks, and follows nodes that have come or gone: then
 * tiering begins anew. */
void manager_refresh_nodes(struct manager *manager, uint64_t now_ns);

/* Asks how much memory the machine and all processes' cgroups are short of, and says what changes.
 */
void manager_ask_pressure(struct manager *manager);

/* Whether what is said of huge pages can be done here.  Errors: of huge_split_try. */
int manager_check_huge_pages(const struct manager *manager, enum huge_say say,
			     struct mpol_error *err);

/* Splits what the last round shows to be worth it, of the processes that are said to be split. */
void manager_split_huge_pages(struct manager *manager);

/* Of a process that was looked at: once for each reason that follows another. */
void manager_say_hints_refused(struct roster_process *process);

#endif
