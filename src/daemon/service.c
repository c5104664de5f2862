/* SPDX-License-Identifier: MIT */
/*
 * The service: see service.h.
 *
 * A setting is in force as a whole or not at all: files are read into settings of their own, and
 * only when all of them are good anything is changed.
 */
#include "service.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "error.h"
#include "listen.h"
#include "log.h"
#include "manager.h"
#include "notify.h"
#include "options.h"
#include "pagemap.h"
#include "privileges.h"
#include "settings.h"

/* How often systemctl status gets something new. */
#define STATUS_NS 10000000000ULL

struct service {
	int argc; /* the caller's, as paths are */
	char **argv;
	struct config_paths paths;
	struct settings settings; /* in force */
	uint32_t *ids;		  /* of the settings' targets; 0: somebody else has asked for it */
	struct manager *manager;
	struct control *control; /* NULL: no requests are taken */
	int hangups;		 /* signalfd of SIGHUP */
	uint64_t status_told_ns;
};

/* ---- Settings ------------------------------------------------------------------- */

/* What the files say, and then the command line. */
static int load(const struct service *service, struct settings *ret, struct mpol_error *err)
{
	struct options options;
	int r;

	settings_begin(ret);
	r = config_read(&service->paths, ret, err);
	if (r == 0)
		r = options_read(service->argc, service->argv, &options, ret, err);
	return r;
}

static int check_purpose(const struct settings *settings, struct mpol_error *err)
{
	if (settings->nr_targets || *settings->socket)
		return 0;
	error_set(err, -EDESTADDRREQ, "start", "whose memory?  No process is named");
	error_advise(err,
		     "name some, by --pid PID and the like, or in %s; or have mpol tier name them, "
		     "by --socket " CTL_SOCKET_PATH,
		     CONFIG_FILE);
	return -EDESTADDRREQ;
}

int service_check(int argc, char **argv, const struct config_paths *paths, size_t *ret_targets,
		  struct mpol_error *err)
{
	const struct service service = { .argc = argc, .argv = argv, .paths = *paths };
	_cleanup_(settings_end) struct settings settings;
	int r = load(&service, &settings, err);

	if (r == 0)
		*ret_targets = settings.nr_targets;
	return r;
}

/* ---- Targets -------------------------------------------------------------------- */

static size_t place_of(const struct settings *settings, const struct settings_target *target)
{
	size_t i = 0;

	while (i < settings->nr_targets && !settings_same_target(&settings->targets[i], target))
		i++;
	return i;
}

/* Lets go those that the new settings do not name. */
static void remove_targets(struct service *service, const struct settings *settings)
{
	for (size_t i = 0; i < service->settings.nr_targets; i++) {
		struct mpol_error error = { 0 };

		if (place_of(settings, &service->settings.targets[i]) < settings->nr_targets ||
		    !service->ids[i])
			continue;
		/* -ENOENT: it has ended, or was removed by a request. */
		if (manager_remove(service->manager, service->ids[i], &error) < 0 &&
		    error.code != -ENOENT)
			log_warning("%s: %s: %s", error.step, error.object, error.cause);
	}
}

/* Takes a target in, unless the settings in force name it already.  *ret_id: as ids. */
static int add_target(struct service *service, const struct settings_target *target,
		      uint32_t *ret_id, struct mpol_error *err)
{
	const size_t before = place_of(&service->settings, target);
	int r;

	if (before < service->settings.nr_targets) {
		*ret_id = service->ids[before];
		return 0;
	}
	r = manager_add(service->manager, &target->request, ret_id, err);
	if (r == -EEXIST)
		error_clear(err);
	return r == -EEXIST ? 0 : r;
}

/* Makes them the settings in force.  Both are the service's then. */
static void adopt(struct service *service, struct settings *settings, uint32_t *ids)
{
	free(service->ids);
	settings_end(&service->settings);
	service->ids = ids;
	service->settings = *settings;
	settings_begin(settings);
}

/* ---- Reading the settings again ----------------------------------------------------- */

/* What it takes rights for that are given up by now stays as it is. */
static void keep_unchangeable(const struct service *service, const struct settings *settings,
			      struct manager_config *config)
{
	const struct tracker_kind *tracker = manager_roster(service->manager)->tracker;
	const char *socket = service->control ? control_path(service->control) : "";

	if (strcmp(settings->socket, socket) != 0)
		log_warning("socket: it stays %s until mpold is started again",
			    *socket ? socket : "none");
	config->stays = service->control;

	if (config->keeps_kernel_tiering != service->settings.manager.keeps_kernel_tiering ||
	    config->dry_run != service->settings.manager.dry_run)
		log_warning("kernel_tiering: the kernel's own stays as it is until mpold is "
			    "started again");
	config->keeps_kernel_tiering = service->settings.manager.keeps_kernel_tiering;
	if (config->tracker && config->tracker != tracker)
		log_warning("tracker: %s stays until mpold is started again; what %s needs was "
			    "given up",
			    tracker->name, config->tracker->name);
	config->tracker = tracker;
}

