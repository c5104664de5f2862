/* SPDX-License-Identifier: MIT */
/*
 * Memory that several processes share: children with mappings of one file, looked at by a tracker
 * of the test's own that says what it is told to.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rootfs.h"
#include "tiered-internal.h"

#define FILE_PAGES 1500
#define SCORE	   5

/* Where a child maps the file: one as it lies in it, the other not. */
#define ALIGNED	  0x20000000UL
#define UNALIGNED (0x28000000UL + 37 * PAGE_BYTES)

/* A child, and which pages of the file it has: all of its mapping but those from hole to
 * hole_end. */
struct sharer {
	struct tracker tracker; /* first: by it scan_fake finds us */
	pid_t pid;
	int orders, answers;
	uint64_t address;
	unsigned first, nr;
	unsigned hole, hole_end;
	bool uses[FILE_PAGES]; /* pages of the file that its scans say are accessed */
	struct tiered *tiered;
};

static struct sharer one, other;
static int root, file;
static unsigned nr_alive; /* how often a join has said that it is at it */

/* ---- The tracker ------------------------------------------------------------------------- */

static int open_fake(int ignored, pid_t pid, struct tracker **ret, struct mpol_error *err)
{
	(void)ignored;
	(void)err;
	*ret = pid == one.pid ? &one.tracker : &other.tracker;
	return 0;
}

static void close_fake(struct tracker *tracker)
{
	(void)tracker;
}

static int clear_fake(struct tracker *tracker)
{
	(void)tracker;
	return 0;
}

static int scan_fake(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	const struct sharer *sharer = (const struct sharer *)tracker;

	for (unsigned page = 0; page < sharer->nr; page++) {
		const uint64_t at = sharer->address + page * PAGE_BYTES;
		const uint64_t i = (at - start) / PAGE_BYTES;

		if (at >= start && at < end && sharer->uses[sharer->first + page])
			bits[i / 64] |= 1ULL << i % 64;
	}
	return 0;
}

static const struct tracker_kind fake_kind = {
	.name = "fake",
	.open = open_fake,
	.close = close_fake,
	.clear = clear_fake,
	.scan = scan_fake,
};

/* ---- Children ---------------------------------------------------------------------------- */

enum order { LOCK = 1, TAKE_ANOTHER_FILE, MAP_TWICE, MAP_MORE, TAKE_OWN, FILL_HOLE };

static void *map(const struct sharer *sharer, uint64_t address, int fd)
{
	return mmap((void *)address, sharer->nr * PAGE_BYTES, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, fd, (off_t)(sharer->first * PAGE_BYTES));
}

static void touch(const struct sharer *sharer, volatile char *memory)
{
	for (unsigned page = 0; page < sharer->nr; page++)
		if (sharer->first + page < sharer->hole || sharer->first + page >= sharer->hole_end)
			memory[page * PAGE_BYTES]++;
}

/* Where the child is told to map the file once more. */
static uint64_t second_address(const struct sharer *sharer)
{
	return sharer->address + 0x10000000;
}

/* Pages that it did not have. */
static void fill_hole(const struct sharer *sharer)
{
	volatile char *memory = (char *)sharer->address;

	for (unsigned page = sharer->hole; page < sharer->hole_end; page++)
		memory[(page - sharer->first) * PAGE_BYTES]++;
}

static bool obey(const struct sharer *sharer, enum order order)
{
	int fd = file;
	void *memory = MAP_FAILED;

	switch (order) {
	case LOCK:
		return mlock2((void *)sharer->address, sharer->nr * PAGE_BYTES, MLOCK_ONFAULT) == 0;
	case TAKE_ANOTHER_FILE: /* of the same name */
		fd = memfd_create("shared", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, FILE_PAGES * PAGE_BYTES) < 0)
			return false;
		memory = map(sharer, sharer->address, fd);
		break;
	case MAP_TWICE:
		memory = map(sharer, second_address(sharer), fd);
		break;
	case MAP_MORE: /* and nothing to do with the file */
		return mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		       MAP_FAILED;
	case FILL_HOLE:
		fill_hole(sharer);
		return true;
	case TAKE_OWN:
		memory = mmap((void *)sharer->address, sharer->nr * PAGE_BYTES,
			      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			      0);
		break;
	}
	if (memory == MAP_FAILED)
		return false;
	touch(sharer, memory);
	return true;
}

