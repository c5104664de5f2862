/* SPDX-License-Identifier: MIT */
/*
 * Which parts of a process's mappings words mean, on a made-up /proc: each kind
 * of mapping once, and holes.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <mpol/mpol.h>

#include "cleanup.h"

#define PID 4240

static const struct {
	const char *addresses, *permissions, *name;
} mappings[] = {
	{ "1000-3000", "r-xp", "/usr/bin/server" },
	{ "3000-7000", "rw-p", "[heap]" },
	{ "7000-8000", "rw-p", "" },
	{ "9000-a000", "rw-p", "[anon:arena 1]" },
	{ "a000-b000", "rw-s", "/dev/zero (deleted)" },
	{ "b000-c000", "rw-s", "/memfd:pool (deleted)" },
	{ "c000-d000", "rw-s", "/SYSV00000000 (deleted)" },
	{ "d000-e000", "rw-s", "/dev/shm/buffers" },
	{ "e000-f000", "rw-s", "/var/lib/table" },
	{ "200000-400000", "rw-p", "/anon_hugepage (deleted)" },
	{ "400000-600000", "rw-s", "/anon_hugepage (deleted)" },
	{ "7ff000-800000", "rw-p", "[stack]" },
	{ "800000-801000", "r--p", "[vvar]" },
	{ "801000-802000", "r-xp", "[vdso]" },
};

static char root[] = "/tmp/mpol-test-ranges-XXXXXX";
static struct mpol_process *process;

static FILE *create(const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/%d/task/%d/%s", root, PID, PID, name);
	file = fopen(path, "w");
	assert_non_null(file);
	return file;
}

static void put_memory(void)
{
	FILE *maps = create("maps"), *numa_maps = create("numa_maps");

	for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++) {
		fprintf(maps, "%s %s 00000000 00:00 0   %s\n", mappings[i].addresses,
			mappings[i].permissions, mappings[i].name);
		fprintf(numa_maps, "%.*s default\n", (int)strcspn(mappings[i].addresses, "-"),
			mappings[i].addresses);
	}
	fclose(maps);
	fclose(numa_maps);
}

static int make_process(void **state)
{
	struct mpol_error error;
	char command[256];
	FILE *file;

	(void)state;
	if (!mkdtemp(root))
		return -1;
	snprintf(command, sizeof(command),
		 "mkdir -p %s/proc/%d/task/%d %s/sys/devices/system/node &&"
		 " echo 0 >%s/sys/devices/system/node/has_memory",
		 root, PID, PID, root, root);
	if (system(command) != 0)
		return -1;
	file = create("stat");
	fprintf(file, "%d (server) S 1 4240 4240 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 777 0 0\n", PID);
	fclose(file);
	file = create("status");
	fprintf(file,
		"Name:\tserver\nState:\tS (sleeping)\nTgid:\t%d\nTracerPid:\t0\nSeccomp:\t0\n"
		"Mems_allowed:\t00000001\nMems_allowed_list:\t0\n",
		PID);
	fclose(file);
	put_memory();
	if (mpol_process_new(root, PID, MPOL_PROCESS_VMAS, &process, &error) < 0) {
		print_error("%s: %s\n", error.step, error.cause);
		return -1;
	}
	return 0;
}

static int remove_process(void **state)
{
	char command[128];

	(void)state;
	mpol_process_free(process);
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

/* Ranges as text, such as "3000-7000 9000-a000". */
static void assert_ranges(const char *words, const char *expected)
{
	_cleanup_free_ struct iovec *ranges = NULL;
	struct mpol_error error = { 0 };
	char text[512] = "";
	size_t nr = 0, length = 0;
	int r = mpol_process_ranges(process, words, &ranges, &nr, &error);

	if (r < 0)
		fail_msg("%s: %s: %s", words, error.object, error.cause);
	for (size_t i = 0; i < nr; i++) {
		const uintptr_t start = (uintptr_t)ranges[i].iov_base;

		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%zx-%zx",
					   i ? " " : "", (size_t)start,
					   (size_t)start + ranges[i].iov_len);
		assert_true(length < sizeof(text));
	}
	assert_string_equal(text, expected);
}

static void assert_refused(const char *words, int code, const char *object, const char *cause)
{
	struct mpol_error error = { 0 };
	struct iovec *ranges = NULL;
	size_t nr = 42;

	assert_int_equal(mpol_process_ranges(process, words, &ranges, &nr, &error), code);
	assert_int_equal(error.code, code);
	if (!strstr(error.object, object) || !strstr(error.cause, cause))
		fail_msg("%s: %s: %s", words, error.object, error.cause);
	assert_true(error.advice[0]);
	assert_null(ranges);
	assert_int_equal(nr, 42);
}

