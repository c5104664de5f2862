/* SPDX-License-Identifier: MIT */
/*
 * The roster: which processes mpold manages, and at whose request.
 *
 * An entry is a request: a process, or a selector that may mean many, now and as they come.  A
 * process is managed as long as it lives and an entry holds it: the one that brought it, and any
 * other that has meant it since.  So what one has asked for stays when another takes back his own.
 * The next program that it runs is managed, too; hints about memory end with the old one.
 *
 * An entry goes when it is removed, when its process has ended, or the tree that it means.
 */
#ifndef DAEMON_ROSTER_H
#define DAEMON_ROSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "huge-pages.h"
#include "nodemask.h"
#include "tiered.h"

/* Most entries, in all and of one user who is not trusted with all; most processes of him. */
#define ROSTER_ENTRIES	      4096
#define ROSTER_USER_ENTRIES   64
#define ROSTER_USER_PROCESSES 256

/* On whose behalf: all processes, or those only that this user could ptrace (ptraceable.h). */
struct roster_owner {
	bool confined;
	uid_t uid;
	gid_t gid;
};

struct roster_request {
	pid_t pid;		       /* this process; 0: */
	struct mpol_selector selector; /* those that it means; its texts are copied */
	struct roster_owner owner;
	enum huge_say huge_pages;
};

struct roster_entry {
	uint32_t id; /* ascending, from 1, and never used again */
	struct roster_request request;
};

struct roster_process {
	uint32_t id; /* ascending, and never used again: what tiering calls a target */
	struct tiered *tiered;
	const char *hints_refused; /* as it was said (tiered_hints_refused) */
	int split_error;	   /* as it was said: a negative errno of tiered_split */
	bool is_lost;		   /* looks fail until it is begun with anew (roster_failed) */
	bool follows_guests;	   /* as it was said (tiered_follows_guests) */
	bool pressed;		   /* its cgroup has too little memory (policy/pressure.h) */
	struct roster_owner owner; /* who brought it */
	struct tiered_sums sums;   /* as of summed_ns (roster_sums) */
	uint64_t summed_ns;	   /* 0: never */
	uint32_t *holders;	   /* ids of entries */
	size_t nr_holders, nr_allocated;
};

/* Its arrays are in order of id, and only to be read by others. */
struct roster {
	int root;			    /* the caller's */
	const struct tracker_kind *tracker; /* for those that come */
	struct nodemask memory;
	struct roster_process *processes;
	size_t nr_processes, nr_processes_allocated;
	struct roster_entry *entries;
	size_t nr_entries, nr_entries_allocated;
	uint32_t last_process, last_entry; /* ids */
	/* Selected, but not to be managed: said once. */
	struct mpol_selected *refused;
	size_t nr_refused, nr_refused_allocated;
};

/* root: descriptor of "/"; memory: the nodes that pages may be moved between.  End it with
 * roster_end. */
void roster_start(struct roster *roster, int root, const struct tracker_kind *tracker,
		  const struct nodemask *memory);
void roster_end(struct roster *roster);

/*
 * Takes in whom the request means, and from now on who comes.  ret_id: NULL, or the entry's.
 * Errors: -EEXIST (there is such an entry), -EDQUOT (too many), -EPERM (the owner's rights),
 * -ESRCH (no such process or tree), -ENOMEM; of a process those of tiered_open; of a selector
 * those of mpol_select, but for whom is not there yet (-ESRCH, -ENOENT).
 */
int roster_add(struct roster *roster, const struct roster_request *request, uint32_t *ret_id,
	       struct mpol_error *err);

/* Removes an entry, and lets go the processes that nobody else holds.  Error: -ENOENT. */
int roster_remove(struct roster *roster, uint32_t id, struct mpol_error *err);

/* NULL: there is none. */
const struct roster_entry *roster_entry(const struct roster *roster, uint32_t id);

/* Memory has come or gone: pages may be moved between these nodes from now on. */
void roster_use_memory(struct roster *roster, const struct nodemask *memory);

/* Takes in those that have come, and lets go those that have ended; begins anew with those that are
 * lost.  Not to be called all the time: one may be lost again each time. */
void roster_refresh(struct roster *roster);

/* The process with this id, or else the next; NULL: there is none. */
struct roster_process *roster_find(const struct roster *roster, uint32_t id);

/* The process of that id of the kernel's; NULL: it is not managed. */
struct roster_process *roster_managed(const struct roster *roster, pid_t pid);

/* What those who hold the process say of its huge pages, together. */
enum huge_say roster_huge_pages(const struct roster *roster, const struct roster_process *process);

bool roster_holds(const struct roster_process *process, uint32_t entry);

/* What is known of the process's memory, as of half a second ago at worst: anybody may ask, and
 * each time it is a walk over all that is kept of pages. */
struct tiered_sums roster_sums(struct roster_process *process);

/* Says where another tracker has been taken for the process since, and why. */
void roster_say_tracker(struct roster_process *process);

/*
 * A look at the process at this place among processes has failed with r: it is let go, and the
 * reason said.  One that lives (-ESRCH: it has exec'd, or the thread has ended that was asked) is
 * lost but stays, with whatever holds it; the next roster_refresh begins anew with the memory that
 * it has then, unless that is not to be had: then the reason is said and it is let go.
 */
void roster_failed(struct roster *roster, size_t i, int r);

#endif
