/* SPDX-License-Identifier: MIT */
/* Descriptions of machines in files: the form is found by content; the errors name the file. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "machine-file.h"

DEFINE_CLEANUP(struct machine *, machine_free);

static const char yaml[] = "name: y\n"
			   "description: a test\n"
			   "nodes:\n"
			   "  - { id: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }\n"
			   "  - { id: 3, kind: cxl, memory: 2GiB }\n";

static const char xml[] =
	"<?xml version=\"1.0\"?>\n"
	"<topology version=\"2.0\">\n"
	"<object type=\"Machine\" os_index=\"0\" cpuset=\"0x1\" complete_cpuset=\"0x1\" "
	"allowed_cpuset=\"0x1\" nodeset=\"0x1\" complete_nodeset=\"0x1\" allowed_nodeset=\"0x1\" "
	"gp_index=\"1\">\n"
	"<object type=\"NUMANode\" os_index=\"0\" cpuset=\"0x1\" complete_cpuset=\"0x1\" "
	"nodeset=\"0x1\" complete_nodeset=\"0x1\" gp_index=\"2\" local_memory=\"1073741824\"/>\n"
	"<object type=\"PU\" os_index=\"0\" cpuset=\"0x1\" complete_cpuset=\"0x1\" "
	"nodeset=\"0x1\" complete_nodeset=\"0x1\" gp_index=\"3\"/>\n"
	"</object></topology>\n";

/* machine_from_file of a temporary file that holds text. */
static int read_text(const char *text, struct machine **ret_machine, struct mpol_error *err)
{
	char path[] = "/tmp/test-machine-file-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	r = machine_from_file(path, ret_machine, err);
	if (r < 0)
		assert_non_null(strstr(err->object, path));
	unlink(path);
	return r;
}

static void test_yaml(void **state)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	struct mpol_error err = { 0 };

	(void)state;
	assert_int_equal(read_text(yaml, &machine, &err), 0);
	assert_string_equal(machine->name, "y");
	assert_int_equal(machine->nr_nodes, 2);
	assert_int_equal(machine->nodes[1].id, 3);
	/* It has been judged and has tiers. */
	assert_int_equal(machine->nodes[0].tier, 0);
	assert_int_equal(machine->nodes[1].tier, 1);
}

static void test_xml(void **state)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	struct mpol_error err = { 0 };

	(void)state;
	assert_int_equal(read_text(xml, &machine, &err), 0);
	assert_int_equal(machine->nr_nodes, 1);
	assert_int_equal(machine->nodes[0].capacity_bytes, 1 << 30);
	assert_int_equal(machine->nodes[0].kind, MPOL_MEMORY_DRAM);
	assert_string_equal(machine->nodes[0].cpus, "0");
	assert_int_equal(*machine_distance(machine, 0, 0), 10);
}

static void test_refusals_name_the_file(void **state)
{
	static const char *const bad[] = { "",		 "\n",	     "<", "<topology/>",
					   "nodes: 3\n", "\x01\x02", NULL };
	struct machine *machine = NULL;

	(void)state;
	for (int i = 0; bad[i]; i++) {
		struct mpol_error err = { 0 };

		assert_true(read_text(bad[i], &machine, &err) < 0);
		assert_true(err.code < 0 && *err.step && *err.cause);
		assert_null(machine);
	}
}

static void test_files_that_cannot_be_read(void **state)
{
	struct machine *machine = NULL;
	struct mpol_error err = { 0 };

	(void)state;
	assert_int_equal(machine_from_file("/nonexistent/machine.yaml", &machine, &err), -ENOENT);
	assert_string_equal(err.object, "/nonexistent/machine.yaml");
	assert_int_equal(machine_from_file("/", &machine, &err), -EISDIR);
	assert_int_equal(machine_from_file("/dev/zero", &machine, &err), -EFBIG);
	assert_null(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yaml),
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_refusals_name_the_file),
		cmocka_unit_test(test_files_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
