/* SPDX-License-Identifier: MIT */
/*
 * Commands of the channel: parsing, and the thread that reads them.  A request
 * is bounded by CONTROL_LINE_MAX and ARGUMENTS_MAX; anything malformed changes
 * nothing and is answered by an error.
 */
#include "control.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "gate.h"
#include "session.h"

#define ARGUMENTS_MAX 3

static struct nodemap new_map;
static uint64_t task_offset;

static int do_hello(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	struct tasks_seen seen;

	(void)args;
	(void)error;
	gate_pause();
	seen = tasks_seen();
	gate_resume(gate_before_pause());
	text_printf(reply, " %d %d %" PRIu64 " %" PRIu64 " %" PRIu64, session_calibrated(),
		    session_running(), task_offset, seen.switches, seen.births);
	return 0;
}

static int do_map_clear(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)reply;
	new_map = (struct nodemap) { 0 };
	(void)args;
	return session_set_map(NULL, error);
}

static int do_map_add(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	int r = args[0] > INT32_MAX ? -EINVAL
				    : nodemap_add(&new_map, (int)args[0], args[1], args[2]);

	(void)reply;
	if (r < 0)
		error_errno(error, r, "add to the node map");
	return r;
}

static int do_map_accept(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)reply;
	if (new_map.nr == 0)
		return error_set(error, -EINVAL, "map-accept", "the map is empty");
	task_offset = args[0];
	return session_set_map(&new_map, error);
}

static int do_map_proven(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)reply;
	return session_prove_map(args[0], error);
}

static int do_probe(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)reply;
	return session_probe(args[0], args[1], error);
}

static int do_probed(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	unsigned int nr;

	(void)args;
	(void)error;
	session_probe_end();
	nr = atomic_load(&rules.nr_probes);
	for (unsigned int i = 0; i < nr && i < PROBES_MAX; i++) {
		const struct probe *probe = &rules.probes[i];

		text_printf(reply, " %" PRIx64 ":%" PRIx64 ":%" PRIx64, probe->address,
			    probe->reported, probe->task);
	}
	return 0;
}

static int do_range_clear(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)args;
	(void)reply;
	(void)error;
	session_clear_ranges();
	return 0;
}

static int do_range_add(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)reply;
	return session_add_range(args[0], args[1], error);
}

static int do_start(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)reply;
	if (args[0] > INT32_MAX || args[1] > 1)
		return error_set(error, -EINVAL, "start", "no such process id or flag");
	return session_start(
		&(struct start) { .target = (int)args[0], .by_page = args[1], .guest_ns = args[2] },
		error);
}

static int do_rehearse(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)reply;
	if (args[0] > INT32_MAX)
		return error_set(error, -EINVAL, "rehearse", "no such process id");
	return session_start(
		&(struct start) { .target = (int)args[0], .rehearsal = true, .guest_ns = args[1] },
		error);
}

static int do_tick(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)reply;
	return session_tick(args[0], error);
}

static int do_unknown(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	const struct task *task;
	uint64_t below_id = args[0];

	(void)error;
	gate_pause();
	for (int i = 0; i < UNKNOWN_MAX && (task = session_unknown(below_id)); i++) {
		text_printf(reply, " %" PRIu64 ":%" PRIx64, task->id, task->address);
		below_id = task->id;
	}
	gate_resume(gate_before_pause());
	return 0;
}

static int do_own(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)reply;
	if (args[1] > INT32_MAX)
		return error_set(error, -EINVAL, "own", "no such process id");
	return session_own(args[0], (int)args[1], error);
}

static void put_interval(struct text *reply, const struct interval *interval)
{
	for (unsigned int i = 0; i < rules.map.nr; i++)
		text_printf(reply, " %d:%" PRIu64 ":%" PRIu64, rules.map.parts[i].node,
			    interval->cells[i].loads, interval->cells[i].stores);
	text_printf(reply, " elsewhere:%" PRIu64 ":%" PRIu64 " unattributed:%" PRIu64 ":%" PRIu64,
		    interval->cells[CELL_ELSEWHERE].loads, interval->cells[CELL_ELSEWHERE].stores,
		    interval->unattributed.loads, interval->unattributed.stores);
}

static int do_emit(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	const struct interval *interval;
	int r = session_emit(&interval, error);

	(void)args;
	if (r == 0)
		put_interval(reply, interval);
	return r;
}

static int do_totals(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)args;
	(void)error;
	put_interval(reply, session_totals());
	return 0;
}

