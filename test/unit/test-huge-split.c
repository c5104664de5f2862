/* SPDX-License-Identifier: MIT */
/* Splitting huge pages of a child, where this machine has any; and what is refused. */
#include "cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "huge-child.h"
#include "huge-split.h"
#include "rootfs.h"

static char *memory;
static pid_t child;
static int pidfd;

static int start(void **state)
{
	(void)state;
	child = start_huge_child(1, &memory);
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	close(pidfd);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}

/* Of that memory: a sanitizer has huge pages of its own. */
static unsigned huge_kib(void)
{
	char path[64], line[256];
	unsigned kib = 0, one;
	unsigned long vma_start, vma_end;
	bool is_here = false;
	FILE *smaps;

	snprintf(path, sizeof(path), "/proc/%d/smaps", child);
	smaps = fopen(path, "r");
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &vma_start, &vma_end) == 2)
			is_here = vma_start >= (uintptr_t)memory &&
				  vma_end <= (uintptr_t)memory + HUGE_BYTES;
		else if (is_here && sscanf(line, "AnonHugePages: %u kB", &one) == 1)
			kib += one;
	}
	if (smaps)
		fclose(smaps);
	return kib;
}

/* A call that this machine, or our rights, do not allow shows nothing. */
static void must_work(int r)
{
	if (r == -ENOSYS || r == -EPERM)
		skip();
}

static void test_split(void **state)
{
	const unsigned before = huge_kib();

	(void)state;
	must_work(huge_split(pidfd, (uintptr_t)memory));
	if (before < HUGE_BYTES / 1024)
		skip(); /* it had none */
	for (int i = 0; i < 10 && huge_kib(); i++)
		assert_int_equal(huge_split(pidfd, (uintptr_t)memory), 0);
	assert_int_equal(huge_kib(), 0);
}

static void test_errors(void **state)
{
	(void)state;
	must_work(huge_split(pidfd, (uintptr_t)memory));
	assert_int_equal(huge_split(pidfd, (uintptr_t)memory + HUGE_BYTES), -ENOMEM);
	assert_int_equal(huge_split(-1, (uintptr_t)memory), -EBADF);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(huge_split(pidfd, (uintptr_t)memory), -ESRCH);
}

/* It says that it works, or what is missing. */
static void test_try(void **state)
{
	struct mpol_error error = { 0 };
	const int root = rootfs_open(NULL);
	const int r = huge_split_try(root, &error);

	(void)state;
	assert_int_equal(error.code, r);
	if (r < 0)
		assert_true(*error.step && *error.cause);
	if (r == -EPERM || r == -EOPNOTSUPP)
		assert_true(*error.advice);
	close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_split, start, stop),
		cmocka_unit_test_setup_teardown(test_errors, start, stop),
		cmocka_unit_test(test_try),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
