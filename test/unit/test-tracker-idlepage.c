/* SPDX-License-Identifier: MIT */
/*
 * Idle page tracking on files in place of the kernel's, which clears bits of accessed pages: the
 * test does.  Base pages in any order, and a huge page, which has one bit.
 */
#include "fake-root.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "pagemap.h"
#include "tracker.h"

#define PID	   4240
#define BITMAP	   "sys/kernel/mm/page_idle/bitmap"
#define START	   0x400000ULL /* of HUGE_PAGES base pages, and then a huge one */
#define MIDDLE	   (START + HUGE_PAGES * PAGE_BYTES)
#define END	   (MIDDLE + HUGE_PAGES * PAGE_BYTES)
#define NUMBERS	   8192 /* physical pages there are */
#define FIRST_HUGE 4096
#define NR_WORDS   (NUMBERS / 64)

static struct fake_root root;
static uint64_t idle[NR_WORDS];

/* Scattered, from 1 on, each once; no page of the huge one. */
static uint64_t number_of(uint64_t page)
{
	return page < HUGE_PAGES ? 1 + page * 397 % 4001 : FIRST_HUGE + page - HUGE_PAGES;
}

static void put_pagemap(void)
{
	static uint64_t entries[(END / PAGE_BYTES)];

	for (uint64_t page = 0; page < 2 * HUGE_PAGES; page++)
		entries[START / PAGE_BYTES + page] = PAGEMAP_PRESENT | number_of(page);
	entries[START / PAGE_BYTES + 3] = 0; /* is not there */
	fake_root_put_bytes(&root, "proc/4240/pagemap", entries, sizeof(entries));
}

/* What pagemap says of this process's own pages, wherever the tracker looks: those that may be
 * written, up to a size that leaves out what a sanitizer reserves. */
static void put_own_pagemap(uint64_t entry)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char line[512], may_write;
	int fd;

	fake_root_put(&root, "proc/self/pagemap", "");
	fd = openat(root.fd, "proc/self/pagemap", O_WRONLY | O_CLOEXEC);
	assert_true(maps && fd >= 0);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %*c%c", &start, &end, &may_write) != 3 ||
		    may_write != 'w' || end - start > 64UL << 20)
			continue;
		for (uint64_t page = start / PAGE_BYTES; page < end / PAGE_BYTES; page++)
			assert_int_equal(
				pwrite(fd, &entry, sizeof(entry), (off_t)(page * sizeof(entry))),
				sizeof(entry));
	}
	fclose(maps);
	close(fd);
}

static int set_up(void **state)
{
	static uint64_t flags[NUMBERS];

	(void)state;
	if (fake_root_begin(&root) < 0)
		return -1;
	memset(idle, 0, sizeof(idle));
	for (size_t i = 1; i < HUGE_PAGES; i++)
		flags[FIRST_HUGE + i] = KPAGEFLAGS_TAIL | KPAGEFLAGS_THP;
	flags[FIRST_HUGE] = KPAGEFLAGS_HEAD | KPAGEFLAGS_THP;
	put_pagemap();
	put_own_pagemap(PAGEMAP_PRESENT | 1);
	fake_root_put(&root, "proc/4240/maps",
		      "400000-800000 rw-p 00000000 00:00 0 \n"
		      "7ffff0000000-7ffff0004000 r--p 00000000 00:00 0 [vvar]\n");
	fake_root_put_bytes(&root, "proc/kpageflags", flags, sizeof(flags));
	fake_root_put_bytes(&root, BITMAP, idle, sizeof(idle));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_root_end(&root);
	return 0;
}

static void read_bitmap(void)
{
	int fd = openat(root.fd, BITMAP, O_RDONLY | O_CLOEXEC);

	assert_int_equal(read(fd, idle, sizeof(idle)), sizeof(idle));
	close(fd);
}

static int is_idle(uint64_t number)
{
	return idle[number / 64] >> number % 64 & 1;
}

/* As the kernel does when it finds that the page was accessed; into the same file. */
static void access_number(uint64_t number)
{
	int fd = openat(root.fd, BITMAP, O_RDWR | O_CLOEXEC);
	uint64_t word;

	assert_int_equal(pread(fd, &word, 8, (off_t)(number / 64 * 8)), 8);
	word &= ~(1ULL << number % 64);
	assert_int_equal(pwrite(fd, &word, 8, (off_t)(number / 64 * 8)), 8);
	close(fd);
}

static struct tracker *follow(void)
{
	struct tracker *tracker = NULL;

