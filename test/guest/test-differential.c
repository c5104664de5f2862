/* SPDX-License-Identifier: MIT */
/*
 * The eight calls of libmpol for policies against the kernel's own: random
 * argument sets are given to three processes that are alike, and the result,
 * the errno and the policies that the kernel then reports must be the same.
 * See differential.h.
 *
 * MPOL_DIFFERENTIAL is how many sets, MPOL_DIFFERENTIAL_SEED where to begin.
 * Twins live for an epoch: it has a cpuset (where we may make one), a number
 * of threads, and a way to name the remote one.  An epoch's seed, given as
 * MPOL_DIFFERENTIAL_SEED, runs it alone first.
 */
#include "differential.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEFAULT_SETS	 34000
#define SETS_PER_EPOCH	 400
#define MOST_DIFFERENCES 10
#define MOST_LATE	 20
#define CGROUP		 "/sys/fs/cgroup/mpol-differential"

struct test {
	struct shared *shared;
	cpu_set_t cpus; /* that we may use */
	bool has_cpusets;
	char cpuset[64]; /* of this epoch, "" for none */
	int pidfd;	 /* names what is meant of the remote twin */
	unsigned int nr_differences;
	unsigned int nr_late;		    /* sets that a busy machine did not get done in time */
	unsigned int counts[OPERATIONS][2]; /* accepted, refused */
};

static _Noreturn void fail(const char *what)
{
	printf("not ok - %s: %s\n", what, strerror(errno));
	exit(1);
}