static _Noreturn void live(const struct sharer *sharer, int orders, int answers)
{
	void *memory = map(sharer, sharer->address, file);
	bool done = memory != MAP_FAILED;
	char order;

	if (done)
		touch(sharer, memory);
	while (write(answers, &done, 1) == 1 && read(orders, &order, 1) == 1)
		done = obey(sharer, (enum order)order);
	_exit(0);
}

static bool await(const struct sharer *sharer)
{
	bool done;

	assert_int_equal(read(sharer->answers, &done, 1), 1);
	return done;
}

static bool order(const struct sharer *sharer, char what)
{
	assert_int_equal(write(sharer->orders, &what, 1), 1);
	return await(sharer);
}

static void start_sharer(struct sharer *sharer)
{
	int orders[2], answers[2];
	const struct tiered_request request = {
		.root = root,
		.tracker = &fake_kind,
		.memory = nodemask_of(0),
	};
	struct tiered_request its = request;

	assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
	sharer->tracker.kind = &fake_kind;
	sharer->pid = fork();
	if (sharer->pid == 0)
		live(sharer, orders[0], answers[1]);
	close(orders[0]);
	close(answers[1]);
	sharer->orders = orders[1];
	sharer->answers = answers[0];
	assert_true(await(sharer));
	its.pid = sharer->pid;
	assert_int_equal(tiered_open(&its, &sharer->tiered, NULL), 0);
}

static void stop_sharer(const struct sharer *sharer)
{
	tiered_close(sharer->tiered);
	kill(sharer->pid, SIGKILL);
	waitpid(sharer->pid, NULL, 0);
	close(sharer->orders);
	close(sharer->answers);
}

/* One has the first 1400 pages but some; the other the last 1400. */
static int start(void **state)
{
	(void)state;
	root = rootfs_open(NULL);
	file = memfd_create("shared", MFD_CLOEXEC);
	assert_int_equal(ftruncate(file, FILE_PAGES * PAGE_BYTES), 0);
	one = (struct sharer) {
		.address = ALIGNED,
		.nr = 1400,
		.hole = 700,
		.hole_end = 900,
	};
	other = (struct sharer) {
		.address = UNALIGNED,
		.first = 100,
		.nr = 1400,
	};
	start_sharer(&one);
	start_sharer(&other);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	stop_sharer(&one);
	stop_sharer(&other);
	close(file);
	return close(root);
}

/* ---- What they are shown ----------------------------------------------------------------- */

static void clear(void)
{
	assert_int_equal(tiered_clear(one.tiered), 0);
	assert_int_equal(tiered_clear(other.tiered), 0);
}

static void scan(uint8_t score)
{
	const struct nodemask fast = nodemask_of(0);
	struct tiering_seen seen;

	assert_int_equal(tiered_scan(one.tiered, score, &fast, &seen), 0);
	assert_int_equal(tiered_scan(other.tiered, score, &fast, &seen), 0);
}

static void is_alive(void)
{
	nr_alive++;
}

static void join(void)
{
	struct tiered *const tiereds[] = { one.tiered, other.tiered };

	assert_int_equal(tiered_join_shared(tiereds, 2, is_alive), 0);
}

static void look(void)
{
	clear();
	scan(SCORE);
	join();
}

static uint64_t page_of(const struct sharer *sharer, unsigned file_page)
{
	return sharer->address / PAGE_BYTES + file_page - sharer->first;
}

static struct tiering_chunk *gather_at(const struct sharer *sharer, uint64_t page)
{
	static struct tiering_chunk chunk;

	assert_true(tiered_gather(sharer->tiered, page, &chunk));
	assert_int_equal(chunk.span.first_page, page);
	return &chunk;
}

/* Whether a page of the file is shown as the sharer's own. */
static bool owns(const struct sharer *sharer, unsigned file_page)
{
	return gather_at(sharer, page_of(sharer, file_page))->nodes[0] >= 0;
}

static unsigned seen_by(const struct sharer *sharer, unsigned file_page)
{
	return gather_at(sharer, page_of(sharer, file_page))->seen[0];
}

/* So many that all pages are counted anew among them. */
static void go_rounds(void)
{
	for (unsigned round = 0; round < 20; round++)
		look();
}

