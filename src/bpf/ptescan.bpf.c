/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Copies pieces of a process's page tables, which user space then decodes: no loop over 512
 * entries for the verifier to follow, and none that is slower here than there.
 *
 * Run by BPF_PROG_RUN as a program of type SYSCALL.  The process is named by a descriptor of
 * the running one: a /proc/PID/pagemap that it holds open pins the mm_struct, whose top table
 * is there for as long (kernel/fork.c, __mmdrop).  The lower tables are not pinned, and no lock is
 * held: they may be freed, and become other memory, while they are read.  Reads that fault
 * fail cleanly (bpf_probe_read_kernel).  A piece is believed only if all entries that
 * led to it are the same afterwards, and the process has not begun to end: what frees a
 * table first takes away the entry that points to it (mm/memory.c, free_pgd_range).
 *
 * x86-64 only: 4 or 5 levels (arch/x86/include/asm/pgtable_types.h).
 */
#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "ptescan.h"

#define PRESENT	 (1ULL << 0)
#define ACCESSED (1ULL << 5)
#define DIRTY	 (1ULL << 6)
#define LARGE	 (1ULL << 7) /* the entry is a page, not a table */
#define P4D	 39
#define PUD	 30
#define PMD	 PTESCAN_HUGE_SHIFT
#define PTE	 PTESCAN_BASE_SHIFT

/* Of the kernel's structs the fields that are used; where they are is relocated at loading. */
#define KERNEL __attribute__((preserve_access_index))

struct file {
	void *private_data;
} KERNEL;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} KERNEL;

struct files_struct {
	struct fdtable *fdt;
} KERNEL;

struct task_struct {
	struct files_struct *files;
} KERNEL;

typedef struct {
	int counter;
} KERNEL atomic_t;

struct mm_struct {
	void *pgd;
	atomic_t mm_users;
} KERNEL;

/* User space maps these. */
struct ptescan_request request;
struct ptescan_piece pieces[PTESCAN_PIECES];
__u64 tables[PTESCAN_PIECES][PTESCAN_ENTRIES];

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/*
 * Where the walk is.  Not on the stack: what the verifier knows of it would be different in
 * every turn of the loop.  Volatile: clang 14 would take it apart, and describe the parts wrongly.
 */
static volatile struct walk {
	__u64 at;
	__u64 pud_address, pud; /* the entry that the huge pages' table hangs on */
	__u64 pmd_table;
	__u64 pmd_start, pmd_end; /* the memory that the piece of it is about */
	__u32 pmd_piece;
} walk;

