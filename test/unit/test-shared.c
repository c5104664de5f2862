/* SPDX-License-Identifier: MIT */
/* The policy of another process's shared memory, while nobody can stop that process. */
#include "cmocka-all.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpol/mpol.h>

#define PAGE  4096UL
#define PAGES 16

static unsigned long node0[1] = { 1 };

static int mode_at(int pidfd, const char *address)
{
	struct mpol_args args = { 0 };

	assert_int_equal(mpol_process_get_vma_mempolicy(pidfd, (uint64_t)(uintptr_t)address, &args,
							sizeof(args)),
			 0);
	return args.mode;
}

/* A memfd that is not mapped from its beginning, and private memory beside it. */
static void test_without_a_stop(void **state)
{
	struct mpol_error error = { 0 };
	struct mpol_args args = {
		.mode = MPOL_MODE_INTERLEAVE,
		.policy_nodemask = node0,
		.policy_maxnode = 64,
		.error = &error,
	};
	struct mpol_args own = { 0 };
	int memfd = memfd_create("shared", MFD_CLOEXEC), pidfd, r;
	int32_t codes[3] = { 1, 1, 1 };
	char *shared, *private;
	struct iovec ranges[3];
	pid_t child;

	(void)state;
	if (access("/proc/self/map_files", X_OK) < 0 || geteuid() != 0)
		skip();
	assert_int_equal(ftruncate(memfd, 2 * PAGES * PAGE), 0);
	shared = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, PAGES * PAGE);
	private = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	pidfd = (int)syscall(SYS_pidfd_open, child, 0U);
	/* We trace it ourselves: nobody else can. */
	assert_int_equal(ptrace(PTRACE_SEIZE, child, NULL, NULL), 0);

	ranges[0] = (struct iovec) { shared, PAGES * PAGE };
	r = mpol_process_apply_ranges(pidfd, ranges, 1, &args, sizeof(args), codes);
	if (r < 0)
		fail_msg("%s: %s: %s", error.step, error.object, error.cause);
	assert_int_equal(codes[0], 0);
	assert_int_equal(mode_at(pidfd, shared), MPOL_MODE_INTERLEAVE);
	assert_int_equal(mode_at(pidfd, private), MPOL_MODE_DEFAULT);
	/* The object's, so ours too. */
	assert_int_equal(mpol_get_vma_mempolicy(shared + 5 * PAGE, &own, sizeof(own)), 0);
	assert_int_equal(own.mode, MPOL_MODE_INTERLEAVE);

	/* Away again. */
	args.mode = MPOL_MODE_DEFAULT;
	args.policy_nodemask = NULL;
	args.policy_maxnode = 0;
	assert_int_equal(mpol_process_apply_ranges(pidfd, ranges, 1, &args, sizeof(args), codes),
			 0);
	assert_int_equal(mode_at(pidfd, shared), MPOL_MODE_DEFAULT);
	args.policy_nodemask = node0;
	args.policy_maxnode = 64;

	/* What only the process itself can change. */
	ranges[1] = (struct iovec) { shared + 2 * PAGE, 3 * PAGE };
	ranges[2] = (struct iovec) { private, PAGE };
	args.mode = MPOL_MODE_BIND;
	assert_int_equal(mpol_process_apply_ranges(pidfd, ranges, 3, &args, sizeof(args), codes),
			 -EPERM);
	assert_int_equal(codes[0], 0);
	assert_int_equal(codes[1], -ECANCELED);
	assert_int_equal(codes[2], -ECANCELED);
	assert_int_equal(mode_at(pidfd, shared), MPOL_MODE_BIND);

	kill(child, SIGKILL);
	while (waitpid(child, &r, __WALL) == child && !WIFSIGNALED(r))
		;
	munmap(shared, PAGES * PAGE);
	munmap(private, PAGES * PAGE);
	close(memfd);
	close(pidfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_without_a_stop) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