static int do_stop(uint64_t *args, struct text *reply, struct mpol_error *error)
{
	(void)reply;
	(void)error;
	session_stop(args[0]);
	return 0;
}

/* arguments: a letter for each, d: decimal, x: hexadecimal. */
static const struct command {
	const char *name;
	const char *arguments;
	int (*run)(uint64_t *args, struct text *reply, struct mpol_error *error);
} commands[] = {
	{ "hello", "", do_hello },
	{ "map-clear", "", do_map_clear },
	{ "map-add", "dxx", do_map_add },
	{ "map-accept", "d", do_map_accept },
	{ "map-proven", "d", do_map_proven },
	{ "probe", "xx", do_probe },
	{ "probed", "", do_probed },
	{ "range-clear", "", do_range_clear },
	{ "range-add", "xx", do_range_add },
	{ "start", "ddd", do_start },
	{ "rehearse", "dd", do_rehearse },
	{ "tick", "d", do_tick },
	{ "unknown", "d", do_unknown },
	{ "own", "dd", do_own },
	{ "emit", "", do_emit },
	{ "totals", "", do_totals },
	{ "stop", "d", do_stop },
};

/* Splits the rest of a request by the command's letters.  -EINVAL. */
static int parse_arguments(char **rest, const char *letters, uint64_t *ret_args)
{
	for (; *letters; letters++) {
		char *word = strsep(rest, " ");

		if (!word || parse_u64(word, *letters == 'x' ? 16 : 10, ret_args++) < 0)
			return -EINVAL;
	}
	return *rest ? -EINVAL : 0;
}

/* mark is the one command with a word for an argument. */
static int run_mark(char **rest, struct mpol_error *error)
{
	char *name = strsep(rest, " ");
	uint64_t guest_ns;

	if (!name || parse_arguments(rest, "d", &guest_ns) < 0)
		return error_set(error, -EINVAL, "mark", "wrong arguments");
	return session_mark(name, guest_ns, error);
}

static int run_command(char *rest, struct text *reply, struct mpol_error *error)
{
	const char *name = strsep(&rest, " ");
	uint64_t args[ARGUMENTS_MAX];

	if (name && strcmp(name, "mark") == 0)
		return run_mark(&rest, error);
	for (size_t i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *command = &commands[i];

		if (strcmp(name, command->name) != 0)
			continue;
		if (parse_arguments(&rest, command->arguments, args) < 0)
			return error_set(error, -EINVAL, name, "wrong arguments");
		return command->run(args, reply, error);
	}
	return error_set(error, -EINVAL, "read a command", "there is none of that name");
}

void control_execute(char *line, struct text *reply)
{
	char *rest = line;
	const char *id = strsep(&rest, " ");
	struct mpol_error error = { 0 };
	size_t before;

	text_printf(reply, "%s", id);
	before = reply->length;
	text_printf(reply, " ok");
	if (run_command(rest, reply, &error) < 0) {
		reply->length = before;
		text_printf(reply, " error %s: %s%s%s", error.step, error.cause,
			    error.advice[0] ? "; " : "", error.advice);
	}
	text_printf(reply, "\n");
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	strcpy(address.sun_path, path); /* control_start has looked at the length */
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return steal_fd(&fd);
}

static int write_all(int fd, const struct text *text)
{
	size_t done = 0;

	while (done < text->length) {
		ssize_t n = send(fd, text->data + done, text->length - done, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

/* Serves until the other side hangs up or sends a line that is too long. */
static void serve(int fd)
{
	_cleanup_fclose_ FILE *in = fdopen(fd, "r");
	char line[CONTROL_LINE_MAX];

	if (!in) {
		close(fd);
		return;
	}
	while (fgets(line, sizeof(line), in)) {
		struct text reply = { 0 };
		char *newline = strchr(line, '\n');
		int r = -EMSGSIZE;

		if (newline) {
			*newline = '\0';
			control_execute(line, &reply);
			r = reply.error ? reply.error : write_all(fd, &reply);
		}
		text_free(&reply);
		if (r < 0)
			return;
	}
}

static void *control_thread(void *path)
{
	for (;;) {
		int fd = connect_to(path);

		if (fd >= 0)
			serve(fd);
		/* QEMU loads plugins before it listens on its chardevs. */
		usleep(10000);
	}
	return NULL;
}

int control_start(const char *path)
{
	sigset_t all, before;
	pthread_t thread;
	char *copy;
	int r;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -ENAMETOOLONG;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	/* QEMU waits for signals in a thread of its own: they must not come here. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, control_thread, copy);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		free(copy);
		return -r;
	}
	pthread_detach(thread);
	return 0;
}
