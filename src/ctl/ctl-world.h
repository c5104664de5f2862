/* SPDX-License-Identifier: MIT */
/*
 * What requests are about: a daemon's state as plain values, and what may be asked of it.  The
 * table of requests (requests.h) speaks to this; the daemon implements it, and so do tests.
 *
 * Times are ns: of CLOCK_MONOTONIC, or durations where they say so; pages are base pages.
 */
#ifndef CTL_CTL_WORLD_H
#define CTL_CTL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#define CTL_MAX_TIERS  16
#define CTL_MAX_NODES  64
#define CTL_MAX_SCANS  16
#define CTL_MAX_ERRNOS 134
#define CTL_MAX_FLOWS  64

struct ctl_node {
	int id, tier;
	uint64_t capacity_bytes, free_bytes, reserve_bytes;
	uint32_t latency_ns;
};

/* Pages that went from one node to another; -1: all others. */
struct ctl_flow {
	int from, to;
	bool promotes;
	uint64_t tried_pages, moved_pages, failed_pages;
};

struct ctl_moves {
	uint64_t tried_pages, moved_pages;
	uint64_t failed_pages[CTL_MAX_ERRNOS]; /* by errno */
	uint64_t calls, longest_call_ns, all_calls_ns;
	struct ctl_flow flows[CTL_MAX_FLOWS];
	unsigned nr_flows;
};

/* Whether huge pages may be split: mpold(8), HUGE PAGES. */
enum ctl_huge { CTL_HUGE_UNSAID, CTL_HUGE_WHOLE, CTL_HUGE_SPLIT };

/* What the daemon is and has done.  Texts are the world's, until it does something else. */
struct ctl_status {
	const char *version;
	pid_t pid;
	uint64_t running_ns; /* since it began */
	const char *tracker, *tracker_summary, *tracker_reason;
	const char *rule, *rule_summary; /* who is hot enough */
	bool is_paused, is_dry_run;
	bool is_pressed;	  /* memory is short: nothing is promoted */
	const char *pause_reason; /* "": not paused, or nobody said why */
	uint64_t budget_ppm, bytes_per_s, least_period_ns;
	struct ctl_node nodes[CTL_MAX_NODES];
	unsigned nr_nodes;
	uint64_t nr_targets, nr_processes;
	uint64_t pages, seen_pages, state_bytes; /* of all processes */
	enum ctl_huge huge_pages;		 /* where a target says nothing */
	uint64_t whole_huge_pages;		 /* of all processes */
	uint64_t kept_huge_pages;		 /* of these, not split any more */
	uint64_t split_huge_pages;		 /* so far */
	uint64_t rounds;
	uint64_t scans_ns[CTL_MAX_SCANS]; /* of the present round, from its clear */
	unsigned nr_scans;
	uint64_t looking_cpu_ns, deciding_cpu_ns, moving_cpu_ns, all_cpu_ns;
	uint64_t targets_cpu_ns; /* that looking has cost them, about */
	struct ctl_moves moves;
};

/* On whose behalf something is asked. */
struct ctl_caller {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	bool manages; /* may everything; else what concerns his own processes */
};

struct ctl_process {
	pid_t pid;
	uint64_t pages, seen_pages, state_bytes;
	uint64_t huge_pages; /* transparent ones, in these pages */
	const char *tracker; /* its name; not that of all others where it runs KVM guests */
};

/* Whom to manage, and how. */
struct ctl_wanted {
	pid_t pid; /* 0: the selector says */
	struct mpol_selector selector;
	enum ctl_huge huge_pages;
};

/* A request to manage a process or those that a selector means. */
struct ctl_target {
	uint32_t id;
	pid_t pid; /* 0: the selector says */
	const struct mpol_selector *selector;
	bool is_confined; /* to processes that the user could ptrace */
	uid_t uid;
	enum ctl_huge huge_pages;
	const struct ctl_process *processes;
	size_t nr_processes;
};

/* Where the ranking of a tier drew its edges. */
struct ctl_edges {
	int tier;
	unsigned promote_heat, demote_heat; /* hotter goes up, colder down */
	unsigned caution;		    /* heats */
};

struct ctl_decision {
	uint64_t round;
	uint64_t when_ns;
	uint64_t when_s; /* the same since the epoch */
	uint64_t promote_pages, demote_pages, moved_pages;
	bool is_dry_run;
	struct ctl_edges edges[CTL_MAX_TIERS];
	unsigned nr_edges;
};

/* What is said of a range of addresses: mpold(8), HINTS. */
enum ctl_hint { CTL_HINT_NONE, CTL_HINT_HOT, CTL_HINT_COLD, CTL_HINT_PINNED };

struct ctl_hinted_range {
	pid_t pid;
	uint64_t start, end;
	enum ctl_hint hint; /* CTL_HINT_NONE takes hints back */
};

/* user is handed back.  Errors are told by err (base/error.h). */
struct ctl_world {
	void *user;
	void (*status)(void *user, struct ctl_status *ret);
	/* Calls tell for each target that the caller may see, in order of id. */
	void (*targets)(void *user, const struct ctl_caller *caller,
			void (*tell)(const struct ctl_target *target, void *to), void *to);
	/* Texts of the selector are copied.  *ret_id: the target's.  Errors: -EEXIST, -EDQUOT,
	 * -EPERM, -ESRCH, -EINVAL, -EOPNOTSUPP, ... */
	int (*add)(void *user, const struct ctl_caller *caller, const struct ctl_wanted *wanted,
		   uint32_t *ret_id, struct mpol_error *err);
	/* Errors: -ENOENT: none of that id, or none of the caller's. */
	int (*remove)(void *user, const struct ctl_caller *caller, uint32_t id,
		      struct mpol_error *err);
	/* Errors: -ESRCH (it is not managed), -EINVAL (not whole pages), -ENOSPC, -ENOMEM. */
	int (*hint)(void *user, const struct ctl_hinted_range *range, struct mpol_error *err);
	void (*pause)(void *user, const char *reason);
	void (*resume)(void *user);
	/* The last rounds, the oldest first. */
	void (*decisions)(void *user, void (*tell)(const struct ctl_decision *decision, void *to),
			  void *to);
};

#endif
