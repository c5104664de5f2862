/* SPDX-License-Identifier: MIT */
/* Drawing outcomes: see sim-plot.h. */
#include "sim-plot.h"

#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "measures.h"
#include "page.h"
#include "verbs.h"

#define MIB	 1048576.0
#define NS_PER_S 1e9

extern char **environ;

/* PREFIX and suffix as a new string; NULL: no memory. */
static char *path_of(const struct sim_options *options, const char *suffix)
{
	char *path = NULL;

	return asprintf(&path, "%s%s", options->plot, suffix) < 0 ? NULL : path;
}

static FILE *create(const struct sim_options *options, const char *suffix)
{
	_cleanup_free_ char *path = path_of(options, suffix);
	FILE *file = path ? fopen(path, "we") : NULL;

	if (!file)
		fprintf(stderr, "mpol sim: write %s%s: %s\n", options->plot, suffix,
			strerror(errno));
	return file;
}

/* Closes a file that was written; VERB_FAILED if it was not all written. */
static int finish(const struct sim_options *options, const char *suffix, FILE *file)
{
	const bool bad = ferror(file);

	if (fclose(file) == 0 && !bad)
		return VERB_OK;
	fprintf(stderr, "mpol sim: write %s%s: %s\n", options->plot, suffix, strerror(errno));
	return VERB_FAILED;
}

/* Blocks of lines, one block for each policy: time, share, bytes promoted, bytes demoted. */
static int write_lines(const struct sim_options *options, struct outcome *const *outcomes)
{
	static const struct tally zero;
	FILE *file = create(options, ".dat");

	if (!file)
		return VERB_FAILED;
	for (unsigned i = 0; i < options->nr_peers; i++) {
		const struct outcome *outcome = outcomes[i];

		fprintf(file,
			"# %s: time (s), share of fast accesses (%%), promoted (MiB), "
			"demoted (MiB)\n",
			outcome->peer->name);
		for (size_t j = 0; j < outcome->nr_intervals; j++) {
			const struct tally *after = &outcome->line[j],
					   *before = j ? after - 1 : &zero;

			fprintf(file, "%.6f %.4f %.3f %.3f\n",
				(double)outcome_interval_end_ns(outcome, j) / NS_PER_S,
				measures_fast_share(options->machine, before, after) / 1e4,
				(double)(after->moved_pages[MOVE_PROMOTION] -
					 before->moved_pages[MOVE_PROMOTION]) *
					PAGE_BYTES / MIB,
				(double)(after->moved_pages[MOVE_DEMOTION] -
					 before->moved_pages[MOVE_DEMOTION]) *
					PAGE_BYTES / MIB);
		}
		fprintf(file, "\n\n");
	}
	return finish(options, ".dat", file);
}

/* The first policy's accesses, a line for each part of the address space. */
static int write_heat(const struct sim_options *options, const struct outcome *outcome)
{
	FILE *file = create(options, "-heat.dat");

	if (!file)
		return VERB_FAILED;
	for (unsigned row = 0; row < WORLD_HEAT_ROWS; row++) {
		for (size_t i = 0; i < outcome->nr_intervals; i++)
			fprintf(file, "%" PRIu32 " ", outcome->heat[i * WORLD_HEAT_ROWS + row]);
		fputc('\n', file);
	}
	return finish(options, "-heat.dat", file);
}

/* A string in gnuplot's single quotes, in which only a single quote means something. */
static void quote(FILE *file, const char *prefix, const char *suffix)
{
	fputc('\'', file);
	for (const char *c = prefix; *c; c++)
		fputs(*c == '\'' ? "''" : (const char[]) { *c, '\0' }, file);
	fprintf(file, "%s'", suffix);
}

static void plot_columns(const struct sim_options *options, FILE *file, const char *name,
			 const char *label, int column)
{
	fprintf(file, "set output ");
	quote(file, options->plot, name);
	fprintf(file, "\nset ylabel '%s'\nplot ", label);
	for (unsigned i = 0; i < options->nr_peers; i++) {
		quote(file, options->plot, ".dat");
		fprintf(file, " index %u using 1:%s%d%s with lines lw 2 title '%s'%s", i,
			column == 3 ? "($" : "", column, column == 3 ? "+$4)" : "",
			options->peers[i]->name, i + 1 < options->nr_peers ? ", \\\n" : "\n");
	}
}

static int write_script(const struct sim_options *options, const struct outcome *first)
{
	const double seconds = (double)first->interval_ns / NS_PER_S;
	const double mib = (double)workload_info(options->workload)->nr_pages * PAGE_BYTES / MIB /
			   WORLD_HEAT_ROWS;
	FILE *file = create(options, ".gnuplot");

	if (!file)
		return VERB_FAILED;
	fprintf(file, "set terminal pngcairo size 1000,500 noenhanced\n"
		      "set xlabel 'time (s)'\nset key outside right\nset grid\n");
	plot_columns(options, file, "-share.png", "accesses to the fastest tier (%)", 2);
	plot_columns(options, file, "-moves.png", "moved (MiB per interval)", 3);
	fprintf(file, "set output ");
	quote(file, options->plot, "-heat.png");
	fprintf(file,
		"\nset ylabel 'address (MiB)'\nset cblabel 'accesses (sampled)'\n"
		"unset key\nset palette defined (0 'white', 1 'orange', 2 'red', 3 'black')\n"
		"set xrange [0:%g]\nset yrange [0:%g]\nplot ",
		(double)first->nr_intervals * seconds, mib * WORLD_HEAT_ROWS);
	quote(file, options->plot, "-heat.dat");
	fprintf(file, " matrix using (($1+0.5)*%g):(($2+0.5)*%g):3 with image\n", seconds, mib);
	return finish(options, ".gnuplot", file);
}

static int run_gnuplot(const struct sim_options *options)
{
	_cleanup_free_ char *script = path_of(options, ".gnuplot");
	char *argv[] = { (char *)"gnuplot", script, NULL };
	int status, r;
	pid_t child;

	if (!script)
		return VERB_FAILED;
	r = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
	if (r != 0) {
		fprintf(stderr,
			"mpol sim: start gnuplot: %s\n  apt-get install gnuplot-nox; the data "
			"is in %s.dat\n",
			strerror(r), options->plot);
		return VERB_FAILED;
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return VERB_FAILED;
	if (status == 0)
		return VERB_OK;
	fprintf(stderr, "mpol sim: gnuplot did not draw %s\n", script);
	return VERB_FAILED;
}

int sim_plot(const struct sim_options *options, struct outcome *const *outcomes)
{
	int r = write_lines(options, outcomes);

	if (r == VERB_OK)
		r = write_heat(options, outcomes[0]);
	if (r == VERB_OK)
		r = write_script(options, outcomes[0]);
	return r == VERB_OK ? run_gnuplot(options) : r;
}
