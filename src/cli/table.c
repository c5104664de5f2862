/* SPDX-License-Identifier: MIT */
/* Tables for people: see table.h. */
#include "table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "units.h"

/* Characters of UTF-8 text: every byte but the continuation bytes. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Takes over words; frees it where it cannot be kept. */
static void add_cell(struct table *table, char *words)
{
	if (!words)
		table->error = -ENOMEM;
	if (!table->error && table->nr_cells == table->allocated_cells) {
		size_t allocated = table->allocated_cells ? 2 * table->allocated_cells : 64;
		char **cells = reallocarray(table->cells, allocated, sizeof(*cells));

		if (cells) {
			table->cells = cells;
			table->allocated_cells = allocated;
		} else {
			table->error = -ENOMEM;
		}
	}
	if (table->error)
		free(words);
	else
		table->cells[table->nr_cells++] = words;
}

void table_column(struct table *table, const char *title, enum table_align align)
{
	enum table_align *aligns;

	if (table->error)
		return;
	aligns = reallocarray(table->aligns, table->nr_columns + 1, sizeof(*aligns));
	if (!aligns) {
		table->error = -ENOMEM;
		return;
	}
	table->aligns = aligns;
	table->aligns[table->nr_columns++] = align;
	add_cell(table, strdup(title));
}

void table_cell(struct table *table, const char *format, ...)
{
	va_list args;
	char *words;

	va_start(args, format);
	if (vasprintf(&words, format, args) < 0)
		words = NULL;
	va_end(args);
	add_cell(table, words);
}

void table_bytes(struct table *table, uint64_t bytes)
{
	char words[32];

	table_cell(table, "%s", units_format_bytes(bytes, words, sizeof(words)));
}

void table_bandwidth(struct table *table, uint64_t bytes)
{
	char words[32];

	if (bytes)
		table_cell(table, "%s", units_format_bandwidth(bytes, words, sizeof(words)));
	else
		table_cell(table, "-");
}

/* Blanks are held back until a word follows, so that no line ends in them. */
static void print_row(const struct table *table, size_t first, const size_t *widths, FILE *stream)
{
	size_t last = table->nr_columns, pending = 0;

	if (last > table->nr_cells - first)
		last = table->nr_cells - first;
	for (size_t i = 0; i < last; i++) {
		const char *words = table->cells[first + i];
		size_t blanks = widths[i] - width(words);

		if (!*words) {
			pending += blanks + 2;
			continue;
		}
		if (table->aligns[i] == TABLE_RIGHT) {
			pending += blanks;
			blanks = 0;
		}
		fprintf(stream, "%*s%s", (int)pending, "", words);
		pending = blanks + 2;
	}
	fputc('\n', stream);
}

int table_print(const struct table *table, FILE *stream)
{
	_cleanup_free_ size_t *widths = NULL;

	if (table->error)
		return table->error;
	if (!table->nr_columns)
		return 0;
	widths = calloc(table->nr_columns, sizeof(*widths));
	if (!widths)
		return -ENOMEM;
	for (size_t i = 0; i < table->nr_cells; i++) {
		size_t column = i % table->nr_columns, cell = width(table->cells[i]);

		if (widths[column] < cell)
			widths[column] = cell;
	}
	for (size_t i = 0; i < table->nr_cells; i += table->nr_columns)
		print_row(table, i, widths, stream);
	return 0;
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->nr_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->aligns);
	*table = (struct table) { 0 };
}
