/* SPDX-License-Identifier: MIT */
/*
 * In a guest: processes with weights of their own.  Children map memory and touch it when told;
 * from outside every page is looked for and compared with the kernel's formula for these weights.
 * Two processes with different weights at once, huge pages, memory that is there already, undo,
 * ranges, reapply, and what may not be.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "check.h"
#include "cleanup.h"
#include "placement.h"
#include "policy.h"
#include "rootfs.h"
#include "text.h"

#define PAGE_BYTES  4096UL
#define MIB	    (1UL << 20)
#define SMALL_BYTES (12 * MIB)
#define HUGE_BYTES  (128 * MIB)

DEFINE_CLEANUP(struct mpol_process *, mpol_process_free);
DEFINE_CLEANUP(struct mpol_stripes *, mpol_stripes_free);

/* What a child has, mapped before it is forked, so that its addresses are known. */
struct child {
	pid_t pid;
	int pidfd;
	int orders[2];	/* a pipe: addresses and lengths to touch */
	int answers[2]; /* a byte for each */
	char *small;	/* base pages */
	char *huge;	/* huge pages, asked for */
};

struct order {
	char *start;
	size_t bytes;
	enum { ORDER_TOUCH, ORDER_SHARE, ORDER_UNMAP } what; /* SHARE: shared memory in its place */
};

