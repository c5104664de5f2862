/* SPDX-License-Identifier: MIT */
/* lib/bandwidths-record.c: what is written is read again, and nothing else is. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bandwidths-record.h"

static void test_round_trip(void **state)
{
	struct mpol_bandwidth each[] = {
		{ .read_bytes = 1, .write_bytes = 1ULL << 45, .mixed_bytes = 3 },
		{ .initiator = 1023,
		  .target = -1,
		  .read_bytes = 4,
		  .write_bytes = 5,
		  .mixed_bytes = 6 },
	};
	struct bandwidths_record read, record = {
		.identity = "0123456789abcdef", .time_s = 1790000000, .each = each, .nr = 2
	};
	char *text = bandwidths_record_format(&record);

	(void)state;
	assert_non_null(text);
	assert_int_equal(bandwidths_record_parse(text, strlen(text), &read), 0);
	assert_string_equal(read.identity, record.identity);
	assert_int_equal(read.time_s, record.time_s);
	assert_int_equal(read.nr, 2);
	assert_memory_equal(read.each, each, sizeof(each));
	bandwidths_record_free(&read);
	free(text);
}

#define DOCUMENT(IDENTITY, EACH) \
	"{\"machine\":\"" IDENTITY "\",\"time\":1,\"bytes_per_second\":[" EACH "]}"
#define EACH(INITIATOR, TARGET, READ)                                                       \
	"{\"initiator\":" INITIATOR ",\"target\":" TARGET ",\"read\":" READ ",\"write\":1," \
	"\"mixed\":1}"
#define IDENTITY "0123456789abcdef"

static const char *const bad[] = {
	"",
	"null",
	"[]",
	"{}",
	DOCUMENT("0123456789abcde", ""),
	DOCUMENT("0123456789abcdef0", ""),
	DOCUMENT(IDENTITY, "7"),
	DOCUMENT(IDENTITY, "{}"),
	DOCUMENT(IDENTITY, EACH("-1", "0", "1")),
	DOCUMENT(IDENTITY, EACH("1024", "0", "1")),
	DOCUMENT(IDENTITY, EACH("0", "-2", "1")),
	DOCUMENT(IDENTITY, EACH("0", "1024", "1")),
	DOCUMENT(IDENTITY, EACH("0", "0", "0")),
	DOCUMENT(IDENTITY, EACH("0", "0", "-1")),
	DOCUMENT(IDENTITY, EACH("0", "0", "35184372088833")),
	DOCUMENT(IDENTITY, EACH("0", "0", "1.5")),
	DOCUMENT(IDENTITY, EACH("0", "0", "1,\"read\":1")),
	DOCUMENT(IDENTITY, EACH("0", "0", "1,\"more\":1")),
};

static void test_bad(void **state)
{
	struct bandwidths_record read = { 0 }, untouched = { 0 };
	const char *good = DOCUMENT(IDENTITY, EACH("0", "0", "35184372088832"));

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (bandwidths_record_parse(bad[i], strlen(bad[i]), &read) != -EBADMSG)
			fail_msg("read: %s", bad[i]);
		assert_memory_equal(&read, &untouched, sizeof(read));
	}
	assert_int_equal(bandwidths_record_parse(good, strlen(good), &read), 0);
	bandwidths_record_free(&read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
