/* SPDX-License-Identifier: MIT */
/*
 * The census against move_pages(2), page by page, over every kind of memory
 * that this process could make; with all sources and as if some were missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "census.h"
#include "cmocka-all.h"
#include "process.h"
#include "rootfs.h"

#define MIB	   (1UL << 20)
#define HUGE	   (2 * MIB)
#define MOST_PAGES (1U << 20)

static int root;
static int nodes[MOST_PAGES];	/* what the census says */
static int answers[MOST_PAGES]; /* what move_pages does */
static void *addresses[MOST_PAGES];
static uint64_t units[MOST_PAGES]; /* unit_bytes of each page */

/* At the address of a huge page. */
static char *map_memory(size_t bytes, int advice)
{
	char *memory = mmap(NULL, bytes + HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(memory != MAP_FAILED);
	memory += -(uintptr_t)memory % HUGE;
	madvise(memory, bytes, advice);
	return memory;
}

static bool kernel_before(int major, int minor)
{
	struct utsname name;
	int has_major = 0, has_minor = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &has_major, &has_minor);
	return has_major < major || (has_major == major && has_minor < minor);
}

/* ---- Comparing --------------------------------------------------------------------- */

struct expected {
	uint64_t start;
	uint64_t before; /* the end of the run before */
	size_t nr;
};

static int note_run(const struct census_run *run, void *user)
{
	struct expected *expected = user;

	assert_true(run->start >= expected->before && run->end > run->start);
	assert_int_equal((run->end - run->start) % run->unit_bytes, 0);
	expected->before = run->end;
	for (uint64_t at = run->start; at < run->end; at += PAGE_BYTES) {
		size_t i = (at - expected->start) / PAGE_BYTES;

		assert_true(i < expected->nr && nodes[i] == PAGE_NOWHERE);
		nodes[i] = run->node;
		units[i] = run->unit_bytes;
	}
	return 0;
}

/* Fills nodes and units.  Returns how many pages have a node. */
static size_t count(struct census *census, const struct vma *vma, bool at_once)
{
	struct expected expected = { vma->start, vma->start, (vma->end - vma->start) / PAGE_BYTES };
	struct census_request request = {
		.start = vma->start,
		.end = vma->end,
		.page_bytes = vma->page_bytes ? vma->page_bytes : PAGE_BYTES,
		.at_once = at_once,
		.run = note_run,
		.user = &expected,
	};
	size_t there = 0;

	assert_true(expected.nr <= MOST_PAGES);
	for (size_t i = 0; i < expected.nr; i++)
		nodes[i] = PAGE_NOWHERE;
	assert_int_equal(census_walk(census, &request), 0);
	for (size_t i = 0; i < expected.nr; i++)
		there += nodes[i] >= 0;
	return there;
}

static size_t nr_differences(const struct vma *vma)
{
	size_t nr = (vma->end - vma->start) / PAGE_BYTES, different = 0;

	for (size_t i = 0; i < nr; i++)
		addresses[i] = (void *)(vma->start + i * PAGE_BYTES);
	assert_int_equal(syscall(SYS_move_pages, 0, nr, addresses, NULL, answers, 0), 0);
	for (size_t i = 0; i < nr; i++)
		different += nodes[i] != (answers[i] < 0 ? PAGE_NOWHERE : answers[i]);
	return different;
}

/*
 * The kernel may move pages meanwhile (NUMA balancing), and looking may touch some itself (an
 * allocator that never gives the same memory out twice): that is no difference.
 */
static void compare(struct census *census, const struct vma *vma)
{
	for (int attempt = 0; attempt < 50; attempt++) {
		count(census, vma, attempt & 1);
		if (!nr_differences(vma))
			return;
	}
	for (size_t i = 0; i < (vma->end - vma->start) / PAGE_BYTES; i++)
		if (nodes[i] != (answers[i] < 0 ? PAGE_NOWHERE : answers[i]))
			fail_msg("%s: page %zu: census %d, move_pages %d", vma->name, i, nodes[i],
				 answers[i]);
}

static void compare_range(const char *what, const char *start, size_t bytes, uint64_t page_bytes)
{
	struct vma vma = { .start = (uintptr_t)start,
			   .end = (uintptr_t)start + bytes,
			   .name = (char *)what,
			   .page_bytes = page_bytes };

	for (unsigned int without = 0; without < 4; without++) {
		_cleanup_(census_closep) struct census *census = NULL;

		assert_int_equal(census_open(root, getpid(), without, &census), 0);
		compare(census, &vma);
	}
}

/* ---- Kinds of memory ---------------------------------------------------------------- */

