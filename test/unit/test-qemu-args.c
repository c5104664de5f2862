/* SPDX-License-Identifier: MIT */
/* QEMU's arguments for a machine, and the machines that a guest cannot be. */
#include "machine-text.h"

#include <errno.h>

#include "cleanup.h"
#include "hmat.h"
#include "qemu-args.h"

DEFINE_CLEANUP(struct machine *, machine_free);

#define HEAD	   "name: m\nnodes:\n"
#define NODE(text) "- { kind: dram, memory: 512MiB, " text " }\n"

static void assert_args(const char *text, const char *const *lines)
{
	_cleanup_(machine_freep) struct machine *machine = read_machine(text);
	_cleanup_(text_free) struct text args = { 0 };
	struct mpol_error err = { 0 };

	if (qemu_args(machine, "max", &args, &err) < 0)
		fail_msg("%s", err.cause);
	for (; *lines; lines++)
		if (!strstr(args.data, *lines))
			fail_msg("no \"%s\" in:\n%s", *lines, args.data);
}

static void assert_no_args(const char *text, const char *cause)
{
	_cleanup_(machine_freep) struct machine *machine = read_machine(text);
	_cleanup_(text_free) struct text args = { 0 };
	struct mpol_error err = { 0 };

	assert_int_equal(qemu_args(machine, "max", &args, &err), -EINVAL);
	if (!strstr(err.cause, cause))
		fail_msg("cause is \"%s\", should contain \"%s\"", err.cause, cause);
	assert_true(*err.advice);
}

static void test_plain(void **state)
{
	static const char *const lines[] = {
		"-smp\n4,maxcpus=4,sockets=2,dies=1,cores=2,threads=1\n",
		"-m\n1024M\n",
		"-object\nmemory-backend-ram,id=node1,size=512M\n",
		"-numa\nnode,nodeid=1,memdev=node1,cpus=2,cpus=3\n",
		"-numa\ndist,src=0,dst=1,val=20\n",
		NULL,
	};

	(void)state;
	assert_args(HEAD NODE("id: 0, nr_cpus: 2") NODE("id: 1, nr_cpus: 2"), lines);
}

static void test_gaps(void **state)
{
	/* CPU 1 is the phantom that stands for node 1, CPU 3 the one for node 3. */
	static const char *const lines[] = {
		"-smp\n1,maxcpus=4,sockets=4,dies=1,cores=1,threads=1\n",
		"-device\nmax-x86_64-cpu,socket-id=2,",
		"-numa\nnode,nodeid=1,cpus=1\n",
		"-numa\nnode,nodeid=2,cpus=2\n",
		"-numa\nnode,nodeid=3,cpus=3\n",
		"-numa\nnode,nodeid=4,memdev=node4\n",
		NULL,
	};

	(void)state;
	assert_args(HEAD NODE("id: 0, nr_cpus: 1") "- { id: 2, nr_cpus: 1 }\n" NODE("id: 4"),
		    lines);
}

static void test_sockets(void **state)
{
	static const char *const lines[] = {
		"-smp\n4,maxcpus=4,sockets=2,dies=2,cores=1,threads=1\n",
		"-global\nmax-x86_64-cpu.vendor=GenuineIntel\n",
		NULL,
	};
	static const char *const unequal[] = {
		"-smp\n3,maxcpus=3,sockets=3,dies=1,cores=1,threads=1\n",
		NULL,
	};

	(void)state;
	assert_args(HEAD NODE("id: 0, socket: 0, nr_cpus: 1") NODE("id: 1, socket: 0, nr_cpus: 1")
			    NODE("id: 2, socket: 1, nr_cpus: 1")
				    NODE("id: 3, socket: 1, nr_cpus: 1"),
		    lines);
	assert_args(HEAD NODE("id: 0, nr_cpus: 1") NODE("id: 1, nr_cpus: 2"), unequal);
	assert_no_args(HEAD NODE("id: 0, socket: 0, nr_cpus: 1")
			       NODE("id: 1, socket: 1, nr_cpus: 2"),
		       "sockets that are not alike");
}

static void test_limits(void **state)
{
	(void)state;
	assert_no_args(HEAD NODE("id: 0, nr_cpus: 1") NODE("id: 128"), "nodes 0 to 127");
	assert_no_args(HEAD NODE("id: 1, nr_cpus: 1"), "node 0 is missing");
	assert_no_args(HEAD NODE("id: 0") NODE("id: 1, nr_cpus: 1"),
		       "node 0 is missing or has no CPU");
	assert_no_args(HEAD "- { id: 0, kind: dram, memory: 256MiB, nr_cpus: 1 }\n", "512 MiB");
	assert_no_args(HEAD NODE("id: 0, cpus: 0") NODE("id: 1, cpus: 2"), "CPU numbers have gaps");
	assert_no_args(HEAD NODE("id: 0, cpus: 1") NODE("id: 1, cpus: 0"), "first CPU");
	assert_no_args(HEAD NODE("id: 0, nr_cpus: 1") NODE("id: 1") NODE("id: 2, nr_cpus: 1"),
		       "a node without CPUs has a lower id");
	assert_no_args(HEAD NODE("id: 0, nr_cpus: 1") NODE("id: 1") NODE("id: 3"),
		       "a gap between the ids of two nodes without CPUs");
}

static void test_hmat(void **state)
{
	_cleanup_(machine_freep) struct machine *machine =
		read_machine(HEAD NODE("id: 0, nr_cpus: "
				       "1") NODE("id: 1") "performance:\n"
							  "- { initiators: 0, targets: 0, latency: "
							  "90ns, bandwidth: 400GB/s }\n"
							  "- { initiators: 0, targets: 1, latency: "
							  "70us, bandwidth: 1GB/s }\n");
	_cleanup_(text_free) struct text table = { 0 };
	struct mpol_error err = { 0 };

	(void)state;
	assert_true(hmat_wanted(machine));
	assert_int_equal(hmat_initiator(machine, 1), 0);
	/* 400 GB/s are 381469 MiB/s; in 16 bits they need a unit of 8 MiB/s. */
	assert_int_equal(hmat_bandwidth_mib(machine, 400000000000), 381464);
	assert_int_equal(hmat_write(machine, &table, &err), -EINVAL);
	assert_non_null(strstr(err.cause, "65534 ns"));

	machine_performance(machine, 0, 1)->read_latency_ns = 300;
	machine_performance(machine, 0, 1)->write_latency_ns = 300;
	assert_int_equal(hmat_write(machine, &table, &err), 0);
	/* 4 reserved bytes, two domains of 40, four tables of 32 + 4 + 8 + 4. */
	assert_int_equal(table.length, 4 + 2 * 40 + 4 * 48);

	machine_performance(machine, 0, 1)->read_bandwidth_bytes = 1 << 20;
	assert_int_equal(hmat_write(machine, &table, &err), -EINVAL);
	assert_non_null(strstr(err.cause, "1/65534"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_sockets), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_hmat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
