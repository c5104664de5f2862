/* SPDX-License-Identifier: MIT */
/* Loading, checking and running the BPF program ptescan: see ptescan-program.h. */
#include "ptescan-program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "page-table.h"
#include "pagemap.h"

#include "ptescan.h"
#include "ptescan.skel.h"

_Static_assert(PTESCAN_BASE_SHIFT == PAGE_TABLE_BASE_SHIFT, "levels");
_Static_assert(PTESCAN_HUGE_SHIFT == PAGE_TABLE_HUGE_SHIFT, "levels");

#define GIB (1ULL << 30)

struct ptescan_program {
	const struct node_blocks *blocks;
	struct ptescan *skeleton;
	struct ptescan_bases bases; /* zeros: to be asked for */
};

static int load(struct ptescan_program *program, struct mpol_error *err)
{
	/* It would print to stderr. */
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int r = 0;

	program->skeleton = ptescan__open_and_load();
	if (!program->skeleton)
		r = -errno;
	libbpf_set_print(print);
	if (r == 0)
		return 0;
	error_errno(err, r, "load a BPF program");
	error_on(err, "ptescan");
	if (r == -EPERM || r == -EACCES)
		error_advise(err, "needs CAP_BPF and CAP_PERFMON, and a kernel without "
				  "lockdown=confidentiality");
	else /* -EINVAL is also how the verifier refuses what lockdown forbids */
		error_advise(err, "needs Linux 6.1 or later, with BTF (/sys/kernel/btf/vmlinux), "
				  "without lockdown=confidentiality");
	return r;
}

static int explain(uint32_t status, struct mpol_error *err)
{
	static const char step[] = "read page tables";

	switch ((enum ptescan_status)status) {
	case PTESCAN_OK:
		return 0;
	case PTESCAN_GONE:
	case PTESCAN_NO_FILE:
		return error_set(err, -ESRCH, step,
				 "the process has ended, or runs another program");
	case PTESCAN_NO_BASE:
		break;
	}
	return error_set(err, -EOPNOTSUPP, step, "the kernel does not show where it maps memory");
}

/* Copies the tables that are about [start, end), as far as one run goes. */
static int run(struct ptescan_program *program, int pagemap, uint64_t start, uint64_t end,
	       struct mpol_error *err)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	struct ptescan_request *request = &program->skeleton->bss->request;
	int r;

	*request = (struct ptescan_request) {
		.start = start,
		.end = end,
		.pagemap = pagemap,
		.bases = program->bases,
	};
	r = bpf_prog_test_run_opts(bpf_program__fd(program->skeleton->progs.ptescan), &options);
	if (r < 0)
		return error_errno(err, r, "run a BPF program");
	return explain(request->status, err);
}

int ptescan_program_read(struct ptescan_program *program, int pagemap, struct page_table_view *view,
			 struct mpol_error *err)
{
	const uint64_t end = view->start + view->nr_pages * PAGE_BYTES;
	const struct ptescan__bss *shared = program->skeleton->bss;

	for (uint64_t at = view->start; at < end; at = shared->request.next) {
		int r = run(program, pagemap, at, end, err);

		if (r < 0)
			return r;
		if (shared->request.next <= at || shared->request.nr_pieces > PTESCAN_PIECES)
			return error_set(err, -EBADMSG, "run a BPF program", "it went nowhere");
		for (unsigned i = 0; i < shared->request.nr_pieces; i++) {
			struct page_table_piece piece = {
				.start = shared->pieces[i].start,
				.shift = shared->pieces[i].shift,
				.nr = shared->pieces[i].nr,
				.entries = (const uint64_t *)shared->tables[i],
				.frame_mask = shared->request.bases.frame_mask,
			};

			page_table_read(&piece, program->blocks, view);
		}
	}
	return 0;
}

/* Physical; 0 where there are no blocks. */
static uint64_t blocks_end(const struct node_blocks *blocks)
{
	return (uint64_t)blocks->nr_blocks * PAGE_BYTES << blocks->shift;
}

void ptescan_program_extend(struct ptescan_program *program)
{
	const uint64_t end = blocks_end(program->blocks);

	if (end > program->bases.memory_end)
		program->bases.memory_end = end;
}

unsigned int ptescan_program_levels(const struct ptescan_program *program)
{
	return program->bases.levels;
}

void ptescan_program_free(struct ptescan_program *program)
{
	if (!program)
		return;
	ptescan__destroy(program->skeleton);
	free(program);
}

/* ---- The self-test --------------------------------------------------------------- */

#define TEST_PAGES 64
#define TEST_TRIES 5

struct self_test {
	int pagemap;
	char *memory; /* TEST_PAGES of base pages */
};

static void self_test_end(struct self_test *test)
{
	closep(&test->pagemap);
	if (test->memory != MAP_FAILED)
		munmap(test->memory, TEST_PAGES * PAGE_BYTES);
}