static void each_page_counts_once(void **state)
{
	(void)state;
	look();
	for (unsigned page = 100; page < 1400; page++) {
		const bool in_hole = page >= one.hole && page < one.hole_end;

		assert_int_equal(owns(&one, page), !in_hole);
		assert_int_equal(owns(&other, page), in_hole);
	}
	assert_true(owns(&one, 0));
	assert_true(owns(&one, 99));
	assert_true(owns(&other, 1400));
	assert_true(owns(&other, 1499));
}

static void its_owner_knows_what_any_has_seen(void **state)
{
	(void)state;
	one.uses[150] = other.uses[1350] = other.uses[1450] = other.uses[800] = one.uses[50] = true;
	clear();
	scan(SCORE);
	one.uses[1350] = other.uses[600] = true; /* later, which says less */
	scan(SCORE - 2);
	join();
	assert_int_equal(seen_by(&one, 150), SCORE);
	assert_int_equal(seen_by(&one, 1350), SCORE);
	assert_int_equal(seen_by(&one, 600), SCORE - 2);
	assert_int_equal(seen_by(&other, 1450), SCORE);
	assert_int_equal(seen_by(&other, 800), SCORE);
	assert_int_equal(seen_by(&one, 50), SCORE);
	assert_int_equal(seen_by(&one, 151), 0);
	assert_int_equal(seen_by(&one, 1351), 0);
	clear();
	assert_int_equal(seen_by(&one, 1350), 0);
}

static void who_has_a_hint_goes_on_with_it(void **state)
{
	const uint64_t start = page_of(&other, 300) * PAGE_BYTES;

	(void)state;
	assert_int_equal(
		tiered_hint(other.tiered, start, start + 10 * PAGE_BYTES, PORT_HINT_PINNED), 0);
	look();
	assert_true(owns(&one, 299));
	assert_false(owns(&one, 300));
	assert_true(owns(&other, 300));
	assert_false(owns(&one, 309));
	assert_true(owns(&one, 310));
	assert_false(owns(&other, 310));
}

static void the_next_goes_on_when_one_ends(void **state)
{
	struct tiered *const left[] = { other.tiered };
	struct tiering_chunk *chunk;

	(void)state;
	look();
	chunk = gather_at(&one, page_of(&one, 200));
	chunk->units[0].heat = 77;
	tiered_keep(one.tiered, chunk);
	look();
	assert_false(owns(&other, 200));
	assert_int_equal(tiered_join_shared(left, 1, is_alive), 0);
	assert_true(owns(&other, 200));
	assert_int_equal(gather_at(&other, page_of(&other, 200))->units[0].heat, 77);
}

/* Moves of a decision are made while the next round looks. */
static void it_stays_so_until_the_next_decision(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		look();
		clear();
		assert_true(owns(&one, 200));
		assert_false(owns(&other, 200));
	}
}

static void so_it_does_where_other_ranges_come(void **state)
{
	(void)state;
	look();
	for (unsigned round = 0; round < 3; round++) {
		assert_true(order(&other, MAP_MORE));
		clear();
		assert_true(owns(&one, 200));
		assert_false(owns(&other, 200));
		scan(SCORE);
		join();
	}
}

static void memory_of_its_own_is_its_own_at_once(void **state)
{
	(void)state;
	look();
	assert_false(owns(&other, 200));
	assert_true(order(&other, TAKE_OWN));
	clear();
	assert_true(owns(&other, 200));
	assert_true(owns(&one, 200));
}

static void where_pages_were_moved_to_all_know(void **state)
{
	uint8_t place;

	(void)state;
	look();
	one.tiered->process.became(page_of(&one, 200) * PAGE_BYTES, 3, 3, one.tiered);
	join();
	place = other.tiered->blocks[tiered_find_block(other.tiered, page_of(&other, 200))]
			->places[page_of(&other, 200) % BLOCK_PAGES];
	assert_int_equal(other.tiered->nodes[place], 3);
}

/* One comes to pages that the other has learnt of, and is asked before it. */
static void who_comes_to_own_knows_what_is_known(void **state)
{
	struct tiering_chunk *chunk;

	(void)state;
	look();
	chunk = gather_at(&other, page_of(&other, 800));
	chunk->units[0] = (struct ranking_unit) { .heat = 77, .age = 3, .rest = 2 };
	tiered_keep(other.tiered, chunk);
	assert_true(order(&one, FILL_HOLE));
	go_rounds();
	assert_true(owns(&one, 800));
	assert_false(owns(&other, 800));
	chunk = gather_at(&one, page_of(&one, 800));
	assert_int_equal(chunk->units[0].heat, 77);
	assert_int_equal(chunk->units[0].age, 3);
	assert_int_equal(chunk->units[0].rest, 2);
	assert_int_equal(gather_at(&other, page_of(&other, 800))->units[0].heat, 77);
}

