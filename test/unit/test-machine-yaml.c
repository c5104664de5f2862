/* SPDX-License-Identifier: MIT */
/* Described machines: loading, names, and errors of form. */
#include "machine-text.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "yaml-load.h"

#define NODES "nodes:\n- { id: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }\n"

static void test_smallest(void **state)
{
	struct machine *machine = read_machine("name: m\n" NODES);

	(void)state;
	assert_string_equal(machine->name, "m");
	assert_null(machine->description);
	assert_int_equal(machine->nr_nodes, 1);
	assert_int_equal(machine->nodes[0].id, 0);
	assert_int_equal(machine->nodes[0].socket, -1);
	assert_int_equal(machine->nodes[0].kind, MPOL_MEMORY_DRAM);
	assert_int_equal(machine->nodes[0].capacity_bytes, 1 << 30);
	assert_string_equal(machine->nodes[0].cpus, "0");
	assert_int_equal(machine->distances[0], 10);
	assert_int_equal(machine->performances[0].read_latency_ns, 0);
	machine_free(machine);
}

static void test_description(void **state)
{
	struct machine *machine = read_machine("name: m\ndescription: one node\n" NODES);

	(void)state;
	assert_string_equal(machine->description, "one node");
	machine_free(machine);
}

static void test_form(void **state)
{
	(void)state;
	assert_refused("", -EBADMSG, "", "it is empty");
	assert_refused("name: [x\n", -EBADMSG, "line 1, name",
		       "should be a single value, not a list");
	assert_refused("name: m\n" NODES "colour: red\n", -EBADMSG, "line 4, colour",
		       "Unexpected key: colour");
	assert_refused("name: m\nnodes:\n- id: 0\n  kind: dram\n  size: 1GiB\n", -EBADMSG,
		       "line 5, nodes[0].size", "Unexpected key: size");
	assert_refused(NODES, -EBADMSG, "line 2, name", "Missing required mapping field: name");
	assert_refused("name: m\n", -EBADMSG, "line 1, nodes",
		       "Missing required mapping field: nodes");
	assert_refused("name: m\nnodes:\n- { id: x }\n", -EBADMSG, "line 3, nodes[0].id", "'x'");
	assert_refused("name: m\nname: n\n" NODES, -EBADMSG, "line 2, name", "already seen: name");
	assert_refused("name: m\nnodes: &n\n- *n\n", -EBADMSG, "line 2, nodes", "alias");
	assert_refused("name: m\nnodes: []\n", -EINVAL, "line 2, nodes", "at least one node");
}

static void test_name(void **state)
{
	(void)state;
	assert_refused("name: two words\n" NODES, -EBADMSG, "line 1, name", "1 to 63 letters");
	assert_refused("name: -m\n" NODES, -EBADMSG, "line 1, name", "1 to 63 letters");
	assert_refused("name: ../m\n" NODES, -EBADMSG, "line 1, name", "1 to 63 letters");
	assert_refused("name: ''\n" NODES, -EBADMSG, "line 1, name", "1 to 63 letters");
}

static void test_length(void **state)
{
	size_t length = YAML_MAX_BYTES + 1;
	struct machine *machine = NULL;
	struct mpol_error err = { 0 };
	char *text = malloc(length);

	(void)state;
	assert_non_null(text);
	memset(text, '#', length);
	assert_int_equal(machine_from_yaml_text("m.yaml", text, length, &machine, &err), -E2BIG);
	assert_int_equal(machine_from_yaml_text("m.yaml", text, length - 1, &machine, &err),
			 -EBADMSG);
	assert_null(machine);
	free(text);
}

static void test_file(void **state)
{
	char path[] = "/tmp/test-machine-yaml-XXXXXX";
	struct machine *machine = NULL;
	struct mpol_error err = { 0 };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "name: m\n" NODES, strlen("name: m\n" NODES)),
			 strlen("name: m\n" NODES));
	close(fd);
	assert_int_equal(machine_from_yaml(path, &machine, &err), 0);
	assert_string_equal(machine->name, "m");
	machine_free(machine);
	machine = NULL;
	unlink(path);
	assert_int_equal(machine_from_yaml(path, &machine, &err), -ENOENT);
	assert_string_equal(err.object, path);
	assert_int_equal(machine_from_yaml("/", &machine, &err), -EISDIR);
	assert_null(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest), cmocka_unit_test(test_description),
		cmocka_unit_test(test_form),	 cmocka_unit_test(test_name),
		cmocka_unit_test(test_length),	 cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
