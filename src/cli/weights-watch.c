/* SPDX-License-Identifier: MIT */
/* Watching nodes come and go: see weights-watch.h. */
#include "weights-watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "error.h"

/* A page of sysfs. */
#define MOST_TEXT 4096

/* Everything in the table is ours for the nodes that there are; others keep what they had. */
static int note_made(const struct weights_watch *watch, const struct weights_scene *scene,
		     struct weights_made *made, struct mpol_error *error)
{
	struct mpol_kernel_weights table;
	int r = watch->read(watch->user, &table, error), node;

	if (r < 0)
		return r;
	made->scene = *scene;
	nodemask_for_each (node, &scene->memory)
		made->weights[node] = table.weights[node];
	return 0;
}

static int not_ours(const struct weights_made *made, const struct mpol_kernel_weights *table,
		    int node, struct mpol_error *error)
{
	if (node < 0)
		error_set(error, -ECANCELED, "watch nodes",
			  "they have changed, but the kernel derives the weights itself since");
	else
		error_set(error, -ECANCELED, "watch nodes",
			  "they have changed, but somebody else has set the weight of node %d to "
			  "%d since, which was %d",
			  node, table->weights[node], made->weights[node]);
	error_advise(error, "mpol weights auto --watch derives them again, and goes on from there");
	return -ECANCELED;
}

static int derive(const struct weights_watch *watch, const struct weights_scene *now,
		  struct weights_made *made, struct mpol_error *error)
{
	struct mpol_kernel_weights table;
	int r = watch->read(watch->user, &table, error), node;

	if (r < 0)
		return r;
	if (weights_foreign(made, &table, &node))
		return not_ours(made, &table, node, error);
	watch->derive(watch->user, now);
	return note_made(watch, now, made, error);
}

int weights_watch(const struct weights_watch *watch, struct mpol_error *error)
{
	struct weights_made made = { 0 };
	struct weights_scene before, now;
	int r = watch->look(watch->user, &before, error);

	if (r >= 0)
		r = note_made(watch, &before, &made, error);
	while (r >= 0 && watch->wait(watch->user)) {
		r = watch->look(watch->user, &now, error);
		if (r >= 0 && weights_age(&made, &before, &now) == WEIGHTS_STALE)
			r = derive(watch, &now, &made, error);
		if (r >= 0)
			before = now;
	}
	return r;
}

/* ---- This machine -------------------------------------------------------------------- */

static int read_nodes(const char *root, const char *name, struct nodemask *ret_nodes,
		      struct mpol_error *error)
{
	_cleanup_free_ char *path = NULL;
	char text[MOST_TEXT] = "";
	FILE *file;
	int r = 0;

	if (asprintf(&path, "%s/sys/devices/system/node/%s", root ? root : "", name) < 0)
		return error_errno(error, -ENOMEM, "watch nodes");
	file = fopen(path, "re");
	if (!file)
		r = -errno;
	else if (!fgets(text, sizeof(text), file) && ferror(file))
		r = -EIO;
	if (file)
		fclose(file);
	text[strcspn(text, "\n")] = '\0';
	if (r >= 0 && nodemask_parse(text, ret_nodes) < 0)
		r = -EBADMSG;
	if (r < 0) {
		error_errno(error, r, "watch nodes");
		error_on(error, "%s", path);
	}
	return r;
}

int weights_watch_look(const char *root, struct weights_scene *ret_scene, struct mpol_error *error)
{
	struct weights_scene scene;
	int r = read_nodes(root, "has_memory", &scene.memory, error);

	if (r >= 0)
		r = read_nodes(root, "has_cpu", &scene.cpus, error);
	if (r >= 0)
		*ret_scene = scene;
	return r;
}

bool weights_watch_wait(void *unused)
{
	const struct timespec second = { .tv_sec = 1 };
	sigset_t ends;

	(void)unused;
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	/* Stays blocked: a change is made as a whole. */
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return sigtimedwait(&ends, NULL, &second) < 0;
}