static void test_anonymous(void **state)
{
	char *memory = map_memory(4 * MIB, MADV_NOHUGEPAGE);
	struct vma vma = { (uintptr_t)memory, (uintptr_t)memory + 4 * MIB, .page_bytes = 4096 };
	struct census *census;

	(void)state;
	/* Touched, read only (the zero page), untouched. */
	for (size_t i = 0; i < 1024; i += 3)
		memory[i * PAGE_BYTES] = 1;
	for (size_t i = 1; i < 1024; i += 3)
		assert_int_equal(((volatile char *)memory)[i * PAGE_BYTES], 0);
	compare_range("anonymous", memory, 4 * MIB, 4096);
	assert_int_equal(census_open(root, getpid(), 0, &census), 0);
	assert_int_equal(count(census, &vma, false), 342);

	/* From an odd address to an odd address, and the other call. */
	vma.start += 5 * PAGE_BYTES;
	vma.end -= 6 * PAGE_BYTES;
	compare(census, &vma);
	assert_int_equal(census_nodes(census, vma.start, 900, nodes), 0);
	assert_true(nodes[0] == PAGE_NOWHERE && nodes[1] >= 0 && nodes[2] == PAGE_NOWHERE);
	census_close(census);
	munmap(memory, 4 * MIB);
}

static void test_huge(void **state)
{
	char *memory = map_memory(4 * HUGE, MADV_HUGEPAGE), *split = memory + 3 * HUGE;
	struct vma vma = { (uintptr_t)memory, (uintptr_t)memory + 4 * HUGE, .page_bytes = 4096 };
	_cleanup_(census_closep) struct census *census = NULL;

	(void)state;
	memory[0] = 1;
	assert_int_equal(((volatile char *)memory)[HUGE], 0); /* the huge zero page */
	split[0] = 1;
	mprotect(split + PAGE_BYTES, PAGE_BYTES, PROT_READ);
	compare_range("transparent huge pages", memory, 4 * HUGE, 4096);

	assert_int_equal(census_open(root, getpid(), 0, &census), 0);
	if (count(census, &vma, false) < 2 * HUGE / PAGE_BYTES) {
		print_message("no transparent huge pages here\n");
		munmap(memory, 4 * HUGE);
		return;
	}
	assert_int_equal(units[0], HUGE);
	assert_int_equal(units[511], HUGE);
	/* Mapped by small entries, still one folio; but who may not see numbers cannot know. */
	if (geteuid() == 0)
		assert_int_equal(units[3 * 512 + 7], HUGE);
	munmap(memory, 4 * HUGE);
}

