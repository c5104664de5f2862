/* SPDX-License-Identifier: MIT */
/*
 * The manager: mpold at work.  It owns the loop: when tiering (policy/tiering.h) says what is due,
 * the processes' pages are looked at, ranked together, and moved.
 *
 * Nothing that it does outlives it but where pages are: it stops no process, changes no
 * policy and no setting of the kernel's, so it may be killed at any moment.
 */
#ifndef DAEMON_MANAGER_H
#define DAEMON_MANAGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "tiering.h"
#include "tracker.h"

struct manager_config {
	struct tiering_config tiering;
	const struct tracker_kind *tracker; /* NULL: the best that works here */
	uint64_t call_ns;		    /* how long a call that moves pages may take, about */
	bool dry_run;			    /* nothing is moved */
};

struct manager;

/*
 * For this machine.  Free it with manager_free.  Errors: of tier_nodes_read;
 * -ENODEV: it has one tier only; -EOPNOTSUPP: no tracker works here; -ENOMEM.
 */
int manager_new(const struct manager_config *config, struct manager **ret, struct mpol_error *err);
void manager_free(struct manager *manager);
DEFINE_CLEANUP(struct manager *, manager_free);

/* Takes a process's memory in.  Errors: -EEXIST, and those of tiered_open. */
int manager_add(struct manager *manager, pid_t pid, struct mpol_error *err);

/*
 * Takes in the processes that the selector means now and from now on, as they come and go; its
 * texts are the caller's, and stay.  Errors: -EINVAL (mpol_select), -ENOMEM.
 */
int manager_follow(struct manager *manager, const struct mpol_selector *selector,
		   struct mpol_error *err);

/*
 * Decides by another rule from now on (rule.h), which forgets what is known of pages.
 * Errors: -ENOENT, no rule has that name.
 */
int manager_set_rule(struct manager *manager, const char *name, struct mpol_error *err);

/*
 * Works until a signal asks it to end (SIGTERM, SIGINT), or no process is left and none is to
 * come.  Returns 0, or the negative errno of a call that cannot fail.
 */
int manager_run(struct manager *manager, struct mpol_error *err);

#endif
