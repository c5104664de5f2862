/* SPDX-License-Identifier: MIT */
/* Policies with derived weights: what they come to on machines whose bandwidths are known. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "derived-policy.h"
#include "weights-measure.h"

/* Firmware states nonsense of node 2. */
static const char *const partly_known =
	"name: partly-known\n"
	"nodes:\n"
	"  - { id: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }\n"
	"  - { id: 1, kind: dram, memory: 1GiB, nr_cpus: 1 }\n"
	"  - { id: 2, kind: cxl, memory: 1GiB }\n"
	"performance:\n"
	"  - { initiators: all, targets: 2, latency: 250ns, bandwidth: 50MB/s }\n"
	"  - { initiators: all, targets: local, latency: 90ns, bandwidth: 100GB/s }\n"
	"  - { initiators: all, targets: others, latency: 140ns, bandwidth: 60GB/s }\n";

static struct mpol_topology *machine(const char *name)
{
	struct mpol_topology *topology = NULL;
	struct mpol_error error = { 0 };

	if (mpol_topology_new_from_file(name, &topology, &error) < 0)
		fail_msg("%s: %s", name, error.cause);
	return topology;
}

static struct mpol_topology *described(const char *text)
{
	char path[] = "/tmp/mpol-test-XXXXXX";
	struct mpol_topology *topology;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	topology = machine(path);
	unlink(path);
	return topology;
}

static void comes_to(const char *name, const char *text, const char *wanted)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = machine(name);
	struct mpol_error error = { 0 };
	struct mpol_policy policy;
	char got[256];

	if (derived_policy(text, topology, NULL, &policy, &error) < 0)
		fail_msg("%s on %s: %s", text, name, error.cause);
	mpol_policy_format(&policy, got, sizeof(got));
	assert_string_equal(got, wanted);
}

static void test_weights(void **state)
{
	(void)state;
	comes_to("two-dram-cxl", "weighted:auto", "weighted:0-1=9,2=4");
	comes_to("two-dram-cxl", "weighted:auto:all", "weighted:0-1=9,2=4");
	comes_to("two-dram-cxl", "weighted:auto:0-1", "weighted:0-1=1");
	comes_to("two-dram-cxl", "weighted:auto:0,2", "weighted:0=9,2=4");
	comes_to("two-dram-cxl", "weighted:auto+static", "weighted:0-1=9,2=4+static");
	comes_to("two-dram-cxl", "weighted:auto:2+static", "weighted:2=1+static");
	/* Nodes without memory are not among all. */
	comes_to("eight-nodes-sparse", "weighted:auto:0,9", "weighted:0=9,9=4");
}

/* One that slows down the whole is not interleaved to. */
static void test_left_out(void **state)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology =
		described("name: slow\n"
			  "nodes:\n"
			  "  - { id: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }\n"
			  "  - { id: 1, kind: pmem, memory: 1GiB }\n"
			  "performance:\n"
			  "  - { initiators: 0, targets: 0, latency: 90ns, bandwidth: 400GB/s }\n"
			  "  - { initiators: 0, targets: 1, latency: 400ns, bandwidth: 1GB/s }\n");
	struct mpol_error error = { 0 };
	struct mpol_policy policy;
	char got[64];

	(void)state;
	assert_int_equal(derived_policy("weighted:auto", topology, NULL, &policy, &error), 0);
	mpol_policy_format(&policy, got, sizeof(got));
	assert_string_equal(got, "weighted:0=1");
}

static void refuses(const struct mpol_topology *topology, const char *text, int code,
		    const char *cause, const char *advice)
{
	struct mpol_policy policy = { .mode = 77 };
	struct mpol_error error = { 0 };

	assert_int_equal(derived_policy(text, topology, NULL, &policy, &error), code);
	assert_int_equal(policy.mode, 77);
	assert_non_null(strstr(error.cause, cause));
	assert_non_null(strstr(error.advice, advice));
	assert_string_equal(error.object, text);
}

static void test_unknown(void **state)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *partly = described(partly_known);
	_cleanup_(mpol_topology_freep) struct mpol_topology *none =
		described("name: none\n"
			  "nodes:\n"
			  "  - { id: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }\n"
			  "  - { id: 1, kind: dram, memory: 1GiB }\n");
	struct mpol_error error = { 0 };
	struct mpol_policy policy;

	(void)state;
	refuses(partly, "weighted:auto", -ENODATA,
		"node 2: not used: what is stated cannot be true", "mpol weights measure");
	refuses(partly, "weighted:auto", -ENODATA, "node 2",
		"weighted:auto:NODES leaves nodes out");
	assert_int_equal(derived_policy("weighted:auto:0-1", partly, NULL, &policy, &error), 0);
	refuses(none, "weighted:auto", -ENODATA, "node 0: no bandwidth is stated",
		"mpol weights measure");
	assert_int_equal(derived_policy("weighted:auto:1", none, NULL, &policy, &error), 0);
	assert_int_equal(policy.weights[1], 1);
}

static void test_refused(void **state)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = machine("two-dram-cxl");

	(void)state;
	refuses(topology, "weighted:auto:0=3,2=1", -EINVAL, "none can be given", "weighted:auto");
	refuses(topology, "weighted:auto=3", -EINVAL, "may follow", "weighted:auto:0-1,3");
	refuses(topology, "weighted:auto,2", -EINVAL, "may follow", "weighted:auto:0-1,3");
	refuses(topology, "weighted:auto-2", -EINVAL, "may follow", "weighted:auto:0-1,3");
	refuses(topology, "weighted:auto+relative", -EINVAL, "positions", "weighted:auto");
	refuses(topology, "weighted:auto:7", -ENODEV, "node 7", "nodes with memory");
	refuses(topology, "weighted:auto:", -EINVAL, "node expected", "0-2");
	refuses(topology, "weighted:auto+balancing", -EINVAL, "+balancing", "bind");
	assert_false(derived_policy_meant("weighted:0=3"));
	assert_false(derived_policy_meant("weighted:automatic"));
	assert_false(derived_policy_meant("interleave:auto"));
}

/* On this machine: refused like any other policy, or derived. */
static void test_argument(void **state)
{
	struct mpol_policy policy;
	struct mpol_error error;

	(void)state;
	assert_int_equal(argument_policy("weighted:auto:1023", &policy, &error), -ENODEV);
	assert_string_equal(error.object, "weighted:auto:1023");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),	 cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_unknown),	 cmocka_unit_test(test_refused),
		cmocka_unit_test(test_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
