/* SPDX-License-Identifier: MIT */
/*
 * Reading the page tables of processes with a BPF program (src/bpf/ptescan.bpf.c): what
 * loads, checks and runs it.
 *
 * The program has to know where the kernel maps all of memory.  A kernel with CONFIG_KALLSYMS_ALL
 * tells root; elsewhere it is searched for: memory is mapped at a multiple of 1 GiB, below where
 * the kernel sees our own top page table, and by no more than there is memory.  The
 * search begins at the lowest address that can be, so that what a wrong guess reads is memory
 * or nothing, never a device's registers.  Either way what is found is checked on pages of our own.
 */
#ifndef HOST_PTESCAN_PROGRAM_H
#define HOST_PTESCAN_PROGRAM_H

#include <stdbool.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "node-blocks.h"
#include "page-table.h"

struct ptescan_program;

/* As if the kernel did not tell where it maps memory; for tests. */
#define PTESCAN_WITHOUT_SYMBOLS (1U << 0)

/*
 * Loads the program and checks it on memory of this process, which has to agree with
 * /proc/self/pagemap.  blocks stays the caller's, and has to live as long.  Free it with
 * ptescan_program_free.
 * Errors: -EPERM, -EACCES (capabilities, lockdown), -EOPNOTSUPP (not on this kernel, or it
 * does not read right), -ENOMEM, and what bpf(2) says.
 */
int ptescan_program_load(const struct node_blocks *blocks, unsigned int without,
			 struct ptescan_program **ret, struct mpol_error *err);
void ptescan_program_free(struct ptescan_program *program);
DEFINE_CLEANUP(struct ptescan_program *, ptescan_program_free);

/* Memory has come, which its blocks tell of already: page tables may be there, too. */
void ptescan_program_extend(struct ptescan_program *program);

/* Of page tables: 4 or 5. */
unsigned int ptescan_program_levels(const struct ptescan_program *program);

/*
 * Adds to the view what page_table_read says of the process whose pagemap the descriptor is.
 * Errors: -ESRCH: it has ended, or runs another program; what bpf(2) says.
 */
int ptescan_program_read(struct ptescan_program *program, int pagemap, struct page_table_view *view,
			 struct mpol_error *err);

#endif
