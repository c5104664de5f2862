/* SPDX-License-Identifier: MIT */
/*
 * A target that makes processes all the time, by fork(2), vfork(2) and
 * posix_spawn(3), and threads: each must inherit what it should, and come to
 * the end that was meant.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker.h"

extern char **environ;

static void judge_end(const char *how, pid_t child, int expected)
{
	int status = 0;

	if (child < 0) {
		call_failed(how);
		return;
	}
	if (waitpid(child, &status, 0) != child)
		call_failed("waitpid");
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
		wrong("%s: a child ended with status 0x%x instead of %d", how, status, expected);
}

static void by_fork(struct worker *worker)
{
	uintptr_t here[64];
	int expected = (int)(++worker->number % 200);
	pid_t child;

	for (uintptr_t i = 0; i < 64; i++)
		here[i] = worker->number * 1000003 + i;
	child = fork();
	if (child == 0) {
		for (uintptr_t i = 0; i < 64; i++)
			if (here[i] != worker->number * 1000003 + i)
				_exit(255);
		_exit(expected);
	}
	judge_end("fork", child, expected);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void by_vfork(struct worker *worker)
{
	int expected = (int)(++worker->number % 200);
	pid_t child = vfork();

	if (child == 0)
		_exit(expected);
	judge_end("vfork", child, expected);
}
#pragma GCC diagnostic pop

/* This program again, to say its number. */
static void by_spawn(struct worker *worker)
{
	char own[] = "/proc/self/exe", number[16] = "";
	char *argv[] = { own, number, NULL };
	int expected = (int)(++worker->number % 200);
	pid_t child = -1;

	number[0] = (char)('0' + expected / 100);
	number[1] = (char)('0' + expected / 10 % 10);
	number[2] = (char)('0' + expected % 10);
	errno = posix_spawn(&child, own, NULL, NULL, argv, environ);
	if (errno)
		child = -1;
	judge_end("posix_spawn", child, expected);
}

static void *return_twice(void *number)
{
	return (void *)((uintptr_t)number * 2);
}

static void by_thread(struct worker *worker)
{
	pthread_t thread;
	void *result;

	worker->number++;
	if (pthread_create(&thread, NULL, return_twice, (void *)worker->number)) {
		wrong("a thread does not start");
		return;
	}
	pthread_join(thread, &result);
	if ((uintptr_t)result != worker->number * 2)
		wrong("a thread returned %p", result);
}

int main(int argc, char *argv[])
{
	static struct worker workers[] = {
		{ by_fork },
		{ by_vfork },
		{ by_spawn },
		{ by_thread },
	};

	if (argc > 1)
		return atoi(argv[1]);
	workers_run(workers, sizeof(workers) / sizeof(workers[0]));
	return 0;
}
