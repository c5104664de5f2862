/* SPDX-License-Identifier: MIT */
/*
 * The trackers damon, mglru and hintfault against a child of which it is known which pages are hot:
 * how many of its hottest pages they find, what they change in the kernel, and that nothing of
 * that is left at the end, also after SIGKILL, and after SIGKILL of the guard too.
 * As root, on a machine whose kernel may be changed: not natively.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "cleanup.h"
#include "clock.h"
#include "daemon.h"
#include "hot-set.h"
#include "kernel-settings.h"
#include "pagemap.h"
#include "process.h"
#include "rootfs.h"
#include "tracker.h"

#define PAGES	   16384UL /* 64 MiB */
#define CGROUP	   "/sys/fs/cgroup/tracked"
#define BALANCING  "proc/sys/kernel/numa_balancing"
#define LIMIT	   "proc/sys/kernel/numa_balancing_promote_rate_limit_MBps"
#define KDAMONDS   "sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds"
#define PATIENCE_S 100

static struct hot_child *child_of_pages, *child_of_huge_pages;
static int root;

static uint64_t read_number(const char *path)
{
	uint64_t value = UINT64_MAX;

	rootfs_read_u64(root, &value, "%s", path);
	return value;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec) { ms / 1000, ms % 1000 * 1000000 }, NULL);
}

/* ---- What a tracker finds
 * ------------------------------------------------------------------------- */

static struct tracker *follow(const struct tracker_kind *kind, pid_t child)
{
	struct tracker *tracker = NULL;
	struct mpol_error error = { 0 };
	int r = kind->open(root, child, &tracker, &error);

	if (r < 0)
		printf("# %s: %s: %s: %s: %s\n", kind->name, error.step, error.object, error.cause,
		       error.advice);
	check(r == 0, "follows the child");
	return tracker;
}

/* Until so many percent of the hot pages are found. */
static void test_hot(const struct tracker_kind *kind, pid_t child, bool is_scattered,
		     unsigned enough)
{
	struct tracker *tracker = follow(kind, child);
	const uint64_t began_ns = clock_now_ns();
	struct hot_finder *finder;
	unsigned right = 0, rounds = 0;
	int r = 0;

	if (!tracker)
		return;
	atomic_store(&child_of_pages->set.is_scattered, is_scattered);
	finder = hot_finder_new(child_of_pages);
	while (r == 0 && right < enough && clock_now_ns() - began_ns < PATIENCE_S * 1000000000UL) {
		r = hot_finder_look(finder, tracker);
		right = (unsigned)(hot_finder_count_right(finder) * 100 /
				   hot_set_nr(&child_of_pages->set));
		rounds++;
	}
	hot_finder_free(finder);
	printf("# %s: F1 0.%02u of a %s hot set after %u rounds, %lu ms; %s\n", kind->name, right,
	       is_scattered ? "scattered" : "contiguous", rounds,
	       (clock_now_ns() - began_ns) / 1000000, r < 0 ? strerror(-r) : "");
	check(r == 0 && right >= enough, "finds the hot pages");
	kind->close(tracker);
}

/* ---- mpold at work, and killed
 * --------------------------------------------------------------------- */

static pid_t start_tracking(const char *tracker, pid_t target)
{
	char pid[16];
	pid_t child = fork();

	if (child != 0)
		return child;
	snprintf(pid, sizeof(pid), "%d", target);
	become_mpold((const char *const[]) { "mpold", "--dry-run", "--tracker", tracker, "--pid",
					     pid, NULL });
}

static bool await(const char *path, uint64_t value)
{
	for (int i = 0; i < PATIENCE_S * 10; i++) {
		if (read_number(path) == value)
			return true;
		pause_ms(100);
	}
	printf("# %s is %lu, not %lu\n", path, read_number(path), value);
	return false;
}

static bool has_records(void)
{
	_cleanup_closedir_ DIR *dir = opendir("/" KERNEL_SETTINGS_DIR);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strncmp(entry->d_name, "undo-", 5) == 0)
			return true;
	return false;
}

/* Kills all guards there are: none is anybody else's here. */
static unsigned kill_guards(void)
{
	_cleanup_free_ pid_t *pids = NULL;
	struct process_thread process;
	unsigned killed = 0;
	size_t nr = 0;

	process_list(root, &pids, &nr);
	for (size_t i = 0; i < nr; i++)
		if (process_read_stat(root, pids[i], &process) == 0 &&
		    strcmp(process.name, "mpold-guard") == 0)
			killed += kill(pids[i], SIGKILL) == 0;
	return killed;
}

/* A file that has one value while mpold works with that tracker, and another otherwise. */
struct trace {
	const char *tracker, *path;
	uint64_t while_working, otherwise;
};

static void test_nothing_left(const struct trace *trace, pid_t target)
{
	pid_t mpold = start_tracking(trace->tracker, target);
	int status = -1;

	printf("# mpold --tracker %s\n", trace->tracker);
	check(await(trace->path, trace->while_working), "at work");
	kill(mpold, SIGTERM);
	waitpid(mpold, &status, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "ends when it is told to");
	check(read_number(trace->path) == trace->otherwise && !has_records(),
	      "nothing is left when it has ended");

	mpold = start_tracking(trace->tracker, target);
	check(await(trace->path, trace->while_working), "at work again");
	kill(mpold, SIGKILL);
	waitpid(mpold, NULL, 0);
	check(await(trace->path, trace->otherwise), "nothing is left when it was killed");
	for (int i = 0; i < 100 && has_records(); i++)
		pause_ms(100);
	check(!has_records(), "nor a record of it");

	mpold = start_tracking(trace->tracker, target);
	check(await(trace->path, trace->while_working), "at work once more");
	check(kill_guards() > 0, "there are guards");
	kill(mpold, SIGKILL);
	waitpid(mpold, NULL, 0);
	pause_ms(500);
	check(read_number(trace->path) == trace->while_working && has_records(),
	      "something is left when its guards were killed too");
	mpold = start_tracking("soft-dirty", target);
	check(await(trace->path, trace->otherwise), "the next mpold takes it back");
	kill(mpold, SIGTERM);
	waitpid(mpold, NULL, 0);
	check(!has_records(), "and the record");
}

