/* SPDX-License-Identifier: MIT */
/*
 * The trackers damon, mglru and hintfault against a child of which it is known which pages are hot:
 * how many of its hottest pages they find, what they change in the kernel, and that nothing of
 * that is left at the end, also after SIGKILL, and after SIGKILL of the guard too.
 * As root, on a machine whose kernel may be changed: not natively.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "cleanup.h"
#include "clock.h"
#include "daemon.h"
#include "flush.h"
#include "kernel-settings.h"
#include "pagemap.h"
#include "process.h"
#include "ranking.h"
#include "rootfs.h"
#include "tracker.h"

#define PAGES	     16384UL /* 64 MiB */
#define WORDS	     (PAGES / 64)
#define HOT_PAGES    (PAGES / 10)
#define FIRST_HOT    (PAGES * 6 / 10) /* of a contiguous hot set */
#define SCANS	     6
#define CGROUP	     "/sys/fs/cgroup/tracked"
#define BALANCING    "proc/sys/kernel/numa_balancing"
#define LIMIT	     "proc/sys/kernel/numa_balancing_promote_rate_limit_MBps"
#define KDAMONDS     "sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds"
#define PATIENCE_S   100
#define FLUSH_BURSTS 16

static struct shared {
	atomic_bool is_scattered, is_huge, has_begun;
	atomic_ulong accesses;
} * shared;

static char *memory;
static int root;

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 31) * 0x9e3779b97f4a7c15;
	x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9;
	return x ^ x >> 32;
}

static size_t hot_page(size_t number, bool is_scattered)
{
	return is_scattered ? number * 10 + mix(number) % 10 : FIRST_HOT + number;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

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

/* ---- The child: 90 % of its accesses go to a tenth of its pages --------------------------------
 */

static void *do_nothing(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void child_main(const char *procs)
{
	uint64_t random = 1;
	pthread_t second;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (procs)
		write_file(procs, "0"); /* before it has memory, which stays where it was charged */
	/* The kernel's NUMA balancing looks away from what one thread has on its own node. */
	if (pthread_create(&second, NULL, do_nothing, NULL) != 0)
		_exit(1);
	madvise(memory, PAGES * PAGE_BYTES,
		atomic_load(&shared->is_huge) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	memset(memory, 1, PAGES * PAGE_BYTES);
	atomic_store(&shared->has_begun, true);
	for (unsigned long burst = 1;; burst++) {
		const bool is_scattered = atomic_load(&shared->is_scattered);

		for (unsigned i = 0; i < 1000; i++) {
			size_t page;

			random = mix(random + i);
			page = random % 10 ? hot_page((random >> 8) % HOT_PAGES, is_scattered)
					   : (random >> 8) % PAGES;
			if (page % 2)
				(void)*(volatile char *)(memory + page * PAGE_BYTES);
			else
				*(volatile char *)(memory + page * PAGE_BYTES) = 1;
		}
		atomic_fetch_add(&shared->accesses, 1000);
		if (burst % FLUSH_BURSTS == 0)
			flush_own_tlb();
	}
}

static pid_t start_child(const char *procs)
{
	pid_t child;

	atomic_store(&shared->has_begun, false);
	child = fork();
	if (child == 0)
		child_main(procs);
	while (!atomic_load(&shared->has_begun)) {
		pause_ms(10);
		if (waitpid(child, NULL, WNOHANG) == child) {
			fprintf(stderr, "the child has ended\n");
			exit(1);
		}
	}
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* ---- What a tracker finds
 * ------------------------------------------------------------------------- */

/* Of the hottest pages, as many as are hot, how many are, in percent: precision, recall and F1 are
 * one number.  Of equal heat the first are taken, and few of those are hot. */
static unsigned count_right(const struct ranking_unit *units, bool is_scattered)
{
	static bool is_hot[PAGES];
	size_t right = 0, taken = 0;

	memset(is_hot, 0, sizeof(is_hot));
	for (size_t number = 0; number < HOT_PAGES; number++)
		is_hot[hot_page(number, is_scattered)] = true;
	for (unsigned heat = RANKING_HEATS; heat-- > 0;)
		for (size_t page = 0; page < PAGES && taken < HOT_PAGES; page++)
			if (units[page].heat == heat) {
				right += is_hot[page];
				taken++;
			}
	return (unsigned)(right * 100 / HOT_PAGES);
}

/* A clear, scans each four times as long after it, and what is learned of them. */
static int make_round(struct tracker *tracker, struct ranking_unit *units)
{
	static uint8_t seen[PAGES];
	static int16_t nodes[PAGES];
	static uint64_t bits[WORDS];
	static uint32_t round;
	const struct port_span span = {
		.unit_pages = 1, .nr_units = PAGES, .seen = seen, .nodes = nodes
	};
	const uint64_t start = (uintptr_t)memory;
	uint64_t began_ns;
	int r = tracker->kind->clear(tracker);

	began_ns = clock_now_ns();
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < SCANS && r == 0; i++) {
		while (clock_now_ns() < began_ns + (500000UL << 2 * i))
			;
		memset(bits, 0, sizeof(bits));
		r = tracker->kind->begin_scan ? tracker->kind->begin_scan(tracker) : 0;
		if (r == 0)
			r = tracker->kind->scan(tracker, start, start + PAGES * PAGE_BYTES, bits);
		for (size_t page = 0; page < PAGES; page++)
			if (bits[page / 64] >> page % 64 & 1 && !seen[page])
				seen[page] = (uint8_t)(SCANS - i);
	}
	ranking_learn(&span, &(struct ranking_lesson) { .round = ++round }, units);
	return r;
}

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
	static struct ranking_unit units[PAGES];
	struct tracker *tracker = follow(kind, child);
	const uint64_t began_ns = clock_now_ns();
	unsigned right = 0, rounds = 0;
	int r = 0;

	if (!tracker)
		return;
	atomic_store(&shared->is_scattered, is_scattered);
	memset(units, 0, sizeof(units));
	while (r == 0 && right < enough && clock_now_ns() - began_ns < PATIENCE_S * 1000000000UL) {
		r = make_round(tracker, units);
		right = count_right(units, is_scattered);
		rounds++;
	}
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
	pid_t child = start_child(NULL);

	test_hot(&tracker_damon, child, false, 70);
	check(read_number(KDAMONDS) == 0, "no kdamond is left");
	test_nothing_left(&trace, child);
	write_file("/" KDAMONDS, "1");
	check(tracker_damon.open(root, child, &tracker, &error) == -EBUSY &&
		      read_number(KDAMONDS) == 1,
	      "a kdamond of somebody else's is let alone");
	write_file("/" KDAMONDS, "0");
	end_child(child);
}

static void test_mglru(void)
{
	struct tracker *tracker;
	pid_t child = start_child(NULL);

	tracker = follow(&tracker_mglru, child);
	if (!tracker)
		return;
	check(tracker->kind->clear(tracker) == -EBUSY && tracker->failure,
	      "a cgroup with other processes is not aged");
	tracker->kind->close(tracker);
	end_child(child);

	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) < 0)
		perror(CGROUP);
	child = start_child(CGROUP "/cgroup.procs");
	test_hot(&tracker_mglru, child, true, 80);
	test_hot(&tracker_mglru, child, false, 80);
	tracker = follow(&tracker_mglru, child);
	end_child(child);
	check(tracker->kind->clear(tracker) == -ESRCH, "that the child has ended");
	tracker->kind->close(tracker);
	rmdir(CGROUP);
}