/* Moves of the last decision are made while one comes to pages that the other moves. */
static void who_comes_owns_nothing_before_the_next_decision(void **state)
{
	(void)state;
	look();
	assert_true(order(&one, FILL_HOLE));
	for (unsigned round = 0; round < 20; round++)
		clear();
	assert_false(owns(&one, 800));
	assert_true(owns(&other, 800));
	join();
	assert_true(owns(&one, 800));
	assert_false(owns(&other, 800));
}

/* Two containers may each have a file of that number and name. */
static void other_namespaces_have_other_files(void **state)
{
	(void)state;
	one.tiered->ipc_namespace++;
	look();
	assert_true(owns(&one, 200));
	assert_true(owns(&other, 200));
	one.tiered->ipc_namespace--;
	look();
	assert_false(owns(&other, 200));
	one.tiered->mount_namespace++;
	look();
	assert_true(owns(&other, 200));
}

static void joining_says_that_it_is_at_it(void **state)
{
	(void)state;
	clear();
	nr_alive = 0;
	join();
	assert_in_range(nr_alive, 3, 6); /* the file has three windows */
}

static void what_one_has_locked_stays_for_all(void **state)
{
	(void)state;
	if (!order(&other, LOCK))
		skip(); /* there is a limit */
	go_rounds();
	assert_true(owns(&one, 99));
	assert_false(owns(&one, 100));
	assert_false(owns(&one, 1399));
}

static void another_file_of_that_name_is_another(void **state)
{
	(void)state;
	look();
	assert_false(owns(&other, 200));
	assert_true(order(&other, TAKE_ANOTHER_FILE));
	one.uses[200] = true;
	go_rounds();
	assert_true(owns(&one, 200));
	assert_true(owns(&other, 200));
	assert_int_equal(seen_by(&one, 200), SCORE);
	assert_int_equal(seen_by(&other, 200), 0);
}

static void what_one_maps_twice_counts_once(void **state)
{
	uint64_t twice = (second_address(&one) - one.address) / PAGE_BYTES;

	(void)state;
	assert_true(order(&one, MAP_TWICE));
	go_rounds();
	for (unsigned page = 0; page < 1400; page += 50) {
		const bool in_hole = page >= one.hole && page < one.hole_end;
		const struct tiering_chunk *chunk =
			in_hole ? NULL : gather_at(&one, page_of(&one, page) + twice);

		if (!chunk)
			continue;
		assert_int_equal(chunk->nodes[0], -1);
		assert_true(owns(&one, page));
	}
}

/* ---- Huge pages, which are made up ----------------------------------------------------------- */

#define MADE_UP_BLOCKS 3
#define MADE_UP_PAGES  (2 * BLOCK_PAGES)

struct made_up {
	struct tiered tiered;
	struct vma vma;
	struct block blocks[MADE_UP_BLOCKS], *list[MADE_UP_BLOCKS];
};

/* A process that maps two blocks of a file from an address on, all on one node. */
static void make_up(struct made_up *process, uint64_t first_page, bool huge, int16_t node)
{
	static const struct mpol_policy policy = { .mode = MPOL_MODE_DEFAULT };
	const uint64_t first_block = first_page - first_page % BLOCK_PAGES;

	memset(process, 0, sizeof(*process));
	process->vma = (struct vma) {
		.start = first_page * PAGE_BYTES,
		.end = (first_page + MADE_UP_PAGES) * PAGE_BYTES,
		.permissions = "rw-s",
		.name = (char *)"/dev/shm/made-up",
		.policy = &policy,
		.page_bytes = PAGE_BYTES,
		.device = 1,
		.inode = 77,
	};
	for (unsigned i = 0; i < MADE_UP_BLOCKS; i++) {
		process->list[i] = &process->blocks[i];
		process->blocks[i].first_page = first_block + i * BLOCK_PAGES;
		process->blocks[i].huge = huge;
	}
	for (uint64_t page = first_page; page < first_page + MADE_UP_PAGES; page++)
		process->blocks[(page - first_block) / BLOCK_PAGES].places[page % BLOCK_PAGES] = 1;
	process->tiered = (struct tiered) {
		.memory = nodemask_of(0),
		.blocks = process->list,
		.nr_blocks = huge ? MADE_UP_BLOCKS - 1 : MADE_UP_BLOCKS,
		.nodes = { -1, node },
		.nr_nodes = 1,
		.table = { .vmas = &process->vma, .nr_vmas = 1 },
	};
}

