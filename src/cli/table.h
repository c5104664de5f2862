/* SPDX-License-Identifier: MIT */
/*
 * Tables for people: columns as wide as their widest cell, two spaces between
 * them, no trailing blanks.  Widths count characters, not bytes (UTF-8).
 *
 *	_cleanup_(table_free) struct table table = { 0 };
 *
 *	table_column(&table, "NODE", TABLE_RIGHT);
 *	table_column(&table, "CPUS", TABLE_LEFT);
 *	table_cell(&table, "%d", 0);
 *	table_cell(&table, "0-3");
 *	r = table_print(&table, stdout);
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum table_align {
	TABLE_LEFT,
	TABLE_RIGHT,
};

/* Zero-initialise. */
struct table {
	enum table_align *aligns;
	size_t nr_columns;
	char **cells; /* row by row, the titles first; owned */
	size_t nr_cells;
	size_t allocated_cells;
	int error; /* sticky: 0 or -ENOMEM */
};

/* Adds a column.  All columns come before the first cell. */
void table_column(struct table *table, const char *title, enum table_align align);

/* Adds the next cell: left to right, then the next row; "" stays blank. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a cell with an amount of memory, in the fitting unit. */
void table_bytes(struct table *table, uint64_t bytes);

/* Adds a cell with bytes per second, in the fitting unit; "-" where they are 0. */
void table_bandwidth(struct table *table, uint64_t bytes);

/* Prints titles and rows; an unfinished last row is blank to its right.  Returns 0 or -ENOMEM. */
int table_print(const struct table *table, FILE *stream);

/* Frees what the table holds, not the struct itself. */
void table_free(struct table *table);

#endif
