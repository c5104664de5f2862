/* SPDX-License-Identifier: MIT */
/*
 * The three processes of the differential test: see differential.h.
 *
 * A twin's threads sleep until asked.  The first one does what concerns the
 * whole process; each does what concerns a thread.  A twin ends by being killed.
 */
#include "differential.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KERNEL_FLAGS   (MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE | MPOL_FLAG_BALANCING)
#define KERNEL_MAXNODE (MPOL_NODES_MAX + 1UL)
#define ANSWER_SECONDS 60

struct worker {
	struct shared *shared;
	struct twin_board *board;
	enum twin_kind kind;
	size_t index;
};

static int result_of(long r)
{
	return r < 0 ? -errno : 0;
}

/* ---- What the kernel tells ------------------------------------------------------ */

static void read_policy(struct raw_policy *ret, const void *addr, unsigned long flags)
{
	memset(ret, 0, sizeof(*ret));
	ret->result = result_of(
		syscall(SYS_get_mempolicy, &ret->mode, ret->nodes, KERNEL_MAXNODE, addr, flags));
}

static void read_thread(struct raw_thread *ret)
{
	read_policy(&ret->policy, NULL, 0);
	memset(ret->allowed, 0, sizeof(ret->allowed));
	syscall(SYS_get_mempolicy, NULL, ret->allowed, KERNEL_MAXNODE, NULL, MPOL_F_MEMS_ALLOWED);
	if (syscall(SYS_get_mempolicy, &ret->next, NULL, 0UL, NULL, (unsigned long)MPOL_F_NODE) < 0)
		ret->next = -1;
}

static void read_state(const struct worker *worker)
{
	struct raw_state *state = &worker->board->state;

	read_thread(&state->threads[worker->index]);
	for (size_t page = 0; worker->index == 0 && page < REGION_PAGES; page++)
		read_policy(&state->pages[page], worker->shared->areas.region + page * PAGE_BYTES,
			    MPOL_F_ADDR);
}

/* The node of the page at addr, or -1 if there is none: mincore(2) brings none in. */
static int raw_node_of(const void *addr)
{
	void *page = (void *)((uintptr_t)addr & ~(PAGE_BYTES - 1));
	unsigned char resident;
	int node;

	if (mincore(page, PAGE_BYTES, &resident) < 0 || !(resident & 1) ||
	    syscall(SYS_get_mempolicy, &node, NULL, 0UL, addr,
		    (unsigned long)(MPOL_F_NODE | MPOL_F_ADDR)) < 0)
		return -1;
	return node;
}

/* ---- Setting: by libmpol's own rules, then by the kernel's word --------------------- */

static bool in_mask(const struct mpol_args *args, uint64_t node)
{
	return args->policy_nodemask && node < args->policy_maxnode &&
	       args->policy_nodemask[node / WORD_BITS] >> node % WORD_BITS & 1;
}

static int judge_weights(const struct mpol_args *args, const struct machine_facts *facts)
{
	if (!args->interleave_weights)
		return 0;
	if (args->mode != MPOL_MODE_WEIGHTED_INTERLEAVE)
		return -EINVAL;
	for (unsigned int node = 0; node < MPOL_NODES_MAX; node++)
		if (in_mask(args, node) && args->interleave_weights[node] &&
		    args->interleave_weights[node] != facts->weights[node])
			return -EOPNOTSUPP;
	return 0;
}

static int judge_home(const struct mpol_args *args, bool for_range)
{
	if (!(args->mode_flags & MPOL_FLAG_HOME_NODE))
		return 0;
	if (!for_range || (args->mode != MPOL_MODE_BIND && args->mode != MPOL_MODE_PREFERRED_MANY))
		return -EOPNOTSUPP;
	return result_of(syscall(SYS_set_mempolicy_home_node, 0UL, 0UL,
				 (unsigned long)args->home_node, 0UL));
}

static unsigned long kernel_mode(const struct mpol_args *args)
{
	return args->mode | (args->mode_flags & KERNEL_FLAGS);
}

/* What must be refused before anything is tried.  mbind of no bytes judges mode and mask. */
static int judge_set(const struct argument_set *set, const struct machine_facts *facts)
{
	const struct mpol_args *args = &set->args;
	int r = judge_size(set);

	if (r < 0)
		return r;
	if ((args->mode_flags & ~(KERNEL_FLAGS | MPOL_FLAG_HOME_NODE)) || args->mode & KERNEL_FLAGS)
		return -EINVAL;
	r = result_of(syscall(SYS_mbind, 0UL, 0UL, kernel_mode(args), args->policy_nodemask,
			      args->policy_maxnode + 1, 0UL));
	if (r == 0)
		r = judge_home(args, set->operation == SET_RANGES);
	return r < 0 ? r : judge_weights(args, facts);
}

