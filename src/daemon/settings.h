/* SPDX-License-Identifier: MIT */
/*
 * What mpold is told to do: by files (config.h) and by the command line (options.h), in the same
 * words.  A setting exists once, as a row of settings_scalars.
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cleanup.h"
#include "manager.h"

#define SETTINGS_MOST_TARGETS 1024
#define SETTINGS_SOCKET_BYTES 108 /* unix(7), sun_path */

enum settings_kind {
	SETTINGS_PID,
	SETTINGS_TREE,
	SETTINGS_CGROUP,
	SETTINGS_UNIT,
	SETTINGS_MATCH,
	SETTINGS_NR_KINDS,
};

/* Processes to be managed, on root's behalf. */
struct settings_target {
	enum settings_kind kind;
	char *text;		       /* as it was given */
	struct roster_request request; /* texts of its selector are the one above */
};

/* Begin with settings_begin, which sets what holds unless something else is said; end with
 * settings_end. */
struct settings {
	struct manager_config manager;
	char socket[SETTINGS_SOCKET_BYTES]; /* where requests are taken; "": nowhere */
	struct settings_target *targets;
	size_t nr_targets, nr_allocated;
};

/* A setting with one value, of which the last one counts. */
struct setting {
	const char *key;    /* in files */
	const char *option; /* on the command line, without "--" */
	const char *wanted; /* what a value is: "a share of a CPU, such as 1%" */
	/* Returns 0; -EINVAL: no such value; -ENOMEM.  Nothing is changed then. */
	int (*set)(struct settings *settings, const char *text);
	bool is_flag; /* the option takes no value, and means "true" */
};

extern const struct setting settings_scalars[];
extern const size_t settings_nr_scalars;

/* Of targets: "pid", "tree", ...: keys and options alike; and what their values are. */
extern const char *const settings_kinds[SETTINGS_NR_KINDS];
extern const char *const settings_kinds_wanted[SETTINGS_NR_KINDS];

void settings_begin(struct settings *ret);
void settings_end(struct settings *settings);

/*
 * Adds a target, once; of what is said of its huge pages the last counts.  Returns 0; -EINVAL: not
 * of settings_kinds_wanted; -E2BIG: more than SETTINGS_MOST_TARGETS; -ENOMEM.
 */
int settings_add_target(struct settings *settings, enum settings_kind kind, const char *text,
			enum huge_say huge_pages);
void settings_forget_targets(struct settings *settings);

/* Whether they mean the same processes, and say the same of them. */
bool settings_same_target(const struct settings_target *one, const struct settings_target *other);

#endif
