/* SPDX-License-Identifier: MIT */
/* The memory cgroup of a process in debugfs's lru_gen, and its youngest generations. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "lru-gen.h"

static const char text[] = "memcg     1 /\n"
			   " node     0\n"
			   "          0       4472          0        5112 \n"
			   "          1       4472        123        5112 \n"
			   "          3       4472        123        5112 \n"
			   " node     2\n"
			   "          7       4472          0           0 \n"
			   "memcg    42 /system.slice\n"
			   " node     0\n"
			   "          0       4472          0           0 \n"
			   "memcg    43 /system.slice/a\n"
			   " node     0\n"
			   "          5        100          1           2 \n"
			   "          6        100         -1           2 \n"
			   "                     8         12r          3e\n"
			   "memcg    44 /system.slice/ab\n"
			   " node     0\n"
			   "          9        100          1           2 \n";

static struct lru_gen_group group;

static void test_find(void **state)
{
	static const struct {
		const char *path;
		unsigned id;
	} wanted[] = {
		{ "/", 1 },
		{ "/user.slice", 1 },
		{ "/system.slice", 42 },
		{ "/system.slice/b", 42 },
		{ "/system.slice/a", 43 },
		{ "/system.slice/a/deep/er", 43 },
		{ "/system.slice/ab", 44 },
		{ "/system.slice/abc", 42 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		assert_int_equal(lru_gen_find(text, wanted[i].path, &group), 0);
		assert_int_equal(group.id, wanted[i].id);
	}
}

static void test_generations(void **state)
{
	(void)state;
	assert_int_equal(lru_gen_find(text, "/", &group), 0);
	assert_string_equal(group.path, "/");
	assert_int_equal(group.nr_nodes, 2);
	assert_int_equal(group.nodes[0].node, 0);
	assert_int_equal(group.nodes[0].youngest, 3);
	assert_int_equal(group.nodes[1].node, 2);
	assert_int_equal(group.nodes[1].youngest, 7);
	assert_int_equal(lru_gen_find(text, "/system.slice/a", &group), 0);
	assert_int_equal(group.nodes[0].youngest, 6);
	/* Without memory cgroups there is no path. */
	assert_int_equal(lru_gen_find("memcg     0 \n node 0\n 4 1 2 3\n", "/a", &group), 0);
	assert_int_equal(group.nodes[0].youngest, 4);
}

static void test_bad(void **state)
{
	(void)state;
	assert_int_equal(lru_gen_find("", "/", &group), -ENOENT);
	assert_int_equal(lru_gen_find("memcg 5 /other\n", "/a", &group), -ENOENT);
	assert_int_equal(lru_gen_find("memcg x /\n", "/", &group), -EBADMSG);
	assert_int_equal(lru_gen_find("memcg\n 5 /\n", "/", &group), -EBADMSG);
	assert_int_equal(lru_gen_find("memcg 4294967296 /\n", "/", &group), -EBADMSG);
	assert_int_equal(lru_gen_find("memcg 1 /\n node -2\n", "/", &group), -EBADMSG);
	assert_int_equal(lru_gen_find("memcg 1 /\n node\n 2\n", "/", &group), -EBADMSG);
}

static void test_cgroup(void **state)
{
	char path[32];

	(void)state;
	assert_int_equal(lru_gen_cgroup("0::/a/b\n", path, sizeof(path)), 0);
	assert_string_equal(path, "/a/b");
	assert_int_equal(lru_gen_cgroup("12:cpu:/c\n4:memory:/m\n0::/u\n", path, sizeof(path)), 0);
	assert_string_equal(path, "/m");
	assert_int_equal(lru_gen_cgroup("12:cpu:/c\n0::/u\n", path, sizeof(path)), 0);
	assert_string_equal(path, "/u");
	assert_int_equal(lru_gen_cgroup("", path, sizeof(path)), -ENOENT);
	assert_int_equal(lru_gen_cgroup("0:\n::", path, sizeof(path)), -ENOENT);
	assert_int_equal(lru_gen_cgroup("0::/123456789012345678901234567890\n", path, 8),
			 -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
