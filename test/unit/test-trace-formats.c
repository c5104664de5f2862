/* SPDX-License-Identifier: MIT */
/* Traces of others: what they say, and where what they say is wrong. */
#include "trace-files.h"

#include <errno.h>
#include <zstd.h>

#define NR_MAX 64

static struct trace_record got[NR_MAX + 8];

/* The text has these records, in batches of any size. */
static void assert_says(const char *format, const char *text, const struct trace_record *expected,
			size_t nr_expected)
{
	struct mpol_error err = { 0 };
	size_t nr;

	put_text(text);
	for (size_t batch = 1; batch <= 8; batch++) {
		if (read_records(format, batch, got, NR_MAX, &nr, &err) != 0)
			fail_msg("%s: %s", err.object, err.cause);
		assert_int_equal(nr, nr_expected);
		assert_records(got, expected, nr);
	}
}

/* The text is refused by an error that has these words. */
static void assert_wrong(const char *format, const char *text, const char *words)
{
	struct mpol_error err = { 0 };
	size_t nr;

	put_text(text);
	assert_int_equal(read_records(format, 1, got, NR_MAX, &nr, &err), -EBADMSG);
	assert_non_null(strstr(err.object, trace_path));
	if (!strstr(err.cause, words))
		fail_msg("\"%s\" does not say \"%s\"", err.cause, words);
}

/* Cut anywhere: refused, or some of the records that are there and no others. */
static void assert_cut(const char *format, const char *text)
{
	const size_t length = strlen(text);
	struct trace_record whole[NR_MAX];
	struct mpol_error err;
	size_t nr_whole, nr;

	put_text(text);
	assert_int_equal(read_records(format, 1, whole, NR_MAX, &nr_whole, &err), 0);
	for (size_t cut = 0; cut < length; cut++) {
		const int r =
			(put_file(text, cut), read_records(format, 3, got, NR_MAX, &nr, &err));

		assert_true(r == 0 || r == -EBADMSG);
		assert_true(nr < nr_whole || cut == length - 1);
		assert_records(got, whole, nr);
	}
}

static void test_ramulator(void **state)
{
	static const char text[] = "0x12345680 R\n0x12346000 W\r\n4096 R\n0xffffffffffffffff W\n";
	const struct trace_record expected[] = {
		{ 0, 0x12345, 1, 1, 0, 0 },
		{ 0, 0x12346, 1, 1, 0, TRACE_WRITE },
		{ 0, 1, 1, 1, 0, 0 },
		{ 0, UINT64_MAX >> 12, 1, 1, 0, TRACE_WRITE },
	};

	(void)state;
	assert_says(NULL, text, expected, 4);
	assert_says("ramulator", "", NULL, 0);
	assert_wrong(NULL, "0x10 R\n0x20\n", "line 2: neither R nor W");
	assert_wrong(NULL, "0x10 R W\n", "line 1: more than");
	assert_wrong(NULL, "0x10 RW\n", "line 1: neither");
	assert_wrong(NULL, "0x10 R\n\n", "line 2: does not begin");
	assert_wrong(NULL, "0x1ffffffffffffffff R\n", "line 1: does not begin");
	assert_wrong("ramulator", "-1 R\n", "line 1: does not begin");
	assert_wrong("ramulator", "0x R\n", "line 1: does not begin");
	for (size_t cut = 0; cut < 13; cut++) {
		struct mpol_error err;
		size_t nr;

		put_file(text, cut);
		assert_int_equal(read_records("ramulator", 1, got, NR_MAX, &nr, &err),
				 cut == 0 || cut >= 12 ? 0 : -EBADMSG);
	}
}

