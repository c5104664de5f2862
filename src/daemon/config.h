/* SPDX-License-Identifier: MIT */
/*
 * mpold's configuration: files in the form of mpold.yaml(5), read strictly.  A file and then
 * those of a folder, in the order of their names: of a setting the last one counts, targets add up.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stddef.h>

#include "settings.h"

#define CONFIG_FILE   "/etc/mpol/mpold.yaml"
#define CONFIG_FOLDER "/etc/mpol/mpold.d"

#define CONFIG_MOST_FILES 256

/* Which files.  One that is asked for must be there; the texts are the caller's. */
struct config_paths {
	const char *file;   /* NULL: CONFIG_FILE, unless a folder was asked for */
	const char *folder; /* NULL: CONFIG_FOLDER, unless a file was asked for */
};

/*
 * Adds what the files say to the settings.
 * Errors, with file, line and key in err's object where there are such: -EBADMSG (not YAML, a key
 * that is unknown or there twice, a value of the wrong form), -EINVAL (a value that may not be),
 * -E2BIG (longer than YAML_MAX_BYTES; more than CONFIG_MOST_FILES), -ENOMEM, and what reading gave.
 * The settings are then half changed, and to be freed.
 */
int config_read(const struct config_paths *paths, struct settings *settings,
		struct mpol_error *err);

/* The same for one text; name stands for the file in errors. */
int config_read_text(const char *name, const char *text, size_t length, struct settings *settings,
		     struct mpol_error *err);

#endif
