/* SPDX-License-Identifier: MIT */
/* For guest tests in C: an mpold of the test's own, and what it says. */
#ifndef TEST_GUEST_DAEMON_H
#define TEST_GUEST_DAEMON_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

/* In one write, as the kernel's files want. */
static inline void put(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(path);
	close(fd);
}

/* NUMA balancing would move the very same pages. */
static inline void stop_numa_balancing(void)
{
	put("/proc/sys/kernel/numa_balancing", "0");
}

/* Below the root of cgroups; it is the caller's to remove. */
static inline void make_memory_cgroup(const char *path)
{
	put("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(path, 0755) < 0)
		die(path);
}

static inline void put_into_cgroup(pid_t pid, const char *path)
{
	char procs[256], number[16];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	snprintf(number, sizeof(number), "%d", pid);
	put(procs, number);
}

/* Becomes mpold.  arguments: its name first, NULL last. */
static inline _Noreturn void become_mpold(const char *const *arguments)
{
	const char *build = getenv("MPOL_BUILD");
	char path[4096];

	snprintf(path, sizeof(path), "%s/src/daemon/mpold", build ? build : "build");
	execv(path, (char *const *)arguments);
	perror(path);
	_exit(127);
}

/* For whom an option names: "--pid" and the like.  more: another option, or NULL.  log: a file
 * that its stderr goes to, or NULL. */
static inline pid_t start_mpold_for(const char *option, pid_t target, const char *more,
				    const char *log)
{
	char pid[16];
	pid_t child = fork();

	if (child != 0)
		return child;
	snprintf(pid, sizeof(pid), "%d", target);
	if (log && !freopen(log, "w", stderr))
		_exit(127);
	become_mpold((const char *const[]) { "mpold", option, pid, more, NULL });
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

/* Pages whose number leaves a rest when it is divided; others: all but those. */
struct every {
	size_t divisor, rest;
	bool others;
};

/* How many of so many pages of its memory are there, and not on the node; of some of them. */
static inline unsigned count_some_off_node(pid_t pid, char *memory, size_t nr, int node,
					   const struct every *every)
{
	const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	void **addresses = calloc(nr, sizeof(*addresses));
	int *status = calloc(nr, sizeof(*status));
	unsigned off = 0;

	if (!addresses || !status)
		die("calloc");
	for (size_t page = 0; page < nr; page++) {
		addresses[page] = memory + page * page_bytes;
		status[page] = -1;
	}
	syscall(SYS_move_pages, pid, nr, addresses, NULL, status, 0);
	for (size_t page = 0; page < nr; page++)
		off += (page % every->divisor == every->rest) != every->others &&
		       status[page] >= 0 && status[page] != node;
	free(addresses);
	free(status);
	return off;
}

/* How many of all. */
static inline unsigned count_off_node(pid_t pid, char *memory, size_t nr, int node)
{
	return count_some_off_node(pid, memory, nr, node, &(struct every) { .divisor = 1 });
}

/* Waits until nearly all are. */
static inline bool leave_node(pid_t pid, char *memory, size_t nr, int node)
{
	unsigned off = 0;

	for (int i = 0; i < 500 && off < nr * 9 / 10; i++) {
		usleep(200000);
		off = count_off_node(pid, memory, nr, node);
	}
	printf("# %u of %zu pages have left node %d\n", off, nr, node);
	return off >= nr * 9 / 10;
}

/* The last number that stands behind the key, such as "\"calls\":", in what an mpold says of
 * itself; 0 also where there is none, or no answer. */
static inline unsigned long status_number(const char *socket, const char *key)
{
	static char answer[1 << 16];
	char command[256];
	const char *found = NULL, *next = answer;
	FILE *curl;

	snprintf(command, sizeof(command), "curl -s -m 30 --unix-socket %s http://mpold/v1/status",
		 socket);
	curl = popen(command, "r");
	if (!curl)
		die("curl");
	answer[fread(answer, 1, sizeof(answer) - 1, curl)] = '\0';
	pclose(curl);
	while ((next = strstr(next, key)))
		found = next += strlen(key);
	return found ? strtoul(found, NULL, 10) : 0;
}

/* Whether there are such words in the log, from an offset on. */
static inline bool says_from(const char *log, const char *words, long from)
{
	static char text[1 << 16];
	FILE *file = fopen(log, "r");
	size_t length = 0;

	if (file && fseek(file, from, SEEK_SET) == 0)
		length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	if (file)
		fclose(file);
	return strstr(text, words) != NULL;
}

static inline bool says(const char *log, const char *words)
{
	return says_from(log, words, 0);
}

#endif
