/* SPDX-License-Identifier: MIT */
/* The LRU cache against a list that is searched, and what it stands on. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dense-ids.h"
#include "lru-cache.h"
#include "random.h"
#include "huge-table.h"

#define CAPACITY_MAX 300

/* Objects by when they were last accessed, the newest first. */
struct list {
	uint32_t objects[CAPACITY_MAX];
	uint32_t nr, capacity;
};

/* Returns whether it was a miss. */
static int list_access(struct list *list, uint32_t object)
{
	uint32_t at = 0;
	int missed;

	while (at < list->nr && list->objects[at] != object)
		at++;
	missed = at == list->nr;
	if (missed && list->nr < list->capacity)
		list->nr++;
	if (at == list->capacity)
		at--;
	memmove(list->objects + 1, list->objects, at * sizeof(*list->objects));
	list->objects[0] = object;
	return missed;
}

/* Objects of which a few are in great demand. */
static uint32_t draw(struct random *random, uint32_t nr_objects)
{
	return random_below(random, 1 + random_below(random, nr_objects));
}

static void compare(uint32_t capacity, uint32_t nr_objects, size_t batch)
{
	struct list list = { .capacity = capacity };
	struct lru_cache cache;
	struct random random;
	uint64_t misses = 0, expected = 0;

	random_seed(&random, capacity, nr_objects);
	assert_int_equal(lru_cache_init(&cache, capacity), 0);
	for (int i = 0; i < 20000; i++) {
		uint32_t objects[64];

		for (size_t j = 0; j < batch; j++) {
			objects[j] = draw(&random, nr_objects);
			expected += list_access(&list, objects[j]);
		}
		lru_cache_prefetch(&cache, objects, batch);
		assert_int_equal(lru_cache_access(&cache, objects, batch, &misses), 0);
		assert_int_equal(misses, expected);
	}
	assert_int_equal(cache.nr_cached, list.nr);
	lru_cache_free(&cache);
}

static void test_as_a_list(void **state)
{
	(void)state;
	compare(1, 2, 1);
	compare(1, 1, 64);
	compare(2, 3, 7);
	compare(8, 9, 1);
	compare(31, 40, 64);
	compare(100, 5000, 64);
	compare(CAPACITY_MAX, CAPACITY_MAX, 64); /* all fit: only the log fills */
	compare(CAPACITY_MAX, 100000, 3);
}

static void test_bounds(void **state)
{
	struct lru_cache cache;

	(void)state;
	assert_int_equal(lru_cache_init(&cache, 0), -EINVAL);
	assert_int_equal(lru_cache_init(&cache, (1u << 28) + 1), -EINVAL);
}

/* Entry numbers pass 2^32 after as many accesses; nothing may depend on it. */
static void test_numbers_begin_again(void **state)
{
	struct list list = { .capacity = 50 };
	struct lru_cache cache;
	struct random random;
	uint64_t misses = 0, expected = 0;

	(void)state;
	random_seed(&random, 1, 1);
	assert_int_equal(lru_cache_init(&cache, 50), 0);
	cache.oldest = cache.newest = UINT32_MAX - 1000;
	for (int i = 0; i < 5000; i++) {
		const uint32_t object = draw(&random, 200);

		expected += list_access(&list, object);
		assert_int_equal(lru_cache_access(&cache, &object, 1, &misses), 0);
		assert_int_equal(misses, expected);
	}
	assert_true(cache.newest < 10000);
	lru_cache_free(&cache);
}

static void test_dense_ids(void **state)
{
	const uint64_t first[] = { 0, UINT64_MAX, 7, 0, 1u << 31, UINT64_MAX };
	const uint32_t expected[] = { 0, 1, 2, 0, 3, 1 };
	struct dense_ids ids = { 0 };
	uint32_t indices[6];

	(void)state;
	dense_ids_prefetch(&ids, first, 6);
	assert_int_equal(dense_ids_map(&ids, first, 6, indices), 0);
	assert_memory_equal(indices, expected, sizeof(expected));
	for (uint64_t i = 0; i < 100000; i++) {
		/* Alike in their lower bits, in their upper ones, and in neither. */
		const uint64_t some[] = { (i + 1) << 40, i + 100, (i + 1) * 0x9e3779b97f4a7c15 };

		dense_ids_prefetch(&ids, some, 3);
		assert_int_equal(dense_ids_map(&ids, some, 3, indices), 0);
		for (int j = 0; j < 3; j++)
			assert_int_equal(indices[j], 4 + 3 * i + j);
	}
	for (uint64_t i = 0; i < 100000; i++) {
		const uint64_t id = (i + 1) << 40;

		assert_int_equal(dense_ids_map(&ids, &id, 1, indices), 0);
		assert_int_equal(indices[0], 4 + 3 * i);
	}
	assert_int_equal(dense_ids_map(&ids, first, 6, indices), 0);
	assert_memory_equal(indices, expected, sizeof(expected));
	assert_int_equal(ids.nr, 300004);
	ids.nr = DENSE_IDS_MAX - 1;
	assert_int_equal(dense_ids_map(&ids, first, 2, indices), -ERANGE);
	dense_ids_free(&ids);
}

/* More at once than there is room for, twice over. */
static void test_many_ids_at_once(void **state)
{
	static uint64_t many[10000];
	static uint32_t indices[10000];
	struct dense_ids ids = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		many[i] = i % 5000 + 1;
	assert_int_equal(dense_ids_map(&ids, many, 10000, indices), 0);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(indices[i], i % 5000);
	dense_ids_free(&ids);
}

static void test_table(void **state)
{
	const size_t sizes[] = { 1, 4096, (2u << 20) - 8, 2u << 20, (4u << 20) + 8 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		unsigned char *table = huge_table_new(sizes[i], 1);

		assert_non_null(table);
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(table[j], 0);
		memset(table, 1, sizes[i]);
		assert_true(sizes[i] < 2u << 20 || (uintptr_t)table % (2u << 20) == 0);
		huge_table_free(table, sizes[i], 1);
	}
	assert_null(huge_table_new(SIZE_MAX, 2));
	assert_null(huge_table_new(SIZE_MAX / 2, 1));
	huge_table_free(NULL, 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_a_list),	    cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_numbers_begin_again), cmocka_unit_test(test_dense_ids),
		cmocka_unit_test(test_many_ids_at_once),    cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
