/* SPDX-License-Identifier: MIT */
/*
 * Tables of requests, a line each, as libCacheSim and others keep them.  Options
 * say what is where, "csv:time=1,id=2,header=no":
 *
 *   time, id, size, write  the column (from 1) of each; time=1, id=2 if none is named
 *   header                 yes, no, or auto (the default): whatever has no number as its id
 *   delimiter              one character, comma, or tab; comma is the default
 *   unit                   of time: s (the default), ms, us, 100ns, ns
 *   page                   bytes of a page: id is then an address, and a request touches
 *                          all pages of its size; without, an id stands for a page
 *   text-ids               yes: ids are not numbers, and what stands for them is a hash
 *
 * What quotes enclose is not told from what they do not.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "hash.h"
#include "trace-format.h"

#define COLUMNS_MAX 64u

enum column { COLUMN_TIME, COLUMN_ID, COLUMN_SIZE, COLUMN_WRITE, NR_COLUMNS };

static const char *const column_names[NR_COLUMNS] = { "time", "id", "size", "write" };

enum header { HEADER_AUTO, HEADER_YES, HEADER_NO };

struct table {
	struct trace_bytes *bytes;
	unsigned int columns[NR_COLUMNS]; /* from 1; 0: there is none */
	enum header header;
	char delimiter;
	uint64_t unit_ns;
	uint64_t page_bytes;
	bool text_ids;
};

struct choice {
	const char *word;
	uint64_t value;
};

static const struct choice units[] = { { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 },
				       { "100ns", 100 },    { "ns", 1 },       { 0 } };
static const struct choice headers[] = {
	{ "auto", HEADER_AUTO }, { "yes", HEADER_YES }, { "no", HEADER_NO }, { 0 }
};
static const struct choice yes_or_no[] = { { "yes", true }, { "no", false }, { 0 } };
static const struct choice delimiters[] = { { "comma", ',' }, { "tab", '\t' }, { 0 } };

static bool choose(const struct choice *choices, const char *word, uint64_t *ret)
{
	for (; choices->word; choices++) {
		if (!strcmp(choices->word, word)) {
			*ret = choices->value;
			return true;
		}
	}
	return false;
}

static bool set_column(struct table *table, const char *name, const char *value)
{
	uint64_t number;

	for (int i = 0; i < NR_COLUMNS; i++) {
		if (strcmp(column_names[i], name) != 0)
			continue;
		if (parse_u64(value, 10, &number) < 0 || !number || number > COLUMNS_MAX)
			return false;
		table->columns[i] = number;
		return true;
	}
	return false;
}

static bool set_option(struct table *table, const char *name, const char *value)
{
	uint64_t number;

	if (!strcmp(name, "unit"))
		return choose(units, value, &table->unit_ns);
	if (!strcmp(name, "page"))
		return parse_u64(value, 10, &table->page_bytes) == 0 && table->page_bytes >= 512 &&
		       table->page_bytes <= UINT32_C(1) << 31 &&
		       !(table->page_bytes & (table->page_bytes - 1));
	if (!strcmp(name, "header") && choose(headers, value, &number))
		return table->header = number, true;
	if (!strcmp(name, "text-ids") && choose(yes_or_no, value, &number))
		return table->text_ids = number, true;
	if (strcmp(name, "delimiter") != 0)
		return set_column(table, name, value);
	if (choose(delimiters, value, &number))
		return table->delimiter = number, true;
	if (strlen(value) != 1 || isalnum((unsigned char)*value))
		return false;
	table->delimiter = *value;
	return true;
}

static int parse_options(struct table *table, const char *options, struct mpol_error *err)
{
	_cleanup_free_ char *copy = strdup(options ?: "");
	char *next = copy, *option;

	if (!copy)
		return error_errno(err, -ENOMEM, "open trace");
	while ((option = strtok_r(next, ",", &next))) {
		char *value = strchr(option, '=');

		if (value)
			*value++ = '\0';
		if (value && set_option(table, option, value))
			continue;
		error_set(err, -EINVAL, "open trace", "no such option of csv: %s%s%s", option,
			  value ? "=" : "", value ?: "");
		error_advise(err, "options are time, id, size, write, header, delimiter, unit, "
				  "page and text-ids, each with a value");
		return -EINVAL;
	}
	if (!table->columns[COLUMN_ID] &&
	    (table->columns[COLUMN_TIME] || table->columns[COLUMN_SIZE]))
		return error_set(err, -EINVAL, "open trace", "csv without the column of id");
	if (table->columns[COLUMN_SIZE] && !table->page_bytes)
		return error_set(err, -EINVAL, "open trace",
				 "csv with size, but without page: how many pages it is");
	if (table->text_ids && table->page_bytes)
		return error_set(err, -EINVAL, "open trace", "csv with text for addresses");
	if (table->columns[COLUMN_ID])
		return 0;
	table->columns[COLUMN_TIME] = 1;
	table->columns[COLUMN_ID] = 2;
	return 0;
}

static int csv_open(struct trace_bytes *bytes, const char *options, void **ret_state,
		    struct trace_info *info, struct mpol_error *err)
{
	struct table *table = calloc(1, sizeof(*table));
	int r;