static void test_csv(void **state)
{
	const struct trace_record expected[] = {
		{ 5000000000, 42, 1, 1, 0, 0 },
		{ 6250000000, 1099511627776, 1, 1, 0, 0 },
	};

	(void)state;
	assert_says("csv", "time,id,size\n5,42,100\n6.25, 1099511627776 ,7", expected, 2);
	assert_says("csv", "5,42\n6.25,0x10000000000\n", expected, 2);
	assert_says("csv:time=3,id=1,header=yes,delimiter=;", "1;2;3\n42;x;5\n1099511627776;;6.250",
		    expected, 2);
	assert_says("csv:time=1,id=2,unit=ms,delimiter=tab", "5000\t42\n6250.0\t1099511627776\n",
		    expected, 2);
	assert_wrong("csv", "5,42\n6,x\n", "line 2: no id");
	assert_wrong("csv:header=no", "time,id\n", "line 1: no id");
	assert_wrong("csv", "5,42\n6\n", "line 2: no id");
	assert_wrong("csv", "5,42\n,7\n", "line 2: no time");
	assert_wrong("csv", "5,42\n6.x,7\n", "line 2: no time");
	assert_wrong("csv", "5,42\n99999999999999,7\n", "line 2: no time");
	assert_wrong("csv", "5,18446744073709551616\n6,18446744073709551616\n", "line 2: no id");
}

static void test_csv_addresses(void **state)
{
	const struct trace_record expected[] = {
		{ 0, 1, 1, 1, 0, 0 },
		{ 0, 1, 2, 1, 0, TRACE_WRITE },
		{ 0, 2, 1, 1, 0, 0 },
	};
	const char *msr = "csv:time=1,id=5,size=6,write=4,page=4096,unit=100ns";
	const struct trace_record request = { 12816637200306162900u, 1801219, 8, 1, 0, 0 };

	(void)state;
	assert_says("csv:id=1,size=2,write=3,page=4096", "4096,4096,R\n8191,2,Write\n8192,0,read\n",
		    expected, 3);
	assert_says(msr, "128166372003061629,hm,1,Read,7377793024,32768,103388\n", &request, 1);
	assert_wrong("csv:id=1,size=2,page=4096", "1,2\n0xffffffffffffffff,2\n", "line 2: no size");
	assert_wrong("csv:id=1,write=2", "1,R\n2,X\n", "line 2: no write");
}

static void test_csv_text(void **state)
{
	struct mpol_error err;
	size_t nr;

	(void)state;
	put_text("0,foobar\n1,\n2,foobar\n");
	assert_int_equal(read_records("csv:text-ids=yes", 2, got, NR_MAX, &nr, &err), 0);
	assert_int_equal(nr, 3);
	/* The authors' own vectors of FNV-1a. */
	assert_true(got[0].page == UINT64_C(0x85944171f73967e8));
	assert_true(got[1].page == UINT64_C(0xcbf29ce484222325));
	assert_true(got[2].page == got[0].page);
}

static void test_csv_options(void **state)
{
	static const char *const bad[] = {
		"csv:time",
		"csv:time=0",
		"csv:id=65",
		"csv:none=1",
		"csv:time=1",
		"csv:id=1,size=2",
		"csv:id=1,page=1000",
		"csv:header=maybe",
		"csv:delimiter=two",
		"csv:delimiter=7",
		"csv:unit=h",
		"csv:id=-1",
		"csv:id=1,page=512,text-ids=yes",
		"ramulator:x=1",
		"truth:x=1",
		"oracle-general:x=1",
	};
	struct mpol_error err;
	size_t nr;

	(void)state;
	put_text("1,2\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err = (struct mpol_error) { 0 };
		assert_int_equal(read_records(bad[i], 1, got, NR_MAX, &nr, &err), -EINVAL);
		assert_int_not_equal(err.cause[0], '\0');
	}
}

static void test_lines(void **state)
{
	char *text = malloc(70000);
	struct mpol_error err;
	size_t nr;

	(void)state;
	assert_non_null(text);
	put_file("0,1\n1,\0002\n", 9);
	assert_int_equal(read_records("csv", 1, got, NR_MAX, &nr, &err), -EBADMSG);
	assert_non_null(strstr(err.cause, "line 2: not text"));

	memset(text, '1', 70000);
	memcpy(text, "0,1\n0,1,", 8);
	put_file(text, 8 + 65527);
	assert_int_equal(read_records("csv", 1, got, NR_MAX, &nr, &err), 0);
	put_file(text, 8 + 65540);
	assert_int_equal(read_records("csv", 1, got, NR_MAX, &nr, &err), -EBADMSG);
	assert_non_null(strstr(err.cause, "line 2: longer than"));
	text[69998] = '\n';
	put_file(text, 70000);
	assert_int_equal(read_records("csv", 1, got, NR_MAX, &nr, &err), -EBADMSG);
	free(text);
}

