/* SPDX-License-Identifier: MIT */
/* The ranges of a process: their policies, and by what means they have them. */
#ifndef CLI_SHOW_VMAS_H
#define CLI_SHOW_VMAS_H

#include <stdbool.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "table.h"

/* A line for each range with its own policy and its pages by node; one for all stripes that belong
 * together.  Returns 0 or -ENOMEM. */
int vmas_print(const struct mpol_process *process);
json_t *vmas_json(const struct mpol_process *process);

/*
 * A line for each range: its policy, and what serves it: a policy of its
 * own, stripes, or the threads' policy, where the rest of what was wished is left to mpol
 * rebalance. journal: what was wished; NULL: not known.  Returns 0 or -ENOMEM.
 */
int vmas_explain(const struct mpol_process *process, const struct mpol_journal *journal);
json_t *vmas_explain_json(const struct mpol_process *process, const struct mpol_journal *journal);

/* Cells and arrays of bytes, "-" for none; bytes by mpol_process_node, NULL: the process's sums;
 * nodes without any are left out unless all. */
void show_bytes_cell(struct table *table, uint64_t bytes);
json_t *show_nodes_json(const struct mpol_process *process, const uint64_t *bytes, bool all);

#endif
