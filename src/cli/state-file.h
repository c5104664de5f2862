/* SPDX-License-Identifier: MIT */
/*
 * Files that mpol keeps from one run to the next: in $XDG_STATE_HOME/mpol where that is set, else
 * in /var/lib/mpol for root and ~/.local/state/mpol for others.
 */
#ifndef CLI_STATE_FILE_H
#define CLI_STATE_FILE_H

#include <stdbool.h>

#include <mpol/mpol.h>

/*
 * The path of the file of that name; free(3) it.  writable: its directories are made, for
 * the owner only.  Errors: -ENOENT (no HOME), -ENOMEM, those of mkdir(2).
 */
int state_file(const char *name, bool writable, char **ret_path, struct mpol_error *error);

#endif
