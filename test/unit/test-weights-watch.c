/* SPDX-License-Identifier: MIT */
/* The loop that derives weights anew: worlds that change from look to look, and no time. */
#include "cmocka-all.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "fake-root.h"
#include "weights-watch.h"

/* What the nodes with memory are at each look; the loop ends behind the last. */
struct story {
	const unsigned long *memory;
	size_t nr_looks, look;
	size_t fails_at; /* the look with which reading nodes fails; 0: none does */
	/* Somebody else sets node 0's weight before this look; 0: nobody does. */
	size_t foreign_at;
	struct mpol_kernel_weights table;
	unsigned long derived_for[8];
	size_t nr_derived;
};

static int look(void *user, struct weights_scene *ret_scene, struct mpol_error *error)
{
	struct story *story = user;

	(void)error;
	if (story->fails_at && story->look == story->fails_at)
		return -EBADMSG;
	if (story->foreign_at && story->look == story->foreign_at)
		story->table.weights[0] = 77;
	*ret_scene = (struct weights_scene) {
		.memory.bits = { story->memory[story->look++] },
		.cpus.bits = { 1 },
	};
	return 0;
}

static int read_table(void *user, struct mpol_kernel_weights *ret_table, struct mpol_error *error)
{
	const struct story *story = user;

	(void)error;
	*ret_table = story->table;
	return 0;
}

/* Another weight each time, so that a table that was not looked at again is noticed. */
static void derive(void *user, const struct weights_scene *now)
{
	struct story *story = user;
	int node;

	nodemask_for_each (node, &now->memory)
		story->table.weights[node] = (uint8_t)(10 + story->nr_derived);
	story->derived_for[story->nr_derived++] = now->memory.bits[0];
}

static bool goes_on(void *user)
{
	const struct story *story = user;

	return story->look < story->nr_looks;
}

static int tell(struct story *story, struct mpol_error *error)
{
	const struct weights_watch watch = { look, read_table, derive, goes_on, story };

	story->table.automatic = -1;
	memset(story->table.weights, 1, 3);
	return weights_watch(&watch, error);
}

static void test_changes(void **state)
{
	static const unsigned long memory[] = { 3, 3, 7, 7, 7, 3, 7, 3, 3, 7, 7 };
	struct story story = { .memory = memory, .nr_looks = sizeof(memory) / sizeof(memory[0]) };
	struct mpol_error error = { 0 };

	(void)state;
	assert_int_equal(tell(&story, &error), 0);
	/* The node that was gone for one look is no change. */
	assert_int_equal(story.nr_derived, 3);
	assert_int_equal(story.derived_for[0], 7);
	assert_int_equal(story.derived_for[1], 3);
	assert_int_equal(story.derived_for[2], 7);
}

static void test_foreign(void **state)
{
	static const unsigned long memory[] = { 3, 3, 7, 7, 7, 3, 3, 3 };
	struct story story = { .memory = memory, .nr_looks = 8, .foreign_at = 2 };
	struct mpol_error error = { 0 };

	(void)state;
	assert_int_equal(tell(&story, &error), -ECANCELED);
	assert_int_equal(story.nr_derived, 0);
	assert_int_equal(story.table.weights[0], 77);
	assert_non_null(strstr(error.cause, "weight of node 0 to 77 since, which was 1"));
	assert_non_null(strstr(error.advice, "mpol weights auto --watch"));

	/* After weights were derived once, the same. */
	story = (struct story) { .memory = memory, .nr_looks = 8, .foreign_at = 5 };
	assert_int_equal(tell(&story, &error), -ECANCELED);
	assert_int_equal(story.nr_derived, 1);
	assert_non_null(strstr(error.cause, "weight of node 0 to 77 since, which was 10"));

	/* Nodes stay as they are: whose the weights are does not matter. */
	story = (struct story) { .memory = memory, .nr_looks = 2, .foreign_at = 1 };
	assert_int_equal(tell(&story, &error), 0);
	assert_int_equal(story.nr_derived, 0);
}

static void test_unreadable(void **state)
{
	static const unsigned long memory[] = { 3, 3, 3, 3 };
	struct story story = { .memory = memory, .nr_looks = 4, .fails_at = 2 };
	struct mpol_error error = { 0 };

	(void)state;
	assert_int_equal(tell(&story, &error), -EBADMSG);
	assert_int_equal(story.nr_derived, 0);
}

static void test_look(void **state)
{
	struct weights_scene scene;
	struct mpol_error error = { 0 };
	struct fake_root root;

	(void)state;
	assert_int_equal(fake_root_begin(&root), 0);
	assert_int_equal(weights_watch_look(root.path, &scene, &error), -ENOENT);
	assert_non_null(strstr(error.object, "/sys/devices/system/node/has_memory"));
	fake_root_put(&root, "sys/devices/system/node/has_memory", "0-1,3\n");
	fake_root_put(&root, "sys/devices/system/node/has_cpu", "\n");
	assert_int_equal(weights_watch_look(root.path, &scene, &error), 0);
	assert_int_equal(scene.memory.bits[0], 0xb);
	assert_true(nodemask_empty(&scene.cpus));
	fake_root_put(&root, "sys/devices/system/node/has_cpu", "none\n");
	assert_int_equal(weights_watch_look(root.path, &scene, &error), -EBADMSG);
	assert_true(nodemask_empty(&scene.cpus));
	fake_root_end(&root);
}

static void test_wait(void **state)
{
	(void)state;
	assert_true(weights_watch_wait(NULL));
	raise(SIGTERM);
	assert_false(weights_watch_wait(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),	   cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_look),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