static void test_names(void **state)
{
	(void)state;
	assert_ranges("heap", "3000-7000");
	assert_ranges("stack", "7ff000-800000");
	assert_ranges("anon", "7000-8000 9000-a000 200000-400000");
	assert_ranges("shm", "a000-b000 b000-c000 c000-d000 d000-e000 400000-600000");
	assert_ranges("stack,heap", "3000-7000 7ff000-800000");
	assert_ranges("heap,heap", "3000-7000");
}

static void test_files(void **state)
{
	(void)state;
	assert_ranges("file:server", "1000-3000");
	assert_ranges("file:/usr/bin/server", "1000-3000");
	assert_ranges("file:/usr/*", "1000-3000");
	assert_ranges("file:memfd:pool*", "b000-c000");
	assert_ranges("file:buffers,file:table", "d000-e000 e000-f000");
}

/* Everything but the kernel's. */
static void test_all(void **state)
{
	(void)state;
	assert_ranges("all",
		      "1000-3000 3000-7000 7000-8000 9000-a000 a000-b000 b000-c000 "
		      "c000-d000 d000-e000 e000-f000 200000-400000 400000-600000 7ff000-800000");
}

static void test_addresses(void **state)
{
	(void)state;
	assert_ranges("0x3000-0x4000", "3000-4000");
	assert_ranges("0x3000+8KiB", "3000-5000");
	assert_ranges("0x2000-0x8000", "2000-3000 3000-7000 7000-8000");
	assert_ranges("heap,0x4000-0x5000", "3000-7000");
	assert_ranges("0x7ff000-0x802000", "7ff000-800000");
}

/* Each address once and in order, whatever the order of the words. */
static void test_order(void **state)
{
	(void)state;
	assert_ranges("0x5000-0x6000,0x3000-0x4000", "3000-4000 5000-6000");
	assert_ranges("0x3000+8KiB,0x4000+8KiB", "3000-6000");
	assert_ranges("0x3000+16KiB,0x4000+4KiB", "3000-7000");
	assert_ranges("0x4000-0x5000,0x3000-0x4000", "3000-5000");
	assert_ranges("0x4000-0x5000,0x4000-0x5000", "4000-5000");
	assert_ranges("0x9000-0xa000,0x6000-0x8000,0x2000-0x4000",
		      "2000-3000 3000-4000 6000-7000 7000-8000 9000-a000");
}

static void test_what_is_not_there(void **state)
{
	(void)state;
	assert_refused("0x7000-0xa000", -EFAULT, "0x7000-0xa000", "at 0x8000");
	assert_refused("0x100000-0x101000", -EFAULT, "server", "at 0x100000");
	assert_refused("0xe000-0x10000", -EFAULT, "0xe000-0x10000", "at 0xf000");
	assert_refused("heap,file:nothing", -ENOENT, "file:nothing", "none of that name");
	assert_refused("0x801000-0x802000", -ENOENT, "0x801000-0x802000", "the kernel's");
	assert_refused("heap,0x800000-0x802000", -ENOENT, "0x800000", "the kernel's");
	assert_refused("file:[vdso]", -ENOENT, "file:[vdso]", "none of that name");
}

static void test_bad_words(void **state)
{
	char many[65 * 5 + 1], *end = many;

	(void)state;
	assert_refused("", -EINVAL, "\"\"", "neither");
	assert_refused("heap,", -EINVAL, "\"\"", "neither");
	assert_refused("Heap", -EINVAL, "Heap", "neither");
	assert_refused("file:", -EINVAL, "file:", "neither");
	assert_refused("0x3000", -EINVAL, "0x3000", "without an end");
	assert_refused("0x4000-0x3000", -EINVAL, "0x4000-0x3000", "ends before");
	assert_refused("0x3000-0x3000", -EINVAL, "0x3000-0x3000", "ends before");
	assert_refused("0x3000+0", -EINVAL, "0x3000+0", "ends before");
	assert_refused("0xfffffffffffff000+8KiB", -EINVAL, "0xfffffffffffff000", "ends before");
	assert_refused("0x3001-0x4000", -EINVAL, "0x3001", "at a page");
	assert_refused("0x3000-0x4001", -EINVAL, "0x4001", "at a page");
	assert_refused("0x3000-4000", -EINVAL, "0x3000-4000", "not a range");
	assert_refused("0x10000000000000000-0x2", -EINVAL, "0x1", "not a range");
	for (int i = 0; i < 65; i++)
		end = stpcpy(end, i ? ",heap" : "heap");
	assert_refused(many, -EINVAL, "heap", "too many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_files),
		cmocka_unit_test(test_all),	  cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_order),	  cmocka_unit_test(test_what_is_not_there),
		cmocka_unit_test(test_bad_words),
	};

	return cmocka_run_group_tests(tests, make_process, remove_process);
}
