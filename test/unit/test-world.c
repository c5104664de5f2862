/* SPDX-License-Identifier: MIT */
/* The simulated machine at work: what is accessed is counted, what is placed is where policy says.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "policy.h"
#include "small-world.h"

static uint64_t all_accesses(const struct world *world)
{
	uint64_t sum = 0;

	for (int node = 0; node < world->memory.nr_nodes; node++)
		sum += tally_accesses(&world->tally, node);
	return sum;
}

/* Every access of every thread is counted, on the node where its page is. */
static void test_counts(void **state)
{
	struct small_world small = small_world_new(
		peer_by_name("first-touch"), "uniform:size=8MiB,threads=3,accesses=100000", SLOW);
	struct mpol_error err = { 0 };
	int r = 0;

	(void)state;
	while (r == 0)
		r = world_step(small.world, &err);
	assert_int_equal(r, 1);
	assert_int_equal(all_accesses(small.world), 300000);
	assert_int_equal(tally_accesses(&small.world->tally, SLOW), 300000);
	assert_int_equal(small.world->tally.local, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(small.world->threads[i].accesses, 100000);
	/* Idle memory: 250 ns each. */
	assert_in_range(small.world->tally.access_ps / 300000, 250000, 260000);
	small_world_free(&small);
}

static struct mpol_policy parsed(const char *text)
{
	struct policy_nodes nodes = { 0 };
	struct mpol_policy policy;

	nodemask_set(&nodes.online, 0);
	nodemask_set(&nodes.online, 1);
	nodes.memory = nodes.online;
	assert_int_equal(policy_parse(text, &nodes, &policy, NULL), 0);
	return policy;
}

struct bare_world {
	struct machine *machine;
	struct workload *workload;
	struct world *world;
};

/* Nothing is placed yet.  policies: by region, NULL-terminated only by their number. */
static struct bare_world bare_world(const char *workload, const char *policy,
				    const struct mpol_policy **by_region,
				    struct world_config *config)
{
	struct bare_world bare = { .machine = read_machine(SMALL_MACHINE) };
	struct world_task task = { .cpu_node = -1,
				   .policy = parsed(policy),
				   .region_policies = by_region };
	struct mpol_error err = { 0 };

	machine_judge(bare.machine);
	machine_assign_tiers(bare.machine);
	assert_int_equal(workload_new(workload, 1, &bare.workload, &err), 0);
	task.workload = bare.workload;
	task.info = workload_info(bare.workload);
	config->peer = peer_by_name("first-touch");
	config->quantum_ns = 1000000;
	config->costs = world_default_costs;
	if (world_new(bare.machine, config, &task, 1, &bare.world, &err) < 0)
		fail_msg("%s", err.cause);
	return bare;
}

static void bare_world_free(struct bare_world *bare)
{
	world_free(bare->world);
	workload_free(bare->workload);
	machine_free(bare->machine);
}

static uint32_t pages_on(const struct world *world, int node, uint32_t first, uint32_t nr)
{
	uint32_t pages = 0;

	for (uint32_t page = first; page < first + nr; page++)
		pages += memory_node_of(&world->memory, page) == node;
	return pages;
}

static void test_policies(void **state)
{
	static const struct {
		const char *policy;
		uint32_t slow; /* of 2048 pages, of which 4096 would fit into fast memory */
	} cases[] = {
		{ "default", 0 },	    { "bind:1", 2048 },	       { "prefer:1", 2048 },
		{ "interleave:0-1", 1024 }, { "prefer-many:1", 2048 }, { "weighted:0=3,1=1", 512 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world_config config = { 0 };
		struct bare_world bare =
			bare_world("uniform:size=8MiB,threads=1", cases[i].policy, NULL, &config);

		assert_int_equal(world_touch_all(bare.world, -1, NULL), 0);
		assert_int_equal(pages_on(bare.world, SLOW, 0, 2048), cases[i].slow);
		bare_world_free(&bare);
	}
}

/* STREAM's three arrays, one of them bound. */
static void test_region_policies(void **state)
{
	const struct mpol_policy slow = parsed("bind:1");
	const struct mpol_policy *by_region[3] = { NULL, &slow, NULL };
	struct world_config config = { 0 };
	struct bare_world bare =
		bare_world("stream:size=12MiB,threads=1", "default", by_region, &config);
	const struct workload_info *info = workload_info(bare.workload);

	(void)state;
	assert_int_equal(info->nr_regions, 3);
	assert_int_equal(world_touch_all(bare.world, -1, NULL), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pages_on(bare.world, SLOW, info->regions[i].first_page,
					  info->regions[i].nr_pages),
				 i == 1 ? info->regions[i].nr_pages : 0);
	bare_world_free(&bare);
}

/* Absent pages fault once each, at their first access. */
static void test_faults(void **state)
{
	struct world_config config = { 0 };
	struct bare_world bare = bare_world("scan:size=4MiB,threads=1", "default", NULL, &config);
	struct mpol_error err = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(world_step(bare.world, &err), 0);
	assert_int_equal(bare.world->tally.faults, 1024);
	assert_true(bare.world->tally.stalled_ps >= 1024ULL * 1000 * world_default_costs.fault_ns);
	bare_world_free(&bare);
}

static void test_out_of_memory(void **state)
{
	struct world_config config = { 0 };
	struct bare_world bare = bare_world("scan:size=40MiB,threads=1", "bind:0", NULL, &config);
	struct mpol_error err = { 0 };

	(void)state;
	assert_int_equal(world_touch_all(bare.world, -1, &err), -ENOMEM);
	assert_non_null(strstr(err.cause, "no room"));
	assert_true(*err.advice);
	bare_world_free(&bare);
	/* Also where the kernel has taken the room; more than there is is refused. */
	config.kernel_pages[0] = 4096;
	bare = bare_world("scan:size=4MiB,threads=1", "bind:0", NULL, &config);
	assert_int_equal(world_step(bare.world, &err), -ENOMEM);
	bare_world_free(&bare);
}

static void test_kernel_must_fit(void **state)
{
	struct world_config config = { .peer = peer_by_name("first-touch"),
				       .quantum_ns = 1000000,
				       .kernel_pages = { 4000 },
				       .cache_pages = { 97 } };
	struct machine *machine = read_machine(SMALL_MACHINE);
	struct mpol_error err = { 0 };
	struct world *world = NULL;

	(void)state;
	assert_int_equal(world_new(machine, &config, NULL, 0, &world, &err), -EINVAL);
	assert_string_equal(err.object, "node 0");
	assert_null(world);
	machine_free(machine);
}

/* A move costs whoever acts, and is bounced if it soon goes back. */
static void test_moves(void **state)
{
	struct small_world small =
		small_world_new(peer_by_name("first-touch"), "uniform:size=8MiB,threads=1", SLOW);
	struct world *world = small.world;

	(void)state;
	assert_int_equal(world_move(world, 5, FAST, MOVE_PROMOTION), 0);
	assert_int_equal(world_move(world, 5, FAST, MOVE_PROMOTION), 0);
	assert_int_equal(world->tally.moved_pages[MOVE_PROMOTION], 1);
	assert_int_equal(world->tally.manager_ps, 1000ULL * world_default_costs.move_page_ns);
	assert_int_equal(world->tally.bounced_pages, 0);
	assert_int_equal(world_move(world, 5, SLOW, MOVE_DEMOTION), 0);
	assert_int_equal(world->tally.bounced_pages, 1);
	world->now_ps += (PING_PONG_NS + 2000000000) * 1000;
	assert_int_equal(world_move(world, 5, FAST, MOVE_PROMOTION), 0);
	assert_int_equal(world->tally.bounced_pages, 1);
	world->memory.nodes[FAST].marks.min_pages = world->memory.nodes[FAST].free_pages;
	assert_int_equal(world_move(world, 6, FAST, MOVE_PROMOTION), -ENOMEM);
	assert_int_equal(world->tally.failed_pages, 1);
	small_world_free(&small);
}

/* Who clears accessed bits has each page's next access take longer, once. */
static void test_cleared_accessed_bits(void **state)
{
	const uint32_t nr_pages = 2048;
	struct small_world small =
		small_world_new(peer_by_name("first-touch"), "scan:size=8MiB,threads=1", SLOW);
	struct world *world = small.world;

	(void)state;
	for (unsigned round = 1; round <= 2; round++) {
		for (uint32_t page = 0; page < nr_pages; page++)
			memory_test_and_clear_accessed(&world->memory, page);
		small_world_run(&small, 300);
		assert_int_equal(world->tally.stalled_ps,
				 1000ULL * round * nr_pages * world_default_costs.accessed_bit_ns);
	}
	small_world_free(&small);
}

/* Every peer: memory stays whole, and the same seed gives the same bytes. */
static void test_every_peer(void **state)
{
	(void)state;
	for (const struct peer *const *peer = peers; *peer; peer++)
		for (int huge = 0; huge < 2; huge++) {
			struct small_world one =
				small_world_of(SMALL_MACHINE, *peer,
					       "zipf:size=32MiB,threads=2,writes=20%", -1, huge);
			struct small_world two =
				small_world_of(SMALL_MACHINE, *peer,
					       "zipf:size=32MiB,threads=2,writes=20%", -1, huge);
			uint64_t present = 0;

			small_world_run(&one, 700);
			small_world_run(&two, 700);
			assert_memory_equal(&one.world->tally, &two.world->tally,
					    sizeof(one.world->tally));
			for (uint32_t page = 0; page < one.world->nr_pages; page++)
				present += memory_present(&one.world->memory, page);
			assert_int_equal(present, 8192);
			for (int node = 0; node < 2; node++) {
				const struct memory_node *own = &one.world->memory.nodes[node];

				assert_int_equal(own->free_pages + own->listed_pages[LRU_ACTIVE] +
							 own->listed_pages[LRU_INACTIVE],
						 own->capacity_pages);
			}
			small_world_free(&one);
			small_world_free(&two);
		}
}

/* A thread that was held up for 200 of 1,000 ms has made 80,000 accesses; all 100,000 if it is
 * paced. */
static void test_paced(void **state)
{
	(void)state;
	for (int paced = 0; paced < 2; paced++) {
		struct small_world small =
			small_world_new(peer_by_name("first-touch"),
					"uniform:size=8MiB,threads=1,think=10us,overlap=64", -1);
		struct world *world = small.world;
		uint64_t accesses;

		world->config.paced = paced;
		small_world_run(&small, 300);
		world->current = &world->threads[0];
		world_spend(world, 200000000000);
		world->current = NULL;
		small_world_run(&small, 700);
		accesses = world->threads[0].accesses;
		if (paced)
			assert_in_range(accesses, 99900, 100100);
		else
			assert_in_range(accesses, 79000, 80100);
		small_world_free(&small);
	}
}

/* What is promised of each: the hot tenth comes to fast memory, or stays where it was. */
static void test_what_peers_reach(void **state)
{
	static const struct {
		const char *name;
		unsigned least, most; /* percent */
	} expected[] = {
		{ "first-touch", 0, 0 }, { "demotion", 0, 0 },	     { "mpol", 93, 100 },
		{ "numab", 85, 100 },	 { "numab-boost", 50, 100 }, { "oracle", 93, 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		struct small_world small =
			small_world_new(peer_by_name(expected[i].name),
					"hotcold:size=48MiB,threads=2,hot=10%,hits=95%", SLOW);
		unsigned percent;

		small_world_run(&small, 6000);
		percent = small_world_fast_percent(&small, 1000);
		if (percent < expected[i].least || percent > expected[i].most)
			fail_msg("%s: %u %%", expected[i].name, percent);
		small_world_free(&small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_region_policies),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_kernel_must_fit),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_cleared_accessed_bits),
		cmocka_unit_test(test_every_peer),
		cmocka_unit_test(test_paced),
		cmocka_unit_test(test_what_peers_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
