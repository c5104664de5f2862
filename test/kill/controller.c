/* SPDX-License-Identifier: MIT */
/*
 * controller MODE SEED PID: a program that changes the policies of a process
 * by libmpol, to be killed while it does.
 *
 *   loop    for ever, something else each time
 *   once    one random thread and one batch of ranges, then ends
 *   verify  every thread and a few ranges, and insists: exit status 1 and a
 *           message if it does not succeed
 *
 * In the first two modes it first stops itself, so that whoever started it can
 * get ready.  Every call of the library is a session of its own.
 *
 * Policies name node 0 only, which every machine has; ranges are at the same
 * few places of the process each time, so that its mappings are split into a
 * bounded number of pieces.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <mpol/mpol.h>

#define MAX_RANGES  256
#define RANGE_BYTES 8192
#define STRIDE	    16384
/* How long verify bears answers that the target's doings explain. */
#define INSIST_NS 20000000000LL

static unsigned long node0[1] = { 1 };

static struct mpol_args some_policy(unsigned int *seed, struct mpol_error *error)
{
	static const enum mpol_mode modes[] = {
		MPOL_MODE_DEFAULT,   MPOL_MODE_LOCAL,	   MPOL_MODE_BIND,
		MPOL_MODE_PREFERRED, MPOL_MODE_INTERLEAVE, MPOL_MODE_PREFERRED_MANY,
	};
	struct mpol_args args = {
		.mode = modes[rand_r(seed) % (sizeof(modes) / sizeof(modes[0]))],
		.error = error,
	};

	if (args.mode != MPOL_MODE_DEFAULT && args.mode != MPOL_MODE_LOCAL) {
		args.policy_nodemask = node0;
		args.policy_maxnode = 64;
	}
	return args;
}

/* Up to nr places in the process's private writable memory. */
static size_t find_ranges(pid_t pid, struct iovec *ret_ranges, size_t nr)
{
	char path[64], line[512], permissions[8];
	unsigned long start, end;
	size_t found = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return 0;
	while (found < nr && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, permissions) != 3 ||
		    strcmp(permissions, "rw-p"))
			continue;
		start = (start + STRIDE - 1) / STRIDE * STRIDE;
		for (; found < nr && start + RANGE_BYTES <= end; start += STRIDE)
			ret_ranges[found++] = (struct iovec) { (void *)start, RANGE_BYTES };
	}
	fclose(maps);
	return found;
}

static pid_t some_thread(pid_t pid, unsigned int *seed)
{
	struct dirent *entry;
	pid_t chosen = pid;
	char path[64];
	DIR *folder;
	int nr = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	folder = opendir(path);
	if (!folder)
		return pid;
	while ((entry = readdir(folder)))
		if (*entry->d_name != '.' && rand_r(seed) % ++nr == 0)
			chosen = atoi(entry->d_name);
	closedir(folder);
	return chosen;
}

static int bind_ranges(int pidfd, pid_t pid, size_t nr, struct mpol_args *args)
{
	struct iovec ranges[MAX_RANGES];

	nr = find_ranges(pid, ranges, nr);
	return mpol_process_set_vma_mempolicy(pidfd, ranges, nr, args, sizeof(*args));
}

/* What comes of it does not matter: the process may have gone, or changed. */
static void control(int pidfd, pid_t pid, bool all, unsigned int *seed)
{
	struct mpol_error error;
	struct mpol_args args = some_policy(seed, &error);
	struct mpol_report report;

	mpol_process_apply(pidfd, all ? 0 : some_thread(pid, seed), &args, sizeof(args), &report);
	mpol_report_free(&report);
	args = some_policy(seed, &error);
	bind_ranges(pidfd, pid, 1 + rand_r(seed) % MAX_RANGES, &args);
}

/* Workers that the kernel makes for io_uring show up as threads but run no code of the program. */
static bool is_kernel_worker(pid_t pid, pid_t tid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return true; /* it has gone */
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	return !strncmp(name, "iou-", 4);
}

/* Every thread that can be has been changed. */
static int apply_to_all(int pidfd, pid_t pid, struct mpol_args *args)
{
	struct mpol_report report;
	int r = mpol_process_apply(pidfd, 0, args, sizeof(*args), &report);

	if (r == -EOPNOTSUPP) {
		r = report.nr_changed ? 0 : r;
		for (size_t i = 0; i < report.nr_threads; i++)
			if (report.threads[i].code < 0 &&
			    !is_kernel_worker(pid, report.threads[i].tid))
				r = report.threads[i].code;
	}
	mpol_report_free(&report);
	return r;
}

/*
 * What may come of a target's own doings, and not of an earlier controller's:
 * a range was unmapped, it exec'd, forks or makes threads without end.
 */
static bool may_pass(int code)
{
	return code == -EFAULT || code == -ESRCH || code == -EAGAIN || code == -ETIMEDOUT;
}

static int verify(int pidfd, pid_t pid)
{
	struct mpol_error error = { 0 };
	struct mpol_args args = { .error = &error };
	struct timespec start, now;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		r = apply_to_all(pidfd, pid, &args);
		if (r == 0)
			r = bind_ranges(pidfd, pid, 8, &args);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (may_pass(r) && (now.tv_sec - start.tv_sec) * 1000000000LL < INSIST_NS);
	if (r < 0)
		fprintf(stderr, "verify: %s: %s: %s\n", error.step, error.object, error.cause);
	return r < 0 ? 1 : 0;
}

int main(int argc, char *argv[])
{
	unsigned int seed;
	pid_t pid;
	int pidfd;

	if (argc != 4) {
		fprintf(stderr, "Usage: controller loop|once|verify SEED PID\n");
		return 2;
	}
	seed = (unsigned int)atoi(argv[2]);
	pid = atoi(argv[3]);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0U);
	if (pidfd < 0) {
		fprintf(stderr, "controller: process %d: %s\n", pid, strerror(errno));
		return 1;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!strcmp(argv[1], "verify"))
		return verify(pidfd, pid);
	raise(SIGSTOP);
	if (!strcmp(argv[1], "once")) {
		control(pidfd, pid, false, &seed);
		return 0;
	}
	for (;;)
		control(pidfd, pid, rand_r(&seed) % 2, &seed);
}
