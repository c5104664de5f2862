/* SPDX-License-Identifier: MIT */
/*
 * host/bandwidth-probe.c: that it measures at all, in about the time, gives memory and threads
 * back, and how much memory it asks for.  Never how fast memory is.
 */
#include "cmocka-all.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>

#include "bandwidth-probe.h"
#include "clock.h"
#include "fake-root.h"

#define MIB (1ULL << 20)
#define CPU "sys/devices/system/cpu/cpu3/cache/"

static int nr_entries(const char *path)
{
	DIR *dir = opendir(path);
	int nr = 0;

	assert_non_null(dir);
	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}

static int own_cpu(void)
{
	cpu_set_t set;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	return cpu;
}

static struct nodemask own_node(void)
{
	unsigned int node;

	assert_int_equal(getcpu(NULL, &node), 0);
	return nodemask_of((int)node);
}

static void test_run(void **state)
{
	const int cpu = own_cpu(), twice[] = { cpu, cpu };
	struct bandwidth_probe probe = {
		.cpus = twice,
		.nr_cpus = 2,
		.targets = own_node(),
		.bytes_per_thread = 4 * MIB,
		.time_ns = 10000000,
	};
	uint64_t bytes[PROBE_NR] = { 0 }, begin_ns;
	int nr_threads;

	(void)state;
	assert_int_equal(bandwidth_probe_run(&probe, bytes, NULL), 0);
	nr_threads =
		nr_entries("/proc/self/task"); /* a sanitizer's own begins with the first one */
	begin_ns = clock_now_ns();
	assert_int_equal(bandwidth_probe_run(&probe, bytes, NULL), 0);
	assert_true(clock_now_ns() - begin_ns >= PROBE_NR * probe.time_ns);
	for (int access = 0; access < PROBE_NR; access++)
		assert_true(bytes[access] > 0);
	/* Who waits for a thread goes on a moment before the kernel is done with it. */
	while (nr_entries("/proc/self/task") > nr_threads && clock_now_ns() - begin_ns < 5000000000)
		sched_yield();
	assert_in_range(nr_entries("/proc/self/task"), 1, nr_threads);
}

static void test_refused(void **state)
{
	const int cpu = own_cpu(), nowhere = 60000;
	struct bandwidth_probe probe = {
		.cpus = &cpu,
		.nr_cpus = 1,
		.targets = own_node(),
		.bytes_per_thread = 2 * MIB,
		.time_ns = 1,
	};
	uint64_t bytes[PROBE_NR] = { 7, 7, 7 };
	struct mpol_error error = { 0 };

	(void)state;
	probe.targets = nodemask_of(NODES_MAX - 1);
	assert_int_equal(bandwidth_probe_run(&probe, bytes, &error), -EINVAL);
	assert_string_equal(error.object, "memory of node 1023");
	probe.targets = own_node();
	probe.cpus = &nowhere;
	assert_int_equal(bandwidth_probe_run(&probe, bytes, &error), -EINVAL);
	probe.cpus = &cpu;
	probe.bytes_per_thread = MIB;
	assert_int_equal(bandwidth_probe_run(&probe, bytes, &error), -EINVAL);
	probe.bytes_per_thread = 2 * MIB;
	probe.nr_cpus = 0;
	assert_int_equal(bandwidth_probe_run(&probe, bytes, &error), -EINVAL);
	assert_int_equal(bytes[PROBE_READ], 7);
}

static void test_bytes(void **state)
{
	struct fake_root root;

	(void)state;
	assert_int_equal(fake_root_begin(&root), 0);
	assert_int_equal(bandwidth_probe_bytes(root.fd, 3, 4), 64 * MIB);
	fake_root_put(&root, CPU "index0/size", "1024K\n");
	fake_root_put(&root, CPU "index0/shared_cpu_list", "3\n");
	fake_root_put(&root, CPU "index3/size", "32768K\n");
	fake_root_put(&root, CPU "index3/shared_cpu_list", "0-7\n");
	assert_int_equal(bandwidth_probe_bytes(root.fd, 3, 8), 4 * 5 * MIB);
	/* Fewer threads than CPUs that share: to each its part of the cache. */
	assert_int_equal(bandwidth_probe_bytes(root.fd, 3, 2), 4 * 17 * MIB);
	fake_root_put(&root, CPU "index3/size", "much\n");
	assert_int_equal(bandwidth_probe_bytes(root.fd, 3, 8), 4 * MIB);
	fake_root_end(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
