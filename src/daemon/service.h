/* SPDX-License-Identifier: MIT */
/*
 * mpold as a service: settings from files and the command line put in force, and again on
 * SIGHUP, with what is known of pages kept; privileges given up; systemd told.
 */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

#include <mpol/mpol.h>

#include "cleanup.h"
#include "config.h"

struct service;

/*
 * Reads the settings, starts a manager by them, and gives up what it does not need.  The
 * arguments, which options_read has taken, and the texts of paths stay the caller's.  Free
 * it with service_free.
 * Errors: of config_read, options_read, manager_new, control_new, manager_add and
 * privileges_reduce; -EDESTADDRREQ: nobody's memory is to be managed.
 */
int service_new(int argc, char **argv, const struct config_paths *paths, struct service **ret,
		struct mpol_error *err);
void service_free(struct service *service);
DEFINE_CLEANUP(struct service *, service_free);

/* Only reads the settings.  Errors: of config_read.  *ret_targets: how many they name. */
int service_check(int argc, char **argv, const struct config_paths *paths, size_t *ret_targets,
		  struct mpol_error *err);

/* manager_run, and SIGHUP. */
int service_run(struct service *service, struct mpol_error *err);

#endif
