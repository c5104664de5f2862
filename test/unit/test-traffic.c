/* SPDX-License-Identifier: MIT */
/* Which ranges drive bandwidth: what is seen of them, and which are worth an interleave. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "page.h"
#include "traffic.h"

#define GB	   1000000000ULL
#define GIB_PAGES  (1ULL << 18)
#define NR_NODES   2
#define NR_RANGES  4
#define LINE_BYTES 64

/* A memory that answers later the more is drawn, and one further away. */
static const struct load_point curve[] = {
	{ .utilisation_permille = 500, .latency_permille = 1100 },
	{ .utilisation_permille = 800, .latency_permille = 1500 },
	{ .utilisation_permille = 1000, .latency_permille = 4000 },
};

static const struct bandwidth_node nodes[NR_NODES] = {
	{ .id = 0,
	  .read_bytes = 100 * GB,
	  .write_bytes = 100 * GB,
	  .latency_ns = 100,
	  .curve = curve,
	  .nr_points = 3 },
	{ .id = 2,
	  .read_bytes = 50 * GB,
	  .write_bytes = 50 * GB,
	  .latency_ns = 250,
	  .curve = curve,
	  .nr_points = 3 },
};

static const struct bandwidth_profile profile = {
	.nodes = nodes,
	.nr_nodes = NR_NODES,
	.mix = { 1, 0 },
};

static const uint64_t local[NR_NODES] = { 1, 0 };
static const uint8_t weights[NR_NODES] = { 2, 1 };

static struct traffic_range range(uint64_t pages, uint64_t bytes)
{
	return (struct traffic_range) { .pages = pages, .streamed_bytes = bytes };
}

static struct traffic_case a_case(const struct traffic_range *ranges, size_t nr)
{
	return (struct traffic_case) {
		.profile = &profile,
		.local = local,
		.weights = weights,
		.ranges = ranges,
		.nr_ranges = nr,
	};
}

/* ---- What is seen ------------------------------------------------------------------ */

#define NR_PAGES 65536U

static uint64_t bits[NR_PAGES / 64];

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

static void access_run(size_t first, size_t nr)
{
	for (size_t i = first; i < first + nr; i++)
		bits[i / 64] |= 1ULL << (i % 64);
}

static struct traffic_seen look(uint64_t first_page, size_t nr_pages)
{
	struct traffic_seen seen;

	traffic_look(bits, first_page, nr_pages, NR_PAGES, &seen);
	return seen;
}

static void test_few(void **state)
{
	struct traffic_seen seen;

	(void)state;
	/* Two alone, three together; a stream across words; one at the end. */
	memset(bits, 0, sizeof(bits));
	access_run(3, 1);
	access_run(9, 1);
	access_run(20, 3);
	access_run(60, 40);
	access_run(NR_PAGES - 1, 1);
	seen = look(0, NR_PAGES);
	assert_int_equal(seen.streamed_bytes, 40 * PAGE_BYTES);
	assert_int_equal(seen.strewn_bytes, 6 * LINE_BYTES);
	assert_false(seen.full);
	/* What is behind the end does not count. */
	seen = look(0, 20);
	assert_int_equal(seen.strewn_bytes, 2 * LINE_BYTES);
}

/* Pages at random have runs as well; however many they are, these are no streams. */
static void test_random(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (unsigned percent = 5; percent <= 95; percent += 10) {
		struct traffic_seen seen;
		uint64_t nr = 0;

		memset(bits, 0, sizeof(bits));
		for (size_t i = 0; i < NR_PAGES; i++)
			if (next(&seed) % 100 < percent) {
				access_run(i, 1);
				nr++;
			}
		seen = look(0, NR_PAGES);
		assert_int_equal(seen.streamed_bytes, 0);
		assert_int_equal(seen.strewn_bytes, nr * LINE_BYTES);
		assert_int_equal(seen.full, nr >= NR_PAGES * 9 / 10);
	}
}

