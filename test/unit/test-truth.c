/* SPDX-License-Identifier: MIT */
/*
 * The ground truth without QEMU: tasks, pages, node map, and a measurement
 * driven by the commands that truth-ctl sends, with this test as the vCPU.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka-all.h"

#include "cleanup.h"
#include "control.h"
#include "gate.h"
#include "nodemap.h"
#include "pages.h"
#include "session.h"
#include "tasks.h"
#include "text.h"

static char *journal_data;
static size_t journal_size;
static FILE *journal;

/* Sends a command and compares the whole reply. */
static void expect(const char *command, const char *reply)
{
	_cleanup_free_ char *line = strdup(command);
	struct text text = { 0 };

	control_execute(line, &text);
	assert_int_equal(text.error, 0);
	assert_string_equal(text.data, reply);
	text_free(&text);
}

/* The last line of the journal. */
static const char *last_line(void)
{
	const char *line;

	fflush(journal);
	line = journal_data + journal_size - 1;
	while (line > journal_data && line[-1] != '\n')
		line--;
	return line;
}

static void test_newborn_supersedes(void **state)
{
	struct task *old, *again, *newborn;

	(void)state;
	old = tasks_switch_to(0xffff888000010000, false);
	again = tasks_switch_to(0xffff888000010000, false);
	assert_ptr_equal(old, again);
	assert_false(old->superseded);
	newborn = tasks_switch_to(0xffff888000010000, true);
	assert_ptr_not_equal(old, newborn);
	assert_true(old->superseded);
	assert_true(newborn->id > old->id);
	assert_ptr_equal(tasks_switch_to(0xffff888000010000, false), newborn);

	/* What was counted for the old one is kept until it is taken. */
	old->cells[0].loads = 1;
	tasks_sweep();
	assert_ptr_equal(tasks_first(), newborn);
	assert_ptr_equal(tasks_first()->next, old);
	old->cells[0].loads = 0;
	tasks_sweep();
	assert_ptr_equal(tasks_first(), newborn);
	assert_null(tasks_first()->next);
}

struct visited {
	size_t nr;
	struct page_count counts[8];
};

static void visit(const struct page_count *count, void *data)
{
	struct visited *visited = data;

	assert_true(visited->nr < 8);
	visited->counts[visited->nr++] = *count;
}

static void test_pages_in_order(void **state)
{
	static const uint64_t vpns[] = { (1ULL << 44) - 1, 0, 511, 512, 0x7ffffffff };
	struct pages *pages = pages_new();
	struct visited visited = { 0 };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		pages_add(pages,
			  &(struct page_count) { .vpn = vpns[i], .loads = i + 1, .cell = 1 });
		pages_add(pages, &(struct page_count) { .vpn = vpns[i], .stores = 7, .cell = 2 });
	}
	pages_for_each(pages, visit, &visited);
	assert_int_equal(visited.nr, 5);
	assert_int_equal(visited.counts[0].vpn, 0);
	assert_int_equal(visited.counts[1].vpn, 511);
	assert_int_equal(visited.counts[2].vpn, 512);
	assert_int_equal(visited.counts[3].vpn, 0x7ffffffff);
	assert_int_equal(visited.counts[4].vpn, (1ULL << 44) - 1);
	assert_int_equal(visited.counts[4].loads, 1);
	assert_int_equal(visited.counts[4].stores, 7);
	assert_int_equal(visited.counts[4].cell, 2);
	assert_int_equal(pages_lost(pages), 0);
	pages_free(pages);
}

static void test_nodemap(void **state)
{
	struct nodemap map = { 0 };

	(void)state;
	assert_int_equal(nodemap_add(&map, 3, 0x1000, 0x1000), 0);
	assert_int_equal(nodemap_add(&map, 5, 0x8000, 0x1000), 0);
	assert_int_equal(nodemap_add(&map, 6, 0x1fff, 1), -EEXIST);
	assert_int_equal(nodemap_add(&map, 6, 0, 0x1001), -EEXIST);
	assert_int_equal(nodemap_add(&map, 3, 0x4000, 1), -EEXIST);
	assert_int_equal(nodemap_add(&map, 7, 0x4000, 0), -EINVAL);
	assert_int_equal(nodemap_add(&map, 7, UINT64_MAX, 2), -EINVAL);
	assert_int_equal(map.nr, 2);
	assert_int_equal(nodemap_cell(&map, 0xfff), CELL_ELSEWHERE);
	assert_int_equal(nodemap_cell(&map, 0x1000), 0);
	assert_int_equal(nodemap_cell(&map, 0x1fff), 0);
	assert_int_equal(nodemap_cell(&map, 0x2000), CELL_ELSEWHERE);
	assert_int_equal(nodemap_cell(&map, 0x8fff), 1);
}

