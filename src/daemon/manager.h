/* SPDX-License-Identifier: MIT */
/*
 * The manager: mpold at work.  It owns the loop: when tiering (policy/tiering.h) says what is due,
 * the processes' pages are looked at, ranked together, and moved; in between whoever
 * watches a descriptor is served (manager_watch).  One thread does it all.
 *
 * Nothing that it does outlives it but where pages are: it stops no process, changes no
 * policy, and gives back what settings of the kernel it changes (kernel-tiering.h, some trackers),
 * so it may be killed at any moment.
 */
#ifndef DAEMON_MANAGER_H
#define DAEMON_MANAGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "hint-ranges.h"
#include "roster.h"
#include "tiering.h"
#include "tracker.h"
#include "ctl-world.h"

struct manager_config {
	struct tiering_config tiering;
	const struct tracker_kind *tracker; /* NULL: the best that works here */
	uint64_t call_ns;		    /* how long a call that moves pages may take, about */
	bool dry_run;			    /* nothing is moved */
	bool stays;			    /* even if no process is left, and none is to come */
	enum huge_say huge_pages;	    /* of processes of which no target says it */
	bool keeps_kernel_tiering;	    /* the kernel's own goes on (kernel-tiering.h) */
};

struct manager;

/*
 * For this machine.  Free it with manager_free.  Errors: of tier_nodes_read;
 * -ENODEV: it has one tier only; -EOPNOTSUPP: no tracker works here; -ENOMEM.
 */
int manager_new(const struct manager_config *config, struct manager **ret, struct mpol_error *err);
void manager_free(struct manager *manager);
DEFINE_CLEANUP(struct manager *, manager_free);

/*
 * Works by another configuration from now on.  What is known of pages stays, also where another
 * tracker is to be used; a process that it cannot be used on keeps its own.  Errors:
 * -EOPNOTSUPP, -ENOMEM, those of huge_split_try; then nothing is changed.
 */
int manager_reconfigure(struct manager *manager, const struct manager_config *config,
			struct mpol_error *err);

/* Manages processes, or no longer: roster_add and roster_remove.  Errors: theirs, and of huge pages
 * that are to be split those of huge_split_try. */
int manager_add(struct manager *manager, const struct roster_request *request, uint32_t *ret_id,
		struct mpol_error *err);
int manager_remove(struct manager *manager, uint32_t id, struct mpol_error *err);

/*
 * Looks at nothing and moves nothing until manager_resume.  reason: copied, perhaps cut.  Pausing
 * what is paused gives another reason.
 */
void manager_pause(struct manager *manager, const char *reason);
void manager_resume(struct manager *manager);

/* Who is managed. */
const struct roster *manager_roster(const struct manager *manager);

/* The state; texts of it are the manager's, until something is changed; pages as of half a second
 * ago at worst. */
void manager_status(struct manager *manager, struct ctl_status *ret);

/* Tells of the last rounds, the oldest first. */
void manager_decisions(const struct manager *manager,
		       void (*tell)(const struct ctl_decision *decision, void *to), void *to);

/* A descriptor that is served by the loop. */
struct manager_watch {
	int fd; /* the caller's */
	/* Called when it is readable, or its time has come. */
	void (*serve)(void *user);
	/* For how long, in ns, it may rest if it is not readable; NULL: for ever. */
	uint64_t (*rest_ns)(void *user);
	void *user;
};

/* Serves it from now on.  Error: -ENOSPC: there are MANAGER_WATCHES. */
#define MANAGER_WATCHES 8
int manager_watch(struct manager *manager, const struct manager_watch *watch,
		  struct mpol_error *err);

/*
 * Gives addresses of a managed process a hint, which goes before what the process says itself,
 * or takes it back (PORT_HINT_NONE); for as long as the process is managed.  Whole pages.
 * Errors: -ESRCH (it is not managed), -EINVAL, -ENOSPC (too many ranges), -ENOMEM.
 */
int manager_hint(struct manager *manager, pid_t pid, const struct hint_range *range,
		 struct mpol_error *err);

/* From now on SIGTERM and SIGINT wait for manager_run, however long it takes until then. */
int manager_await_end(struct mpol_error *err);

/*
 * Works until a signal asks it to end (SIGTERM, SIGINT), or no process is left and none is to
 * come (config.stays).  Returns 0, or the negative errno of a call that cannot fail.
 */
int manager_run(struct manager *manager, struct mpol_error *err);

#endif