/* at: NULL, or where nothing is mapped. */
static void *map(void *at, size_t bytes, int protection, int flags)
{
	void *memory = mmap(at, bytes, protection,
			    flags | MAP_ANONYMOUS | (at ? MAP_FIXED_NOREPLACE : 0), -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	return memory;
}

/* ---- The machine ------------------------------------------------------------------ */

static bool read_text(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	buffer[n] = '\0';
	return true;
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	const ssize_t length = (ssize_t)strlen(text);
	bool written = fd >= 0 && write(fd, text, (size_t)length) == length;

	if (fd >= 0)
		close(fd);
	return written;
}

/* In the lab nobody minds: weights of our own, and nothing that moves pages by itself. */
static void prepare_machine(void)
{
	if (!getenv("LAB_MACHINE"))
		return;
	write_text("/sys/kernel/mm/mempolicy/weighted_interleave/node0", "3");
	write_text("/proc/sys/kernel/numa_balancing", "0");
}

static void learn_machine(struct machine_facts *ret)
{
	unsigned long scratch[MPOL_NODE_WORDS];
	char text[1024], path[96];

	ret->nr_node_ids = 1;
	while (syscall(SYS_get_mempolicy, NULL, scratch, (unsigned long)ret->nr_node_ids, NULL,
		       (unsigned long)MPOL_F_MEMS_ALLOWED) < 0) {
		if (errno != EINVAL || ret->nr_node_ids++ == MPOL_NODES_MAX) {
			printf("get_mempolicy(2) is not to be had here: %s\n", strerror(errno));
			exit(77);
		}
	}
	if (!read_text("/sys/devices/system/node/has_memory", text, sizeof(text)) ||
	    mpol_nodes_parse(text, ret->memory) < 0)
		fail("has_memory");
	for (int node = 0; node < ret->nr_node_ids; node++) {
		snprintf(path, sizeof(path), "/sys/kernel/mm/mempolicy/weighted_interleave/node%d",
			 node);
		if (!read_text(path, text, sizeof(text)))
			continue;
		ret->has_weights = true;
		ret->weights[node] = (uint8_t)strtoul(text, NULL, 10);
	}
}

/* An area that ends where nothing can be accessed. */
static void *make_area(int sharing)
{
	char *area = map(NULL, MASK_AREA_BYTES + PAGE_BYTES, PROT_READ | PROT_WRITE, sharing);

	if (mprotect(area + MASK_AREA_BYTES, PAGE_BYTES, PROT_NONE) < 0)
		fail("mprotect");
	return area;
}

static void make_areas(struct areas *ret)
{
	/*
	 * A page on each side that nobody can use keeps neighbours from merging with it.  Far below
	 * where the kernel looks for room: nothing is to be mapped into the holes.
	 */
	char *region =
		map((void *)0x20000000, (REGION_PAGES + 2) * PAGE_BYTES, PROT_NONE, MAP_PRIVATE);

	ret->region = region + PAGE_BYTES;
	for (unsigned int page = 0; page < REGION_PAGES; page++) {
		void *at = ret->region + page * PAGE_BYTES;

		if (REGION_HOLES >> page & 1)
			munmap(at, PAGE_BYTES);
		else
			mprotect(at, PAGE_BYTES,
				 REGION_READ_ONLY >> page & 1 ? PROT_READ : PROT_READ | PROT_WRITE);
	}
	ret->nodes_in = make_area(MAP_SHARED);
	ret->weights_in = make_area(MAP_SHARED);
	ret->nodes_out = make_area(MAP_PRIVATE);
	ret->allowed_out = make_area(MAP_PRIVATE);
	ret->weights_out = make_area(MAP_PRIVATE);
}

static void report(struct test *test, const char *what, const char *detail)
{
	const struct shared *shared = test->shared;

	printf("not ok - %s%s%s\n", what, *detail ? ": " : "", detail);
	print_argument_set(&shared->set, &shared->areas);
	printf("#   %zu threads%s, cpuset %s\n", shared->nr_threads,
	       shared->by_thread ? ", the last one meant" : "",
	       *test->cpuset ? test->cpuset : "of all nodes");
	test->nr_differences++;
}

/* ---- Epochs --------------------------------------------------------------------- */

/* In the lab only: elsewhere the cgroups are not ours. */
static bool make_cgroup(void)
{
	return getenv("LAB_MACHINE") &&
	       write_text("/sys/fs/cgroup/cgroup.subtree_control", "+cpuset") &&
	       (mkdir(CGROUP, 0755) == 0 || errno == EEXIST) &&
	       access(CGROUP "/cpuset.mems", W_OK) == 0;
}

/* Puts the twins in a cpuset of some of the nodes. */
static void choose_cpuset(struct test *test, uint64_t *random)
{
	const struct machine_facts *facts = &test->shared->facts;
	unsigned long nodes[MPOL_NODE_WORDS] = { 0 };
	char pid[16];

	test->cpuset[0] = '\0';
	if (!test->has_cpusets || random_below(random, 2))
		return;
	while (!nodes[0])
		nodes[0] = random_next(random) & facts->memory[0];
	mpol_nodes_format(nodes, test->cpuset, sizeof(test->cpuset));
	if (!write_text(CGROUP "/cpuset.mems", test->cpuset))
		fail("cpuset.mems");
	for (enum twin_kind kind = 0; kind < TWINS; kind++) {
		snprintf(pid, sizeof(pid), "%d", test->shared->boards[kind].pid);
		if (!write_text(CGROUP "/cgroup.procs", pid))
			fail("cgroup.procs");
	}
}

static const char *const twin_names[TWINS] = { "raw", "own", "remote" };

/* Has every twin do the set.  False if one of them did not survive it. */
static bool ask_all(struct test *test)
{
	bool alive = true;

	for (enum twin_kind kind = 0; kind < TWINS; kind++)
		twin_ask(test->shared, kind);
	for (enum twin_kind kind = 0; kind < TWINS; kind++)
		if (!twin_wait(test->shared, kind)) {
			report(test, "a twin has ended, or does not answer", twin_names[kind]);
			alive = false;
		}
	return alive;
}

static int open_pidfd(const struct test *test, uint64_t *random)
{
	const unsigned int pidfd_thread = O_EXCL;
	const struct twin_board *remote = &test->shared->boards[TWIN_REMOTE];
	int fd = -1;

	test->shared->by_thread = false;
	if (random_below(random, 2)) {
		fd = (int)syscall(SYS_pidfd_open, remote->tids[test->shared->nr_threads - 1],
				  pidfd_thread);
		test->shared->by_thread = fd >= 0;
	}
	if (fd < 0)
		fd = (int)syscall(SYS_pidfd_open, remote->pid, 0U);
	if (fd < 0)
		fail("pidfd_open");
	return fd;
}

/*
 * All on one CPU, mostly: under emulation that takes half the time.  Now and
 * then on all of them, so that the controller and its target run at once.
 */
static void choose_cpus(const cpu_set_t *all, uint64_t *random)
{
	cpu_set_t one = *all;
	int cpu = 0;

	while (!CPU_ISSET(cpu, all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), random_below(random, 8) ? &one : all);
}

static void start_epoch(struct test *test, uint64_t *random)
{
	struct shared *shared = test->shared;

	choose_cpus(&test->cpus, random);
	shared->nr_threads = 1 + !random_below(random, 4);
	shared->set = (struct argument_set) { .operation = GET_THREAD, .touch_page = -1 };
	shared->set.size = sizeof(struct mpol_args);
	for (enum twin_kind kind = 0; kind < TWINS; kind++) {
		if (!twin_start(shared, kind))
			fail("fork");
	}
	choose_cpuset(test, random);
	if (!ask_all(test))
		exit(1);
	test->pidfd = open_pidfd(test, random);
}

static void end_epoch(struct test *test)
{
	close(test->pidfd);
	for (enum twin_kind kind = 0; kind < TWINS; kind++)
		if (!twin_stop(test->shared, kind))
			report(test, "a twin has ended", twin_names[kind]);
}

/* ---- One set ---------------------------------------------------------------------- */

/* A busy machine may need longer than libmpol waits for a thread. */
static bool is_late(struct test *test, int r)
{
	test->nr_late += r == -ETIMEDOUT;
	return r == -ETIMEDOUT;
}

static int set_remote(struct test *test)
{
	const struct argument_set *set = &test->shared->set;
	unsigned char buffer[MAX_SIZE];
	struct mpol_error error = { 0 };
	struct mpol_args *args = build_args(set, &error, buffer);
	char text[64];
	int r;

	r = set->operation == SET_THREAD
		    ? mpol_process_set_mempolicy(test->pidfd, args, set->size)
		    : mpol_process_set_vma_mempolicy(test->pidfd, set->ranges, set->nr_ranges, args,
						     set->size);
	snprintf(text, sizeof(text), "error.code %d, result %d", error.code, r);
	if (set->args.error && set->size >= MPOL_ARGS_SIZE_VER0 && error.code != r)
		report(test, "remote: error", text);
	return r;
}

/* The meant thread of each twin. */
static size_t meant_thread(const struct shared *shared)
{
	return shared->by_thread ? shared->nr_threads - 1 : 0;
}

static struct raw_policy *page_at(struct raw_state *state, const struct areas *areas, uint64_t addr)
{
	const uint64_t page = (addr - (uint64_t)areas->region) / PAGE_BYTES;

	return addr >= (uint64_t)areas->region && page < REGION_PAGES ? &state->pages[page] : NULL;
}

/*
 * From outside a range without a policy shows that of the thread that looks,
 * unless another thread has another one.
 */
static struct raw_policy range_from_outside(struct test *test, const struct raw_policy *range)
{
	const struct shared *shared = test->shared;
	const struct raw_thread *threads = test->shared->boards[TWIN_REMOTE].state.threads;
	const struct raw_thread *viewer = &threads[meant_thread(shared)];
	struct raw_policy shown =
		effective_policy(&shared->facts, &viewer->policy, viewer->allowed);
	struct raw_policy others = { 0 };

	if (range->mode != MPOL_MODE_DEFAULT)
		return effective_policy(&shared->facts, range, viewer->allowed);
	if (shared->nr_threads > 1) {
		const struct raw_thread *other = &threads[!meant_thread(shared)];

		others = effective_policy(&shared->facts, &other->policy, other->allowed);
		if (memcmp(&others, &shown, sizeof(others)))
			return *range;
	}
	return shown;
}

static void expect_remote_get(struct test *test, struct expected_get *ret)
{
	struct shared *shared = test->shared;
	const struct argument_set *set = &shared->set;
	const struct raw_thread *thread =
		&test->shared->boards[TWIN_REMOTE].state.threads[meant_thread(shared)];
	const struct raw_policy unmapped = { .result = -EFAULT }, *range = NULL;
	const bool exact = set->args.mode_flags & MPOL_FLAG_EXACT;

	*ret = (struct expected_get) {
		.result = judge_size(set),
		.allowed = thread->allowed,
		.next = -1,
		.other_next = -1,
		.vma_node = -1,
	};
	if (set->operation == GET_THREAD) {
		ret->policy = thread->policy;
		if (exact)
			ret->next = ret->other_next = thread->next;
		else
			ret->policy =
				effective_policy(&shared->facts, &ret->policy, thread->allowed);
	} else {
		range = page_at(&shared->boards[TWIN_REMOTE].state, &shared->areas, set->addr);
		ret->policy = range ? *range : unmapped;
		if (!exact)
			ret->policy = range_from_outside(test, &ret->policy);
		ret->policy.result = range ? range->result : -EFAULT;
	}
	if (!exact)
		ret->within = shared->facts.memory;
	ret->other = ret->policy;
	/* Two relative policies may differ in what the kernel does not tell: see within. */
	if (range && shared->nr_threads > 1 && thread->policy.mode & (int)MPOL_FLAG_RELATIVE)
		ret->other = *range;
	/* Older kernels do not show it in /proc. */
	if (!shared->facts.has_weights && !exact)
		ret->other.mode &= ~(int)MPOL_FLAG_BALANCING;
	if (ret->result == 0)
		ret->result = judge_masks_room(set, &shared->facts);
	if (ret->result == 0)
		ret->result = ret->policy.result;
	if (ret->result == 0)
		ret->result = judge_masks_writable(set, &shared->areas);
}

/*
 * Where an interleave policy goes on changes with what the kernel allocates for
 * the thread: the answer may be the one of before or the one of now.
 */
static bool exact_next(struct test *test, struct expected_get *expected)
{
	if (expected->next < 0)
		return false;
	twin_ask(test->shared, TWIN_REMOTE);
	if (!twin_wait(test->shared, TWIN_REMOTE))
		return false;
	expected->other_next =
		test->shared->boards[TWIN_REMOTE].state.threads[meant_thread(test->shared)].next;
	return true;
}

static void get_remote(struct test *test)
{
	struct shared *shared = test->shared;
	const struct argument_set *set = &shared->set;
	unsigned char buffer[MAX_SIZE];
	struct mpol_error error = { 0 };
	struct mpol_args *args = build_args(set, &error, buffer);
	struct expected_get expected;
	const char *what;
	char detail[256];
	int r;

	prepare_get(&shared->areas);
	expect_remote_get(test, &expected);
	r = set->operation == GET_THREAD
		    ? mpol_process_get_mempolicy(test->pidfd, args, set->size)
		    : mpol_process_get_vma_mempolicy(test->pidfd, set->addr, args, set->size);
	if (is_late(test, r))
		return;
	if (r == 0 && set->operation == GET_RANGE)
		expected.vma_node = shared->boards[TWIN_REMOTE].vma_node;
	test->counts[set->operation][r < 0]++;
	what = check_get(set, &shared->areas, r, args, &expected);
	if (what && exact_next(test, &expected))
		what = check_get(set, &shared->areas, r, args, &expected);
	if (!what)
		return;
	snprintf(detail, sizeof(detail),
		 "%s: returned %d, should be %d; mode 0x%x, should be 0x%x {%lx}; "
		 "next %d, should be %d or %d; node %d, should be %d",
		 what, r, expected.result, args->mode | args->mode_flags, expected.policy.mode,
		 expected.policy.nodes[0], args->policy_node, expected.next, expected.other_next,
		 args->vma_node, expected.vma_node);
	report(test, "remote get", detail);
	if (r == 0 && area_room(shared->areas.nodes_out, args->policy_nodemask))
		printf("#   nodes {%lx}\n", args->policy_nodemask[0]);
}

static void compare_results(struct test *test, int remote)
{
	const struct shared *shared = test->shared;
	const size_t meant = meant_thread(shared);
	const size_t index = shared->set.operation == SET_THREAD ? meant : 0;
	const int raw = shared->boards[TWIN_RAW].results[index];
	const int own = shared->boards[TWIN_OWN].results[index];
	char detail[96];

	test->counts[shared->set.operation][raw < 0]++;
	snprintf(detail, sizeof(detail), "kernel %d, own %d, remote %d", raw, own, remote);
	if (raw != own || raw != remote)
		report(test, "results", detail);
}

/* Where an interleave policy goes on depends on what the kernel allocated for the thread. */
static void forget_next(struct raw_state *state)
{
	for (size_t i = 0; i < MAX_THREADS; i++)
		state->threads[i].next = -1;
}

static void compare_states(struct test *test)
{
	struct raw_state states[TWINS];
	char detail[96];

	for (enum twin_kind kind = 0; kind < TWINS; kind++) {
		states[kind] = test->shared->boards[kind].state;
		forget_next(&states[kind]);
	}
	for (enum twin_kind kind = TWIN_OWN; kind < TWINS; kind++) {
		const char *name = twin_names[kind];

		for (size_t i = 0; i < test->shared->nr_threads; i++) {
			const struct raw_thread *raw = &states[TWIN_RAW].threads[i];
			const struct raw_thread *thread = &states[kind].threads[i];

			snprintf(detail, sizeof(detail), "thread %zu: 0x%x {%lx}, %s 0x%x {%lx}", i,
				 raw->policy.mode, raw->policy.nodes[0], name, thread->policy.mode,
				 thread->policy.nodes[0]);
			if (memcmp(raw, thread, sizeof(*raw)))
				report(test, "policies read back", detail);
		}
		for (size_t i = 0; i < REGION_PAGES; i++) {
			const struct raw_policy *raw = &states[TWIN_RAW].pages[i];
			const struct raw_policy *page = &states[kind].pages[i];

			snprintf(detail, sizeof(detail), "page %zu: 0x%x {%lx}, %s 0x%x {%lx}", i,
				 raw->mode, raw->nodes[0], name, page->mode, page->nodes[0]);
			if (!memcmp(raw, page, sizeof(*raw)))
				continue;
			report(test, "policies read back", detail);
			break;
		}
	}
}

/* Returns whether the twins are still alike. */
static bool run_set(struct test *test, uint64_t *random)
{
	struct shared *shared = test->shared;
	const unsigned int differences = test->nr_differences;
	int remote = 0;

	random_argument_set(random, &shared->facts, &shared->areas, &shared->set);
	if (shared->set.operation < GET_THREAD)
		remote = set_remote(test);
	if (!ask_all(test))
		return false;
	if (is_late(test, remote))
		return false;
	if (shared->set.operation >= GET_THREAD)
		get_remote(test);
	else
		compare_results(test, remote);
	if (shared->boards[TWIN_OWN].difference[0])
		report(test, "own", shared->boards[TWIN_OWN].difference);
	compare_states(test);
	return test->nr_differences == differences;
}

/* ---- All of them ------------------------------------------------------------------- */

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static unsigned int run_epoch(struct test *test, uint64_t seed, unsigned int most)
{
	const unsigned int differences = test->nr_differences;
	uint64_t random = seed;
	bool alike = true;
	unsigned int done;

	start_epoch(test, &random);
	for (done = 0; done < most && alike; done++)
		alike = run_set(test, &random);
	if (test->nr_differences > differences)
		printf("#   MPOL_DIFFERENTIAL_SEED=%" PRIu64 ", set %u of its epoch\n", seed, done);
	end_epoch(test);
	return done;
}

static bool is_good(const struct test *test)
{
	return !test->nr_differences && test->nr_late <= MOST_LATE;
}

static void run_all(struct test *test)
{
	const uint64_t nr_sets = setting("MPOL_DIFFERENTIAL", DEFAULT_SETS);
	uint64_t seed = setting("MPOL_DIFFERENTIAL_SEED", 1), done = 0;

	while (done < nr_sets && test->nr_differences < MOST_DIFFERENCES &&
	       test->nr_late <= MOST_LATE) {
		const uint64_t left = nr_sets - done;

		done += run_epoch(test, seed,
				  left < SETS_PER_EPOCH ? (unsigned int)left : SETS_PER_EPOCH);
		seed = random_next(&seed);
	}
	printf("%s - %" PRIu64
	       " argument sets on %d node ids%s: %u differences, %u not done in time\n",
	       is_good(test) ? "ok" : "not ok", done, test->shared->facts.nr_node_ids,
	       test->has_cpusets ? ", in cpusets" : "", test->nr_differences, test->nr_late);
}

int main(void)
{
	static const char *const names[OPERATIONS] = { "thread set", "ranges set", "thread read",
						       "range read" };
	struct test test = { 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare_machine();
	test.shared = map(NULL, sizeof(*test.shared), PROT_READ | PROT_WRITE, MAP_SHARED);
	learn_machine(&test.shared->facts);
	make_areas(&test.shared->areas);
	if (sched_getaffinity(0, sizeof(test.cpus), &test.cpus) < 0)
		fail("sched_getaffinity");
	test.has_cpusets = make_cgroup();
	run_all(&test);
	rmdir(CGROUP);
	for (enum operation operation = 0; operation < OPERATIONS; operation++)
		printf("# %s: %u accepted, %u refused\n", names[operation],
		       test.counts[operation][0], test.counts[operation][1]);
	return is_good(&test) ? 0 : 1;
}
