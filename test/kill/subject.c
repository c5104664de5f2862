/* SPDX-License-Identifier: MIT */
/* A program that checks itself while controllers are killed over it: see subject.h. */
#include "subject.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Machines that run tests may be busy, or emulated. */
#define START_MS 180000
#define FREE_MS	 10000
#define END_MS	 10000

/*
 * What any stop may end so: signal(7), "Interruption of system calls and
 * library functions by stop signals"; io_uring_enter(2), which that page forgot.
 */
static const char *const documented[] = {
	"epoll_wait",  "epoll_pwait2",		"semop",	  "semtimedop", "sigtimedwait",
	"sigwaitinfo", "recv with SO_RCVTIMEO", "io_uring_enter",
};

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_documented(const char *call)
{
	for (size_t i = 0; i < sizeof(documented) / sizeof(documented[0]); i++)
		if (!strcmp(documented[i], call))
			return true;
	return false;
}

static void take_pids(struct subject *subject, const char *text)
{
	char *end;

	for (subject->nr_pids = 0; subject->nr_pids < SUBJECT_MAX_PIDS; subject->nr_pids++) {
		long pid = strtol(text, &end, 10);

		if (end == text)
			return;
		subject->pids[subject->nr_pids] = (pid_t)pid;
		text = end;
	}
}

static void take_line(struct subject *subject)
{
	const char *line = subject->line;

	if (!strcmp(line, "beat")) {
		subject->beats++;
		return;
	}
	if (!strncmp(line, "ready ", 6)) {
		take_pids(subject, line + 6);
		return;
	}
	if (!strncmp(line, "eintr ", 6) && is_documented(line + 6)) {
		subject->documented_eintr++;
		return;
	}
	if (!strncmp(line, "skip ", 5))
		subject->skipped = true;
	else if (!strncmp(line, "eintr ", 6))
		subject->eintr++;
	else
		subject->wrong++;
	snprintf(subject->text, sizeof(subject->text), "%s", line);
	if (!subject->skipped)
		fprintf(stderr, "%s: %s\n", subject->name, line);
}

/* Waits up to timeout_ms for output, and takes it. */
static void listen_for(struct subject *subject, long timeout_ms)
{
	struct pollfd fd = { .fd = subject->out, .events = POLLIN };
	char buffer[4096];
	ssize_t n;

	if (subject->ended || poll(&fd, 1, (int)timeout_ms) <= 0)
		return;
	n = read(subject->out, buffer, sizeof(buffer));
	if (n <= 0) {
		subject->ended = true;
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (buffer[i] != '\n') {
			if (subject->line_bytes < sizeof(subject->line) - 1)
				subject->line[subject->line_bytes++] = buffer[i];
			continue;
		}
		subject->line[subject->line_bytes] = '\0';
		subject->line_bytes = 0;
		take_line(subject);
	}
}

void subject_listen(struct subject *subject)
{
	struct pollfd fd = { .fd = subject->out, .events = POLLIN };

	while (!subject->ended && poll(&fd, 1, 0) > 0)
		listen_for(subject, 0);
}

bool subject_beats(struct subject *subject, long count)
{
	long end_ms = now_ms() + subject->patience_s * 1000, wanted;

	subject_listen(subject);
	wanted = subject->beats + count;
	while (subject->beats < wanted && !subject->ended && now_ms() < end_ms)
		listen_for(subject, 1000);
	if (subject->beats < wanted && !subject->ended)
		snprintf(subject->text, sizeof(subject->text), "it stands still");
	return subject->beats >= wanted;
}

static void run_child(char *const argv[], const int in[2], const int out[2])
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	execvp(argv[0], argv);
	dprintf(STDOUT_FILENO, "skip %s does not start: %s\n", argv[0], strerror(errno));
	_exit(77);
}

int subject_start(struct subject *subject, const char *name, char *const argv[])
{
	long end_ms = now_ms() + START_MS;
	int in[2], out[2];

	*subject = (struct subject) { .name = name, .patience_s = subject->patience_s };
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -1;
	subject->pid = fork();
	if (subject->pid < 0)
		return -1;
	if (subject->pid == 0)
		run_child(argv, in, out);
	setpgid(subject->pid, subject->pid);
	close(in[0]);
	close(out[1]);
	subject->in = in[1];
	subject->out = out[0];
	while (!subject->ended && !subject->skipped && !subject->nr_pids && now_ms() < end_ms)
		listen_for(subject, 1000);
	if (subject->nr_pids && subject_beats(subject, 1))
		return 0;
	if (!*subject->text)
		snprintf(subject->text, sizeof(subject->text), "it does not start");
	subject_stop(subject);
	return subject->skipped ? 77 : -1;
}

/* True if the thread goes its own ways, or has gone. */
static bool thread_is_free(struct subject *subject, pid_t pid, const char *tid)
{
	char path[320], line[128];
	bool is_free = true;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, tid);
	status = fopen(path, "re");
	if (!status)
		return true;
	while (is_free && fgets(line, sizeof(line), status))
		is_free = !(!strncmp(line, "TracerPid:", 10) && atoi(line + 10)) &&
			  strncmp(line, "State:\tt", 8) && strncmp(line, "State:\tT", 8);
	fclose(status);
	if (!is_free)
		snprintf(subject->text, sizeof(subject->text), "thread %.20s of %d: %.100s", tid,
			 pid, line);
	return is_free;
}

static bool threads_are_free(struct subject *subject, pid_t pid)
{
	struct dirent *entry;
	bool are_free = true;
	char path[64];
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	folder = opendir(path);
	if (!folder)
		return true;
	while (are_free && (entry = readdir(folder)))
		are_free = *entry->d_name == '.' || thread_is_free(subject, pid, entry->d_name);
	closedir(folder);
	return are_free;
}

bool subject_is_free(struct subject *subject)
{
	long end_ms = now_ms() + FREE_MS;

	for (size_t i = 0; i < subject->nr_pids;) {
		if (threads_are_free(subject, subject->pids[i]))
			i++;
		else if (now_ms() > end_ms)
			return false;
		else
			usleep(1000);
	}
	return true;
}

bool subject_stop(struct subject *subject)
{
	long end_ms = now_ms() + END_MS;
	int status;
	bool alive = waitpid(subject->pid, &status, WNOHANG) == 0;

	if (!alive)
		snprintf(subject->text, sizeof(subject->text), "it died: %s %d",
			 WIFSIGNALED(status) ? "signal" : "exit status",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	close(subject->in);
	while (alive && waitpid(subject->pid, &status, WNOHANG) == 0) {
		if (now_ms() > end_ms)
			kill(-subject->pid, SIGKILL);
		listen_for(subject, 5);
	}
	/* What it left in its group, should it have died. */
	kill(-subject->pid, SIGKILL);
	close(subject->out);
	return alive;
}
