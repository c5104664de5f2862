/* SPDX-License-Identifier: MIT */
/* A child process with sleeping threads: see child.h. */
#include "child.h"

#include "cmocka-all.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
	atomic_size_t nr_ready;
	pid_t tids[CHILD_MAX_THREADS];
};

static struct shared *shared;

static void *sleep_for_ever(void *index)
{
	shared->tids[(size_t)index] = gettid();
	atomic_fetch_add(&shared->nr_ready, 1);
	for (;;)
		pause();
	return NULL;
}

static _Noreturn void run_child(size_t nr_threads)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "mpol-child");
	for (size_t i = 1; i < nr_threads; i++)
		if (pthread_create(&thread, NULL, sleep_for_ever, (void *)i))
			_exit(1);
	sleep_for_ever(NULL);
	_exit(1);
}

void child_start(struct child *child, size_t nr_threads)
{
	const int protection = PROT_READ | PROT_WRITE;

	*child = (struct child) { .nr_threads = nr_threads };
	shared = mmap(NULL, sizeof(*shared), protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	child->range = mmap(NULL, CHILD_RANGE_PAGES * 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	assert_ptr_not_equal(child->range, MAP_FAILED);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (!child->pid)
		run_child(nr_threads);
	while (atomic_load(&shared->nr_ready) < nr_threads)
		usleep(1000);
	memcpy(child->tids, shared->tids, sizeof(child->tids));
	munmap(shared, sizeof(*shared));
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0U);
	assert_true(child->pidfd >= 0);
}

void child_stop(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	close(child->pidfd);
	munmap(child->range, CHILD_RANGE_PAGES * 4096);
}

int child_thread_pidfd(const struct child *child, size_t index)
{
	const unsigned int pidfd_thread = O_EXCL;
	int fd = (int)syscall(SYS_pidfd_open, child->tids[index], pidfd_thread);

	if (fd < 0)
		skip();
	return fd;
}
