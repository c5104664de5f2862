/* SPDX-License-Identifier: MIT */
/*
 * Reading mpold's configuration: see config.h.
 *
 * The schema is made of the table of settings.  All values are texts until settings.c
 * reads them, as it reads those of the command line.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "grow.h"
#include "yaml-load.h"

#define STEP   "read configuration"
#define ADVICE "mpold.yaml(5) lists the keys and their values"

#define TARGETS "targets"

/* Beside the kind, a key of a target too. */
#define HUGE_PAGES_KEY "huge_pages"

/* More than there are settings, and than kinds of targets. */
#define MOST_KEYS 30

/* As it is in the file; NULL: the key was left out. */
struct yaml_target {
	char *texts[SETTINGS_NR_KINDS + 1]; /* the last one: of HUGE_PAGES_KEY */
};

struct yaml_config {
	char *texts[MOST_KEYS]; /* by place in settings_scalars */
	struct yaml_target *targets;
	uint32_t nr_targets;
};

struct schema {
	cyaml_schema_field_t target_fields[SETTINGS_NR_KINDS + 2];
	cyaml_schema_value_t target;
	cyaml_schema_field_t fields[MOST_KEYS + 2];
	cyaml_schema_value_t config;
};

/* Texts by key, in an array at the same place in both structs. */
static cyaml_schema_field_t text_field(const char *key, size_t offset)
{
	cyaml_schema_field_t field = YAML_OPTIONAL_TEXT(key, struct yaml_config, texts[0]);

	field.data_offset = (uint32_t)(offset * sizeof(char *));
	return field;
}

static void make_schema(struct schema *ret)
{
	static const cyaml_schema_field_t end = CYAML_FIELD_END;
	size_t nr = settings_nr_scalars;

	_Static_assert(offsetof(struct yaml_config, texts) == 0, "text_field");
	_Static_assert(offsetof(struct yaml_target, texts) == 0, "text_field");
	for (int kind = 0; kind < SETTINGS_NR_KINDS; kind++)
		ret->target_fields[kind] = text_field(settings_kinds[kind], (size_t)kind);
	ret->target_fields[SETTINGS_NR_KINDS] = text_field(HUGE_PAGES_KEY, SETTINGS_NR_KINDS);
	ret->target_fields[SETTINGS_NR_KINDS + 1] = end;
	ret->target = (cyaml_schema_value_t) {
		CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_target, ret->target_fields),
	};
	for (size_t i = 0; i < nr; i++)
		ret->fields[i] = text_field(settings_scalars[i].key, i);
	ret->fields[nr] = (cyaml_schema_field_t)CYAML_FIELD_SEQUENCE_COUNT(
		TARGETS, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_config, targets,
		nr_targets, &ret->target, 0, SETTINGS_MOST_TARGETS);
	ret->fields[nr + 1] = end;
	ret->config = (cyaml_schema_value_t) {
		CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_config, ret->fields),
	};
}

/* ---- What a file says -------------------------------------------------------------- */

static int refuse_value(const struct yaml_source *source, int code, struct yaml_place place,
			const char *text, const char *wanted)
{
	if (code == -ENOMEM)
		return error_errno(source->err, code, STEP);
	return yaml_refuse(source, code, place, "\"%.60s\" is not %s", text, wanted);
}

static int take_scalars(const struct yaml_source *source, const struct yaml_config *yaml,
			struct settings *settings)
{
	for (size_t i = 0; i < settings_nr_scalars; i++) {
		const struct setting *setting = &settings_scalars[i];
		int r = yaml->texts[i] ? setting->set(settings, yaml->texts[i]) : 0;

		if (r < 0)
			return refuse_value(source, r,
					    (struct yaml_place) { setting->key, -1, NULL },
					    yaml->texts[i], setting->wanted);
	}
	return 0;
}

static int take_target(const struct yaml_source *source, const struct yaml_target *yaml, int index,
		       struct settings *settings)
{
	struct yaml_place place = { TARGETS, index, NULL };
	const char *how = yaml->texts[SETTINGS_NR_KINDS];
	enum huge_say huge_pages = HUGE_UNSAID;
	int given = SETTINGS_NR_KINDS, nr_given = 0, r;

