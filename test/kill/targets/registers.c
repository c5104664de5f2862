/* SPDX-License-Identifier: MIT */
/* The unit tests' self-checking process as a target: general registers, flags, red zone, waits. */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "remote-target.h"

int main(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	struct target target = target_start();
	long failures = 0, interruptions = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready %d\n", target.pid);
	while (poll(&in, 1, 0) == 0 && target_progresses(&target, 2)) {
		for (; failures < target_failures(&target); failures++)
			printf("wrong thread: see above\n");
		for (; interruptions < target_interruptions(&target); interruptions++)
			printf("eintr epoll_wait\n");
		printf("beat\n");
	}
	return target_stop(&target) ? 0 : 1;
}
