/* SPDX-License-Identifier: MIT */
/* host/machine-identity.c: the same machine is the same, whatever matters makes it another. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "fake-root.h"
#include "machine-identity.h"

#define MIB (1ULL << 20)

static struct machine *two_nodes(void)
{
	struct machine *machine;

	assert_int_equal(machine_new("m", 2, &machine), 0);
	for (int i = 0; i < 2; i++) {
		machine->nodes[i].id = i;
		machine->nodes[i].kind = MPOL_MEMORY_DRAM;
		machine->nodes[i].capacity_bytes = 64100 * MIB;
	}
	memcpy(machine->distances, (uint8_t[]) { 10, 21, 21, 10 }, 4);
	return machine;
}

struct was {
	struct fake_root root;
	struct machine *machine;
	char identity[MACHINE_IDENTITY_SIZE];
};

/* Whether it is the machine that it was. */
static int is_same(const struct was *was)
{
	char now[MACHINE_IDENTITY_SIZE];

	machine_identity(was->root.fd, was->machine, now);
	return !strcmp(now, was->identity);
}

static void test_identity(void **state)
{
	struct was was = { .machine = two_nodes() };

	(void)state;
	assert_int_equal(fake_root_begin(&was.root), 0);
	fake_root_put(&was.root, "proc/cpuinfo", "processor\t: 0\nmodel name\t: A\nMHz\t: 1\n");
	machine_identity(was.root.fd, was.machine, was.identity);
	assert_int_equal(strlen(was.identity), MACHINE_IDENTITY_SIZE - 1);
	assert_true(is_same(&was));

	/* What another kernel takes for itself, what is free, how fast a CPU runs just now. */
	was.machine->nodes[0].capacity_bytes -= 150 * MIB;
	was.machine->nodes[0].free_bytes = 7;
	fake_root_put(&was.root, "proc/cpuinfo", "processor\t: 0\nmodel name\t: A\nMHz\t: 2\n");
	assert_true(is_same(&was));

	was.machine->nodes[1].capacity_bytes *= 2;
	assert_false(is_same(&was));
	was.machine->nodes[1].capacity_bytes /= 2;
	was.machine->nodes[1].kind = MPOL_MEMORY_CXL;
	assert_false(is_same(&was));
	was.machine->nodes[1].kind = MPOL_MEMORY_DRAM;
	was.machine->distances[1] = 31;
	assert_false(is_same(&was));
	was.machine->distances[1] = 21;
	assert_true(is_same(&was));
	fake_root_put(&was.root, "proc/cpuinfo", "processor\t: 0\nmodel name\t: B\n");
	assert_false(is_same(&was));
	fake_root_put(&was.root, "proc/cpuinfo", "processor\t: 0\nmodel name\t: A\n");
	assert_true(is_same(&was));
	fake_root_put(&was.root, "sys/class/dmi/id/bios_version", "2.0\n");
	assert_false(is_same(&was));
	machine_free(was.machine);
	fake_root_end(&was.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