/* Threads that go through their parts, in the midst of what is accessed at random. */
static void test_threads(void **state)
{
	struct traffic_seen seen;
	uint64_t seed = 2;

	(void)state;
	memset(bits, 0, sizeof(bits));
	for (size_t i = 0; i < 4; i++)
		access_run(i * NR_PAGES / 4 + 77, 3000);
	for (size_t i = 0; i < NR_PAGES / 4; i++)
		access_run(next(&seed) % NR_PAGES, 1);
	seen = look(0, NR_PAGES);
	assert_in_range(seen.streamed_bytes, 12000 * PAGE_BYTES, 12100 * PAGE_BYTES);
}

/* Huge pages show as a whole: one alone is no stream of 512 pages, a row of them is one. */
static void test_huge_pages(void **state)
{
	struct traffic_seen seen;

	(void)state;
	memset(bits, 0, sizeof(bits));
	for (size_t block = 1; block < 100; block += 7)
		access_run(block * 512 - 100, 512);
	seen = look(100, NR_PAGES);
	assert_int_equal(seen.streamed_bytes, 0);
	assert_int_equal(seen.strewn_bytes, 15 * LINE_BYTES);
	access_run(100 * 512 - 100, 20 * 512);
	seen = look(100, NR_PAGES);
	assert_in_range(seen.streamed_bytes, 20 * 512 * PAGE_BYTES, 22 * 512 * PAGE_BYTES);
	assert_true(seen.strewn_bytes < 16 * LINE_BYTES);
}

/* A stream goes on from piece to piece, and is found in all of them though none shows enough. */
static void test_pieces(void **state)
{
	struct traffic_seen seen[5];

	(void)state;
	assert_int_equal(traffic_piece_pages(1), 512);
	assert_int_equal(traffic_piece_pages(64 * 512), 512);
	assert_int_equal(traffic_piece_pages(64 * 512 + 1), 1024);
	memset(bits, 0, sizeof(bits));
	access_run(510, 1030);
	access_run(2040, 1);
	traffic_look(bits, 0, 2100, 512, seen);
	assert_int_equal(seen[0].streamed_bytes, 2 * PAGE_BYTES);
	assert_int_equal(seen[1].streamed_bytes, 512 * PAGE_BYTES);
	assert_true(seen[1].full);
	assert_int_equal(seen[2].streamed_bytes, 512 * PAGE_BYTES);
	assert_int_equal(seen[3].streamed_bytes, 4 * PAGE_BYTES);
	assert_int_equal(seen[3].strewn_bytes, LINE_BYTES);
	assert_int_equal(seen[4].streamed_bytes + seen[4].strewn_bytes + seen[4].full, 0);
}

static void test_looks(void **state)
{
	const struct traffic_seen slow = { .strewn_bytes = 64 }, all = { .full = 1 };
	const struct traffic_seen stream = { .streamed_bytes = 40960, .strewn_bytes = 128 };
	struct traffic_looks looks = { 0 };
	struct traffic_range range = traffic_of(&looks, 7);

	(void)state;
	assert_int_equal(range.pages, 7);
	assert_int_equal(traffic_bytes(&range), 0);
	assert_false(range.untold);
	/* In the longer moment it was seen to be a stream. */
	for (int i = 0; i < 2; i++) {
		traffic_add(&looks, 0, &slow, 1000000);
		traffic_add(&looks, 3, &stream, 8000000);
	}
	range = traffic_of(&looks, 7);
	assert_int_equal(range.streamed_bytes, 40960 * 125);
	assert_int_equal(range.strewn_bytes, 64000);
	assert_int_equal(traffic_bytes(&range), 40960 * 125 + 64000);
	/* In most of the shortest moments all was accessed. */
	for (int i = 0; i < 3; i++)
		traffic_add(&looks, 0, &all, 1000000);
	range = traffic_of(&looks, 7);
	assert_true(range.untold);
}

static void test_local(void **state)
{
	const uint64_t threads[] = { 3, 0, 1 }, here[] = { 10, 20, 30 }, elsewhere[] = { 0, 20, 0 };
	uint64_t parts[3];

	(void)state;
	traffic_local(threads, here, 3, parts);
	assert_int_equal(parts[0], 10);
	assert_int_equal(parts[1], 0);
	assert_int_equal(parts[2], 30);
	traffic_local(threads, elsewhere, 3, parts);
	assert_int_equal(parts[0], 3);
	assert_int_equal(parts[1], 0);
	assert_int_equal(parts[2], 1);
}