static int put_in_force(struct service *service, struct mpol_error *err)
{
	_cleanup_(settings_end) struct settings settings;
	_cleanup_free_ uint32_t *ids = NULL;
	struct manager_config config;
	int r = load(service, &settings, err);

	if (r == 0)
		r = check_purpose(&settings, err);
	if (r < 0)
		return r;
	ids = calloc(settings.nr_targets + 1, sizeof(*ids));
	if (!ids)
		return error_errno(err, -ENOMEM, "manage processes");
	config = settings.manager;
	keep_unchangeable(service, &settings, &config);
	r = manager_reconfigure(service->manager, &config, err);
	if (r < 0)
		return r;
	remove_targets(service, &settings);
	for (size_t i = 0; i < settings.nr_targets; i++) {
		struct mpol_error error = { 0 };

		if (add_target(service, &settings.targets[i], &ids[i], &error) < 0)
			log_warning("%s: %s: %s", error.step, error.object, error.cause);
	}
	adopt(service, &settings, steal_pointer(&ids));
	log_info("settings were read again; targets: %zu", service->settings.nr_targets);
	return 0;
}

static void reload(void *user)
{
	struct service *service = user;
	struct signalfd_siginfo signal;
	struct mpol_error error = { 0 };

	if (read(service->hangups, &signal, sizeof(signal)) < 0)
		return;
	notify_reloading();
	if (put_in_force(service, &error) < 0)
		log_error("the settings stay as they were: %s%s%s: %s%s%s", error.step,
			  *error.object ? ": " : "", error.object, error.cause,
			  *error.advice ? "; " : "", error.advice);
	notify_ready();
}

/* ---- What systemd hears --------------------------------------------------------------- */

static void tell(void *user)
{
	struct service *service = user;
	const uint64_t now_ns = clock_now_ns();
	struct ctl_status status;

	notify_alive();
	if (now_ns - service->status_told_ns < STATUS_NS)
		return;
	service->status_told_ns = now_ns;
	manager_status(service->manager, &status);
	notify_status("%s%" PRIu64 " process%s, %" PRIu64 " MiB, by %s; %" PRIu64
		      " pages moved in %" PRIu64 " rounds",
		      status.is_paused ? "paused; " : "", status.nr_processes,
		      status.nr_processes == 1 ? "" : "es", status.pages * PAGE_BYTES >> 20,
		      status.tracker, status.moves.moved_pages, status.rounds);
}

static uint64_t tell_rest_ns(void *user)
{
	const struct service *service = user;
	const uint64_t gone_ns = clock_now_ns() - service->status_told_ns;
	const uint64_t status_ns = gone_ns < STATUS_NS ? STATUS_NS - gone_ns : 0;
	const uint64_t alive_ns = notify_rest_ns();

	if (!notify_listens())
		return UINT64_MAX;
	return status_ns < alive_ns ? status_ns : alive_ns;
}

/* ---- Life --------------------------------------------------------------------------- */

/* SIGHUP must not end us from now on, and never again. */
static int await_hangups(struct service *service, struct mpol_error *err)
{
	sigset_t hangup;

	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &hangup, NULL) == 0)
		service->hangups = signalfd(-1, &hangup, SFD_CLOEXEC | SFD_NONBLOCK);
	return service->hangups < 0 ? error_errno(err, -errno, "await signals") : 0;
}

static int watch(struct service *service, struct mpol_error *err)
{
	const struct manager_watch hangups = {
		.fd = service->hangups,
		.serve = reload,
		.user = service,
	};
	const struct manager_watch teller = {
		.fd = -1,
		.serve = tell,
		.rest_ns = tell_rest_ns,
		.user = service,
	};
	int r = manager_watch(service->manager, &hangups, err);

	return r < 0 ? r : manager_watch(service->manager, &teller, err);
}

/* At the start all targets must be such that can be managed. */
static int take_targets(struct service *service, struct settings *settings, struct mpol_error *err)
{
	_cleanup_free_ uint32_t *ids = calloc(settings->nr_targets + 1, sizeof(*ids));

	if (!ids)
		return error_errno(err, -ENOMEM, "manage processes");
	for (size_t i = 0; i < settings->nr_targets; i++) {
		int r = add_target(service, &settings->targets[i], &ids[i], err);

		if (r < 0)
			return r;
	}
	adopt(service, settings, steal_pointer(&ids));
	return 0;
}

int service_new(int argc, char **argv, const struct config_paths *paths, struct service **ret,
		struct mpol_error *err)
{
	_cleanup_(service_freep) struct service *service = calloc(1, sizeof(*service));
	_cleanup_(settings_end) struct settings settings;
	int r;

	settings_begin(&settings);
	if (!service)
		return error_errno(err, -ENOMEM, "start");
	*service = (struct service) {
		.argc = argc,
		.argv = argv,
		.paths = *paths,
		.hangups = -1,
	};
	notify_begin();
	r = await_hangups(service, err);
	if (r == 0)
		r = load(service, &settings, err);
	if (r == 0)
		r = check_purpose(&settings, err);
	if (r == 0)
		r = manager_await_end(err);
	if (r == 0)
		r = manager_new(&settings.manager, &service->manager, err);
	if (r == 0 && *settings.socket)
		r = control_new(service->manager, settings.socket, &service->control, err);
	if (r == 0)
		r = watch(service, err);
	if (r == 0)
		r = privileges_reduce(manager_roster(service->manager)->tracker, err);
	if (r == 0)
		r = take_targets(service, &settings, err);
	if (r < 0)
		return r;
	*ret = steal_pointer(&service);
	return 0;
}

int service_run(struct service *service, struct mpol_error *err)
{
	int r;

	notify_ready();
	r = manager_run(service->manager, err);
	notify_stopping();
	return r;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	control_free(service->control);
	manager_free(service->manager);
	settings_end(&service->settings);
	free(service->ids);
	closep(&service->hangups);
	free(service);
}