/* Two requests: at 1 s for object 2^40 + 7, at 2^32 - 1 s for the last object there is. */
static const unsigned char oracle[48] = {
	1,    0,    0,	  0,	7,    0,    0,	  0,	0,    1,    0,	  0,
	99,   0,    0,	  0,	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	1,    0,    0,	  0,	5,    0,    0,	  0,	0,    0,    0,	  0,
};

static void test_oracle_general(void **state)
{
	const struct trace_record expected[] = {
		{ 1000000000, (UINT64_C(1) << 40) + 7, 1, 1, 0, 0 },
		{ 4294967295000000000, UINT64_MAX, 1, 1, 0, 0 },
	};
	struct mpol_error err;
	size_t nr;

	(void)state;
	for (size_t length = 0; length <= 48; length++) {
		int r;

		put_file(oracle, length);
		r = read_records("oracle-general", 1, got, NR_MAX, &nr, &err);
		assert_int_equal(r, length % 24 ? -EBADMSG : 0);
		assert_int_equal(nr, length / 24);
		assert_records(got, expected, nr);
		if (r < 0 && length > 24)
			assert_non_null(strstr(err.cause, "byte 24: cut off"));
	}
}

static void test_compressed(void **state)
{
	static struct trace_record many[100000 + 512];
	unsigned char *plain = calloc(100000, 24), *packed = malloc(ZSTD_compressBound(2400048));
	struct mpol_error err;
	size_t length, nr;

	(void)state;
	assert_non_null(plain);
	assert_non_null(packed);
	for (uint32_t i = 0; i < 100000; i++)
		memcpy(plain + 24 * (size_t)i + 4, &i, 4);
	length = ZSTD_compress(packed, ZSTD_compressBound(2400048), plain, 2400000, 1);
	put_file(packed, length);
	assert_int_equal(read_records("oracle-general", 512, many, 100512, &nr, &err), 0);
	assert_int_equal(nr, 100000);
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(many[i].page, i);
	for (size_t cut = 5; cut < length; cut += 1 + length / 97) {
		put_file(packed, cut);
		assert_int_equal(read_records("oracle-general", 512, many, 100512, &nr, &err),
				 -EBADMSG);
		assert_non_null(strstr(err.cause, "cut off"));
	}
	/* Two frames, as of two files in one. */
	length = ZSTD_compress(packed, ZSTD_compressBound(48), oracle, 24, 1);
	length += ZSTD_compress(packed + length, ZSTD_compressBound(48), oracle + 24, 24, 1);
	put_file(packed, length);
	assert_int_equal(read_records("oracle-general", 1, many, 100512, &nr, &err), 0);
	assert_int_equal(nr, 2);
	assert_true(many[1].page == UINT64_MAX);
	/* What follows a frame is another. */
	packed[length] = 'x';
	put_file(packed, length + 1);
	assert_int_equal(read_records("oracle-general", 1, many, 100512, &nr, &err), -EBADMSG);
	put_text("\x28\xb5\x2f\xfd neither a frame nor anything else");
	assert_int_equal(read_records("oracle-general", 1, many, 100512, &nr, &err), -EBADMSG);
	assert_non_null(strstr(err.cause, "zstd: "));
	free(packed);
	free(plain);
}

#define CALIBRATED                                                                       \
	"{\"event\":\"calibrated\",\"host_ns\":1,\"guest_ns\":2,\"nodes\":[{\"node\":0," \
	"\"reported\":0,\"bytes\":1073741824}]}\n"
#define START                                                                             \
	"{\"event\":\"start\",\"host_ns\":3,\"guest_ns\":100,\"pid\":7,\"by_page\":true," \
	"\"ranges\":[[\"0x1000\",\"0x9000\"]]}\n"