/* ---- What is chosen ---------------------------------------------------------------- */

static void test_streams(void **state)
{
	const struct traffic_range ranges[NR_RANGES] = {
		range(64 * GIB_PAGES, 1 * GB / 10),
		range(GIB_PAGES, 60 * GB),
		range(GIB_PAGES, 0),
		range(GIB_PAGES, 39 * GB),
	};
	const struct traffic_case traffic = a_case(ranges, NR_RANGES);
	enum traffic_verdict verdicts[NR_RANGES];
	struct traffic_choice choice;

	(void)state;
	assert_int_equal(traffic_choose(&traffic, verdicts, &choice), 0);
	assert_int_equal(verdicts[0], TRAFFIC_LITTLE);
	assert_int_equal(verdicts[1], TRAFFIC_DRIVES);
	assert_int_equal(verdicts[2], TRAFFIC_IDLE);
	assert_int_equal(verdicts[3], TRAFFIC_DRIVES);
	assert_int_equal(choice.nr_driving, 2);
	assert_int_equal(choice.local_bytes, 100 * GB);
	assert_in_range(choice.chosen_bytes, 149 * GB, 150 * GB);
	assert_in_range(choice.all_bytes, 149 * GB, 150 * GB);
}

/* Parts of local memory may be counted in bytes, of machines with much of it. */
static void test_large(void **state)
{
	static const uint64_t much[NR_NODES] = { 1ULL << 46, 0 };
	const struct traffic_range ranges[] = { range(GIB_PAGES, 100 * GB) };
	struct traffic_case traffic = a_case(ranges, 1);
	enum traffic_verdict verdict;
	struct traffic_choice choice;

	(void)state;
	traffic.local = much;
	assert_int_equal(traffic_choose(&traffic, &verdict, &choice), 0);
	assert_int_equal(verdict, TRAFFIC_DRIVES);
	assert_int_equal(choice.local_bytes, 100 * GB);
}

/* Half of what local memory delivers: nothing is gained, whatever it is like. */
static void test_latency(void **state)
{
	const struct traffic_range ranges[] = { range(GIB_PAGES, 50 * GB), range(GIB_PAGES, 0) };
	const struct traffic_case traffic = a_case(ranges, 2);
	enum traffic_verdict verdicts[2];
	struct traffic_choice choice;

	(void)state;
	assert_int_equal(traffic_choose(&traffic, verdicts, &choice), 0);
	assert_int_equal(verdicts[0], TRAFFIC_LATENCY);
	assert_int_equal(verdicts[1], TRAFFIC_IDLE);
	assert_int_equal(choice.nr_driving, 0);
	assert_int_equal(choice.chosen_bytes, choice.local_bytes);
	assert_in_range(choice.local_bytes, 49 * GB, 51 * GB);
	assert_true(choice.all_bytes < choice.local_bytes);
}

/* At 95 % local memory answers three times as late; part of the traffic is better elsewhere. */
static void test_queues(void **state)
{
	const struct traffic_range ranges[] = { range(GIB_PAGES, 55 * GB),
						range(GIB_PAGES, 40 * GB) };
	const struct traffic_case traffic = a_case(ranges, 2);
	enum traffic_verdict verdicts[2];
	struct traffic_choice choice;

	(void)state;
	assert_int_equal(traffic_choose(&traffic, verdicts, &choice), 0);
	assert_int_equal(verdicts[0], TRAFFIC_DRIVES);
	assert_true(choice.chosen_bytes > choice.local_bytes);
	assert_in_range(choice.local_bytes, 94 * GB, 96 * GB);
}

