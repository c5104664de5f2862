/* SPDX-License-Identifier: MIT */
/*
 * The tracker ptescan against a child that accesses the pages that it is told to.  As root, on
 * any number of nodes: where the tracker cannot flush the TLB, the child does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "flush.h"
#include "hot-set.h"
#include "node-blocks.h"
#include "nodemask.h"
#include "pagemap.h"
#include "process.h"
#include "ptescan-program.h"
#include "ranking.h"
#include "rootfs.h"
#include "tlb-flush.h"
#include "tracker-ptescan.h"

#define MIB	   (1UL << 20)
#define HUGE_BYTES (HUGE_PAGES * PAGE_BYTES)
#define BYTES	   (64 * MIB)
#define PAGES	   (BYTES / PAGE_BYTES)
#define WORDS	   (PAGES / 64)
#define HOT_PAGES  (PAGES / 10)
#define SCANS	   6

/* What the child does, one letter each; it answers with the same. */
enum order {
	TOUCH = 't',  /* every page of is_touched; another round each time */
	FLUSH = 'f',  /* its own TLB */
	LOAD = 'l',   /* begins, or ends, to access pages between orders */
	CHANGE = 'c', /* maps a quarter of base again, empty; makes the next inaccessible */
	EXEC = 'x',   /* another program, which waits */
};

static char *base, *huge, *shared;

/* Shared with the child: what it has done under load, and where it waits for more. */
static volatile struct {
	uint64_t accesses, limit;
	bool leader_may_end;
} * loaded;

static int root, failures;
static int orders[2], answers[2]; /* pipes, to and from the child */
static struct node_blocks blocks;
static struct ptescan_program *program;

