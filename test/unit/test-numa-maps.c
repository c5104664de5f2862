/* SPDX-License-Identifier: MIT */
/* Lines of numa_maps, ordinary and odd, and the join with maps. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "numa-maps.h"
#include "policy.h"

static struct numa_maps_line parsed(const char *text)
{
	struct numa_maps_line line;

	if (numa_maps_parse_line(text, strlen(text), &line) < 0)
		fail_msg("refused: %s", text);
	return line;
}

static void assert_policy(const struct mpol_policy *policy, const char *expected)
{
	char text[256];

	policy_format(policy, text, sizeof(text));
	assert_string_equal(text, expected);
}

/* Each policy string that mpol_to_str of 6.12 writes, seen on that kernel. */
static void test_policies(void **state)
{
	static const char *const cases[][2] = {
		{ "default", "default" },
		{ "local", "local" },
		{ "prefer:1", "prefer:1" },
		{ "bind:0-1", "bind:0-1" },
		{ "bind=static:0-1", "bind:0-1+static" },
		{ "bind=relative:0", "bind:0+relative" },
		{ "bind=balancing:0", "bind:0+balancing" },
		{ "bind=static|balancing:0,2", "bind:0,2+static+balancing" },
		{ "bind=relative|balancing:0,2", "bind:0,2+relative+balancing" },
		{ "interleave:0-2", "interleave:0-2" },
		{ "prefer (many):1-2", "prefer-many:1-2" },
		{ "prefer (many)=static:1-2", "prefer-many:1-2+static" },
		{ "weighted interleave:0-2", "weighted:0-2" },
		{ "weighted interleave=static:0,2", "weighted:0,2+static" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct numa_maps_line line;
		char text[128];

		snprintf(text, sizeof(text), "7f0000000000 %s", cases[i][0]);
		line = parsed(text);
		assert_policy(&line.policy, cases[i][1]);
		assert_false(line.policy_cut);

		snprintf(text, sizeof(text),
			 "7f0000000000 %s heap anon=3 dirty=3 N0=1 N2=2 kernelpagesize_kB=4",
			 cases[i][0]);
		line = parsed(text);
		assert_policy(&line.policy, cases[i][1]);
		assert_int_equal(line.bytes[0], 4096);
		assert_int_equal(line.bytes[2], 8192);
		assert_int_equal(nodemask_weight(&line.resident), 2);
	}
}

/* The kernel's buffer holds 63 characters: the last number is not to be believed. */
static void test_policy_cut_by_the_kernel(void **state)
{
	static const char policy[] =
		"interleave:0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,3";
	struct numa_maps_line line;
	char text[128];

	(void)state;
	assert_int_equal(strlen(policy), 64);
	snprintf(text, sizeof(text), "7f0000000000 %.63s anon=1 dirty=1 N0=1 kernelpagesize_kB=4",
		 policy);
	line = parsed(text);
	assert_true(line.policy_cut);
	assert_policy(&line.policy,
		      "interleave:0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36");
}

static void test_huge_pages_count_whole(void **state)
{
	struct numa_maps_line line =
		parsed("7f0000000000 bind:1 file=/anon_hugepage\\040(deleted) huge anon=3 dirty=3 "
		       "N1=3 kernelpagesize_kB=2048");

	(void)state;
	assert_int_equal(line.page_bytes, 2 << 20);
	assert_int_equal(line.bytes[1], 6 << 20);
}

/* A file may be called anything; the kernel escapes what would confuse. */
static void test_file_names_do_not_confuse(void **state)
{
	struct numa_maps_line line =
		parsed("7f0000000000 default file=/tmp/N0\\0757\\040kernelpagesize_kB\\0758 "
		       "mapped=2 mapmax=9 active=0 N1023=2 kernelpagesize_kB=4");

	(void)state;
	assert_int_equal(nodemask_weight(&line.resident), 1);
	assert_int_equal(line.bytes[1023], 8192);
	assert_int_equal(line.page_bytes, 4096);
}

static void test_bad_lines(void **state)
{
	static const char *const bad[] = {
		"",
		"7f",
		"7f00 ",
		"7f00 unknown",
		"xyz default",
		"7f00 bind:",
		"7f00 bind:1-",
		"7f00 bind:2-1",
		"7f00 bind:1024",
		"7f00 bind=fast:0",
		"7f00 bind=static|:0",
		"7f00 bind:0x",
		"7f00 default N0=1",
		"7f00 default N0= kernelpagesize_kB=4",
		"7f00 default N1024=1 kernelpagesize_kB=4",
		"7f00 default N0=1 kernelpagesize_kB=0",
		"7f00 default N0=1 kernelpagesize_kB=4x",
		"7f00 default N0=18446744073709551615 kernelpagesize_kB=4",
		"7f00 default N0=99999999999999999999 kernelpagesize_kB=4",
		"11112222333344445 default",
	};
	struct numa_maps_line line = parsed("7f00 bind:5"), before = line;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (numa_maps_parse_line(bad[i], strlen(bad[i]), &line) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
		assert_memory_equal(&line, &before, offsetof(struct numa_maps_line, bytes));
	}
}

#define MAPS                                                                             \
	"1000-3000 r-xp 00000000 08:01 11                          /bin/x\n"             \
	"3000-4000 rw-p 00000000 00:00 0                           [heap]\n"             \
	"5000-6000 rw-p 00000000 00:00 0 \n"                                             \
	"6000-7000 rw-p 00002000 fe:10 12                          /tmp/two\\012lines\n" \
	"8000-9000 r-xp 00000000 00:00 0                           [vdso]\n"             \
	"f000-10000 --xp 00000000 00:00 0                          [vsyscall]\n"

static int join(const char *maps, const char *numa_maps, struct vma_table *ret)
{
	_cleanup_free_ char *text = strdup(maps);

	assert_non_null(text);
	return vma_table_join(text, numa_maps, ret);
}

static void test_join(void **state)
{
	struct vma_table table = { 0 };
	const struct vma *vma;

	(void)state;
	assert_int_equal(join(MAPS,
			      "1000 bind:0 file=/bin/x mapped=1 N0=1 kernelpagesize_kB=4\n"
			      "3000 bind:0 heap anon=2 dirty=2 N0=1 N1=1 kernelpagesize_kB=4\n"
			      "4000 bind:0\n" /* mapped after maps was read */
			      "6000 interleave:0-1 file=/tmp/two\\012lines\n"
			      "8000 bind:0 mapped=1 N1=1 kernelpagesize_kB=4\n"
			      "9000 bind:0 anon=1 di", /* cut off */
			      &table),
			 0);
	assert_int_equal(table.nr_vmas, 4);
	assert_int_equal(table.nr_policies, 2);
	assert_int_equal(table.bytes[0], 8192);
	assert_int_equal(table.bytes[1], 8192);
	assert_string_equal(table.vmas[2].name, "/tmp/two\nlines");
	assert_int_equal(table.vmas[2].device, 0xfeULL << 32 | 0x10);
	assert_int_equal(table.vmas[2].inode, 12);
	assert_int_equal(table.vmas[2].offset, 0x2000);
	assert_int_equal(table.vmas[1].inode, 0);
	assert_string_equal(table.vmas[0].permissions, "r-xp");
	assert_ptr_equal(table.vmas[0].policy, table.vmas[1].policy);

	vma = vma_table_find(&table, 0x3fff);
	assert_non_null(vma);
	assert_string_equal(vma->name, "[heap]");
	assert_int_equal(vma->nr_nodes, 2);
	assert_int_equal(vma->nodes[1].node, 1);
	assert_null(vma_table_find(&table, 0x4000));
	assert_null(vma_table_find(&table, 0));
	assert_null(vma_table_find(&table, UINT64_MAX));
	assert_string_equal(vma_table_witness(&table)->name, "[vdso]");
	vma_table_free(&table);
}

static void test_locked(void **state)
{
	struct vma_table table = { 0 };

	(void)state;
	assert_int_equal(join(MAPS, "1000 bind:0\n3000 bind:0\n6000 bind:0\n8000 bind:0\n", &table),
			 0);
	assert_int_equal(vma_table_mark_locked(&table,
					       "1000-2000 r-xp 00000000 08:01 11 /bin/lo lo\n"
					       "Locked:                0 kB\n"
					       "VmFlags: rd ex mr mw me \n"
					       "2000-3000 rw-p 00000000 00:00 0 \n"
					       "VmFlags: rd wr lo \n"
					       "3000-4000 rw-p 00000000 00:00 0 [heap]\n"
					       "Locked:                4 kB\n"
					       "THPeligible:           1\n"
					       "VmFlags: rd wr mr mw me lo ac \n"
					       "8000-9000 r-xp 00000000 00:00 0 [vdso]\n"
					       "VmFlags: rd ex lo\n"
					       "f000-10000 --xp 00000000 00:00 0 [vsyscall]\n"
					       "VmFlags: ex lo\n"),
			 0);
	for (size_t i = 0; i < table.nr_vmas; i++)
		assert_int_equal(table.vmas[i].is_locked, i == 1 || i == 3);
	assert_int_equal(vma_table_mark_locked(&table, "junk\n"), -EBADMSG);
	assert_int_equal(vma_table_mark_locked(&table, "1000 rw-p\n"), -EBADMSG);
	vma_table_free(&table);
}

static void test_join_refuses_nonsense(void **state)
{
	struct vma_table table = { 0 };

	(void)state;
	assert_int_equal(join("junk\n", "1000 default\n", &table), -EBADMSG);
	assert_int_equal(join(MAPS, "1000 default\njunk\n", &table), -EBADMSG);
	assert_int_equal(join("2000-3000 rw-p 0 0:0 0 \n1000-2000 rw-p 0 0:0 0 \n",
			      "2000 default\n3000 default\n", &table),
			 -EBADMSG);
	assert_null(table.vmas);
	assert_int_equal(join("", "", &table), 0);
	assert_null(vma_table_witness(&table));
	vma_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_policy_cut_by_the_kernel),
		cmocka_unit_test(test_huge_pages_count_whole),
		cmocka_unit_test(test_file_names_do_not_confuse),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_join_refuses_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