/* The same traffic from a program that is known to ask for all. */
static void test_known_traffic(void **state)
{
	const struct traffic_range ranges[] = { range(GIB_PAGES, 10 * GB) };
	struct traffic_case traffic = a_case(ranges, 1);
	enum traffic_verdict verdict;
	struct traffic_choice choice;

	(void)state;
	assert_int_equal(traffic_choose(&traffic, &verdict, &choice), 0);
	assert_int_equal(verdict, TRAFFIC_LATENCY);
	traffic.bytes = 100 * GB;
	assert_int_equal(traffic_choose(&traffic, &verdict, &choice), 0);
	assert_int_equal(verdict, TRAFFIC_DRIVES);
	assert_int_equal(choice.bytes, 100 * GB);
}

static void test_room(void **state)
{
	const struct traffic_range ranges[] = { range(6 * GIB_PAGES, 60 * GB),
						range(3 * GIB_PAGES, 40 * GB) };
	uint64_t room_pages[NR_NODES] = { UINT64_MAX, GIB_PAGES };
	struct traffic_case traffic = a_case(ranges, 2);
	enum traffic_verdict verdicts[2];
	struct traffic_choice choice;

	(void)state;
	traffic.room_pages = room_pages;
	assert_int_equal(traffic_choose(&traffic, verdicts, &choice), 0);
	assert_int_equal(verdicts[0], TRAFFIC_NO_ROOM);
	assert_int_equal(verdicts[1], TRAFFIC_DRIVES);
	room_pages[1] = GIB_PAGES - 1;
	assert_int_equal(traffic_choose(&traffic, verdicts, &choice), 0);
	assert_int_equal(verdicts[0], TRAFFIC_NO_ROOM);
	assert_int_equal(verdicts[1], TRAFFIC_NO_ROOM);
	assert_int_equal(choice.nr_driving, 0);
	assert_int_equal(choice.chosen_bytes, choice.local_bytes);
}

/* Huge pages accessed at random: a moment shows all of them, which no memory could deliver. */
static void test_untold(void **state)
{
	const struct traffic_range ranges[] = { range(GIB_PAGES, 1000 * GB), range(1, 0) };
	struct traffic_case traffic = a_case(ranges, 2);
	enum traffic_verdict verdicts[2];
	struct traffic_choice choice;

	(void)state;
	assert_int_equal(traffic_choose(&traffic, verdicts, &choice), 0);
	assert_int_equal(verdicts[0], TRAFFIC_UNTOLD);
	assert_int_equal(verdicts[1], TRAFFIC_IDLE);
	assert_int_equal(choice.nr_driving, 0);
	traffic.bytes = 100 * GB;
	assert_int_equal(traffic_choose(&traffic, verdicts, &choice), 0);
	assert_int_equal(verdicts[0], TRAFFIC_DRIVES);
}

/* A range that each moment shows as a whole may have any traffic. */
static void test_full(void **state)
{
	struct traffic_range ranges[] = { range(GIB_PAGES, GB), range(1, GB) };
	struct traffic_case traffic = a_case(ranges, 2);
	enum traffic_verdict verdicts[2];
	struct traffic_choice choice;

	(void)state;
	ranges[0].untold = true;
	assert_int_equal(traffic_choose(&traffic, verdicts, &choice), 0);
	assert_int_equal(verdicts[0], TRAFFIC_UNTOLD);
	assert_int_equal(verdicts[1], TRAFFIC_LATENCY);
	traffic.bytes = 10 * GB;
	assert_int_equal(traffic_choose(&traffic, verdicts, &choice), 0);
	assert_int_equal(verdicts[0], TRAFFIC_LATENCY);
}