static __u64 min(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

static __u64 entry_address(__u64 table, __u64 at, int shift)
{
	return table + (at >> shift) % PTESCAN_ENTRIES * sizeof(__u64);
}

/* 0: no entry, or not to be read. */
static __u64 read_entry(__u64 address)
{
	__u64 entry;

	if (bpf_probe_read_kernel(&entry, sizeof(entry), (const void *)address))
		return 0;
	return entry;
}

/* Whether it has become another entry; that the CPU has used it meanwhile is none. */
static bool has_changed(__u64 address, __u64 entry)
{
	return (read_entry(address) ^ entry) & ~(ACCESSED | DIRTY);
}

/* Where the table that an entry points to can be read; 0: it points to none. */
static __u64 table_of(__u64 entry)
{
	__u64 physical = entry & request.bases.frame_mask;

	if (!(entry & PRESENT) || entry & LARGE || physical >= request.bases.memory_end)
		return 0;
	return request.bases.page_offset + physical;
}

/* Goes on behind the memory of the entry of that level. */
static void skip(int shift)
{
	walk.at = ((walk.at >> shift) + 1) << shift;
}

/*
 * Appends the entries of a table that are about [at, end).  The caller has seen that there is
 * room.  Returns the piece's number, or -1: it could not be read.
 */
static int copy(__u64 table, int shift)
{
	__u64 first = (walk.at >> shift) % PTESCAN_ENTRIES;
	__u64 nr = ((request.end - 1) >> shift) - (walk.at >> shift) + 1;
	__u32 number = request.nr_pieces;

	nr = min(nr, PTESCAN_ENTRIES - first);
	/* The verifier wants to see both bounds where they are used. */
	barrier_var(nr);
	barrier_var(number);
	if (number >= PTESCAN_PIECES || nr > PTESCAN_ENTRIES)
		return -1;
	if (bpf_probe_read_kernel(tables[number], nr * sizeof(__u64),
				  (const void *)(table + first * sizeof(__u64))))
		return -1;
	pieces[number].start = walk.at >> shift << shift;
	pieces[number].nr = nr;
	pieces[number].shift = shift;
	request.nr_pieces = number + 1;
	return number;
}

/* Copies the huge pages' table that is about at, or skips the memory that has none. */
static void enter_pmd_table(void)
{
	__u64 table = request.top;
	int number;

	if (request.bases.levels > 4) {
		table = table_of(read_entry(entry_address(table, walk.at, 48)));
		if (!table)
			return skip(48);
	}
	table = table_of(read_entry(entry_address(table, walk.at, P4D)));
	if (!table)
		return skip(P4D);
	walk.pud_address = entry_address(table, walk.at, PUD);
	walk.pud = read_entry(walk.pud_address);
	walk.pmd_table = table_of(walk.pud);
	if (!walk.pmd_table)
		return skip(PUD);
	number = copy(walk.pmd_table, PMD);
	if (number < 0)
		return skip(PUD);
	if (has_changed(walk.pud_address, walk.pud)) {
		request.nr_pieces = number;
		return skip(PUD);
	}
	walk.pmd_piece = number;
	walk.pmd_start = walk.at >> PMD << PMD;
	walk.pmd_end = min(((walk.at >> PUD) + 1) << PUD, request.end);
}

/* Copies the base pages' table that is about at, where there is one. */
static void copy_pte_table(void)
{
	__u64 index = (walk.at - walk.pmd_start) >> PMD, entry, table;
	int number;

	entry = tables[walk.pmd_piece % PTESCAN_PIECES][index % PTESCAN_ENTRIES];
	table = table_of(entry);
	if (table) {
		__u64 address = entry_address(walk.pmd_table, walk.at, PMD);

		number = copy(table, PTE);
		if (number >= 0 &&
		    (has_changed(address, entry) || has_changed(walk.pud_address, walk.pud)))
			request.nr_pieces = number;
	}
	skip(PMD);
}

static long step(__u32 index, void *context)
{
	if (walk.at >= request.end || request.nr_pieces >= PTESCAN_PIECES)
		return 1;
	if (walk.at >= walk.pmd_end)
		enter_pmd_table();
	else
		copy_pte_table();
	return 0;
}

static struct mm_struct *find_mm(int fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if (fd < 0 || (unsigned int)fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file ? BPF_CORE_READ(file, private_data) : NULL;
}

static bool is_gone(struct mm_struct *mm)
{
	return BPF_CORE_READ(mm, mm_users.counter) <= 0;
}

/*
 * A variable of the kernel, or 0: it has none of that name, or does not show addresses to
 * this user.  Not by externs: libbpf would read all of /proc/kallsyms to resolve them.
 */
static __u64 read_variable(const char *name, __u32 name_bytes, __u32 bytes)
{
	__u64 address = 0, value = 0;

	if (bpf_kallsyms_lookup_name(name, name_bytes, 0, &address) ||
	    bpf_probe_read_kernel(&value, bytes, (const void *)address))
		return 0;
	return value;
}

#define READ(name, type) read_variable(name, sizeof(name), sizeof(type))

/* A kernel without pgdir_shift has four levels; one without sme_me_mask does not encrypt. */
static void find_bases(struct ptescan_bases *ret)
{
	ret->page_offset = READ("page_offset_base", __u64);
	ret->memory_end = READ("max_pfn", __u64) << PTE;
	ret->frame_mask = PTESCAN_FRAME & ~READ("sme_me_mask", __u64);
	ret->levels = READ("pgdir_shift", __u32) > P4D ? 5 : 4;
}

static enum ptescan_status run(void)
{
	struct mm_struct *mm = find_mm(request.pagemap);

	if (!mm)
		return PTESCAN_NO_FILE;
	if (is_gone(mm))
		return PTESCAN_GONE;
	request.top = (__u64)BPF_CORE_READ(mm, pgd);
	if (!request.bases.page_offset)
		find_bases(&request.bases);
	if (!request.bases.page_offset || !request.bases.memory_end)
		return PTESCAN_NO_BASE;
	walk.at = request.start;
	walk.pmd_end = 0;
	request.nr_pieces = 0;
	bpf_loop(PTESCAN_STEPS, step, NULL, 0);
	request.next = min(walk.at, request.end);
	return is_gone(mm) ? PTESCAN_GONE : PTESCAN_OK;
}

SEC("syscall")
int ptescan(void *unused)
{
	request.status = run();
	return 0;
}
