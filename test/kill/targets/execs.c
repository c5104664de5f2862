/* SPDX-License-Identifier: MIT */
/*
 * A target that is another program every few milliseconds: it executes itself
 * again and again, with other threads at work, handing on a count and a check
 * that follows from it.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker.h"

static uint64_t next_check(uint64_t check, uint64_t count)
{
	return (check ^ count) * 6364136223846793005ULL + 1442695040888963407ULL;
}

static void *spin(void *unused)
{
	(void)unused;
	for (;;)
		__builtin_ia32_pause();
	return NULL;
}

static void *sleep_on(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

/* The check of the count, by way of the ones before. */
static void compare(uint64_t count, uint64_t check)
{
	uint64_t expected = 0;

	for (uint64_t i = 0; i < count; i++)
		expected = next_check(expected, i);
	if (check != expected)
		wrong("after %" PRIu64 " programs the check is %" PRIx64, count, check);
}

int main(int argc, char *argv[])
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t check = argc > 2 ? strtoull(argv[2], NULL, 16) : 0;
	char count_text[32], check_text[32], line[32];
	char *again[] = { argv[0], count_text, check_text, NULL };
	pthread_t thread;
	int length;

	compare(count, check);
	if (pthread_create(&thread, NULL, spin, NULL) ||
	    pthread_create(&thread, NULL, sleep_on, NULL))
		return 1;
	length = count ? snprintf(line, sizeof(line), "beat\n")
		       : snprintf(line, sizeof(line), "ready %d\n", getpid());
	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		return 1;
	if (poll(&in, 1, 3) > 0)
		_exit(0);
	snprintf(count_text, sizeof(count_text), "%" PRIu64, count + 1);
	snprintf(check_text, sizeof(check_text), "%" PRIx64, next_check(check, count));
	execv("/proc/self/exe", again);
	wrong("exec does not work");
	return 1;
}
