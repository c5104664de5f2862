/* SPDX-License-Identifier: MIT */
/*
 * Telling systemd how mpold is (sd_notify(3)): where it did not start us, nothing is told.
 *
 * The watchdog is told that we are alive by whoever works for long: notify_alive
 * costs a look at the clock.  One thread calls all of this.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Reads from the environment what is to be told, and to whom. */
void notify_begin(void);

/* Whether anybody is told. */
bool notify_listens(void);

/* All of the settings are in force, and the targets managed. */
void notify_ready(void);

/* They are being read again: notify_ready ends that. */
void notify_reloading(void);

void notify_stopping(void);

/* What it is at, for systemctl status. */
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Tells the watchdog, if half of its time has gone since it was told last. */
void notify_alive(void);

/* For how long nothing needs to be told, in ns; UINT64_MAX: for ever. */
uint64_t notify_rest_ns(void);

#endif
