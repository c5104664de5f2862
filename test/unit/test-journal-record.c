/* SPDX-License-Identifier: MIT */
/* Lines of a journal: what is written is read again, and nothing else is. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal-record.h"
#include "policy.h"

static const struct mpol_policy *keep(struct policy_set *set, const char *text)
{
	struct mpol_policy policy;

	assert_int_equal(policy_parse(text, NULL, &policy, NULL), 0);
	return policy_set_keep(set, &policy);
}

static void assert_same_policy(const struct mpol_policy *policy, const char *expected)
{
	char text[256];

	policy_format(policy, text, sizeof(text));
	assert_string_equal(text, expected);
}

/* Also what the kernel does not show, the highest address, and a name that is no text. */
static void test_round_trip(void **state)
{
	struct policy_set set = { 0 }, read_set = { 0 };
	struct mpol_replaced replaced[] = {
		{ .tid = 77, .start_ticks = 123456789012, .policy = keep(&set, "default") },
		{ .start = 0x7fffffffe000, .end = 0x7ffffffff000, .policy = keep(&set, "local") },
	};
	struct journal_record read, record = {
		.boot = "0f1e2d3c-0000-4000-8000-123456789abc",
		.change = {
			.id = 9,
			.time_s = 1790000000,
			.uid = 4294967294,
			.undoes = 4,
			.reapplies = 3,
			.verb = "set",
			.pid = 4240,
			.start_ticks = 555,
			.name = "a\"b\\\xff\n{",
			.tid = 77,
			.intended = keep(&set, "weighted:0=3,2-3=7+static"),
			.replaced = replaced,
			.nr_replaced = 2,
		},
	};
	char *text = journal_record_format(&record);

	(void)state;
	assert_non_null(text);
	assert_null(strchr(text, '\n'));
	assert_int_equal(journal_record_parse(text, strlen(text), &read_set, &read), 0);
	assert_false(read.is_end);
	assert_string_equal(read.boot, record.boot);
	assert_int_equal(read.change.id, 9);
	assert_int_equal(read.change.time_s, 1790000000);
	assert_int_equal(read.change.uid, 4294967294);
	assert_int_equal(read.change.undoes, 4);
	assert_int_equal(read.change.reapplies, 3);
	assert_string_equal(read.change.verb, "set");
	assert_int_equal(read.change.pid, 4240);
	assert_int_equal(read.change.start_ticks, 555);
	assert_string_equal(read.change.name, "a\"b\\??{");
	assert_int_equal(read.change.tid, 77);
	assert_same_policy(read.change.intended, "weighted:0=3,2-3=7+static");
	assert_int_equal(read.change.nr_replaced, 2);
	assert_int_equal(read.change.replaced[0].tid, 77);
	assert_int_equal(read.change.replaced[0].start_ticks, 123456789012);
	assert_same_policy(read.change.replaced[0].policy, "default");
	assert_int_equal(read.change.replaced[1].start, 0x7fffffffe000);
	assert_int_equal(read.change.replaced[1].end, 0x7ffffffff000);
	assert_same_policy(read.change.replaced[1].policy, "local");
	journal_record_free(&read);
	free(text);
	policy_set_free(&set);
	policy_set_free(&read_set);
}

/* A change of the kernel's weights: of no process, and of neither threads nor ranges. */
static void test_kernel(void **state)
{
	struct policy_set set = { 0 };
	struct mpol_replaced replaced[] = {
		{ .policy = keep(&set, "weighted:0=1,2=1") },
		{ .policy = keep(&set, "default") },
	};
	struct journal_record read, record = {
		.boot = "b",
		.change = {
			.id = 1,
			.verb = "weights",
			.name = "kernel",
			.intended = keep(&set, "weighted:0=3,2=255"),
			.replaced = replaced,
			.nr_replaced = 2,
		},
	};
	char *text = journal_record_format(&record);

	(void)state;
	assert_int_equal(journal_record_parse(text, strlen(text), &set, &read), 0);
	assert_int_equal(read.change.pid, 0);
	assert_same_policy(read.change.intended, "weighted:0=3,2=255");
	assert_int_equal(read.change.nr_replaced, 2);
	assert_int_equal(read.change.replaced[0].tid, 0);
	assert_int_equal(read.change.replaced[0].end, 0);
	assert_same_policy(read.change.replaced[0].policy, "weighted:0=1,2=1");
	assert_same_policy(read.change.replaced[1].policy, "default");
	journal_record_free(&read);
	free(text);
	policy_set_free(&set);
}