static void check(int holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void check(int holds, const char *format, ...)
{
	va_list arguments;

	printf("%s - ", holds ? "ok" : "not ok");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	failures += !holds;
}

/* A scattered tenth of the pages, another in each round. */
static bool is_touched(unsigned round, size_t page)
{
	return hot_set_mix(page + (uint64_t)round * PAGES) % 10 == 0;
}

/* Whose tenth is hot under load. */
static const struct hot_set hot_set = { .nr_units = PAGES, .is_scattered = true };

static char *map(size_t bytes, int flags, int fd, int advice)
{
	char *memory = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	memory += -(uintptr_t)memory % HUGE_BYTES;
	madvise(memory, bytes, advice);
	memset(memory, 1, bytes);
	return memory;
}

/* ---- The child -------------------------------------------------------------------- */

static void access_page(char *memory, size_t page)
{
	volatile char *at = memory + page * PAGE_BYTES + page % PAGE_BYTES;

	if (page % 2)
		(void)*at;
	else
		*at = 1;
}

static void touch(unsigned round)
{
	for (size_t page = 0; page < PAGES; page++)
		if (is_touched(round, page)) {
			access_page(base, page);
			access_page(shared, page);
		}
	for (size_t block = 0; block < BYTES / HUGE_BYTES; block++)
		if (is_touched(round + 1, block))
			access_page(huge, block * HUGE_PAGES + hot_set_mix(block) % HUGE_PAGES);
}

/* Accesses at random, as many as it may, until there is an order. */
static void load(void)
{
	struct pollfd source = { .fd = orders[0], .events = POLLIN };
	static uint64_t random;

	while (poll(&source, 1, 1) == 0)
		for (; loaded->accesses < loaded->limit; loaded->accesses++)
			access_page(base, hot_set_next(&hot_set, &random));
}

static void change(void)
{
	mmap(base, BYTES / 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
	     0);
	mprotect(base + BYTES / 4, BYTES / 4, PROT_NONE);
}

static void *child_main(void *unused)
{
	bool is_loaded = false;
	unsigned round = 0;
	char order;

	while (read(orders[0], &order, 1) == 1) {
		switch ((enum order)order) {
		case TOUCH:
			touch(round++);
			break;
		case FLUSH:
			flush_own_tlb();
			break;
		case CHANGE:
			change();
			break;
		case EXEC:
			execlp("sleep", "sleep", "1000", NULL);
			exit(1);
		case LOAD:
			is_loaded = !is_loaded;
			break;
		}
		if (write(answers[1], &order, 1) != 1)
			break;
		if (is_loaded)
			load();
	}
	exit(0);
	return unused;
}

/* Its memory is its own: its addresses are the parent's business only to look at. */
static void begin_child(bool leaderless)
{
	pthread_t thread;

	close(orders[1]);
	/* A fault maps a file's neighbouring pages too, which then count as accessed. */
	madvise(shared, BYTES, MADV_POPULATE_READ);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	base = map(BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1, MADV_NOHUGEPAGE);
	huge = map(BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1, MADV_HUGEPAGE);
	if (write(answers[1], &(char *[]) { base, huge }, 2 * sizeof(base)) != 2 * sizeof(base))
		_exit(1);
	if (!leaderless)
		child_main(NULL);
	if (pthread_create(&thread, NULL, child_main, NULL) != 0)
		_exit(1);
	while (!loaded->leader_may_end)
		usleep(1000);
	pthread_exit(NULL);
}

struct child {
	pid_t pid;
	int orders, answers;
	struct tracker *tracker;
};

static void start_child(struct child *child, bool leaderless)
{
	char *where[2];

	if (pipe2(orders, O_CLOEXEC) < 0 || pipe2(answers, O_CLOEXEC) < 0) {
		perror("pipe");
		exit(1);
	}
	*child = (struct child) { .pid = fork(), .orders = orders[1], .answers = answers[0] };
	if (child->pid == 0)
		begin_child(leaderless);
	close(orders[0]);
	close(answers[1]);
	if (read(child->answers, where, sizeof(where)) != sizeof(where)) {
		puts("not ok - the child has not begun");
		exit(1);
	}
	base = where[0];
	huge = where[1];
	loaded->accesses = loaded->limit = 0;
	loaded->leader_may_end = false;
}

static void end_child(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	close(child->orders);
	close(child->answers);
}

static void tell(struct child *child, enum order order)
{
	char letter = (char)order;

	if (write(child->orders, &letter, 1) != 1 || read(child->answers, &letter, 1) != 1) {
		puts("not ok - the child has ended too early");
		exit(1);
	}
}

/* ---- The tests ---------------------------------------------------------------------- */

static uint64_t accessed[WORDS];

static bool is_set(const uint64_t *words, size_t page)
{
	return words[page / 64] >> page % 64 & 1;
}

static void scan(struct child *child, const char *memory)
{
	const uint64_t start = (uintptr_t)memory;
	int r;

	memset(accessed, 0, sizeof(accessed));
	r = child->tracker->kind->scan(child->tracker, start, start + BYTES, accessed);
	if (r < 0)
		check(0, "scans: %s", strerror(-r));
}

/* Where the tracker cannot flush, the child does. */
static void clear(struct child *child)
{
	static bool is_said;
	struct mpol_error error = { 0 };
	int r = child->tracker->kind->clear(child->tracker);

	if (r < 0)
		check(0, "clears: %s", strerror(-r));
	if (tlb_flush_check(root, child->pid, &error) < 0) {
		tell(child, FLUSH);
		if (!is_said)
			printf("# the child flushes its TLB: %s\n", error.cause);
		is_said = true;
	}
}

static void follow(struct child *child)
{
	struct mpol_error error = { 0 };
	int r = tracker_ptescan.open(root, child->pid, &child->tracker, &error);

	check(r == 0, "follows process %d: %s: %s: %s", child->pid, error.step, error.cause,
	      error.advice);
	if (r < 0)
		exit(1);
}

static void unfollow(struct child *child)
{
	child->tracker->kind->close(child->tracker);
}

static bool is_huge_touched(unsigned round, size_t page)
{
	return is_touched(round + 1, page / HUGE_PAGES);
}

static bool never(unsigned round, size_t page)
{
	(void)round;
	(void)page;
	return false;
}

static void check_bits(const char *what, bool (*is_right)(unsigned, size_t), unsigned round)
{
	size_t wrong = 0, right = 0;

	for (size_t page = 0; page < PAGES; page++) {
		wrong += is_set(accessed, page) != is_right(round, page);
		right += is_right(round, page);
	}
	check(wrong == 0, "round %u, %s: %zu accessed, %zu wrong of %zu", round, what, right, wrong,
	      PAGES);
}

/* Exactly what is touched: private memory, a file's that is shared, huge pages. */
static void test_touched(struct child *child, unsigned round)
{
	clear(child);
	scan(child, base);
	check_bits("base pages after a clear", never, round);
	tell(child, TOUCH);
	scan(child, base);
	check_bits("base pages", is_touched, round);
	scan(child, shared);
	check_bits("a file's pages", is_touched, round);
	scan(child, huge);
	check_bits("huge pages", is_huge_touched, round);
}

/* Moves every third page of base to the last node. */
static void scatter(const struct child *child, int last)
{
	static void *pages[PAGES];
	static int nodes[PAGES], statuses[PAGES];
	size_t nr = 0;

	for (size_t page = 0; page < PAGES; page += 3, nr++) {
		pages[nr] = base + page * PAGE_BYTES;
		nodes[nr] = last;
	}
	syscall(SYS_move_pages, child->pid, nr, pages, nodes, statuses, MPOL_MF_MOVE);
}

static struct view {
	uint64_t present[WORDS], huge[WORDS];
	int16_t nodes[PAGES];
} view;

/* What else the page tables say. */
static void read_tables(struct child *child, const char *memory)
{
	struct page_table_view request = {
		.start = (uintptr_t)memory,
		.nr_pages = PAGES,
		.present = view.present,
		.huge = view.huge,
		.nodes = view.nodes,
	};
	_cleanup_close_ int pagemap = -1;
	char path[64];
	int r;

	memset(&view, 0, sizeof(view));
	memset(view.nodes, 0xff, sizeof(view.nodes));
	snprintf(path, sizeof(path), "/proc/%d/pagemap", child->pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	r = ptescan_program_read(program, pagemap, &request, NULL);
	if (r < 0)
		check(0, "reads the page tables of %d: %s", child->pid, strerror(-r));
}

static size_t count(const uint64_t *words, size_t first, size_t nr)
{
	size_t set = 0;

	for (size_t page = first; page < first + nr; page++)
		set += is_set(words, page);
	return set;
}

/* Where move_pages says that a page is. */
static void test_nodes(struct child *child)
{
	static void *pages[PAGES];
	static int statuses[PAGES];
	struct nodemask memory;
	size_t wrong = 0;
	int last = 0, node;

	rootfs_read_nodes(root, &memory, "sys/devices/system/node/has_memory");
	nodemask_for_each (node, &memory)
		last = node;
	scatter(child, last);
	for (size_t page = 0; page < PAGES; page++)
		pages[page] = base + page * PAGE_BYTES;
	read_tables(child, base);
	syscall(SYS_move_pages, child->pid, PAGES, pages, NULL, statuses, 0);
	for (size_t page = 0; page < PAGES; page++)
		wrong += view.nodes[page] != statuses[page];
	check(wrong == 0 && view.nodes[0] == last,
	      "%zu pages are elsewhere than move_pages says; the first is on node %d of 0 to %d",
	      wrong, view.nodes[0], last);
	check(count(view.present, 0, PAGES) == PAGES && count(view.huge, 0, PAGES) == 0,
	      "all base pages are there");
	read_tables(child, huge);
	check(count(view.present, 0, PAGES) == PAGES && count(view.huge, 0, PAGES) == PAGES,
	      "all huge pages are there");
}

static void wait_for_load(uint64_t limit)
{
	loaded->limit = limit;
	while (loaded->accesses < limit)
		usleep(100);
}

/* Of the hottest pages, as many as are hot, how many are; of equal heat it takes the first. */
static size_t count_right(const struct ranking_unit *units)
{
	static uint64_t heats[PAGES];

	for (size_t page = 0; page < PAGES; page++)
		heats[page] = units[page].heat;
	return hot_set_count_right(&hot_set, heats);
}

/* One clear and several scans, each after twice as many accesses as the one before. */
static void cycle(struct child *child, struct ranking_unit *units)
{
	static uint8_t seen[PAGES];
	static int16_t nodes[PAGES];
	static uint32_t round;
	const struct port_span span = {
		.unit_pages = 1,
		.nr_units = PAGES,
		.seen = seen,
		.nodes = nodes,
	};
	const uint64_t before = loaded->accesses;

	memset(seen, 0, sizeof(seen));
	clear(child);
	for (unsigned i = 0; i < SCANS; i++) {
		wait_for_load(before + (HOT_PAGES / 2 << i));
		scan(child, base);
		for (size_t page = 0; page < PAGES; page++)
			if (is_set(accessed, page) && !seen[page])
				seen[page] = (uint8_t)(SCANS - i);
	}
	ranking_learn(&span, &(struct ranking_lesson) { .round = ++round }, units);
}

/* 90 % of accesses go to a tenth of the pages. */
static void test_hot(struct child *child)
{
	static struct ranking_unit units[PAGES];
	size_t right = 0;

	tell(child, LOAD);
	for (unsigned i = 0; i < 4; i++) {
		cycle(child, units);
		right = count_right(units);
		printf("# after cycle %u: %zu of %zu hot pages found\n", i, right, HOT_PAGES);
	}
	/* As many are taken as there are, so precision, recall and F1 are one number. */
	check(right >= HOT_PAGES * 95 / 100, "%zu of %zu hot pages are found in 4 cycles", right,
	      HOT_PAGES);
	tell(child, LOAD);
}

/* Memory that vanishes, appears, and that may not be accessed. */
static void test_changing(struct child *child)
{
	const size_t quarter = PAGES / 4;

	tell(child, CHANGE);
	scan(child, base);
	read_tables(child, base);
	check(count(view.present, 0, quarter) == 0 && count(accessed, 0, quarter) == 0,
	      "nothing is where there is nothing yet");
	check(count(view.present, quarter, 3 * quarter) == 3 * quarter,
	      "the rest is there, also what may not be accessed");
	scan(child, base - 512 * MIB);
	check(1, "addresses without memory can be scanned");
}

static void check_gone(struct child *child, const char *when)
{
	const uint64_t start = (uintptr_t)base;
	const struct tracker_kind *kind = child->tracker->kind;

	check(kind->clear(child->tracker) == -ESRCH, "%s: clear says so", when);
	check(kind->scan(child->tracker, start, start + PAGE_BYTES, accessed) == -ESRCH,
	      "%s: scan says so", when);
	unfollow(child);
}

/* A descriptor of the old memory must not show the new program's. */
static void test_exec(struct child *child)
{
	const char order = EXEC;
	char answer;

	check(write(child->orders, &order, 1) == 1 && read(child->answers, &answer, 1) == 0,
	      "the child runs another program");
	check_gone(child, "another program");
	follow(child);
	check(child->tracker->kind->clear(child->tracker) == 0, "the other program is followed");
	unfollow(child);
}

static void test_wrong_processes(void)
{
	struct mpol_error error = { 0 };
	struct tracker *tracker = NULL;
	struct child child;
	int r;

	start_child(&child, false);
	follow(&child);
	end_child(&child);
	check_gone(&child, "a process that has ended");
	r = tracker_ptescan.open(root, child.pid, &tracker, &error);
	check(r == -ESRCH && !tracker && error.code == -ESRCH, "no such process: %s, %s",
	      error.object, error.cause);
	/* A thread of the kernel has no memory. */
	r = tracker_ptescan.open(root, 2, &tracker, &error);
	check(r == -ESRCH && !tracker && error.code == -ESRCH, "a kernel thread: %s, %s",
	      error.object, error.cause);
}

/* A thread lives on whose leader ends, while it is followed and before. */
static void test_leaderless(void)
{
	struct process_thread leader;
	struct child child;

	start_child(&child, true);
	follow(&child);
	clear(&child);
	loaded->leader_may_end = true;
	while (process_read_stat(root, child.pid, &leader) == 0 && leader.state != 'Z')
		usleep(1000);
	test_touched(&child, 0);
	unfollow(&child);
	follow(&child);
	test_touched(&child, 1);
	unfollow(&child);
	end_child(&child);
}

/* In a process that may do nothing: the error names what is missing. */
static void test_unprivileged(void)
{
	const pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct mpol_error error = { 0 };
		struct tracker *tracker = NULL;
		int r;

		if (setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		/* Or it could not even look at itself. */
		prctl(PR_SET_DUMPABLE, 1);
		r = tracker_ptescan.open(root, getpid(), &tracker, &error);
		printf("# %s, %s: %s: %s\n", error.step, error.object, error.cause, error.advice);
		_exit(r == -EPERM && error.code == r && !tracker && strstr(error.advice, "CAP_BPF")
			      ? 0
			      : 1);
	}
	waitpid(pid, &status, 0);
	check(status == 0, "without capabilities it says which it needs");
}

/* Where the kernel does not tell where it maps memory, it has to be found. */
static void test_search(void)
{
	struct ptescan_program *found = NULL;
	struct mpol_error error = { 0 };
	int r = ptescan_program_load(&blocks, PTESCAN_WITHOUT_SYMBOLS, &found, &error);

	check(r == 0 && ptescan_program_levels(found) == ptescan_program_levels(program),
	      "finds where memory is mapped, and %u levels of page tables: %s",
	      ptescan_program_levels(program), error.cause);
	ptescan_program_free(found);
}

/* Where it looks in too little of memory all that it tries reads our own pages wrongly. */
static void test_rejected(void)
{
	const struct node_blocks too_few = {
		.shift = blocks.shift,
		.nr_blocks = 1,
		.nodes = blocks.nodes,
	};
	struct ptescan_program *wrong = NULL;
	struct mpol_error error = { 0 };
	const int r = ptescan_program_load(&too_few, PTESCAN_WITHOUT_SYMBOLS, &wrong, &error);

	check(r == -EOPNOTSUPP && !wrong && strstr(error.cause, "not found") &&
		      strstr(error.advice, "CAP_SYSLOG"),
	      "goes by nothing that disagrees with pagemap: %s; %s", error.cause, error.advice);
}

static void test_speed(struct child *child)
{
	uint64_t started, cleared, scanned;

	scan(child, base);
	started = clock_now_ns();
	child->tracker->kind->clear(child->tracker);
	cleared = clock_now_ns();
	scan(child, base);
	scanned = clock_now_ns();
	printf("# a clear and flush %lu us; a scan %lu ns per base page\n",
	       (cleared - started) / 1000, (scanned - cleared) / PAGES);
}

/* It moves pages, and marks them so that before Linux 6.12 move_pages does not find them. */
static void stop_numa_balancing(void)
{
	_cleanup_close_ int fd = open("/proc/sys/kernel/numa_balancing", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "0", 1) != 1)
		perror("numa_balancing");
}

static void test_child(void)
{
	struct child child;

	start_child(&child, false);
	follow(&child);
	for (unsigned round = 0; round < 4; round++)
		test_touched(&child, round);
	test_speed(&child);
	test_nodes(&child);
	test_hot(&child);
	test_changing(&child);
	unfollow(&child);
	follow(&child);
	test_exec(&child);
	end_child(&child);
}

int main(void)
{
	struct mpol_error error = { 0 };
	int file = memfd_create("shared", MFD_CLOEXEC), r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	loaded = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (loaded == MAP_FAILED || file < 0 || ftruncate(file, BYTES + HUGE_BYTES) < 0 ||
	    node_blocks_read(root, &blocks) < 0) {
		perror("begin");
		return 1;
	}
	r = ptescan_program_load(&blocks, 0, &program, &error);
	check(r == 0, "loads the program: %s: %s: %s", error.step, error.cause, error.advice);
	if (r < 0)
		return 1;
	stop_numa_balancing();
	shared = map(BYTES, MAP_SHARED, file, MADV_NOHUGEPAGE);
	test_child();
	test_wrong_processes();
	test_leaderless();
	test_unprivileged();
	test_search();
	test_rejected();
	ptescan_program_free(program);
	node_blocks_free(&blocks);
	return failures ? 1 : 0;
}