	assert_int_equal(tracker_idlepage.open(root.fd, PID, &tracker, NULL), 0);
	return tracker;
}

static void test_clear(void **state)
{
	struct tracker *tracker = follow();
	size_t nr = 0;

	(void)state;
	assert_int_equal(tracker_idlepage.clear(tracker), 0);
	read_bitmap();
	for (size_t number = 0; number < NUMBERS; number++)
		nr += (size_t)is_idle(number);
	/* The page that is not there, and the huge one's other parts, have none. */
	assert_int_equal(nr, HUGE_PAGES - 1 + 1);
	for (size_t page = 0; page < HUGE_PAGES; page++)
		assert_int_equal(is_idle(number_of(page)), page != 3);
	assert_true(is_idle(FIRST_HUGE));
	tracker_idlepage.close(tracker);
}

static void test_scan(void **state)
{
	struct tracker *tracker = follow();
	uint64_t bits[2 * HUGE_PAGES / 64] = { 0 };
	size_t nr = 0;

	(void)state;
	assert_int_equal(tracker_idlepage.clear(tracker), 0);
	assert_int_equal(tracker_idlepage.scan(tracker, START, END, bits), 0);
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		assert_int_equal(bits[i], 0);
	access_number(number_of(5));
	access_number(number_of(511));
	assert_int_equal(tracker_idlepage.scan(tracker, START, END, bits), 0);
	assert_int_equal(bits[0], 1 << 5);
	assert_int_equal(bits[7], 1ULL << 63);
	access_number(FIRST_HUGE);
	assert_int_equal(tracker_idlepage.scan(tracker, START, END, bits), 0);
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		nr += (size_t)__builtin_popcountll(bits[i]);
	assert_int_equal(nr, 2 + HUGE_PAGES);
	/* A part: bit 0 is its first page's. */
	memset(bits, 0, sizeof(bits));
	assert_int_equal(tracker_idlepage.scan(tracker, START + 5 * PAGE_BYTES,
					       START + 6 * PAGE_BYTES, bits),
			 0);
	assert_int_equal(bits[0], 1);
	tracker_idlepage.close(tracker);
}

static void test_gone(void **state)
{
	struct tracker *tracker = follow();
	uint64_t bits[1] = { 0 };

	(void)state;
	fake_root_put(&root, "proc/4240/pagemap", ""); /* as one of a memory that is no more */
	assert_int_equal(tracker_idlepage.clear(tracker), -ESRCH);
	assert_int_equal(tracker_idlepage.scan(tracker, START, START + PAGE_BYTES, bits), -ESRCH);
	tracker_idlepage.close(tracker);
}

static void test_missing(void **state)
{
	struct tracker *tracker = NULL;
	struct mpol_error error = { 0 };

	(void)state;
	unlinkat(root.fd, BITMAP, 0);
	assert_int_equal(tracker_idlepage.open(root.fd, PID, &tracker, &error), -EOPNOTSUPP);
	assert_non_null(strstr(error.advice, "CONFIG_IDLE_PAGE_TRACKING"));
	assert_string_equal(error.object, "/" BITMAP);
	assert_null(tracker);
}

/* Who may not see numbers is refused, instead of seeing everything idle. */
static void test_no_numbers(void **state)
{
	struct tracker *tracker = NULL;
	struct mpol_error error = { 0 };

	(void)state;
	put_own_pagemap(PAGEMAP_PRESENT);
	assert_int_equal(tracker_idlepage.open(root.fd, PID, &tracker, &error), -EPERM);
	assert_null(tracker);
	assert_string_equal(error.object, "/proc/self/pagemap");
	assert_non_null(strstr(error.cause, "would look idle"));
	assert_non_null(strstr(error.advice, "CAP_SYS_ADMIN"));
}

/* As the kernel has it, of a process without the capability. */
static void test_own_capability(void **state)
{
	struct tracker *tracker = NULL;
	pid_t child;
	int status;

	(void)state;
	unlinkat(root.fd, "proc/self/pagemap", 0);
	assert_int_equal(unlinkat(root.fd, "proc/self", AT_REMOVEDIR), 0);
	fake_root_link(&root, "proc/self", "/proc/self");
	child = fork();
	if (child == 0) {
		struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
		const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

		if (syscall(SYS_capset, &header, none) < 0)
			_exit(2);
		_exit(tracker_idlepage.open(root.fd, PID, &tracker, NULL) == -EPERM ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clear, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scan, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_numbers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_capability, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