static int nodes[MPOL_NODES_MAX];
static int nr_nodes;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	printf("not ok - %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *map(size_t bytes, int advice)
{
	/* Room to align by: a huge page's size. */
	char *memory = mmap(NULL, bytes + 2 * MIB, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(memory != MAP_FAILED, "map memory");
	memory += -(uintptr_t)memory & (2 * MIB - 1);
	must(madvise(memory, bytes, advice) == 0, "madvise");
	return memory;
}

static void *sleep_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* Neither ascending nor all at once: where pages are depends on addresses alone. */
static void touch_all(const struct order *order)
{
	for (size_t first = 0; first < 7; first++)
		for (size_t at = (6 - first) * PAGE_BYTES; at < order->bytes; at += 7 * PAGE_BYTES)
			order->start[at] = 1;
}

static _Noreturn void obey(const struct child *child)
{
	struct order order;
	pthread_t second;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(pthread_create(&second, NULL, sleep_for_ever, NULL) == 0, "make a second thread");
	while (read(child->orders[0], &order, sizeof(order)) == sizeof(order)) {
		if (order.what == ORDER_TOUCH)
			touch_all(&order);
		else if (order.what == ORDER_UNMAP)
			must(munmap(order.start, order.bytes) == 0, "unmap memory");
		else
			must(mmap(order.start, order.bytes, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == order.start,
			     "map shared memory");
		if (write(child->answers[1], "", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

static void start(struct child *child)
{
	must(pipe(child->orders) == 0 && pipe(child->answers) == 0, "make pipes");
	child->small = map(SMALL_BYTES, MADV_NOHUGEPAGE);
	child->huge = map(HUGE_BYTES, MADV_HUGEPAGE);
	fflush(stdout);
	child->pid = fork();
	must(child->pid >= 0, "fork");
	if (!child->pid)
		obey(child);
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	must(child->pidfd >= 0, "pidfd_open");
}

static void tell(const struct child *child, struct order order)
{
	char answer;

	must(write(child->orders[1], &order, sizeof(order)) == sizeof(order), "write an order");
	must(read(child->answers[0], &answer, 1) == 1, "read an answer");
}

static void touch(const struct child *child, char *memory, size_t bytes)
{
	tell(child, (struct order) { memory, bytes, ORDER_TOUCH });
}

static void stop(struct child *child)
{
	kill(child->pid, SIGKILL);
	close(child->orders[1]);
	close(child->orders[0]);
	close(child->answers[0]);
	close(child->answers[1]);
	waitpid(child->pid, NULL, 0);
	close(child->pidfd);
	munmap(child->small, SMALL_BYTES);
	munmap(child->huge, HUGE_BYTES);
}

/* ---- The command ---------------------------------------------------------------------- */

/* Runs mpol with the words; *ret_status, unless NULL, is its exit status.  free(3) the output. */
static char *run(int *ret_status, const char *words, ...) __attribute__((format(printf, 2, 3)));

static char *run(int *ret_status, const char *words, ...)
{
	char command[512], line[512];
	struct text output = { 0 };
	int length, status;
	FILE *stream;
	va_list args;

	length = snprintf(command, sizeof(command), "%s/src/cli/mpol ", getenv("MPOL_BUILD"));
	va_start(args, words);
	vsnprintf(command + length, sizeof(command) - (size_t)length, words, args);
	va_end(args);
	strncat(command, " 2>&1", sizeof(command) - strlen(command) - 1);
	stream = popen(command, "r");
	must(stream, command);
	while (fgets(line, sizeof(line), stream))
		text_printf(&output, "%s", line);
	status = pclose(stream);
	if (ret_status)
		*ret_status = WEXITSTATUS(status);
	must(!output.error && output.data, "run mpol");
	printf("# mpol %s: %s", strchr(command, ' ') + 1, output.data);
	return output.data;
}

/* Whether the command succeeds, and says it. */
#define SAYS(sentence, ...)                                                                \
	do {                                                                               \
		int status_;                                                               \
		_cleanup_free_ char *output_ = run(&status_, __VA_ARGS__);                 \
                                                                                           \
		check(status_ == 0 && strstr(output_, sentence), "says \"" sentence "\""); \
	} while (0)

#define REFUSES(sentence, ...)                                                                 \
	do {                                                                                   \
		int status_;                                                                   \
		_cleanup_free_ char *output_ = run(&status_, __VA_ARGS__);                     \
                                                                                               \
		check(status_ != 0 && strstr(output_, sentence), "refused: \"" sentence "\""); \
	} while (0)

/* ---- Where pages are -------------------------------------------------------------------- */

/* The stripes of the picture that hold the address; NULL: none do. */
static const struct mpol_striped *striped_at(const struct mpol_process *process, const char *memory)
{
	const struct mpol_striped *striped;

	for (size_t i = 0; (striped = mpol_process_striped(process, i)); i++)
		if (striped->start <= (uintptr_t)memory && (uintptr_t)memory < striped->end)
			return striped;
	return NULL;
}

static struct mpol_process *look(const struct child *child)
{
	struct mpol_process *process = NULL;
	struct mpol_error error;

	must(mpol_process_new(NULL, child->pid, MPOL_PROCESS_VMAS | MPOL_PROCESS_THREADS, &process,
			      &error) == 0,
	     "look at the child");
	return process;
}

struct count {
	const struct placement_nodes *nodes;
	const struct mpol_policy *policy;
	unsigned int shift;
	size_t nr_pages, nr_wrong, nr_cut;
	uint64_t least_unit;
};

static int compare_run(const struct mpol_page_run *run, void *user)
{
	struct count *count = user;

	if (run->unit_bytes < count->least_unit)
		count->nr_cut++;
	for (uint64_t at = run->start; at < run->end; at += PAGE_BYTES, count->nr_pages++)
		if (placement_of_index(count->nodes, count->policy,
				       at / PAGE_BYTES >> count->shift) != run->node)
			count->nr_wrong++;
	return 0;
}

/*
 * All pages of the memory are there, where the formula has them for stripes of that size, in units
 * of so many bytes at least.
 */
static void check_placed(const struct child *child, const char *memory, size_t bytes,
			 const struct mpol_policy *policy, uint64_t least_unit,
			 const char *sentence)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = look(child);
	const struct mpol_striped *striped = striped_at(process, memory);
	struct placement_nodes placement = { .nr_nodes = nr_nodes, .ids = nodes };
	struct count count = { .nodes = &placement, .policy = policy, .least_unit = least_unit };
	struct mpol_error error;

	for (int i = 0; i < nr_nodes; i++)
		nodemask_set(&placement.memory, nodes[i]);
	if (!striped) {
		check(false, "memory is striped");
		return;
	}
	count.shift = (unsigned int)__builtin_ctzll(striped->stripe_bytes / PAGE_BYTES);
	must(mpol_process_pages(process, (uintptr_t)memory, (uintptr_t)memory + bytes, compare_run,
				&count, &error) == 0,
	     "look at pages");
	printf("# %zu pages in stripes of %zu KiB, %zu elsewhere, %zu units too small\n",
	       count.nr_pages, (size_t)striped->stripe_bytes / 1024, count.nr_wrong, count.nr_cut);
	check(count.nr_pages == bytes / PAGE_BYTES && !count.nr_wrong && !count.nr_cut, sentence);
}

static size_t nr_vmas(const struct child *child)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = look(child);

	return mpol_process_nr_vmas(process);
}

/* Ranges that prefer a node; Linux may keep ranges apart whose pages came while they were. */
static size_t nr_preferring(const struct child *child)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = look(child);
	const struct mpol_vma *vma;
	size_t nr = 0;

	for (size_t i = 0; (vma = mpol_process_vma(process, i)); i++)
		nr += vma->policy->mode == MPOL_MODE_PREFERRED;
	return nr;
}

static bool is_striped(const struct child *child, const char *memory)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = look(child);

	return striped_at(process, memory) != NULL;
}

static struct mpol_policy weighted(const char *text)
{
	struct mpol_policy policy;

	must(policy_parse(text, NULL, &policy, NULL) == 0, text);
	return policy;
}

/* ---- Tests ------------------------------------------------------------------------------- */

static void test_two_processes(const char *one_text, const char *two_text)
{
	const struct mpol_policy one = weighted(one_text), two = weighted(two_text);
	struct child first = { 0 }, second = { 0 };
	size_t before;

	start(&first);
	start(&second);
	before = nr_vmas(&first);
	/* Memory that is there stays where it is. */
	touch(&first, first.small, 64 * PAGE_BYTES);
	SAYS("would change 2 threads", "set %d %s --dry-run", first.pid, one_text);
	SAYS("\"pieces\":", "set %d %s --dry-run --json", first.pid, one_text);
	check(nr_vmas(&first) == before, "--dry-run changes nothing");
	SAYS(" cut into ", "set %d %s", first.pid, one_text);
	SAYS(" cut into ", "set %d %s", second.pid, two_text);
	touch(&first, first.small + MIB, SMALL_BYTES - MIB);
	touch(&second, second.small, SMALL_BYTES);
	touch(&first, first.huge, HUGE_BYTES);
	touch(&second, second.huge, HUGE_BYTES);
	check_placed(&first, first.small + MIB, SMALL_BYTES - MIB, &one, PAGE_BYTES,
		     "base pages of the first process are where its weights put them");
	check_placed(&second, second.small, SMALL_BYTES, &two, PAGE_BYTES,
		     "those of the second, where its own do");
	check_placed(&first, first.huge, HUGE_BYTES, &one, 2 * MIB,
		     "huge pages of the first process are whole, and where they should be");
	check_placed(&second, second.huge, HUGE_BYTES, &two, 2 * MIB, "those of the second too");
	check(nr_vmas(&first) <= before + 4096 && nr_vmas(&second) <= before + 4096,
	      "no more ranges than 4,096 more");
	SAYS("(striped, ", "show %d --vmas", first.pid);
	SAYS("new pages as these weights say", "show %d --explain", first.pid);
	SAYS("is as it was set", "reapply %d --check", first.pid);
	SAYS("would be taken back", "undo %d --dry-run", first.pid);
	SAYS("is taken back", "undo %d", first.pid);
	check(!nr_preferring(&first), "undo leaves no stripes");
	check(is_striped(&second, second.small), "and none of the other process go");
	stop(&first);
	stop(&second);
}

/* Weights anew over stripes, and back to those before; a range alone. */
static void test_again(const char *one_text, const char *two_text)
{
	const struct mpol_policy one = weighted(one_text), two = weighted(two_text);
	struct child child = { 0 };

	start(&child);
	SAYS(" cut into ", "bind %d 0x%lx+12MiB %s", child.pid, (unsigned long)child.small,
	     one_text);
	check(is_striped(&child, child.small) && !is_striped(&child, child.huge),
	      "bind cuts that range alone");
	touch(&child, child.small, 4 * MIB);
	check_placed(&child, child.small, 4 * MIB, &one, PAGE_BYTES, "and its pages are right");
	SAYS(" cut into ", "set %d %s", child.pid, two_text);
	touch(&child, child.small + 4 * MIB, 4 * MIB);
	check_placed(&child, child.small + 4 * MIB, 4 * MIB, &two, PAGE_BYTES,
		     "other weights hold for pages from then on");
	SAYS("is taken back", "undo %d", child.pid);
	check(!is_striped(&child, child.huge), "undo of the second leaves the rest");
	touch(&child, child.small + 8 * MIB, 4 * MIB);
	check_placed(&child, child.small + 8 * MIB, 4 * MIB, &one, PAGE_BYTES,
		     "and stripes of the first");
	SAYS("is taken back", "undo %d", child.pid);
	check(!is_striped(&child, child.small), "undo of the first");
	stop(&child);
}

/* Somebody else changes a part of it: told, and put right. */
static void test_drift(const char *text)
{
	const struct mpol_policy policy = weighted(text);
	struct child child = { 0 };

	start(&child);
	SAYS(" cut into ", "set %d %s", child.pid, text);
	SAYS("bound to local", "bind --no-journal %d 0x%lx+1MiB local", child.pid,
	     (unsigned long)child.small + 2 * MIB);
	SAYS("drift", "show %d", child.pid);
	SAYS("set again", "reapply %d", child.pid);
	touch(&child, child.small + 2 * MIB, MIB);
	check_placed(&child, child.small + 2 * MIB, MIB, &policy, PAGE_BYTES,
		     "reapply cuts it again");
	SAYS("is as it was set", "reapply %d --check", child.pid);
	stop(&child);
}

/* Memory that goes between plan and stripes, with something else in its place: no harm, and told.
 */
static void test_vanishing(const char *text)
{
	const struct mpol_policy policy = weighted(text);
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL, *after = NULL;
	_cleanup_(mpol_stripes_freep) struct mpol_stripes *stripes = NULL;
	struct mpol_stripes_result result;
	struct child child = { 0 }, other = { 0 };
	struct mpol_error error;
	const struct mpol_vma *vma;
	bool is_untouched = false;

	start(&child);
	start(&other);
	process = look(&child);
	must(mpol_stripes_new(process, &policy, NULL, 0, &stripes, &error) == 0 && stripes,
	     "plan stripes");
	tell(&child, (struct order) { child.small + 4 * MIB, MIB, ORDER_SHARE });
	tell(&child, (struct order) { child.small + 6 * MIB, MIB, ORDER_UNMAP });
	check(mpol_stripes_carry_out(stripes, other.pidfd, &result, &error) == -ESRCH,
	      "a plan is for its process alone");
	check(mpol_stripes_carry_out(stripes, child.pidfd, &result, &error) == 0 &&
		      result.vanished_bytes == 2 * MIB,
	      "what had gone is told");
	printf("# %zu ranges, %zu pieces, %zu stops, longest %zu us\n", (size_t)result.nr_ranges,
	       (size_t)result.nr_pieces, (size_t)result.nr_stops,
	       (size_t)result.longest_stop_ns / 1000);
	after = look(&child);
	for (size_t i = 0; (vma = mpol_process_vma(after, i)); i++)
		if (vma->start == (uintptr_t)child.small + 4 * MIB)
			is_untouched = vma->permissions[3] == 's' &&
				       vma->policy->mode == MPOL_MODE_DEFAULT;
	check(is_untouched, "what is in its place keeps its policy");
	touch(&child, child.small, 4 * MIB);
	check_placed(&child, child.small, 4 * MIB, &policy, PAGE_BYTES, "and the rest is cut");
	stop(&child);
	stop(&other);
}

/* Stopped in the middle: stripes that are not whole are taken back as what was begun. */
static void test_half_done(const char *text)
{
	const struct mpol_policy policy = weighted(text), none = { .mode = MPOL_MODE_DEFAULT };
	struct child child = { 0 };
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	struct mpol_journal *journal;
	struct mpol_error error;
	char path[128];
	uint64_t id;

	start(&child);
	process = look(&child);
	{
		const struct mpol_replaced replaced = {
			.start = (uintptr_t)child.small,
			.end = (uintptr_t)child.small + SMALL_BYTES,
			.policy = &none,
		};
		const struct mpol_change change = {
			.verb = "set",
			.pid = child.pid,
			.start_ticks = mpol_process_start_ticks(process),
			.name = "child",
			.intended = &policy,
			.replaced = &replaced,
			.nr_replaced = 1,
		};

		snprintf(path, sizeof(path), "%s/mpol/journal", getenv("XDG_STATE_HOME"));
		must(mpol_journal_open(path, 1, &journal, &error) == 0 &&
			     mpol_journal_begin(journal, &change, &id, &error) == 0,
		     "write a journal");
		mpol_journal_free(journal);
	}
	SAYS("bound to prefer", "bind --no-journal %d 0x%lx+4MiB prefer:%d", child.pid,
	     (unsigned long)child.small, nodes[0]);
	SAYS("is taken back", "undo %d", child.pid);
	check(!nr_preferring(&child), "what was half done is taken back");
	stop(&child);
}

/* The calling process: its own ranges, and itself as a whole. */
static void test_own(const char *text)
{
	struct mpol_policy policy = weighted(text);
	struct mpol_report report;
	struct mpol_error error;
	struct mpol_args args;
	struct child self = { .pid = getpid() };
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	char *memory = map(SMALL_BYTES, MADV_NOHUGEPAGE), *vanishing;

	mpol_policy_to_args(&policy, &args);
	args.error = &error;
	check(mpol_set_mempolicy(&args, sizeof(args)) == -EOPNOTSUPP &&
		      strstr(error.advice, "mpol bind"),
	      "a thread alone cannot have weights, and is told what can");
	check(mpol_set_vma_mempolicy(memory, SMALL_BYTES, &args, sizeof(args)) == 0,
	      "own ranges can");
	for (size_t at = 0; at < SMALL_BYTES; at += PAGE_BYTES)
		memory[at] = 1;
	check_placed(&self, memory, SMALL_BYTES, &policy, PAGE_BYTES, "and pages are right");
	check(mpol_set_vma_mempolicy(memory + 5 * PAGE_BYTES, 3 * PAGE_BYTES, &args,
				     sizeof(args)) == 0,
	      "a few pages too");
	vanishing = map(SMALL_BYTES, MADV_NOHUGEPAGE);
	munmap(vanishing + MIB, MIB);
	check(mpol_set_vma_mempolicy(vanishing, SMALL_BYTES, &args, sizeof(args)) == -EFAULT,
	      "a range with a hole is refused");
	check(mpol_process_apply(pidfd, 0, &args, sizeof(args), &report) == 0 &&
		      report.stripes.nr_ranges,
	      "the calling process as a whole");
	mpol_report_free(&report);
	args = (struct mpol_args) { .error = &error };
	check(mpol_process_set_mempolicy(pidfd, &args, sizeof(args)) == 0, "and back");
	close(pidfd);
	munmap(memory, SMALL_BYTES);
	munmap(vanishing, SMALL_BYTES);
}

static void test_refusals(const char *text)
{
	struct child child = { 0 };
	void *shared = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	start(&child);
	REFUSES("private anonymous memory", "bind %d 0x%lx+1MiB %s", child.pid,
		(unsigned long)shared, text);
	REFUSES("which all threads share", "set %d --thread %d %s", child.pid, child.pid, text);
	REFUSES("relative does not go", "set %d %s+relative", child.pid, text);
	stop(&child);
	munmap(shared, MIB);
}

int main(void)
{
	_cleanup_close_ int root = rootfs_open(NULL);
	char one[64], two[64], state[] = "/tmp/stripes-XXXXXX";
	struct nodemask memory;
	int node;

	setvbuf(stdout, NULL, _IOLBF, 0);
	must(rootfs_read_nodes(root, &memory, "sys/devices/system/node/has_memory") == 0,
	     "read nodes");
	nodemask_for_each (node, &memory)
		nodes[nr_nodes++] = node;
	if (nr_nodes < 2) {
		puts("needs two nodes with memory");
		return 77;
	}
	must(mkdtemp(state) && setenv("XDG_STATE_HOME", state, 1) == 0, "make a folder");
	rootfs_write(root, "0", "proc/sys/kernel/numa_balancing");
	rootfs_write(root, "madvise", "sys/kernel/mm/transparent_hugepage/enabled");
	rootfs_write(root, "always", "sys/kernel/mm/transparent_hugepage/defrag");
	snprintf(one, sizeof(one), "weighted:%d=3,%d=1", nodes[0], nodes[1]);
	snprintf(two, sizeof(two), "weighted:%d=1,%d=2", nodes[0], nodes[nr_nodes - 1]);
	if (nr_nodes > 2)
		snprintf(two, sizeof(two), "weighted:%d=1,%d=3,%d=2", nodes[0], nodes[1],
			 nodes[nr_nodes - 1]);
	test_two_processes(one, two);
	test_again(one, two);
	test_drift(two);
	test_vanishing(one);
	test_half_done(one);
	test_own(one);
	test_refusals(one);
	return failures ? 1 : 0;
}