/* Two processes and a thread that nobody names: one interval, sums and JSON line. */
static void test_measurement(void **state)
{
	struct task *ours = tasks_switch_to(0x10000, true), *other = tasks_switch_to(0x20000, true);
	struct task *nobody = tasks_switch_to(0x30000, true);
	char command[64], reply[128];

	(void)state;
	expect("1 start 77 0 5", "1 error start: it is not known which address is on which node; "
				 "run truth-ctl calibrate in the guest\n");
	expect("1 map-clear", "1 ok\n");
	expect("1 map-add 0 1000 1000", "1 ok\n");
	expect("1 map-add 2 4000 1000", "1 ok\n");
	expect("1 map-accept 2512", "1 ok\n");
	expect("1 start 77 0 5", "1 error start: it is not known which address is on which node; "
				 "run truth-ctl calibrate in the guest\n");
	expect("1 map-proven 4", "1 ok\n");
	assert_non_null(strstr(last_line(), "{\"event\":\"calibrated\""));
	expect("1 range-clear", "1 ok\n");
	expect("1 range-add 7000 9000", "1 ok\n");
	expect("1 start 77 1 5", "1 ok\n");
	assert_int_equal(gate_enter(0), GATE_OPEN);
	gate_leave(0);
	assert_int_equal(rules.nr_ranges, 1);
	assert_int_equal(rules.ranges[0].length_bytes, 0x2000);

	ours->cells[0] = (struct count) { 10, 1 };
	ours->cells[1] = (struct count) { 5, 0 };
	ours->pages = pages_new();
	pages_add(ours->pages,
		  &(struct page_count) { .vpn = 7, .loads = 15, .stores = 1, .cell = 1 });
	other->cells[0].loads = 100;
	nobody->cells[1].stores = 3;
	expect("1 tick 9", "1 ok\n");
	expect("1 tick 9", "1 error tick: the last interval was not emitted\n");
	snprintf(reply, sizeof(reply),
		 "2 ok %" PRIu64 ":30000 %" PRIu64 ":20000 %" PRIu64 ":10000\n", nobody->id,
		 other->id, ours->id);
	expect("2 unknown 18446744073709551615", reply);
	snprintf(command, sizeof(command), "3 own %" PRIu64 " 77", ours->id);
	expect(command, "3 ok\n");
	snprintf(command, sizeof(command), "3 own %" PRIu64 " 78", other->id);
	expect(command, "3 ok\n");
	assert_true(other->ignored);
	assert_false(ours->ignored);

	/* Its task_struct went to another thread before the tool could look. */
	tasks_switch_to(0x30000, true);
	snprintf(command, sizeof(command), "3 own %" PRIu64 " 77", nobody->id);
	expect(command, "3 error own: that task has ended\n");
	expect("4 emit", "4 ok 0:10:1 2:5:0 elsewhere:0:0 unattributed:0:3\n");
	assert_non_null(strstr(last_line(), "\"nodes\":{\"0\":{\"loads\":10,\"stores\":1},"
					    "\"2\":{\"loads\":5,\"stores\":0}},"));
	assert_non_null(strstr(last_line(), "\"pages\":[[\"0x7000\",2,15,1]],\"pages_lost\":0}"));
	expect("5 emit", "5 error emit: no interval was cut\n");

	/* The next interval starts at zero, the totals go on. */
	ours->cells[1].loads = 2;
	expect("6 tick 10", "6 ok\n");
	expect("6 emit", "6 ok 0:0:0 2:2:0 elsewhere:0:0 unattributed:0:0\n");
	expect("6 totals", "6 ok 0:10:1 2:7:0 elsewhere:0:0 unattributed:0:3\n");
	expect("7 mark a-b 11", "7 ok\n");
	assert_non_null(strstr(last_line(), "\"name\":\"a-b\",\"interval\":2}"));
	expect("8 probe 0 1", "8 error probe: process 77 is being counted; stop that first "
			      "(truth-ctl stop)\n");
	expect("8 stop 12", "8 ok\n");
	assert_int_equal(gate_enter(0), GATE_CLOSED);
	gate_leave(0);
}

static void test_bad_commands(void **state)
{
	(void)state;
	expect("", " error read a command: there is none of that name\n");
	expect("1", "1 error read a command: there is none of that name\n");
	expect("1 fly", "1 error read a command: there is none of that name\n");
	expect("1 start 1 0", "1 error start: wrong arguments\n");
	expect("1 start 1 0 1 1", "1 error start: wrong arguments\n");
	expect("1 start 1 2 1", "1 error start: no such process id or flag\n");
	expect("1 start -1 0 1", "1 error start: wrong arguments\n");
	expect("1 start 4294967296 0 1", "1 error start: no such process id or flag\n");
	expect("1 range-add 9000 9000", "1 error add a range: it is empty\n");
	expect("1 range-add zz 9000", "1 error range-add: wrong arguments\n");
	expect("1 mark a\"b 1", "1 error mark: not a plain name; use up to 64 letters, digits and "
				"-_.:+\n");
	expect("1 mark x", "1 error mark: wrong arguments\n");
	expect("1 own 99999 1", "1 error own: that task has ended\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_newborn_supersedes),
		cmocka_unit_test(test_pages_in_order),
		cmocka_unit_test(test_nodemap),
		cmocka_unit_test(test_measurement),
		cmocka_unit_test(test_bad_commands),
	};
	int failed;

	if (gate_set_up() < 0) {
		puts("membarrier(2) is missing");
		return 77;
	}
	journal = open_memstream(&journal_data, &journal_size);
	session_set_up(journal);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fclose(journal);
	free(journal_data);
	return failed;
}
