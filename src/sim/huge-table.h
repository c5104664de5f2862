/* SPDX-License-Identifier: MIT */
/* Large tables that are looked into at random. */
#ifndef SIM_HUGE_TABLE_H
#define SIM_HUGE_TABLE_H

#include <stddef.h>

/*
 * nr zeroed items, 1 at least, in huge pages where the kernel has them to give: a table
 * that is looked into at random then needs one translation of addresses for 2 MiB, not
 * for 4 KiB.  Mapped, so that what is freed is the system's again: tables that grow
 * leave no holes behind.  NULL: no memory.  Free it with huge_table_free.
 */
void *huge_table_new(size_t nr, size_t item_bytes);

/* The same numbers again.  Takes NULL. */
void huge_table_free(void *table, size_t nr, size_t item_bytes);

#endif