static int raw_set_thread(const struct argument_set *set)
{
	const struct mpol_args *args = &set->args;

	return result_of(syscall(SYS_set_mempolicy, kernel_mode(args), args->policy_nodemask,
				 args->policy_maxnode + 1));
}

static int raw_set_range(const struct argument_set *set, const struct iovec *range)
{
	const struct mpol_args *args = &set->args;
	int r = result_of(syscall(SYS_mbind, range->iov_base, range->iov_len, kernel_mode(args),
				  args->policy_nodemask, args->policy_maxnode + 1, 0UL));

	if (r == 0 && args->mode_flags & MPOL_FLAG_HOME_NODE)
		r = result_of(syscall(SYS_set_mempolicy_home_node, range->iov_base, range->iov_len,
				      (unsigned long)args->home_node, 0UL));
	return r;
}

static int raw_set(const struct worker *worker)
{
	const struct argument_set *set = &worker->shared->set;
	int first = judge_set(set, &worker->shared->facts);

	if (first < 0 || set->operation == SET_THREAD)
		return first < 0 ? first : raw_set_thread(set);
	for (size_t i = 0; i < set->nr_ranges; i++) {
		int r = raw_set_range(set, &set->ranges[i]);

		if (first == 0)
			first = r;
	}
	return first;
}

/* ---- libmpol's own-task calls ----------------------------------------------------- */

static int own_pidfd(void)
{
	return (int)syscall(SYS_pidfd_open, getpid(), 0U);
}

static int own_set(const struct worker *worker)
{
	const struct argument_set *set = &worker->shared->set;
	unsigned char buffer[MAX_SIZE];
	struct mpol_error error = { 0 };
	struct mpol_args *args = build_args(set, &error, buffer);
	const struct iovec *range = &set->ranges[0];
	bool by_pidfd;
	int r, fd;

	by_pidfd = set->operation == SET_RANGES
			   ? set->nr_ranges != 1 || set->self_as_other
			   : set->self_as_other && worker->shared->nr_threads == 1;
	if (!by_pidfd) {
		r = set->operation == SET_THREAD
			    ? mpol_set_mempolicy(args, set->size)
			    : mpol_set_vma_mempolicy(range->iov_base, range->iov_len, args,
						     set->size);
	} else {
		fd = own_pidfd();
		r = set->operation == SET_THREAD
			    ? mpol_process_set_mempolicy(fd, args, set->size)
			    : mpol_process_set_vma_mempolicy(fd, set->ranges, set->nr_ranges, args,
							     set->size);
		close(fd);
	}
	if (set->args.error && set->size >= MPOL_ARGS_SIZE_VER0 && error.code != r)
		snprintf(worker->board->difference, sizeof(worker->board->difference),
			 "returned %d with error.code %d", r, error.code);
	return r;
}

static int own_get(const struct worker *worker, struct mpol_args *args)
{
	const struct argument_set *set = &worker->shared->set;
	int fd, r;

	if (!set->self_as_other || worker->shared->nr_threads > 1)
		return set->operation == GET_THREAD
			       ? mpol_get_mempolicy(args, set->size)
			       : mpol_get_vma_mempolicy((void *)set->addr, args, set->size);
	fd = own_pidfd();
	r = set->operation == GET_THREAD
		    ? mpol_process_get_mempolicy(fd, args, set->size)
		    : mpol_process_get_vma_mempolicy(fd, set->addr, args, set->size);
	close(fd);
	return r;
}

static void check_own_get(const struct worker *worker)
{
	const struct argument_set *set = &worker->shared->set;
	const struct areas *areas = &worker->shared->areas;
	const bool of_range = set->operation == GET_RANGE;
	struct mpol_error error;
	unsigned char buffer[MAX_SIZE];
	struct mpol_args *args = build_args(set, &error, buffer);
	struct expected_get expected = { .vma_node = -1 };
	struct raw_thread before, after;
	const char *what;
	int r;

	prepare_get(areas);
	read_thread(&before);
	r = own_get(worker, args);
	read_thread(&after);
	expected.policy = before.policy;
	if (of_range)
		read_policy(&expected.policy, (void *)set->addr, MPOL_F_ADDR);
	expected.other = expected.policy;
	expected.allowed = before.allowed;
	expected.next = of_range ? -1 : before.next;
	expected.other_next = of_range ? -1 : after.next;
	expected.result = judge_size(set);
	if (expected.result == 0)
		expected.result = judge_masks_room(set, &worker->shared->facts);
	if (expected.result == 0)
		expected.result = expected.policy.result;
	if (expected.result == 0)
		expected.result = judge_masks_writable(set, areas);
	if (of_range && expected.result == 0)
		expected.vma_node = raw_node_of((void *)set->addr);
	what = check_get(set, areas, r, args, &expected);
	if (what)
		snprintf(worker->board->difference, sizeof(worker->board->difference),
			 "%s: returned %d, should be %d; mode 0x%x, should be 0x%x", what, r,
			 expected.result, args->mode | args->mode_flags, expected.policy.mode);
}

