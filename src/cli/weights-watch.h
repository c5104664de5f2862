/* SPDX-License-Identifier: MIT */
/*
 * Derived weights that stay right while nodes come and go: mpol weights auto --watch.
 *
 * sysfs does not tell when its lists of nodes change, and the kernel's messages of hotplug reach
 * neither containers nor whoever reads them too slowly; so the lists are read, two small files
 * a second.  What is decided then is policy/weights-age.
 */
#ifndef CLI_WEIGHTS_WATCH_H
#define CLI_WEIGHTS_WATCH_H

#include <stdbool.h>

#include <mpol/mpol.h>

#include "weights-age.h"

/* The world as the loop sees it. */
struct weights_watch {
	/* Which nodes there are.  Returns 0 or a negative errno, with *error. */
	int (*look)(void *user, struct weights_scene *ret_scene, struct mpol_error *error);
	/* The kernel's weights.  The same. */
	int (*read)(void *user, struct mpol_kernel_weights *ret_table, struct mpol_error *error);
	/* Derives weights for these nodes and gives them to the kernel; says what it did, or why
	 * not. */
	void (*derive)(void *user, const struct weights_scene *now);
	/* Until the next look.  false: end. */
	bool (*wait)(void *user);
	void *user;
};

/*
 * Watches, beginning with weights that were just derived.  Where they cannot be derived for what
 * there is now, those of before stay, until nodes change again.
 *
 * Returns 0 when wait said so; -ECANCELED (somebody else has set weights since), or the error of
 * look or read.
 */
int weights_watch(const struct weights_watch *watch, struct mpol_error *error);

/* look for the machine whose /sys is below root, a path or NULL: errors of open(2) and -EBADMSG. */
int weights_watch_look(const char *root, struct weights_scene *ret_scene, struct mpol_error *error);

/* A second, or until a signal asks to end (SIGINT, SIGTERM, SIGHUP), which is blocked otherwise. */
bool weights_watch_wait(void *unused);

#endif