static void test_end(void **state)
{
	const struct journal_record record = { .is_end = true,
					       .change = { .id = 3, .nr_done = 64 } };
	struct policy_set set = { 0 };
	struct journal_record read;
	char *text = journal_record_format(&record);

	(void)state;
	assert_int_equal(journal_record_parse(text, strlen(text), &set, &read), 0);
	assert_true(read.is_end);
	assert_int_equal(read.change.id, 3);
	assert_int_equal(read.change.nr_done, 64);
	journal_record_free(&read);
	free(text);
	assert_int_equal(set.nr, 0);
}

#define KERNEL_CHANGE(REPLACED)                                                                    \
	"{\"change\":1,\"time\":1,\"uid\":0,\"undoes\":0,\"boot\":\"b\",\"verb\":\"weights\","     \
	"\"pid\":0,\"start\":0,\"name\":\"kernel\",\"tid\":0,\"intended\":\"local\",\"replaced\":" \
	"[" REPLACED "]}"
#define CHANGE(REPLACED)                                                                      \
	"{\"change\":1,\"time\":1,\"uid\":0,\"undoes\":0,\"boot\":\"b\",\"verb\":\"set\","    \
	"\"pid\":1,\"start\":1,\"name\":\"n\",\"tid\":0,\"intended\":\"local\",\"replaced\":" \
	"[" REPLACED "]}"

static const char *const bad_lines[] = {
	"",
	"null",
	"[]",
	"{}",
	"{\"end\":1}",
	"{\"end\":0,\"done\":1}",
	"{\"end\":1,\"done\":-1}",
	"{\"end\":1,\"done\":1} ,",
	CHANGE("{\"tid\":1,\"start\":1}"),
	CHANGE("{\"tid\":1,\"start\":1,\"policy\":\"bind\"}"),
	CHANGE("{\"tid\":1,\"start\":1,\"policy\":\"bind:1024\"}"),
	CHANGE("{\"tid\":-1,\"start\":1,\"policy\":\"local\"}"),
	CHANGE("{\"tid\":2147483648,\"start\":1,\"policy\":\"local\"}"),
	CHANGE("{\"start\":1,\"policy\":\"local\"}"),
	CHANGE("{\"from\":8192,\"to\":4096,\"policy\":\"local\"}"),
	CHANGE("{\"from\":-1,\"to\":4096,\"policy\":\"local\"}"),
	CHANGE("{\"tid\":1,\"start\":1,\"from\":1,\"to\":2,\"policy\":\"local\"}"),
	CHANGE("{\"tid\":1,\"tid\":1,\"start\":1,\"policy\":\"local\"}"),
	CHANGE("7"),
	KERNEL_CHANGE("{\"tid\":1,\"start\":1,\"policy\":\"local\"}"),
	KERNEL_CHANGE("{\"from\":4096,\"to\":8192,\"policy\":\"local\"}"),
};

static void test_bad_lines(void **state)
{
	struct policy_set set = { 0 };
	struct journal_record read = { 0 }, untouched = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
		const char *line = bad_lines[i];

		if (journal_record_parse(line, strlen(line), &set, &read) != -EBADMSG)
			fail_msg("read: %s", line);
		assert_memory_equal(&read, &untouched, sizeof(read));
	}
	policy_set_free(&set);
	/* The same with nothing wrong is read. */
	assert_int_equal(journal_record_parse(CHANGE(""), strlen(CHANGE("")), &set, &read), 0);
	journal_record_free(&read);
	policy_set_free(&set);
}

/* No part of a line is taken for a line. */
static void test_cut_at_every_byte(void **state)
{
	static const char line[] = CHANGE("{\"tid\":1,\"start\":1,\"policy\":\"bind:0\"}");
	struct policy_set set = { 0 };
	struct journal_record read;

	(void)state;
	for (size_t length = 0; length < strlen(line); length++)
		assert_int_equal(journal_record_parse(line, length, &set, &read), -EBADMSG);
	policy_set_free(&set);
}

static void test_set_keeps_each_once(void **state)
{
	struct policy_set set = { 0 };
	const struct mpol_policy *first = keep(&set, "bind:0");

	(void)state;
	for (int node = 1; node < 100; node++) {
		char text[32];

		snprintf(text, sizeof(text), "bind:%d", node);
		assert_ptr_not_equal(keep(&set, text), first);
	}
	assert_ptr_equal(keep(&set, "bind:0"), first);
	assert_int_equal(set.nr, 100);
	policy_set_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_set_keeps_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
