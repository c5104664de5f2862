/* SPDX-License-Identifier: MIT */
/* Talking to the plugin over the virtio port: see channel.h. */
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "error.h"
#include "text.h"

#define PORT_NAME  "lab.truth"
#define TIMEOUT_NS 10000000000

struct channel {
	int fd;
	unsigned int calls;
	struct text in; /* received, the reply's line first */
};

uint64_t guest_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int read_name(const char *port, char *name, size_t size)
{
	char path[300];
	_cleanup_fclose_ FILE *file = NULL;

	snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", port);
	file = fopen(path, "re");
	if (!file || !fgets(name, (int)size, file))
		return -ENOENT;
	name[strcspn(name, "\n")] = '\0';
	return 0;
}

/* The device file of the port.  -ENODEV. */
static int find_port(char *path, size_t size)
{
	_cleanup_closedir_ DIR *dir = opendir("/sys/class/virtio-ports");
	const struct dirent *entry;
	char name[64];

	while (dir && (entry = readdir(dir))) {
		if (read_name(entry->d_name, name, sizeof(name)) < 0 ||
		    strcmp(name, PORT_NAME) != 0)
			continue;
		snprintf(path, size, "/dev/%s", entry->d_name);
		return 0;
	}
	return -ENODEV;
}

static int open_port(const char *path)
{
	uint64_t deadline = guest_now_ns() + TIMEOUT_NS;

	for (;;) {
		int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

		if (fd >= 0)
			return fd;
		if (errno != EBUSY || guest_now_ns() > deadline)
			return -errno;
		nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
	}
}

int channel_new(struct channel **ret, struct mpol_error *error)
{
	char path[300];
	struct channel *channel;
	int fd;

	if (find_port(path, sizeof(path)) < 0) {
		error_set(error, -ENODEV, "find the virtio port " PORT_NAME, "there is none");
		error_advise(error, "run this in a lab machine started with lab/run --truth FILE");
		return -ENODEV;
	}
	fd = open_port(path);
	if (fd < 0) {
		error_errno(error, fd, "open the channel to the ground truth");
		error_on(error, "%s", path);
		return fd;
	}
	channel = calloc(1, sizeof(*channel));
	if (!channel) {
		close(fd);
		return error_errno(error, -ENOMEM, "open the channel to the ground truth");
	}
	channel->fd = fd;
	*ret = channel;
	return 0;
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	close(channel->fd);
	text_free(&channel->in);
	free(channel);
}

static int wait_for(int fd, short events, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = events };
		uint64_t now = guest_now_ns();

		if (now > deadline_ns)
			return -ETIMEDOUT;
		if (poll(&poll_fd, 1, 100) < 0 && errno != EINTR)
			return -errno;
		if (poll_fd.revents & events)
			return 0;
		/* A port whose other end is not there reports POLLHUP at once. */
		if (poll_fd.revents & (POLLHUP | POLLERR))
			nanosleep(&(struct timespec) { .tv_nsec = 10000000 }, NULL);
	}
}

static int send_text(int fd, const struct text *text, uint64_t deadline_ns)
{
	size_t done = 0;

	while (done < text->length) {
		ssize_t n = write(fd, text->data + done, text->length - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		else if (wait_for(fd, POLLOUT, deadline_ns) < 0)
			return -ETIMEDOUT;
	}
	return 0;
}

/* Reads until the buffer holds a whole line; ends it with a zero byte. */
static int receive_line(struct channel *channel, uint64_t deadline_ns)
{
	channel->in.length = 0;
	for (;;) {
		char data[1024];
		ssize_t n = read(channel->fd, data, sizeof(data));
		char *newline;
		int r;

		if (n > 0) {
			text_append(&channel->in, data, (size_t)n);
			if (channel->in.error)
				return channel->in.error;
			newline = strchr(channel->in.data, '\n');
			if (newline) {
				*newline = '\0';
				return 0;
			}
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(channel->fd, POLLIN, deadline_ns);
		if (r < 0)
			return r;
	}
}

/* The rest of a line that starts with that word, or NULL. */
static const char *after_word(const char *line, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(line, word, length) != 0 || (line[length] != ' ' && line[length] != '\0'))
		return NULL;
	return line + length + (line[length] == ' ');
}

static int exchange(struct channel *channel, const char *id, const struct text *request,
		    const char **ret_reply)
{
	uint64_t deadline_ns = guest_now_ns() + TIMEOUT_NS;
	int r = request->error ? request->error : send_text(channel->fd, request, deadline_ns);

	while (r == 0) {
		r = receive_line(channel, deadline_ns);
		if (r < 0)
			break;
		/* Anything else answers a tool that died before it could read this. */
		*ret_reply = after_word(channel->in.data, id);
		if (*ret_reply)
			return 0;
	}
	return r;
}

int channel_call(struct channel *channel, const char **ret_result, struct mpol_error *error,
		 const char *command, ...)
{
	struct text request = { 0 };
	char words[256], id[48];
	const char *reply, *result;
	va_list args;
	int r;

	va_start(args, command);
	vsnprintf(words, sizeof(words), command, args);
	va_end(args);
	snprintf(id, sizeof(id), "%d.%u", getpid(), channel->calls++);
	text_printf(&request, "%s %s\n", id, words);
	r = exchange(channel, id, &request, &reply);
	text_free(&request);
	if (r < 0) {
		error_errno(error, r, "ask the ground truth plugin");
		error_on(error, "%s", words);
		return error_advise(error, "see whether QEMU still runs the plugin"), r;
	}
	result = after_word(reply, "ok");
	if (!result) {
		result = after_word(reply, "error");
		error_set(error, -EREMOTEIO, "ask the ground truth plugin", "%s",
			  result ? result : "an answer of no known form");
		return -EREMOTEIO;
	}
	if (ret_result)
		*ret_result = result;
	return 0;
}