#define INTERVAL(start, end, pages)                                                              \
	"{\"event\":\"interval\",\"host_ns\":9,\"guest_ns\":" end ",\"interval\":0,"             \
	"\"start_host_ns\":3,\"start_guest_ns\":" start ",\"nodes\":{\"0\":{\"loads\":5,"        \
	"\"stores\":2}},\"elsewhere\":{\"loads\":0,\"stores\":0},\"unattributed\":{\"loads\":0," \
	"\"stores\":0}" pages "}\n"
#define STOP "{\"event\":\"stop\",\"host_ns\":30,\"guest_ns\":400}\n"

static void test_truth(void **state)
{
	static const char text[] = CALIBRATED START INTERVAL(
		"100", "200",
		",\"pages\":[[\"0x1000\",0,3,0],[\"0x7ffff000\",-1,2,2]],"
		"\"pages_lost\":0") "{\"event\":\"mark\",\"host_ns\":9,\"guest_ns\":10,\"name\":"
				    "\"x\","
				    "\"interval\":1}\n" INTERVAL(
					    "200", "300", ",\"pages\":[],\"pages_lost\":0") STOP;
	const struct trace_record expected[] = {
		{ 100, 1, 1, 3, 0, 0 },
		{ 100, 0x7ffff, 1, 2, 0, 0 },
		{ 100, 0x7ffff, 1, 2, 0, TRACE_WRITE },
		{ 200, 0, 1, 1, 0, TRACE_MARK },
		{ 300, 0, 1, 1, 0, TRACE_MARK },
	};
	struct trace_reader *reader;

	(void)state;
	assert_says(NULL, text, expected, 5);
	assert_int_equal(trace_open(trace_path, NULL, &reader, NULL), 0);
	assert_int_equal(trace_info(reader)->kind, TRACE_COUNTS);
	assert_int_equal(trace_info(reader)->page_bytes, 4096);
	assert_string_equal(trace_info(reader)->format, "truth");
	trace_close(reader);
}

static void test_truth_cut(void **state)
{
	(void)state;
	assert_cut("truth", INTERVAL("1", "2", ",\"pages\":[[\"0x1000\",0,3,4]]"));
}

static void test_truth_wrong(void **state)
{
	(void)state;
	assert_wrong("truth", CALIBRATED INTERVAL("1", "2", ""),
		     "line 2: an interval that was not");
	assert_wrong("truth", INTERVAL("1", "2", ",\"pages\":[],\"pages_lost\":4"), "lost");
	assert_wrong("truth", INTERVAL("1", "2", ",\"pages\":[],\"pages\":[]"), "pages twice");
	assert_wrong("truth", "{\"event\":\"interval\",\"pages\":[]}\n", "pages before");
	assert_wrong("truth", INTERVAL("1", "2", ",\"pages\":[[\"0x1001\",0,3,4]]"), "no page");
	assert_wrong("truth", INTERVAL("1", "2", ",\"pages\":[[\"0x1000\",0,3,-4]]"), "no number");
	assert_wrong("truth", INTERVAL("1", "2", ",\"pages\":[[\"0x1000\",0,3]]"), "no \",\"");
	assert_wrong("truth", INTERVAL("-1", "2", ""), "line 1: no number");
	assert_wrong("truth", INTERVAL("1", "18446744073709551616", ""), "line 1: no number");
	assert_wrong("truth", STOP "\n" STOP, "line 2: no \"{\"");
	assert_wrong("truth", "{\"a\":[1,{\"b\":2]}}\n", "line 1");
	assert_wrong("truth", "{\"a\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}\n", "values within");
	assert_wrong("truth", "{\"a\":\"b\nc\"}\n", "line 1: a string");
	assert_wrong("truth", "{} {}\n", "line 1: more than");
}

#define TRACE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, make_trace_directory, remove_trace_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRACE_TEST(test_ramulator),	 TRACE_TEST(test_csv),
		TRACE_TEST(test_csv_addresses),	 TRACE_TEST(test_csv_text),
		TRACE_TEST(test_csv_options),	 TRACE_TEST(test_lines),
		TRACE_TEST(test_oracle_general), TRACE_TEST(test_compressed),
		TRACE_TEST(test_truth),		 TRACE_TEST(test_truth_cut),
		TRACE_TEST(test_truth_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
