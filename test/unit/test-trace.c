/* SPDX-License-Identifier: MIT */
/* Our own traces: what was written is read, cut or damaged anywhere nothing else ever is. */
#include "trace-files.h"

#include <errno.h>
#include <sys/stat.h>

#include "random.h"
#include "trace-block.h"

#define NR_MANY 40000

/* Three blocks: every number at its ends, single accesses, then counts of ranges. */
static void make_records(struct trace_record *records, size_t nr)
{
	static const uint64_t odd[] = { 0, 1, 127, 128, INT64_MAX, UINT64_MAX };
	struct random random;

	random_seed(&random, 4, 0);
	for (size_t i = 0; i < nr; i++) {
		const uint64_t shift = random_below(&random, 64);
		struct trace_record record = {
			.time_ns = i < 36 ? odd[i / 6] : 1000 * i,
			.page = i < 36 ? odd[i % 6] : random_next(&random) >> shift,
			.nr_pages = 1,
			.count = 1 + (random_next(&random) >> shift),
			.thread = i % 7 ? UINT32_MAX : i,
			.flags = i % 2,
		};

		if (i % 5 == 0 && record.page)
			record.nr_pages = -record.page; /* up to the last page there is */
		if (i % 11 == 0)
			record = (struct trace_record) { 1000 * i, 0, 1, 1, 0, TRACE_MARK };
		if (!record.count)
			record.count = UINT64_MAX;
		records[i] = record;
	}
}

static void write_trace(const struct trace_record *records, size_t nr)
{
	struct trace_writer *writer;

	assert_int_equal(trace_writer_new(trace_path, TRACE_COUNTS, 4096, "test 1", &writer, NULL),
			 0);
	assert_int_equal(trace_write(writer, records, nr / 3, NULL), 0);
	assert_int_equal(trace_write(writer, records + nr / 3, nr - nr / 3, NULL), 0);
	assert_int_equal(trace_writer_finish(writer, NULL), 0);
}

static void test_read_as_written(void **state)
{
	static struct trace_record written[NR_MANY], read[NR_MANY + 1000];
	const size_t batches[] = { 1, 7, 1000 };
	struct trace_reader *reader;
	struct mpol_error err;
	size_t nr;

	(void)state;
	make_records(written, NR_MANY);
	write_trace(written, NR_MANY);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(read_records(NULL, batches[i], read, NR_MANY + 1000, &nr, &err),
				 0);
		assert_int_equal(nr, NR_MANY);
		assert_records(read, written, nr);
	}
	assert_int_equal(trace_open(trace_path, "mpol", &reader, &err), 0);
	assert_int_equal(trace_info(reader)->kind, TRACE_COUNTS);
	assert_int_equal(trace_info(reader)->page_bytes, 4096);
	assert_string_equal(trace_info(reader)->origin, "test 1");
	assert_string_equal(trace_info(reader)->format, "mpol");
	trace_close(reader);
}

static void test_same_bytes(void **state)
{
	static struct trace_record records[NR_MANY];
	unsigned char *first, *second;
	size_t length, again;

	(void)state;
	make_records(records, NR_MANY);
	write_trace(records, NR_MANY);
	first = get_file(&length);
	write_trace(records, NR_MANY);
	second = get_file(&again);
	assert_int_equal(length, again);
	assert_memory_equal(first, second, length);
	free(first);
	free(second);
}

static void test_empty(void **state)
{
	struct trace_record record = { 0 };
	struct mpol_error err;
	size_t nr = 1;

	(void)state;
	write_trace(&record, 0);
	assert_int_equal(read_records(NULL, 1, &record, 1, &nr, &err), 0);
	assert_int_equal(nr, 0);
}

/* Two blocks with few records in each: small enough to damage each byte. */
#define NR_FEW (TRACE_BLOCK_RECORDS_MAX + 20)

/* The damaged file is refused, and what was delivered before is a part of what was written. */
static void assert_refused(const unsigned char *bytes, size_t length,
			   const struct trace_record *written)
{
	static struct trace_record read[2 * NR_FEW];
	struct mpol_error err = { 0 };
	size_t nr;

	put_file(bytes, length);
	assert_int_equal(read_records("mpol", NR_FEW, read, 2 * NR_FEW, &nr, &err), -EBADMSG);
	assert_true(nr == 0 || nr == TRACE_BLOCK_RECORDS_MAX || nr == NR_FEW);
	assert_memory_equal(read, written, nr * sizeof(*read));
	assert_non_null(strstr(err.object, trace_path));
	assert_non_null(strstr(err.cause, "byte "));
}