static struct made_up whole, in_pieces;

static void make_up_two(void)
{
	make_up(&whole, 4 * BLOCK_PAGES, true, 0);
	make_up(&in_pieces, 8 * BLOCK_PAGES + 37, false, 1);
	in_pieces.blocks[1].seen[37 + 100] = SCORE; /* of the file's second block */
}

static void a_huge_page_knows_what_was_seen_of_its_pieces(void **state)
{
	struct tiered *const tiereds[] = { &whole.tiered, &in_pieces.tiered };

	(void)state;
	make_up_two();
	assert_int_equal(tiered_join_shared(tiereds, 2, is_alive), 0);
	assert_int_equal(whole.blocks[0].seen[0], 0);
	assert_int_equal(whole.blocks[1].seen[0], SCORE);
	for (unsigned page = 37; page < 37 + MADE_UP_PAGES; page++) {
		const struct block *block = &in_pieces.blocks[page / BLOCK_PAGES];
		const uint8_t place = block->places[page % BLOCK_PAGES];

		assert_true(block->seen[page % BLOCK_PAGES] & SEEN_ELSEWHERE);
		assert_int_equal(in_pieces.tiered.nodes[place], 0);
	}
	assert_int_equal(in_pieces.blocks[0].seen[36], 0);
}

static void whole_goes_before_pieces(void **state)
{
	struct tiered *const tiereds[] = { &in_pieces.tiered, &whole.tiered };

	(void)state;
	make_up_two();
	in_pieces.blocks[0].places[37] = NO_PLACE; /* that piece it does not have */
	assert_int_equal(tiered_join_shared(tiereds, 2, is_alive), 0);
	assert_int_equal(whole.blocks[0].seen[0], 0);
	assert_int_equal(whole.blocks[1].seen[0], SCORE);
	for (unsigned page = 38; page < 37 + MADE_UP_PAGES; page++)
		assert_true(in_pieces.blocks[page / BLOCK_PAGES].seen[page % BLOCK_PAGES] &
			    SEEN_ELSEWHERE);
}

/* What one pins a piece of cannot move in part. */
static void a_pinned_piece_holds_all(void **state)
{
	struct tiered *const tiereds[] = { &whole.tiered, &in_pieces.tiered };
	const uint64_t piece = (8 * BLOCK_PAGES + 37 + BLOCK_PAGES + 3) * PAGE_BYTES;

	(void)state;
	make_up_two();
	assert_int_equal(
		tiered_hint(&in_pieces.tiered, piece, piece + PAGE_BYTES, PORT_HINT_PINNED), 0);
	assert_int_equal(tiered_join_shared(tiereds, 2, is_alive), 0);
	assert_int_equal(whole.blocks[0].seen[0] & SEEN_ELSEWHERE, 0);
	assert_true(whole.blocks[1].seen[0] & SEEN_ELSEWHERE);
	assert_true(in_pieces.blocks[1].seen[37] & SEEN_ELSEWHERE);
	assert_int_equal(tiered_hint(&in_pieces.tiered, piece, piece + PAGE_BYTES, PORT_HINT_HOT),
			 0);
	assert_int_equal(tiered_join_shared(tiereds, 2, is_alive), 0);
	assert_int_equal(whole.blocks[1].seen[0] & SEEN_ELSEWHERE, 0);
	free(in_pieces.tiered.others_hints);
}

/* So does what one keeps where it is. */
static void a_bound_piece_holds_all(void **state)
{
	static const struct mpol_policy bound = { .mode = MPOL_MODE_BIND };
	struct tiered *const tiereds[] = { &whole.tiered, &in_pieces.tiered };

	(void)state;
	make_up_two();
	in_pieces.vma.end -= BLOCK_PAGES * PAGE_BYTES;
	in_pieces.vma.policy = &bound;
	in_pieces.vma.policy_cut = true;
	assert_int_equal(tiered_join_shared(tiereds, 2, is_alive), 0);
	assert_true(whole.blocks[0].seen[0] & SEEN_ELSEWHERE);
	assert_int_equal(whole.blocks[1].seen[0] & SEEN_ELSEWHERE, 0);
}