static void test_hugetlb(void **state)
{
	char *memory = mmap(NULL, 4 * HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
	_cleanup_(census_closep) struct census *census = NULL;
	struct vma vma = { (uintptr_t)memory, (uintptr_t)memory + 4 * HUGE, .page_bytes = HUGE };
	FILE *pool = fopen("/proc/sys/vm/nr_hugepages", "r+");
	int had = 0;

	(void)state;
	if (memory == MAP_FAILED || !pool || fscanf(pool, "%d", &had) != 1) {
		print_message("no huge pages here\n");
		return;
	}
	rewind(pool);
	fprintf(pool, "%d", had + 2);
	fflush(pool);
	memory[0] = 1;
	memory[2 * HUGE] = 1;
	compare_range("hugetlb", memory, 4 * HUGE, HUGE);
	assert_int_equal(census_open(root, getpid(), 0, &census), 0);
	assert_int_equal(count(census, &vma, true), 1024);
	assert_int_equal(units[1024], HUGE);
	munmap(memory, 4 * HUGE);
	rewind(pool);
	fprintf(pool, "%d", had);
	fclose(pool);
}

/* What others map too, and what files are behind. */
static void test_shared(void **state)
{
	char *memory = map_memory(MIB, MADV_NOHUGEPAGE), *huge = map_memory(HUGE, MADV_HUGEPAGE);
	char *shared = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char *file = mmap(NULL, 4 * PAGE_BYTES, PROT_READ, MAP_PRIVATE, self, 0);
	pid_t child;

	(void)state;
	assert_true(shared != MAP_FAILED && file != MAP_FAILED);
	for (size_t i = 0; i < MIB; i += 2 * PAGE_BYTES)
		memory[i] = shared[i] = 1;
	huge[0] = 1;
	assert_int_equal(((volatile char *)memory)[PAGE_BYTES], 0);
	assert_int_equal(((volatile char *)file)[0], 0x7f);
	compare_range("shared", shared, MIB, 4096);
	compare_range("file", file, 4 * PAGE_BYTES, 4096);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	assert_true(child > 0);
	compare_range("anonymous, forked", memory, MIB, 4096);
	compare_range("huge, forked", huge, HUGE, 4096);
	compare_range("shared, forked", shared, MIB, 4096);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	munmap(memory, MIB);
	munmap(huge, HUGE);
	munmap(shared, MIB);
	munmap(file, 4 * PAGE_BYTES);
	close(self);
}

/* Before Linux 6.12 move_pages does not find such pages; they are there all the same. */
static void test_inaccessible(void **state)
{
	char *memory = map_memory(MIB, MADV_NOHUGEPAGE);
	_cleanup_(census_closep) struct census *census = NULL;
	struct vma vma = { (uintptr_t)memory, (uintptr_t)memory + MIB, .page_bytes = 4096 };

	(void)state;
	memset(memory, 1, MIB);
	mprotect(memory, MIB, PROT_NONE);
	if (!kernel_before(6, 12))
		compare_range("PROT_NONE", memory, MIB, 4096);
	assert_int_equal(census_open(root, getpid(), 0, &census), 0);
	if (geteuid() == 0)
		assert_int_equal(count(census, &vma, false), 256);
	munmap(memory, MIB);
}

static int count_run(const struct census_run *run, void *user)
{
	*(size_t *)user += (run->end - run->start) / PAGE_BYTES;
	return 0;
}

/* Few pages in a terabyte: found, and soon. */
static void test_sparse(void **state)
{
	const size_t bytes = kernel_before(6, 7) ? 1UL << 31 : 1UL << 40;
	char *memory = map_memory(bytes, MADV_NOHUGEPAGE);
	_cleanup_(census_closep) struct census *census = NULL;
	size_t found = 0;
	struct census_request request = {
		.start = (uintptr_t)memory,
		.end = (uintptr_t)memory + bytes,
		.page_bytes = PAGE_BYTES,
		.run = count_run,
		.user = &found,
	};

	(void)state;
	for (size_t at = 0; at < bytes; at += bytes / 8)
		memory[at + 7 * PAGE_BYTES] = 1;
	assert_int_equal(census_open(root, getpid(), 0, &census), 0);
	assert_int_equal(census_walk(census, &request), 0);
	assert_int_equal(found, 8);
	munmap(memory, bytes);
}

/* Whatever else there is: code, stack, heap, vdso, vvar. */
static void test_all_ranges(void **state)
{
	_cleanup_(vma_table_free) struct vma_table table = { 0 };
	_cleanup_(census_closep) struct census *census = NULL;

	(void)state;
	assert_int_equal(process_read_vmas(root, getpid(), getpid(), &table), 0);
	assert_int_equal(census_open(root, getpid(), 0, &census), 0);
	for (size_t i = 0; i < table.nr_vmas; i++)
		if ((table.vmas[i].end - table.vmas[i].start) / PAGE_BYTES <= MOST_PAGES)
			compare(census, &table.vmas[i]);
}

/* ---- Ends and errors ------------------------------------------------------------------ */

static int stop_at_once(const struct census_run *run, void *user)
{
	(void)run;
	++*(int *)user;
	return 42;
}

static void test_stop(void **state)
{
	char *memory = map_memory(MIB, MADV_NOHUGEPAGE);
	_cleanup_(census_closep) struct census *census = NULL;
	int calls = 0;
	struct census_request request = {
		.start = (uintptr_t)memory,
		.end = (uintptr_t)memory + MIB,
		.page_bytes = PAGE_BYTES,
		.run = stop_at_once,
		.user = &calls,
	};

	(void)state;
	for (size_t i = 0; i < MIB; i += 2 * PAGE_BYTES)
		memory[i] = 1;
	assert_int_equal(census_open(root, getpid(), 0, &census), 0);
	assert_int_equal(census_walk(census, &request), 42);
	assert_int_equal(calls, 1);
	munmap(memory, MIB);
}

static void test_ended(void **state)
{
	char *memory = map_memory(MIB, MADV_NOHUGEPAGE);
	_cleanup_(census_closep) struct census *census = NULL;
	struct census *none = NULL;
	pid_t child;
	int node;

	(void)state;
	memory[0] = 1;
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(census_open(root, child, 0, &census), 0);
	assert_int_equal(census_nodes(census, (uintptr_t)memory, 1, &node), 0);
	assert_true(node >= 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(census_nodes(census, (uintptr_t)memory, 1, &node), -ESRCH);
	assert_int_equal(census_open(root, child, 0, &none), -ESRCH);
	assert_null(none);
	munmap(memory, MIB);
}

/*
 * Before Linux 6.12 move_pages does not find pages that NUMA balancing has
 * marked, which it does once a process has run for a second.
 */
static void stop_balancing(void)
{
	FILE *file = kernel_before(6, 12) ? fopen("/proc/sys/kernel/numa_balancing", "w") : NULL;

	if (file) {
		fputs("0", file);
		fclose(file);
	}
}

static int open_root(void **state)
{
	(void)state;
	stop_balancing();
	/* So that nothing of it appears while pages are compared. */
	memset(nodes, 1, sizeof(nodes));
	memset(answers, 1, sizeof(answers));
	memset(addresses, 1, sizeof(addresses));
	memset(units, 1, sizeof(units));
	root = rootfs_open(NULL);
	return root < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anonymous),    cmocka_unit_test(test_huge),
		cmocka_unit_test(test_hugetlb),	     cmocka_unit_test(test_shared),
		cmocka_unit_test(test_inaccessible), cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_all_ranges),   cmocka_unit_test(test_stop),
		cmocka_unit_test(test_ended),
	};

	return cmocka_run_group_tests_name("census", tests, open_root, NULL);
}