/* A full block of like records, then one of unlike ones. */
static unsigned char *make_small_trace(struct trace_record *records, size_t *ret_length)
{
	for (size_t i = 0; i < TRACE_BLOCK_RECORDS_MAX; i++)
		records[i] = (struct trace_record) { 10 * i, i, 1, 1, 0, 0 };
	make_records(records + TRACE_BLOCK_RECORDS_MAX, 20);
	write_trace(records, NR_FEW);
	return get_file(ret_length);
}

static void test_cut_anywhere(void **state)
{
	static struct trace_record written[NR_FEW];
	size_t length;
	unsigned char *bytes = make_small_trace(written, &length);

	(void)state;
	for (size_t cut = 0; cut < length; cut++)
		assert_refused(bytes, cut, written);
	free(bytes);
}

static void test_damaged_anywhere(void **state)
{
	static struct trace_record written[NR_FEW];
	size_t length;
	unsigned char *bytes = make_small_trace(written, &length);

	(void)state;
	for (size_t i = 0; i < length; i++) {
		const unsigned char masks[] = { 0x01, 0x80, 0xff };

		for (int j = 0; j < 3; j++) {
			bytes[i] ^= masks[j];
			assert_refused(bytes, length, written);
			bytes[i] ^= masks[j];
		}
	}
	bytes[length] = 'x';
	assert_refused(bytes, length + 1, written);
	free(bytes);
}

/* Where the second block begins, and the end. */
static void find_blocks(const unsigned char *bytes, size_t *ret_first, size_t *ret_second,
			size_t *ret_end)
{
	size_t at = TRACE_HEADER_BYTES + strlen("test 1") + TRACE_CHECKSUM_BYTES;

	*ret_first = at;
	at += TRACE_BLOCK_BYTES + trace_get_u32(bytes + at + 12) + TRACE_CHECKSUM_BYTES;
	*ret_second = at;
	at += TRACE_BLOCK_BYTES + trace_get_u32(bytes + at + 12) + TRACE_CHECKSUM_BYTES;
	*ret_end = at;
	assert_int_equal(trace_get_u32(bytes + at), TRACE_END_TAG);
}

static void test_whole_blocks_moved(void **state)
{
	static struct trace_record written[NR_FEW];
	size_t length, first, second, end;
	unsigned char *bytes = make_small_trace(written, &length);
	unsigned char *other = malloc(2 * length);

	(void)state;
	assert_non_null(other);
	find_blocks(bytes, &first, &second, &end);

	/* Without the first one; */
	memcpy(other, bytes, first);
	memcpy(other + first, bytes + second, length - second);
	assert_refused(other, length - (second - first), written);
	/* without the last one; */
	memcpy(other, bytes, second);
	memcpy(other + second, bytes + end, length - end);
	assert_refused(other, length - (end - second), written);
	/* the last one twice. */
	memcpy(other, bytes, end);
	memcpy(other + end, bytes + second, length - second);
	assert_refused(other, length + end - second, written);
	free(other);
	free(bytes);
}

static void test_payloads_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t length, nr;
	} bad[] = {
		{ "\x80", 1, 1 },		      /* an unknown flag */
		{ "\x08", 1, 1 },		      /* the number is missing */
		{ "\x08\x80", 2, 1 },		      /* or cut off */
		{ "\x08\x82\x00", 3, 1 },	      /* or longer than it must be */
		{ "\x08\x00", 2, 1 },		      /* must be left out */
		{ "\x10\x01", 2, 1 },		      /* also */
		{ "\x20\x01", 2, 1 },		      /* also */
		{ "\x20\x00", 2, 1 },		      /* counts nothing */
		{ "\x10\x00", 2, 1 },		      /* no page */
		{ "\x18\x01\x02", 3, 1 },	      /* pages behind the last */
		{ "\x40\x80\x80\x80\x80\x10", 6, 1 }, /* thread 2^32 */
		{ "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, 1 }, /* 65 bits */
		{ "\x03", 1, 1 },					   /* a mark that writes */
		{ "\x00", 1, 2 },					   /* one record of two */
		{ "\x00\x00", 2, 1 },					   /* two records of one */
	};
	struct trace_record records[2];
	size_t offset;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_non_null(trace_payload_decode((const unsigned char *)bad[i].bytes,
						     bad[i].length, TRACE_COUNTS, records,
						     bad[i].nr, &offset));
	assert_null(trace_payload_decode((const unsigned char *)"\x02", 1, TRACE_COUNTS, records, 1,
					 &offset));
	assert_non_null(trace_payload_decode((const unsigned char *)"\x02", 1, TRACE_ACCESSES,
					     records, 1, &offset));
	assert_int_equal(offset, 0);
}

