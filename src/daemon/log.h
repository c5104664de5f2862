/* SPDX-License-Identifier: MIT */
/*
 * mpold's log: lines on stderr, with the level in front that systemd's journal
 * understands (sd-daemon(3)) where it reads them.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

/* Levels are taken from syslog(3).  Thread-safe as far as stdio is. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_info(...)	 log_line(6, __VA_ARGS__)
#define log_warning(...) log_line(4, __VA_ARGS__)
#define log_error(...)	 log_line(3, __VA_ARGS__)

#endif