	if (!table)
		return error_errno(err, -ENOMEM, "open trace");
	table->bytes = bytes;
	table->delimiter = ',';
	table->unit_ns = 1000000000;
	r = parse_options(table, options, err);
	if (r < 0) {
		free(table);
		return r;
	}
	if (table->text_ids && table->header == HEADER_AUTO)
		table->header = HEADER_NO;
	info->kind = TRACE_ACCESSES;
	info->page_bytes = table->page_bytes;
	*ret_state = table;
	return 0;
}

/* Whole units, and perhaps a fraction of one, in nanoseconds; what is smaller is dropped. */
static int parse_time(char *text, uint64_t unit_ns, uint64_t *ret_ns)
{
	char *fraction = strchr(text, '.');
	uint64_t whole, ns = 0;

	if (fraction)
		*fraction++ = '\0';
	if (parse_u64(text, 10, &whole) < 0 || __builtin_mul_overflow(whole, unit_ns, &ns))
		return -EINVAL;
	for (uint64_t scale = unit_ns / 10; fraction && *fraction; fraction++, scale /= 10) {
		if (!isdigit((unsigned char)*fraction) ||
		    __builtin_add_overflow(ns, (*fraction - '0') * scale, &ns))
			return -EINVAL;
	}
	*ret_ns = ns;
	return 0;
}

/* Cuts the line into the fields that are asked for; those that it has not are NULL. */
static void find_fields(const struct table *table, char *line, char *ret_fields[NR_COLUMNS])
{
	for (int i = 0; i < NR_COLUMNS; i++)
		ret_fields[i] = NULL;
	for (unsigned int column = 1; line && column <= COLUMNS_MAX; column++) {
		char *end = strchr(line, table->delimiter);

		if (end)
			*end++ = '\0';
		line += strspn(line, " ");
		for (char *last = line + strlen(line); last > line && last[-1] == ' ';)
			*--last = '\0';
		for (int i = 0; i < NR_COLUMNS; i++) {
			if (table->columns[i] == column)
				ret_fields[i] = line;
		}
		line = end;
	}
}

/* With addresses: the pages from the first byte to the last. */
static int set_pages(const struct table *table, const char *size, struct trace_record *record)
{
	uint64_t size_bytes = 1, last;

	if (!table->page_bytes)
		return 0;
	if (size && trace_parse_number(size, &size_bytes) < 0)
		return -EINVAL;
	if (__builtin_add_overflow(record->page, (size_bytes ?: 1) - 1, &last))
		return -ERANGE;
	record->page /= table->page_bytes;
	record->nr_pages = last / table->page_bytes - record->page + 1;
	return 0;
}

/* Returns NULL, or the name of the column that has not what it should. */
static const char *parse_fields(const struct table *table, char *fields[NR_COLUMNS],
				struct trace_record *ret_record)
{
	const char *write = fields[COLUMN_WRITE];
	struct trace_record record = { .nr_pages = 1, .count = 1 };

	for (int i = 0; i < NR_COLUMNS; i++) {
		if (table->columns[i] && !fields[i])
			return column_names[i];
	}
	if (table->text_ids)
		record.page = hash_bytes(HASH_START, fields[COLUMN_ID], strlen(fields[COLUMN_ID]));
	else if (trace_parse_number(fields[COLUMN_ID], &record.page) < 0)
		return "id";
	if (fields[COLUMN_TIME] &&
	    parse_time(fields[COLUMN_TIME], table->unit_ns, &record.time_ns) < 0)
		return "time";
	if (set_pages(table, fields[COLUMN_SIZE], &record) < 0)
		return "size";
	if (write && (!strcasecmp(write, "w") || !strcasecmp(write, "write")))
		record.flags = TRACE_WRITE;
	else if (write && strcasecmp(write, "r") != 0 && strcasecmp(write, "read") != 0)
		return "write";
	*ret_record = record;
	return NULL;
}

static bool is_header(const struct table *table, const char *id)
{
	uint64_t number;

	return table->bytes->line == 1 &&
	       (table->header == HEADER_YES ||
		(table->header == HEADER_AUTO && (!id || trace_parse_number(id, &number) < 0)));
}

static int csv_next(void *state, struct trace_record *records, size_t nr, size_t *ret_nr,
		    struct mpol_error *err)
{
	struct table *table = state;
	size_t got = 0;

	while (got < nr) {
		char *fields[NR_COLUMNS], *line;
		const char *wrong;
		int r = trace_bytes_line(table->bytes, &line, err);

		if (r < 0)
			return r;
		if (!line)
			break;
		find_fields(table, line, fields);
		if (is_header(table, fields[COLUMN_ID]))
			continue;
		wrong = parse_fields(table, fields, &records[got]);
		if (wrong)
			return trace_bytes_line_fault(table->bytes, err,
						      "no %s in the column of it", wrong);
		got++;
	}
	*ret_nr = got;
	return 0;
}

static void csv_close(void *state)
{
	free(state);
}

const struct trace_format trace_format_csv = { "csv", csv_open, csv_next, csv_close };
