/* SPDX-License-Identifier: MIT */
/* Nodes that come and go, on a machine of files: node 0 with CPUs, node 1 without. */
#include "fake-root.h"

#include "tier-nodes.h"

#define NODES "sys/devices/system/node"

static struct fake_root root;

/* As the kernel says it; 0 pages: none of the node's memory is online. */
static void put_node(int node, const char *cpus, unsigned long pages)
{
	char file[96], text[256];

	snprintf(file, sizeof(file), NODES "/node%d/cpulist", node);
	fake_root_put(&root, file, cpus);
	snprintf(file, sizeof(file), NODES "/node%d/distance", node);
	fake_root_put(&root, file, node ? "20 10\n" : "10 20\n");
	snprintf(file, sizeof(file), NODES "/node%d/vmstat", node);
	snprintf(text, sizeof(text), "nr_free_pages %lu\n", pages / 2);
	fake_root_put(&root, file, text);
	snprintf(file, sizeof(file), NODES "/node%d/meminfo", node);
	snprintf(text, sizeof(text), "Node %d MemTotal: %lu kB\nNode %d MemFree: %lu kB\n", node,
		 pages * 4, node, pages * 2);
	fake_root_put(&root, file, text);
}

static void put_machine(const char *has_memory, unsigned long slow_pages)
{
	char text[256];

	fake_root_put(&root, NODES "/online", "0-1\n");
	fake_root_put(&root, NODES "/possible", "0-1\n");
	fake_root_put(&root, NODES "/has_memory", has_memory);
	put_node(0, "0-3\n", 65536);
	put_node(1, "\n", slow_pages);
	snprintf(text, sizeof(text),
		 "Node 0, zone   Normal\n"
		 "        low      100\n"
		 "        high     200\n"
		 "        present  65536\n"
		 "Node 1, zone  Movable\n"
		 "        low      10\n"
		 "        high     20\n"
		 "        present  %lu\n",
		 slow_pages);
	fake_root_put(&root, "proc/zoneinfo", text);
}

static struct tier_nodes *read_nodes(void)
{
	struct mpol_error err = { 0 };
	struct tier_nodes *nodes = NULL;

	if (tier_nodes_read(root.fd, &nodes, &err) < 0)
		fail_msg("%s: %s: %s", err.step, err.object, err.cause);
	return nodes;
}

static int begin(void **state)
{
	(void)state;
	return fake_root_begin(&root);
}

static int end(void **state)
{
	(void)state;
	fake_root_end(&root);
	return 0;
}

static void a_node_that_comes_is_seen(void **state)
{
	struct tier_nodes *before, *after;

	(void)state;
	put_machine("0\n", 0);
	before = read_nodes();
	assert_int_equal(before->nr, 1);
	assert_int_equal(before->nr_tiers, 1);
	assert_int_equal(before->nodes[0].reserve_pages, 200);
	assert_false(tier_nodes_refresh(before, root.fd));
	put_machine("0-1\n", 32768);
	assert_true(tier_nodes_refresh(before, root.fd));
	after = read_nodes();
	assert_int_equal(after->nr, 2);
	assert_int_equal(after->nr_tiers, 2);
	assert_true(nodemask_test(&after->memory, 1));
	assert_false(tier_nodes_refresh(after, root.fd));
	assert_false(tier_nodes_are_same(before, after));
	assert_true(tier_nodes_are_same(after, after));
	tier_nodes_free(before);
	tier_nodes_free(after);
}

/* Its directory, too: nothing is free there, and the file is not to be read. */
static void a_node_that_goes_has_nothing_free(void **state)
{
	struct tier_nodes *nodes;

	(void)state;
	put_machine("0-1\n", 32768);
	nodes = read_nodes();
	assert_int_equal(nodes->nodes[1].free_pages, 16384);
	unlinkat(root.fd, NODES "/node1/vmstat", 0);
	tier_nodes_count_free(nodes, root.fd);
	assert_int_equal(nodes->nodes[0].free_pages, 32768);
	assert_int_equal(nodes->nodes[1].free_pages, 0);
	assert_false(tier_nodes_refresh(nodes, root.fd)); /* it may come back */
	fake_root_put(&root, NODES "/has_memory", "0\n");
	assert_true(tier_nodes_refresh(nodes, root.fd));
	tier_nodes_free(nodes);
}

/* The nodes stay what they are, with another capacity. */
static void more_memory_on_a_node_is_seen(void **state)
{
	struct tier_nodes *before, *after;

	(void)state;
	put_machine("0-1\n", 32768);
	before = read_nodes();
	put_machine("0-1\n", 65536);
	assert_true(tier_nodes_refresh(before, root.fd));
	after = read_nodes();
	assert_int_equal(after->nodes[1].capacity_pages, 65536);
	assert_true(tier_nodes_are_same(before, after));
	tier_nodes_free(before);
	tier_nodes_free(after);
}

/* What cannot be read says nothing of memory that comes or goes. */
static void files_may_be_missing(void **state)
{
	struct tier_nodes *nodes;

	(void)state;
	put_machine("0-1\n", 32768);
	unlinkat(root.fd, "proc/zoneinfo", 0);
	unlinkat(root.fd, NODES "/has_memory", 0);
	nodes = read_nodes();
	assert_int_equal(nodes->nodes[0].reserve_pages, 0);
	assert_false(tier_nodes_refresh(nodes, root.fd));
	tier_nodes_free(nodes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_node_that_comes_is_seen, begin, end),
		cmocka_unit_test_setup_teardown(a_node_that_goes_has_nothing_free, begin, end),
		cmocka_unit_test_setup_teardown(more_memory_on_a_node_is_seen, begin, end),
		cmocka_unit_test_setup_teardown(files_may_be_missing, begin, end),
	};

	return cmocka_run_group_tests_name("tier-nodes", tests, NULL, NULL);
}
