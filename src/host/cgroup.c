/* SPDX-License-Identifier: MIT */
/*
 * Cgroups of the second version: see cgroup.h.
 *
 * Cgroups come and go while we walk: one that has gone below the one that was
 * asked for has no processes any more, and is no error.
 */
#include "cgroup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "rootfs.h"
#include "text.h"

#define MOUNT "sys/fs/cgroup"

/* Units that have processes (systemd.unit(5)); what else has a cgroup is rarely meant. */
static const char *const unit_suffixes[] = { ".service", ".scope", ".slice",
					     ".socket",	 ".mount", ".swap" };
#define NR_SUFFIXES (sizeof(unit_suffixes) / sizeof(unit_suffixes[0]))

static int join(char ret_path[PATH_MAX], const char *directory, const char *name)
{
	int length = snprintf(ret_path, PATH_MAX, *name ? "%s/%s" : "%s", directory, name);

	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Every cgroup of version 2 has this file, none of version 1. */
static bool is_mount(int root, const char *path)
{
	_cleanup_free_ char *text = NULL;

	return rootfs_read(root, &text, "%s/cgroup.controllers", path) >= 0;
}

/* Where version 2 is mounted: alone, or beside version 1 (systemd's "hybrid"). */
static const char *find_mount(int root)
{
	static const char *const mounts[] = { MOUNT, MOUNT "/unified" };

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		if (is_mount(root, mounts[i]))
			return mounts[i];
	return NULL;
}

static int refuse_no_mount(struct mpol_error *error, const char *name)
{
	error_set(error, -EOPNOTSUPP, "find cgroup", "no cgroup v2 is mounted at /" MOUNT);
	error_on(error, "%s", name);
	error_advise(error, "select by process ids, --tree or --match; or mount -t cgroup2 none "
			    "/" MOUNT);
	return -EOPNOTSUPP;
}

/*
 * Whether one of the components is "." or "..".  No cgroup has such a name, and
 * "." would quietly mean every process of the machine.
 */
static bool has_dots(const char *path)
{
	for (const char *part = path; *part; part += strspn(part, "/")) {
		size_t length = strcspn(part, "/");

		if (length && length <= 2 && strspn(part, ".") == length)
			return true;
		part += length;
	}
	return false;
}

/* What follows the prefix and a slash, or the end, in path; NULL: it does not begin so. */
static const char *after(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(path, prefix, length) || (path[length] && path[length] != '/'))
		return NULL;
	return path + length;
}

/* The part of what the user wrote that is below the mount, without slashes around it. */
static void strip(const char *mount, const char *name, char ret_path[PATH_MAX])
{
	const char *path = name + strspn(name, "/"), *below;
	size_t length;

	below = after(path, mount);
	if (!below)
		below = after(path, MOUNT);
	path = below ? below : path;
	path += strspn(path, "/");
	length = strlen(path);
	while (length && path[length - 1] == '/')
		length--;
	snprintf(ret_path, PATH_MAX, "%.*s", (int)length, path);
}

static int refuse_path(struct mpol_error *error, const char *name, const char *cause)
{
	error_set(error, -EINVAL, "find cgroup", "%s", cause);
	error_on(error, "\"%.128s\"", name);
	error_advise(error, "name one below the root, such as system.slice/cron.service; "
			    "systemd-cgls(1) shows them");
	return -EINVAL;
}

int cgroup_find(int root, const char *name, char ret_path[PATH_MAX], struct mpol_error *error)
{
	const char *mount = find_mount(root);
	char below[PATH_MAX], path[PATH_MAX];
	_cleanup_closedir_ DIR *dir = NULL;
	int r;

	if (strlen(name) >= PATH_MAX || has_dots(name))
		return refuse_path(error, name, "not a path of a cgroup");
	if (!mount)
		return refuse_no_mount(error, name);
	strip(mount, name, below);
	if (!*below)
		return refuse_path(error, name, "that is every process of the machine");
	r = join(path, mount, below);
	if (r >= 0)
		r = rootfs_opendir(root, &dir, "%s", path);
	if (r == -ENOENT || r == -ENOTDIR) {
		error_set(error, -ENOENT, "find cgroup", "there is no such cgroup below /%s",
			  mount);
		error_on(error, "%s", name);
		error_advise(error, "systemd-cgls(1) shows the cgroups; --unit finds one by the "
				    "unit's name");
		return -ENOENT;
	}
	if (r < 0) {
		error_errno(error, r, "find cgroup");
		error_on(error, "%s", name);
		return r;
	}
	strcpy(ret_path, path);
	return 0;
}