/* Of base pages who pins one goes before who hints otherwise. */
static void who_pins_goes_first(void **state)
{
	const uint64_t of_one = page_of(&one, 300) * PAGE_BYTES;
	const uint64_t of_other = page_of(&other, 300) * PAGE_BYTES;

	(void)state;
	assert_int_equal(tiered_hint(one.tiered, of_one, of_one + 9 * PAGE_BYTES, PORT_HINT_HOT),
			 0);
	assert_int_equal(
		tiered_hint(other.tiered, of_other, of_other + 4 * PAGE_BYTES, PORT_HINT_PINNED),
		0);
	look();
	assert_true(owns(&other, 303));
	assert_false(owns(&one, 303));
	assert_true(owns(&one, 304));
}

/* The owner has moved it, and is then asked no more. */
static void who_comes_to_own_knows_where_it_is(void **state)
{
	const uint64_t start = page_of(&other, 300) * PAGE_BYTES;

	(void)state;
	assert_int_equal(tiered_hint(other.tiered, start, start + PAGE_BYTES, PORT_HINT_HOT), 0);
	look();
	assert_true(owns(&other, 300));
	other.tiered->process.became(start, 3, 3, other.tiered);
	assert_int_equal(tiered_hint(other.tiered, start, start + PAGE_BYTES, PORT_HINT_NONE), 0);
	clear();
	join();
	assert_false(owns(&other, 300));
	assert_int_equal(gather_at(&one, page_of(&one, 300))->nodes[0], 3);
}

/* The kernel may join a block while its pages are gone through. */
static void what_is_gathered_goes_on_behind_a_huge_page(void **state)
{
	static struct tiering_chunk chunk;

	(void)state;
	make_up_two();
	assert_true(tiered_gather(&whole.tiered, 4 * BLOCK_PAGES + 7, &chunk));
	assert_int_equal(chunk.span.first_page, 5 * BLOCK_PAGES);
	assert_int_equal(chunk.span.nr_units, 1);
	assert_false(tiered_gather(&whole.tiered, 5 * BLOCK_PAGES + 7, &chunk));
}

static int scan_one_page(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	const uint64_t at = *(const uint64_t *)(tracker + 1);

	if (at >= start && at < end)
		bits[(at - start) / PAGE_BYTES / 64] |= 1ULL << (at - start) / PAGE_BYTES % 64;
	return 0;
}

/* Of a huge page any access is one to all of it, and counts once. */
static void any_page_tells_of_a_huge_one(void **state)
{
	static const struct tracker_kind kind = { .scan = scan_one_page };
	struct {
		struct tracker tracker;
		uint64_t at;
	} looking = { { &kind }, (4 * BLOCK_PAGES + 300) * PAGE_BYTES };
	const struct nodemask fast = nodemask_of(0);
	struct tiering_seen seen;

	(void)state;
	make_up_two();
	whole.tiered.tracker = &looking.tracker;
	whole.blocks[0].nr_pages = whole.blocks[1].nr_pages = BLOCK_PAGES;
	assert_int_equal(tiered_scan(&whole.tiered, 5, &fast, &seen), 0);
	assert_int_equal(seen.units, 1);
	assert_int_equal(seen.pages, BLOCK_PAGES);
	assert_int_equal(seen.fast_units, 1);
	assert_int_equal(seen.all_units, 2);
	looking.at += 50 * PAGE_BYTES;
	assert_int_equal(tiered_scan(&whole.tiered, 4, &fast, &seen), 0);
	assert_int_equal(seen.units, 0);
	assert_int_equal(whole.blocks[0].seen[0], 5);
	assert_int_equal(tiered_sums(&whole.tiered).seen_pages, BLOCK_PAGES);
	assert_int_equal(tiered_sums(&whole.tiered).pages, MADE_UP_PAGES);
}

static void a_file_of_another_name_is_another(void **state)
{
	struct tiered *const tiereds[] = { &whole.tiered, &in_pieces.tiered };

	(void)state;
	make_up_two();
	in_pieces.vma.name = (char *)"/dev/shm/made-up-too";
	assert_int_equal(tiered_join_shared(tiereds, 2, is_alive), 0);
	assert_int_equal(whole.blocks[1].seen[0], 0);
	assert_int_equal(in_pieces.blocks[1].seen[37 + 100], SCORE);
}

/* ---- A file in many mappings ------------------------------------------------------------- */

#define MANY 1000