/* ---- Being asked ------------------------------------------------------------------ */

static void touch(const struct worker *worker)
{
	const int page = worker->shared->set.touch_page;

	if (page >= 0 && !((REGION_HOLES | REGION_READ_ONLY) >> page & 1))
		worker->shared->areas.region[(size_t)page * PAGE_BYTES] = 1;
}

static void work(const struct worker *worker)
{
	const struct shared *shared = worker->shared;
	const enum operation operation = shared->set.operation;
	const bool meant = operation == SET_THREAD && shared->by_thread
				   ? worker->index == shared->nr_threads - 1
				   : operation == SET_THREAD || worker->index == 0;
	int *result = &worker->board->results[worker->index];

	*result = 0;
	if (worker->index == 0)
		touch(worker);
	if (meant && operation >= GET_THREAD && worker->kind == TWIN_OWN)
		check_own_get(worker);
	else if (meant && operation < GET_THREAD && worker->kind == TWIN_OWN)
		*result = own_set(worker);
	else if (meant && operation < GET_THREAD && worker->kind == TWIN_RAW)
		*result = raw_set(worker);
	if (operation == GET_RANGE && worker->index == 0)
		worker->board->vma_node = raw_node_of((void *)shared->set.addr);
	read_state(worker);
}

static void futex_wait(atomic_uint *word, unsigned int value)
{
	const struct timespec timeout = { .tv_nsec = 200000000 };

	syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

static void futex_wake(atomic_uint *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void *serve(void *argument)
{
	const struct worker *worker = argument;
	struct twin_board *board = worker->board;
	atomic_uint *asked = &board->asked[worker->index];
	unsigned int last = 0;

	board->tids[worker->index] = gettid();
	for (;;) {
		while (atomic_load(asked) == last)
			futex_wait(asked, last);
		last = atomic_load(asked);
		work(worker);
		atomic_store(&board->answered[worker->index], last);
		futex_wake(&board->answered[worker->index]);
	}
	return NULL;
}

static _Noreturn void run_twin(struct shared *shared, enum twin_kind kind)
{
	struct worker workers[MAX_THREADS];
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "mpol-twin");
	for (size_t i = shared->nr_threads; i-- > 0;) {
		workers[i] = (struct worker) {
			.shared = shared,
			.board = &shared->boards[kind],
			.kind = kind,
			.index = i,
		};
		if (i == 0)
			serve(&workers[i]);
		else if (pthread_create(&thread, NULL, serve, &workers[i]))
			break;
	}
	_exit(1);
}

bool twin_start(struct shared *shared, enum twin_kind kind)
{
	struct twin_board *board = &shared->boards[kind];
	pid_t pid;

	memset(board, 0, sizeof(*board));
	pid = fork();
	if (pid == 0)
		run_twin(shared, kind);
	board->pid = pid;
	return pid > 0;
}

bool twin_stop(struct shared *shared, enum twin_kind kind)
{
	const pid_t pid = shared->boards[kind].pid;
	int status;

	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

void twin_ask(struct shared *shared, enum twin_kind kind)
{
	struct twin_board *board = &shared->boards[kind];

	board->difference[0] = '\0';
	for (size_t i = 0; i < shared->nr_threads; i++) {
		atomic_fetch_add(&board->asked[i], 1);
		futex_wake(&board->asked[i]);
	}
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid;
}

bool twin_wait(struct shared *shared, enum twin_kind kind)
{
	struct twin_board *board = &shared->boards[kind];
	const time_t end = time(NULL) + ANSWER_SECONDS;

	for (size_t i = 0; i < shared->nr_threads; i++) {
		const unsigned int asked = atomic_load(&board->asked[i]);
		unsigned int answered;

		while ((answered = atomic_load(&board->answered[i])) != asked) {
			if (time(NULL) > end || has_ended(board->pid))
				return false;
			futex_wait(&board->answered[i], answered);
		}
	}
	return true;
}