static int self_test_begin(struct self_test *ret)
{
	ret->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ret->memory = mmap(NULL, TEST_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ret->pagemap < 0 || ret->memory == MAP_FAILED)
		return -errno;
	madvise(ret->memory, TEST_PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
	return 0;
}

/* What is known of a page in two ways has to be the same. */
static bool agree(const struct ptescan_program *program, uint64_t entry, bool is_present,
		  bool is_accessed, int node)
{
	const bool is_there = entry & PAGEMAP_PRESENT;
	const uint64_t number = entry & PAGEMAP_NUMBER;
	int known = number ? node_blocks_find(program->blocks, number) : node;

	return is_present == is_there && is_accessed == is_there &&
	       node == (known < 0 ? -1 : known);
}

/*
 * Reads pages of our own, every third of which is there, and has just been accessed.
 * -EOPNOTSUPP: pagemap shows something else.
 */
static int compare(struct ptescan_program *program, const struct self_test *test,
		   struct mpol_error *err)
{
	uint64_t entries[TEST_PAGES] = { 0 }, accessed = 0, present = 0;
	int16_t nodes[TEST_PAGES];
	struct page_table_view view = {
		.start = (uintptr_t)test->memory,
		.nr_pages = TEST_PAGES,
		.accessed = &accessed,
		.present = &present,
		.nodes = nodes,
	};
	int r;

	memset(nodes, 0xff, sizeof(nodes));
	for (size_t page = 0; page < TEST_PAGES; page += 3)
		((volatile char *)test->memory)[page * PAGE_BYTES] = 1;
	r = ptescan_program_read(program, test->pagemap, &view, err);
	if (r < 0)
		return r;
	if (pread(test->pagemap, entries, sizeof(entries),
		  (off_t)(view.start / PAGE_BYTES * sizeof(*entries))) < 0)
		return error_errno(err, -errno, "read /proc/self/pagemap");
	for (size_t page = 0; page < TEST_PAGES; page++) {
		const bool is_present = present >> page & 1, is_accessed = accessed >> page & 1;

		if (!agree(program, entries[page], is_present, is_accessed, nodes[page]))
			return error_set(err, -EOPNOTSUPP, "check the reading of page tables",
					 "page %zu of our own is %spresent, %saccessed, on node "
					 "%d; pagemap shows %#llx",
					 page, is_present ? "" : "not ", is_accessed ? "" : "not ",
					 nodes[page], (unsigned long long)entries[page]);
	}
	return 0;
}

/* Several times: pages may be moved, or lose their accessed bits to reclaim, in between. */
static int compare_patiently(struct ptescan_program *program, const struct self_test *test,
			     struct mpol_error *err)
{
	int r = -EOPNOTSUPP;

	for (int i = 0; i < TEST_TRIES && r == -EOPNOTSUPP; i++)
		r = compare(program, test, err);
	return r;
}

/* Tries all places where memory may be mapped, upwards: see ptescan-program.h. */
static int search(struct ptescan_program *program, const struct self_test *test, uint64_t top)
{
	const uint64_t memory_end = blocks_end(program->blocks);

	for (uint64_t below = (memory_end + GIB - 1) / GIB + 1; below-- > 0;)
		for (unsigned levels = 4; levels <= 5; levels++) {
			program->bases = (struct ptescan_bases) {
				.page_offset = top / GIB * GIB - below * GIB,
				.memory_end = memory_end,
				.frame_mask = PTESCAN_FRAME,
				.levels = levels,
			};
			if (compare(program, test, NULL) == 0)
				return 0;
		}
	return -EOPNOTSUPP;
}

static int find_bases(struct ptescan_program *program, unsigned int without,
		      const struct self_test *test, struct mpol_error *err)
{
	const struct ptescan_request *request = &program->skeleton->bss->request;
	const uint64_t at = (uintptr_t)test->memory;
	int r = run(program, test->pagemap, at, at + PAGE_BYTES, err);

	if (r == 0 && !(without & PTESCAN_WITHOUT_SYMBOLS)) {
		program->bases = request->bases;
		return compare_patiently(program, test, err);
	}
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	r = search(program, test, request->top);
	if (r == 0) {
		error_clear(err);
		return 0;
	}
	error_set(err, r, "read page tables",
		  "the kernel does not show where it maps memory, and it was not found");
	error_advise(err, "needs CAP_SYSLOG, and a kernel with CONFIG_KALLSYMS_ALL");
	return r;
}

int ptescan_program_load(const struct node_blocks *blocks, unsigned int without,
			 struct ptescan_program **ret, struct mpol_error *err)
{
	_cleanup_(ptescan_program_freep) struct ptescan_program *program =
		calloc(1, sizeof(*program));
	_cleanup_(self_test_end) struct self_test test = { .pagemap = -1, .memory = MAP_FAILED };
	int r;

	if (!program)
		return error_errno(err, -ENOMEM, "load a BPF program");
	program->blocks = blocks;
	r = load(program, err);
	if (r < 0)
		return r;
	r = self_test_begin(&test);
	if (r < 0)
		return error_errno(err, r, "open /proc/self/pagemap");
	r = find_bases(program, without, &test, err);
	if (r < 0)
		return r;
	*ret = steal_pointer(&program);
	return 0;
}