const char *cgroup_parse_own(char *text)
{
	char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");

	if (!line)
		return NULL;
	line += *line == '\n';
	line[strcspn(line, "\n")] = '\0';
	return line + 3;
}

/* ---- Walking ------------------------------------------------------------------- */

/* Called for each cgroup; negative ends the walk. */
typedef int visit_fn(int root, const char *path, void *user);

struct paths {
	char **paths; /* owned, a stack */
	size_t nr;
};

static void paths_free(struct paths *paths)
{
	for (size_t i = 0; i < paths->nr; i++)
		free(paths->paths[i]);
	free(paths->paths);
	*paths = (struct paths) { 0 };
}

static int paths_push(struct paths *paths, const char *path)
{
	char **more = reallocarray(paths->paths, paths->nr + 1, sizeof(*more));
	char *copy = strdup(path);

	if (more)
		paths->paths = more;
	if (!more || !copy) {
		free(copy);
		return -ENOMEM;
	}
	paths->paths[paths->nr++] = copy;
	return 0;
}

static int push_children(int root, const char *path, struct paths *paths)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int r = rootfs_opendir(root, &dir, "%s", path);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while (errno = 0, (entry = readdir(dir))) {
		char child[PATH_MAX];

		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		r = join(child, path, entry->d_name);
		if (r >= 0)
			r = paths_push(paths, child);
		if (r < 0)
			return r;
	}
	return errno == ENOENT ? 0 : -errno;
}

/* The cgroup and all below it; a stack instead of recursion, which outsiders could drive deep. */
static int walk(int root, const char *top, visit_fn *visit, void *user)
{
	_cleanup_(paths_free) struct paths stack = { 0 };
	int r = paths_push(&stack, top);

	while (r >= 0 && stack.nr) {
		_cleanup_free_ char *path = stack.paths[--stack.nr];

		r = visit(root, path, user);
		if (r >= 0)
			r = push_children(root, path, &stack);
	}
	return r;
}

/* ---- Units --------------------------------------------------------------------- */

struct unit_search {
	const char *name;
	bool has_suffix;
	struct paths found;
};

static bool ends_in(const char *text, const char *suffix)
{
	size_t length = strlen(text), end = strlen(suffix);

	return length > end && !strcmp(text + length - end, suffix);
}

static bool has_unit_suffix(const char *name)
{
	for (size_t i = 0; i < NR_SUFFIXES; i++)
		if (ends_in(name, unit_suffixes[i]))
			return true;
	return false;
}

static bool is_unit(const struct unit_search *search, const char *directory)
{
	size_t length = strlen(search->name);

	/* systemd puts this before names that could be a file of the kernel's. */
	if (*directory == '_')
		directory++;
	if (strncmp(directory, search->name, length))
		return false;
	if (search->has_suffix)
		return !directory[length];
	/* Only what people mean without a suffix, as systemctl(1) and its like. */
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(directory + length, unit_suffixes[i]))
			return true;
	return false;
}

static int visit_unit(int root, const char *path, void *user)
{
	struct unit_search *search = user;
	const char *name = strrchr(path, '/');

	(void)root;
	return name && is_unit(search, name + 1) ? paths_push(&search->found, path) : 0;
}

/* systemd.unit(5): the characters of unit names, and their length. */
static bool is_unit_name(const char *name)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789:-_.\\@";
	size_t length = strlen(name);

	return length && length < 256 && strspn(name, characters) == length;
}

