/* SPDX-License-Identifier: MIT */
/*
 * Texts in YAML: to structs by libcyaml's strict schema, and errors with their file, line and
 * key.  One document of bounded length, without aliases; no key unknown, none twice.
 */
#ifndef YAML_YAML_LOAD_H
#define YAML_YAML_LOAD_H

#include <cyaml/cyaml.h>
#include <stddef.h>

#include <mpol/mpol.h>

/* A longer text is refused: nothing that mpol reads needs it, and reading stays bounded. */
#define YAML_MAX_BYTES (1U << 20)

/* Keys that may be left out: NULL then. */
#define YAML_OPTIONAL_TEXT(key, structure, member)                                               \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, \
			       0, 4096)
#define YAML_OPTIONAL_NUMBER(key, structure, member) \
	CYAML_FIELD_UINT_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member)

/* A text, and how errors speak of it.  All the caller's. */
struct yaml_source {
	const char *name; /* of the file */
	const char *text;
	size_t length;
	const char *step;   /* of errors: "read machine description" */
	const char *advice; /* where the form is described */
	struct mpol_error *err;
};

/*
 * What the text says, in the form of the schema, which is of a pointer to a mapping; free it with
 * yaml_unload.  *ret is NULL where there is nothing but comments.
 * Errors, in source->err: -EBADMSG: not YAML, or not of this form; -E2BIG: longer than
 * YAML_MAX_BYTES; -ENOMEM.
 */
int yaml_load(const struct yaml_source *source, const cyaml_schema_value_t *schema, void **ret);
void yaml_unload(const cyaml_schema_value_t *schema, void *data);

/*
 * The bytes of a file, up to one more than YAML_MAX_BYTES, which yaml_load then refuses; the caller
 * frees them.  Errors: -ENOMEM, and what opening and reading gave.
 */
int yaml_read_file(const char *path, char **ret_text, size_t *ret_length);

/* A place in a text: key in entry index of section; index -1 and key NULL: none. */
struct yaml_place {
	const char *section;
	int index;
	const char *key;
};

/* Fills in source->err for a place, with the line it is on.  Returns code. */
int yaml_refuse(const struct yaml_source *source, int code, struct yaml_place place,
		const char *cause, ...) __attribute__((format(printf, 4, 5)));

#endif
