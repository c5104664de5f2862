/* SPDX-License-Identifier: MIT */
/* For unit tests: a child with transparent huge pages, where this machine has any. */
#ifndef TEST_UNIT_HUGE_CHILD_H
#define TEST_UNIT_HUGE_CHILD_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "cmocka-all.h"
#include "page.h"

#define HUGE_BYTES (512 * PAGE_BYTES)

/* Its memory, of so many huge pages, is at an address of its own alone, with none behind it.  Kill
 * it, and wait for it. */
static inline pid_t start_huge_child(unsigned nr_huge, char **ret_memory)
{
	const size_t room_bytes = (nr_huge + 2) * HUGE_BYTES;
	char *room = mmap(NULL, room_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *memory;
	int ready[2];
	pid_t child;

	assert_true(room != MAP_FAILED);
	memory = room + HUGE_BYTES - (uintptr_t)room % HUGE_BYTES;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		mprotect(memory, nr_huge * HUGE_BYTES, PROT_READ | PROT_WRITE);
		madvise(memory, nr_huge * HUGE_BYTES, MADV_HUGEPAGE);
		memset(memory, 1, nr_huge * HUGE_BYTES);
		munmap(memory + nr_huge * HUGE_BYTES, HUGE_BYTES);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &(char) { 0 }, 1), 1);
	close(ready[0]);
	munmap(room, room_bytes);
	*ret_memory = memory;
	return child;
}

#endif
