/* SPDX-License-Identifier: MIT */
/* For guest tests in C: an mpold of the test's own, and what it says. */
#ifndef TEST_GUEST_DAEMON_H
#define TEST_GUEST_DAEMON_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

/* NUMA balancing would move the very same pages. */
static inline void stop_numa_balancing(void)
{
	FILE *file = fopen("/proc/sys/kernel/numa_balancing", "w");

	if (!file || fputs("0", file) < 0 || fclose(file) != 0)
		die("numa_balancing");
}

/* For whom an option names: "--pid" and the like.  more: another option, or NULL.  log: a file
 * that its stderr goes to. */
static inline pid_t start_mpold_for(const char *option, pid_t target, const char *more,
				    const char *log)
{
	const char *build = getenv("MPOL_BUILD");
	char path[4096], pid[16];
	pid_t child = fork();

	if (child != 0)
		return child;
	snprintf(path, sizeof(path), "%s/src/daemon/mpold", build ? build : "build");
	snprintf(pid, sizeof(pid), "%d", target);
	if (!freopen(log, "w", stderr))
		_exit(127);
	execl(path, "mpold", option, pid, more, NULL);
	perror(path);
	_exit(127);
}

/* For one process. */
static inline pid_t start_mpold(pid_t target, const char *log)
{
	return start_mpold_for("--pid", target, NULL, log);
}

static inline void end(pid_t pid, int signal)
{
	kill(pid, signal);
	waitpid(pid, NULL, 0);
}

static inline bool says(const char *log, const char *words)
{
	char text[65536];
	FILE *file = fopen(log, "r");
	size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[length] = '\0';
	if (file)
		fclose(file);
	return strstr(text, words) != NULL;
}

#endif