/* Of huge pages all parts are accessed, or none: they fault as a whole. */
static void test_huge(void)
{
	static uint64_t bits[WORDS];
	const uint64_t start = (uintptr_t)memory;
	unsigned whole = 0, parts = 0;
	struct tracker *tracker;
	pid_t child;
	int r = 0;

	atomic_store(&shared->is_huge, true);
	child = start_child(NULL);
	tracker = follow(&tracker_hintfault, child);
	for (int tries = 0; tracker && r == 0 && tries < PATIENCE_S && whole == 0; tries++) {
		pause_ms(1000);
		memset(bits, 0, sizeof(bits));
		r = tracker->kind->clear(tracker);
		for (unsigned scan = 0; scan < SCANS && r == 0; scan++)
			r = tracker->kind->begin_scan(tracker);
		if (r == 0)
			r = tracker->kind->scan(tracker, start, start + PAGES * PAGE_BYTES, bits);
		for (size_t word = 0; word < WORDS; word += HUGE_PAGES / 64) {
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
	end_child(child);
	atomic_store(&shared->is_huge, false);
}

static void test_hintfault(void)
{
	struct trace trace = { "hintfault", BALANCING, 3, read_number(BALANCING) };
	const uint64_t limit = read_number(LIMIT);
	pid_t child = start_child(NULL);

	check(trace.otherwise != 3 && limit != 0, "the kernel has other settings");
	test_hot(&tracker_hintfault, child, true, 40);
	check(read_number(BALANCING) == trace.otherwise && read_number(LIMIT) == limit,
	      "the settings are as before");
	test_nothing_left(&trace, child);
	check(read_number(LIMIT) == limit, "the limit is as before");
	end_child(child);
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
	shared = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mmap(NULL, (PAGES + HUGE_PAGES) * PAGE_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || memory == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	memory += -(uintptr_t)memory % (HUGE_PAGES * PAGE_BYTES);
	test_hintfault(); /* with the kernel's own setting */
	write_file("/" BALANCING, "0");
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
