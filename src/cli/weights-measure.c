/* SPDX-License-Identifier: MIT */
/* Measured bandwidths: see weights-measure.h. */
#include "weights-measure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <jansson.h>

#include "report.h"
#include "state-file.h"
#include "table.h"
#include "verbs.h"

#define FILE_NAME "bandwidths.json"

static void show_progress(size_t nr_done, size_t nr_all, void *user)
{
	(void)user;
	fprintf(stderr, "\rmeasured %zu of %zu%s", nr_done, nr_all, nr_done == nr_all ? "\n" : "");
}

static int print_table(const struct mpol_bandwidths *bandwidths)
{
	_cleanup_(table_free) struct table table = { 0 };
	const struct mpol_bandwidth *each;

	table_column(&table, "FROM", TABLE_RIGHT);
	table_column(&table, "TO", TABLE_RIGHT);
	table_column(&table, "READ", TABLE_RIGHT);
	table_column(&table, "WRITE", TABLE_RIGHT);
	table_column(&table, "MIXED 2:1", TABLE_RIGHT);
	for (size_t i = 0; (each = mpol_bandwidths_at(bandwidths, i)); i++) {
		table_cell(&table, "%d", each->initiator);
		if (each->target < 0)
			table_cell(&table, "all");
		else
			table_cell(&table, "%d", each->target);
		table_bandwidth(&table, each->read_bytes);
		table_bandwidth(&table, each->write_bytes);
		table_bandwidth(&table, each->mixed_bytes);
	}
	return table_print(&table, stdout);
}

static json_t *document(const struct mpol_bandwidths *bandwidths, const char *path)
{
	const struct mpol_bandwidth *each;
	json_t *array = json_array();

	for (size_t i = 0; (each = mpol_bandwidths_at(bandwidths, i)); i++)
		json_array_append_new(
			array,
			json_pack("{s:i, s:o, s:I, s:I, s:I}", "initiator", each->initiator,
				  "target",
				  each->target < 0 ? json_null() : json_integer(each->target),
				  "read_bytes_per_second", (json_int_t)each->read_bytes,
				  "write_bytes_per_second", (json_int_t)each->write_bytes,
				  "mixed_bytes_per_second", (json_int_t)each->mixed_bytes));
	return json_pack("{s:s, s:I, s:o}", "file", path, "time",
			 (json_int_t)mpol_bandwidths_time(bandwidths), "bandwidths", array);
}

int weights_measure(const struct mpol_topology *topology, uint64_t time_ns, bool json)
{
	_cleanup_(mpol_bandwidths_freep) struct mpol_bandwidths *bandwidths = NULL;
	_cleanup_free_ char *path = NULL;
	struct mpol_error error = { 0 };
	int r = state_file(FILE_NAME, true, &path, &error);

	if (r == 0)
		r = mpol_bandwidths_measure(topology, time_ns,
					    isatty(STDERR_FILENO) ? show_progress : NULL, NULL,
					    &bandwidths, &error);
	if (r == 0)
		r = mpol_bandwidths_save(bandwidths, path, &error);
	if (r < 0)
		return report_error("weights", json, &error);
	if (json)
		return report_json(document(bandwidths, path));
	if (print_table(bandwidths) < 0)
		return report_no_memory("weights");
	printf("\nkept in %s: mpol weights auto and explain go by it\n", path);
	return VERB_OK;
}

struct mpol_bandwidths *weights_measured(const struct mpol_topology *topology)
{
	struct mpol_bandwidths *bandwidths = NULL;
	_cleanup_free_ char *path = NULL;
	struct mpol_error error = { 0 };

	if (state_file(FILE_NAME, false, &path, &error) < 0)
		return NULL;
	if (mpol_bandwidths_load(path, topology, &bandwidths, &error) < 0 && error.code != -ENOENT)
		report_error_words("weights", &error);
	return bandwidths;
}