	for (int kind = 0; kind < SETTINGS_NR_KINDS; kind++)
		if (yaml->texts[kind]) {
			given = kind;
			nr_given++;
		}
	if (nr_given != 1)
		return yaml_refuse(source, -EINVAL, place,
				   "a target is named by one of pid, tree, cgroup, unit and match, "
				   "not by %d",
				   nr_given);
	place.key = HUGE_PAGES_KEY;
	if (how && huge_say_parse(how, &huge_pages) < 0)
		return refuse_value(source, -EINVAL, place, how, "whole or split");
	place.key = settings_kinds[given];
	r = settings_add_target(settings, given, yaml->texts[given], huge_pages);
	if (r == -E2BIG)
		return yaml_refuse(source, r, place, "more than %d targets in all",
				   SETTINGS_MOST_TARGETS);
	return r < 0 ? refuse_value(source, r, place, yaml->texts[given],
				    settings_kinds_wanted[given])
		     : 0;
}

int config_read_text(const char *name, const char *text, size_t length, struct settings *settings,
		     struct mpol_error *err)
{
	const struct yaml_source source = {
		.name = name,
		.text = text,
		.length = length,
		.step = STEP,
		.advice = ADVICE,
		.err = err,
	};
	struct schema schema;
	const struct yaml_config *yaml;
	void *loaded = NULL;
	int r;

	make_schema(&schema);
	r = yaml_load(&source, &schema.config, &loaded);
	yaml = loaded;
	if (r < 0 || !yaml)
		return r;
	r = take_scalars(&source, yaml, settings);
	for (uint32_t i = 0; i < yaml->nr_targets && r == 0; i++)
		r = take_target(&source, &yaml->targets[i], (int)i, settings);
	yaml_unload(&schema.config, loaded);
	return r;
}

/* ---- Which files -------------------------------------------------------------------- */

static int refuse_path(int code, const char *path, struct mpol_error *err)
{
	error_errno(err, code, STEP);
	error_on(err, "%s", path);
	if (code == -ENOENT)
		error_advise(err, "name one that is there");
	else if (code == -EACCES)
		error_advise(err, "let mpold's user read it");
	return code;
}

/* needed: it must be there. */
static int read_path(const char *path, bool needed, struct settings *settings,
		     struct mpol_error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int r = yaml_read_file(path, &text, &length);

	if (r == -ENOENT && !needed)
		return 0;
	if (r < 0)
		return refuse_path(r, path, err);
	return config_read_text(path, text, length, settings, err);
}

/* Those that packages' and editors' left-overs are not. */
static int is_config(const struct dirent *entry)
{
	const size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 &&
	       strcmp(entry->d_name + length - 5, ".yaml") == 0;
}

/* alphasort(3) asks the locale. */
static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static int read_entries(const char *folder, struct dirent **entries, int nr,
			struct settings *settings, struct mpol_error *err)
{
	int r = 0;

	if (nr > CONFIG_MOST_FILES) {
		error_set(err, -E2BIG, STEP, "%d files are more than %d", nr, CONFIG_MOST_FILES);
		error_on(err, "%s", folder);
		return -E2BIG;
	}
	for (int i = 0; i < nr && r == 0; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
			return error_errno(err, -ENOMEM, STEP);
		r = read_path(path, true, settings, err);
	}
	return r;
}

static int read_folder(const char *folder, bool needed, struct settings *settings,
		       struct mpol_error *err)
{
	struct dirent **entries = NULL;
	const int nr = scandir(folder, &entries, is_config, by_name);
	int r = nr < 0 ? -errno : 0;

	if (r == -ENOENT && !needed)
		return 0;
	if (r < 0)
		return refuse_path(r, folder, err);
	r = read_entries(folder, entries, nr, settings, err);
	for (int i = 0; i < nr; i++)
		free(entries[i]);
	free(entries);
	return r;
}

int config_read(const struct config_paths *paths, struct settings *settings, struct mpol_error *err)
{
	const bool by_default = !paths->file && !paths->folder;
	int r = 0;

	if (by_default || paths->file)
		r = read_path(by_default ? CONFIG_FILE : paths->file, !by_default, settings, err);
	if (r == 0 && (by_default || paths->folder))
		r = read_folder(by_default ? CONFIG_FOLDER : paths->folder, !by_default, settings,
				err);
	return r;
}