/* ---- One by one
 * --------------------------------------------------------------------------------------- */

static void test_damon(void)
{
	const struct trace trace = { "damon", KDAMONDS, 1, 0 };
	struct tracker *tracker;
	struct mpol_error error = { 0 };
	pid_t child = hot_child_start(child_of_pages, NULL);

	test_hot(&tracker_damon, child, false, 70);
	check(read_number(KDAMONDS) == 0, "no kdamond is left");
	test_nothing_left(&trace, child);
	put("/" KDAMONDS, "1");
	check(tracker_damon.open(root, child, &tracker, &error) == -EBUSY &&
		      read_number(KDAMONDS) == 1,
	      "a kdamond of somebody else's is let alone");
	put("/" KDAMONDS, "0");
	hot_child_end(child);
}

static void test_mglru(void)
{
	struct tracker *tracker;
	pid_t child = hot_child_start(child_of_pages, NULL);

	tracker = follow(&tracker_mglru, child);
	if (!tracker)
		return;
	check(tracker->kind->clear(tracker) == -EBUSY && tracker->failure,
	      "a cgroup with other processes is not aged");
	tracker->kind->close(tracker);
	hot_child_end(child);

	make_memory_cgroup(CGROUP);
	child = hot_child_start(child_of_pages, CGROUP "/cgroup.procs");
	test_hot(&tracker_mglru, child, true, 80);
	test_hot(&tracker_mglru, child, false, 80);
	tracker = follow(&tracker_mglru, child);
	hot_child_end(child);
	check(tracker->kind->clear(tracker) == -ESRCH, "that the child has ended");
	tracker->kind->close(tracker);
	rmdir(CGROUP);
}

/* Of huge pages all parts are accessed, or none: they fault as a whole. */
static void test_huge(void)
{
	static uint64_t bits[PAGES / 64];
	const uint64_t start = (uintptr_t)child_of_huge_pages->memory;
	unsigned whole = 0, parts = 0;
	struct tracker *tracker;
	pid_t child;
	int r = 0;

	child = hot_child_start(child_of_huge_pages, NULL);
	tracker = follow(&tracker_hintfault, child);
	for (int tries = 0; tracker && r == 0 && tries < PATIENCE_S && whole == 0; tries++) {
		pause_ms(1000);
		memset(bits, 0, sizeof(bits));
		r = tracker->kind->clear(tracker);
		for (unsigned scan = 0; scan < HOT_FINDER_SCANS && r == 0; scan++)
			r = tracker->kind->begin_scan(tracker);
		if (r == 0)
			r = tracker->kind->scan(tracker, start, start + PAGES * PAGE_BYTES, bits);
		for (size_t word = 0; word < PAGES / 64; word += HUGE_PAGES / 64) {
			unsigned set = 0;

			for (size_t i = 0; i < HUGE_PAGES / 64; i++)
				set += (unsigned)__builtin_popcountll(bits[word + i]);
			whole += set == HUGE_PAGES;
			parts += set != HUGE_PAGES && set != 0;
		}
	}
	printf("# %u huge pages were accessed as a whole, %u in part; %s\n", whole, parts,
	       r < 0 ? strerror(-r) : "");
	check(whole > 0 && parts == 0, "huge pages fault as a whole");
	if (tracker)
		tracker->kind->close(tracker);
	hot_child_end(child);
}

static void test_hintfault(void)
{
	struct trace trace = { "hintfault", BALANCING, 3, read_number(BALANCING) };
	const uint64_t limit = read_number(LIMIT);
	pid_t child = hot_child_start(child_of_pages, NULL);

	check(trace.otherwise != 3 && limit != 0, "the kernel has other settings");
	test_hot(&tracker_hintfault, child, true, 40);
	check(read_number(BALANCING) == trace.otherwise && read_number(LIMIT) == limit,
	      "the settings are as before");
	test_nothing_left(&trace, child);
	check(read_number(LIMIT) == limit, "the limit is as before");
	hot_child_end(child);
	test_huge();
}

/* Debian's Linux 6.1 has no DAMON, and its generations are off: they say so. */
static bool is_old_kernel(void)
{
	struct utsname name;

	return uname(&name) == 0 && strncmp(name.release, "6.1.", 4) == 0;
}

static void test_missing(const struct tracker_kind *kind)
{
	struct mpol_error error = { 0 };

	check(tracker_try(kind, root, &error) == -EOPNOTSUPP && *error.cause && *error.advice,
	      "says why it cannot");
	printf("# %s: %s: %s\n", kind->name, error.cause, error.advice);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	child_of_pages = hot_child_new(PAGES, 1);
	child_of_huge_pages = hot_child_new(PAGES / HUGE_PAGES, HUGE_PAGES);
	test_hintfault(); /* with the kernel's own setting */
	put("/" BALANCING, "0");
	test_missing(&tracker_idlepage);
	if (is_old_kernel()) {
		test_missing(&tracker_damon);
		test_missing(&tracker_mglru);
	} else {
		test_damon();
		test_mglru();
	}
	return failures != 0;
}