static void test_writer_refuses(void **state)
{
	const struct trace_record good = { 1, 2, 3, 4, 5, 0 };
	const struct trace_record bad[] = {
		{ 1, 2, 0, 1, 0, 0 },	       { 1, 2, 1, 0, 0, 0 }, { 1, UINT64_MAX, 2, 1, 0, 0 },
		{ 1, 0, 1, 1, 0, TRACE_MARK }, { 1, 2, 1, 1, 0, 4 },
	};
	struct trace_record read[2];
	struct trace_writer *writer;
	struct mpol_error err;
	size_t nr;

	(void)state;
	assert_int_equal(trace_writer_new(trace_path, 3, 4096, "", &writer, &err), -EINVAL);
	assert_int_equal(trace_writer_new(trace_path, TRACE_ACCESSES, 4095, "", &writer, &err),
			 -EINVAL);
	assert_int_equal(trace_writer_new(trace_path, TRACE_ACCESSES, 4096, "", &writer, &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const struct trace_record both[] = { good, bad[i] };

		assert_int_equal(trace_write(writer, both, 2, &err), -EINVAL);
		assert_non_null(strstr(err.cause, "record 2 of 2"));
	}
	assert_int_equal(trace_write(writer, &good, 1, &err), 0);
	assert_int_equal(trace_writer_finish(writer, &err), 0);
	assert_int_equal(read_records(NULL, 1, read, 2, &nr, &err), 0);
	assert_int_equal(nr, 1);
	assert_records(read, &good, 1);
}

static void test_only_whole_traces_appear(void **state)
{
	const struct trace_record record = { 1, 2, 3, 4, 5, 0 };
	struct trace_record read[2];
	struct trace_writer *writer;
	struct mpol_error err;
	size_t nr;

	(void)state;
	write_trace(&record, 1);
	assert_int_equal(trace_writer_new(trace_path, TRACE_COUNTS, 0, "", &writer, &err), 0);
	assert_int_equal(read_records(NULL, 1, read, 2, &nr, &err), 0);
	assert_int_equal(nr, 1);
	trace_writer_abandon(writer);
	assert_int_equal(read_records(NULL, 1, read, 2, &nr, &err), 0);
	assert_int_equal(nr, 1);

	/* Neither devices nor links are replaced. */
	unlink(trace_path);
	assert_int_equal(symlink("/dev/null", trace_path), 0);
	assert_int_equal(trace_writer_new(trace_path, TRACE_COUNTS, 0, "", &writer, &err), -EEXIST);
	assert_int_equal(trace_writer_new("/dev/null", TRACE_COUNTS, 0, "", &writer, &err),
			 -EEXIST);
	assert_int_equal(trace_writer_new("/nowhere/trace", TRACE_COUNTS, 0, "", &writer, &err),
			 -ENOENT);
}

/* A name says less than what is in the file. */
static void test_told_by_content(void **state)
{
	const struct trace_record record = { 1, 2, 3, 4, 5, 0 };
	char name[sizeof(trace_path) + 32];
	struct trace_reader *reader;

	(void)state;
	write_trace(&record, 1);
	snprintf(name, sizeof(name), "%s.oracleGeneral.csv", trace_path);
	assert_int_equal(rename(trace_path, name), 0);
	assert_int_equal(trace_open(name, NULL, &reader, NULL), 0);
	assert_string_equal(trace_info(reader)->format, "mpol");
	trace_close(reader);
	unlink(name);
}

static void test_no_trace(void **state)
{
	struct trace_record record;
	struct mpol_error err;
	size_t nr;

	(void)state;
	assert_int_equal(read_records(NULL, 1, &record, 1, &nr, &err), -ENOENT);
	put_text("neither\n");
	assert_int_equal(read_records(NULL, 1, &record, 1, &nr, &err), -EBADMSG);
	assert_int_equal(read_records("mpol", 1, &record, 1, &nr, &err), -EBADMSG);
	assert_int_equal(read_records("mpol:x=1", 1, &record, 1, &nr, &err), -EINVAL);
	assert_int_equal(read_records("none", 1, &record, 1, &nr, &err), -EINVAL);
}

#define TRACE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, make_trace_directory, remove_trace_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRACE_TEST(test_read_as_written),
		TRACE_TEST(test_same_bytes),
		TRACE_TEST(test_empty),
		TRACE_TEST(test_cut_anywhere),
		TRACE_TEST(test_damaged_anywhere),
		TRACE_TEST(test_whole_blocks_moved),
		cmocka_unit_test(test_payloads_refused),
		TRACE_TEST(test_writer_refuses),
		TRACE_TEST(test_only_whole_traces_appear),
		TRACE_TEST(test_told_by_content),
		TRACE_TEST(test_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