/* Each maps one page of the file, those in front last; and one more maps all of them. */
static void each_of_many_mappings_is_found(void **state)
{
	static const struct mpol_policy policy = { .mode = MPOL_MODE_DEFAULT };
	static struct vma vmas[MANY + 1];
	static struct block blocks[4], *list[4];
	struct tiered tiered = {
		.memory = nodemask_of(0),
		.blocks = list,
		.nr_blocks = 4,
		.nodes = { -1, 0 },
		.nr_nodes = 1,
		.table = { .vmas = vmas, .nr_vmas = MANY + 1 },
	};
	struct tiered *const tiereds[] = { &tiered };

	(void)state;
	for (unsigned i = 0; i < MANY + 1; i++)
		vmas[i] = (struct vma) {
			.start = (i < MANY ? i : 2 * BLOCK_PAGES) * PAGE_BYTES,
			.end = (i < MANY ? i + 1 : 2 * BLOCK_PAGES + MANY) * PAGE_BYTES,
			.offset = (i < MANY ? MANY - 1 - i : 0) * PAGE_BYTES,
			.permissions = "rw-s",
			.name = (char *)"/dev/shm/made-up",
			.policy = &policy,
			.page_bytes = PAGE_BYTES,
			.inode = 77,
		};
	for (unsigned i = 0; i < 4; i++) {
		list[i] = &blocks[i];
		blocks[i].first_page = i * BLOCK_PAGES;
		memset(blocks[i].places, 1, BLOCK_PAGES);
	}
	blocks[2].seen[7] = SCORE;
	assert_int_equal(tiered_join_shared(tiereds, 1, is_alive), 0);
	for (unsigned i = 0; i < MANY; i++) {
		const unsigned second = 2 * BLOCK_PAGES + i;

		assert_int_equal(blocks[i / BLOCK_PAGES].seen[i % BLOCK_PAGES],
				 i == MANY - 1 - 7 ? SCORE : 0);
		assert_true(blocks[second / BLOCK_PAGES].seen[second % BLOCK_PAGES] &
			    SEEN_ELSEWHERE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_page_counts_once, start, stop),
		cmocka_unit_test_setup_teardown(its_owner_knows_what_any_has_seen, start, stop),
		cmocka_unit_test_setup_teardown(who_has_a_hint_goes_on_with_it, start, stop),
		cmocka_unit_test_setup_teardown(the_next_goes_on_when_one_ends, start, stop),
		cmocka_unit_test_setup_teardown(it_stays_so_until_the_next_decision, start, stop),
		cmocka_unit_test_setup_teardown(so_it_does_where_other_ranges_come, start, stop),
		cmocka_unit_test_setup_teardown(memory_of_its_own_is_its_own_at_once, start, stop),
		cmocka_unit_test_setup_teardown(where_pages_were_moved_to_all_know, start, stop),
		cmocka_unit_test_setup_teardown(who_comes_to_own_knows_what_is_known, start, stop),
		cmocka_unit_test_setup_teardown(who_comes_owns_nothing_before_the_next_decision,
						start, stop),
		cmocka_unit_test_setup_teardown(who_pins_goes_first, start, stop),
		cmocka_unit_test_setup_teardown(who_comes_to_own_knows_where_it_is, start, stop),
		cmocka_unit_test_setup_teardown(other_namespaces_have_other_files, start, stop),
		cmocka_unit_test_setup_teardown(joining_says_that_it_is_at_it, start, stop),
		cmocka_unit_test_setup_teardown(what_one_has_locked_stays_for_all, start, stop),
		cmocka_unit_test_setup_teardown(another_file_of_that_name_is_another, start, stop),
		cmocka_unit_test_setup_teardown(what_one_maps_twice_counts_once, start, stop),
		cmocka_unit_test(a_huge_page_knows_what_was_seen_of_its_pieces),
		cmocka_unit_test(whole_goes_before_pieces),
		cmocka_unit_test(a_pinned_piece_holds_all),
		cmocka_unit_test(a_bound_piece_holds_all),
		cmocka_unit_test(what_is_gathered_goes_on_behind_a_huge_page),
		cmocka_unit_test(any_page_tells_of_a_huge_one),
		cmocka_unit_test(a_file_of_another_name_is_another),
		cmocka_unit_test(each_of_many_mappings_is_found),
	};

	return cmocka_run_group_tests_name("tiered-shared", tests, NULL, NULL);
}
