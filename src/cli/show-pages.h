/* SPDX-License-Identifier: MIT */
/* What mpol show --pages prints: runs of neighbouring pages on one node. */
#ifndef CLI_SHOW_PAGES_H
#define CLI_SHOW_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <mpol/mpol.h>

/* Zero-initialise; free it with page_runs_free. */
struct page_runs {
	struct mpol_page_run *runs; /* their ranges are the process's */
	size_t nr;
};

/* "START-END", hexadecimal, as in /proc/PID/maps.  Returns 0 or -EINVAL, with *error filled in. */
int page_runs_range(const char *text, uint64_t *ret_start, uint64_t *ret_end,
		    struct mpol_error *error);

/* mpol_process_pages into an array.  Errors: its own. */
int page_runs_read(const struct mpol_process *process, uint64_t start, uint64_t end,
		   struct page_runs *ret, struct mpol_error *error);
void page_runs_free(struct page_runs *runs);

/* A table of the runs, and one of their sums by node.  Returns 0 or -ENOMEM. */
int page_runs_print(const struct page_runs *runs);

/* An array of the runs, and one of their sums by node. */
json_t *page_runs_json(const struct page_runs *runs);
json_t *page_runs_sums_json(const struct page_runs *runs);

#endif