static int refuse_several(struct mpol_error *error, const struct unit_search *search,
			  const char *mount)
{
	char list[sizeof(error->advice)] = "";
	size_t length = 0;

	for (size_t i = 0; i < search->found.nr && length < sizeof(list); i++)
		length += snprintf(list + length, sizeof(list) - length, "%s%s", i ? " or " : "",
				   search->found.paths[i] + strlen(mount) + 1);
	error_set(error, -ENOTUNIQ, "find unit", "%zu cgroups have that name", search->found.nr);
	error_on(error, "%s", search->name);
	error_advise(error, "say which with --cgroup: %s", list);
	return -ENOTUNIQ;
}

static int refuse_unit(struct mpol_error *error, int code, const char *name)
{
	if (code == -ENOENT) {
		error_set(error, code, "find unit",
			  "no cgroup has that name: the unit does not run, or does not exist");
		error_advise(error,
			     "systemctl status %s shows the unit; systemd-cgls(1) the "
			     "cgroups",
			     name);
	} else if (code == -EINVAL) {
		error_set(error, code, "find unit", "not a unit's name");
		error_advise(error, "a name is such as cron or cron.service; for a path there is "
				    "--cgroup");
	} else {
		error_errno(error, code, "find unit");
	}
	error_on(error, "%s", name);
	return code;
}

int cgroup_find_unit(int root, const char *name, char ret_path[PATH_MAX], struct mpol_error *error)
{
	const char *mount = find_mount(root);
	struct unit_search search = { .name = name, .has_suffix = has_unit_suffix(name) };
	int r;

	if (!is_unit_name(name))
		return refuse_unit(error, -EINVAL, name);
	if (!mount)
		return refuse_no_mount(error, name);
	r = walk(root, mount, visit_unit, &search);
	if (r >= 0 && !search.found.nr)
		r = -ENOENT;
	if (r < 0)
		refuse_unit(error, r, name);
	else if (search.found.nr > 1)
		r = refuse_several(error, &search, mount);
	else
		strcpy(ret_path, search.found.paths[0]);
	paths_free(&search.found);
	return r;
}

/* ---- Processes ----------------------------------------------------------------- */

int cgroup_parse_procs(const char *text, pid_t **pids, size_t *nr)
{
	while (*text) {
		char *end;
		unsigned long pid = strtoul(text, &end, 10);
		pid_t *more;

		if (*text < '0' || *text > '9' || *end != '\n' || pid > INT32_MAX)
			return -EBADMSG;
		text = end + 1;
		if (!pid) /* one of another pid namespace */
			continue;
		/* Grown at powers of two, so that a long list costs few copies. */
		if (!(*nr & (*nr - 1))) {
			more = reallocarray(*pids, *nr ? *nr * 2 : 1, sizeof(*more));
			if (!more)
				return -ENOMEM;
			*pids = more;
		}
		(*pids)[(*nr)++] = (pid_t)pid;
	}
	return 0;
}

struct listing {
	const char *top;
	pid_t *pids;
	size_t nr;
};

static int visit_processes(int root, const char *path, void *user)
{
	_cleanup_free_ char *text = NULL;
	struct listing *listing = user;
	bool top = !strcmp(path, listing->top);
	ssize_t r = rootfs_read(root, &text, "%s/cgroup.procs", path);

	if (r >= 0)
		return cgroup_parse_procs(text, &listing->pids, &listing->nr);
	/* Of a threaded cgroup the processes are those of the domain above it. */
	if (!top && (r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP))
		return 0;
	return r == -ENODEV ? -ENOENT : (int)r;
}

int cgroup_list_processes(int root, const char *path, pid_t **ret_pids, size_t *ret_nr,
			  struct mpol_error *error)
{
	struct listing listing = { .top = path };
	int r = walk(root, path, visit_processes, &listing);

	if (r >= 0) {
		*ret_pids = listing.pids;
		*ret_nr = listing.nr;
		return 0;
	}
	free(listing.pids);
	if (r == -EOPNOTSUPP) {
		error_set(error, r, "read cgroup.procs",
			  "a threaded cgroup has threads, not processes");
		error_advise(error, "name the cgroup above it that is their domain");
	} else if (r == -EBADMSG) {
		error_set(error, r, "read cgroup.procs", "not what a kernel writes");
	} else {
		error_errno(error, r, "read cgroup.procs");
	}
	error_on(error, "/%s", path);
	return r;
}