static void test_refused(void **state)
{
	static const uint64_t nowhere[NR_NODES] = { 0 };
	static const uint8_t none[NR_NODES] = { 0 };
	const struct traffic_range ranges[] = { range(GIB_PAGES, 100 * GB) };
	struct bandwidth_node unknown[NR_NODES];
	const struct bandwidth_profile bad = { .nodes = unknown,
					       .nr_nodes = NR_NODES,
					       .mix = { 1, 0 } };
	struct traffic_case traffic = a_case(ranges, 1);
	enum traffic_verdict verdict;
	struct traffic_choice choice;

	(void)state;
	traffic.local = nowhere;
	assert_int_equal(traffic_choose(&traffic, &verdict, &choice), -EINVAL);
	traffic = a_case(ranges, 1);
	traffic.weights = none;
	assert_int_equal(traffic_choose(&traffic, &verdict, &choice), -EINVAL);
	traffic = a_case(ranges, 1);
	traffic.profile = &bad;
	memcpy(unknown, nodes, sizeof(nodes));
	unknown[1].read_bytes = 0;
	assert_int_equal(traffic_choose(&traffic, &verdict, &choice), -ENODATA);
	memcpy(unknown, nodes, sizeof(nodes));
	unknown[0].latency_ns = 0;
	assert_int_equal(traffic_choose(&traffic, &verdict, &choice), -ENODATA);
}

/* ---- Any case ---------------------------------------------------------------------- */

/* What flows where so many bytes of the traffic are interleaved and the others local. */
static uint64_t flow_of(const struct traffic_case *traffic, uint64_t interleaved_bytes,
			uint64_t all_bytes)
{
	uint32_t shares[NR_NODES];

	for (size_t i = 0; i < NR_NODES; i++)
		shares[i] =
			(uint32_t)((all_bytes - interleaved_bytes) * traffic->local[i] * 300 /
					   all_bytes * 100 +
				   interleaved_bytes * traffic->weights[i] * 100 / all_bytes * 100);
	return bandwidth_split(&profile, shares).bytes;
}

/* Traffic above what local memory delivers, so that demand is no bound. */
static void check_any(uint64_t *seed)
{
	struct traffic_range ranges[NR_RANGES];
	uint64_t all_bytes = 0, driving_bytes = 0;
	struct traffic_case traffic = a_case(ranges, NR_RANGES);
	enum traffic_verdict verdicts[NR_RANGES];
	struct traffic_choice choice;

	for (size_t i = 0; i < NR_RANGES; i++) {
		ranges[i] = range(1 + next(seed) % GIB_PAGES, next(seed) % 1000 * GB / 1000);
		all_bytes += traffic_bytes(&ranges[i]);
	}
	traffic.bytes = 100 * GB;
	assert_int_equal(traffic_choose(&traffic, verdicts, &choice), 0);
	assert_true(choice.chosen_bytes >= choice.local_bytes);
	if (!all_bytes)
		return;
	for (size_t i = 0; i < NR_RANGES; i++)
		driving_bytes += verdicts[i] == TRAFFIC_DRIVES ? traffic_bytes(&ranges[i]) : 0;
	/* What was promised is what the model says of the choice, and nearly the best there is. */
	assert_in_range(choice.chosen_bytes, flow_of(&traffic, driving_bytes, all_bytes) * 99 / 100,
			flow_of(&traffic, driving_bytes, all_bytes) * 101 / 100);
	assert_true(choice.chosen_bytes >= choice.all_bytes * 99 / 100);
	/* Nothing denser was passed over. */
	for (size_t i = 0; i < NR_RANGES; i++)
		for (size_t j = 0; j < NR_RANGES; j++)
			if (verdicts[i] == TRAFFIC_DRIVES && verdicts[j] != TRAFFIC_DRIVES)
				assert_true((double)ranges[i].streamed_bytes /
						    (double)ranges[i].pages >=
					    (double)ranges[j].streamed_bytes /
						    (double)ranges[j].pages);
}

static void test_any(void **state)
{
	uint64_t seed = 6;

	(void)state;
	for (int i = 0; i < 2000; i++)
		check_any(&seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),	cmocka_unit_test(test_random),
		cmocka_unit_test(test_threads), cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_pieces),	cmocka_unit_test(test_looks),
		cmocka_unit_test(test_local),	cmocka_unit_test(test_streams),
		cmocka_unit_test(test_large),	cmocka_unit_test(test_latency),
		cmocka_unit_test(test_queues),	cmocka_unit_test(test_known_traffic),
		cmocka_unit_test(test_room),	cmocka_unit_test(test_untold),
		cmocka_unit_test(test_full),	cmocka_unit_test(test_refused),
		cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
