/* SPDX-License-Identifier: MIT */
/*
 * Reading YAML: see yaml-load.h.
 *
 * Nothing is kept between calls.  libcyaml keeps no positions, so for an error
 * found later the text is parsed once more, by libyaml, to find the line.
 */
#include "yaml-load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "cleanup.h"
#include "error.h"

/* ---- Lines ------------------------------------------------------------------ */

/* Where a scalar begins, both counted from 1; line 0: nowhere. */
struct position {
	unsigned long line, column;
};

static bool begin_parsing(const struct yaml_source *source, yaml_parser_t *parser)
{
	if (!yaml_parser_initialize(parser))
		return false;
	yaml_parser_set_input_string(parser, (const unsigned char *)source->text, source->length);
	return true;
}

static bool is_behind(const yaml_mark_t *mark, struct position from)
{
	return mark->line + 1 > from.line ||
	       (mark->line + 1 == from.line && mark->column + 1 >= from.column);
}

/* The line of the first scalar equal to key from a position on; the position's if there is none. */
static unsigned long find_key(const struct yaml_source *source, const char *key,
			      struct position from)
{
	unsigned long found = 0;
	yaml_parser_t parser;
	yaml_event_t event;
	bool end = false;

	if (!begin_parsing(source, &parser))
		return from.line;
	while (!end && !found && yaml_parser_parse(&parser, &event)) {
		end = event.type == YAML_STREAM_END_EVENT;
		if (event.type == YAML_SCALAR_EVENT && is_behind(&event.start_mark, from) &&
		    !strcmp((const char *)event.data.scalar.value, key))
			found = event.start_mark.line + 1;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return found ? found : from.line;
}

/* Where the parser stopped.  Of bytes that are no characters libyaml tells the offset alone. */
static unsigned long problem_line(const struct yaml_source *source, const yaml_parser_t *parser)
{
	unsigned long line = 1;

	if (parser->error != YAML_READER_ERROR)
		return parser->problem_mark.line + 1;
	for (size_t i = 0; i < parser->problem_offset && i < source->length; i++)
		line += source->text[i] == '\n';
	return line;
}

/*
 * The line where the text stops being YAML, or, if it does not, where its second document
 * begins; 0: neither.
 */
static unsigned long find_end(const struct yaml_source *source)
{
	unsigned long line = 0, documents = 0;
	yaml_parser_t parser;
	yaml_event_t event;
	bool end = false;

	if (!begin_parsing(source, &parser))
		return 0;
	while (!end && !line) {
		if (!yaml_parser_parse(&parser, &event)) {
			line = problem_line(source, &parser);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
			line = event.start_mark.line + 1;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return line;
}

/* The value of key in a mapping, NULL if it has none. */
static yaml_node_t *mapping_get(yaml_document_t *document, const yaml_node_t *mapping,
				const char *key)
{
	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(document, pair->key);

		if (name && name->type == YAML_SCALAR_NODE &&
		    !strcmp((const char *)name->data.scalar.value, key))
			return yaml_document_get_node(document, pair->value);
	}
	return NULL;
}

/* Entry index of a sequence, NULL if it has none. */
static yaml_node_t *sequence_get(yaml_document_t *document, const yaml_node_t *sequence, int index)
{
	if (!sequence || sequence->type != YAML_SEQUENCE_NODE ||
	    index >= sequence->data.sequence.items.top - sequence->data.sequence.items.start)
		return NULL;
	return yaml_document_get_node(document, sequence->data.sequence.items.start[index]);
}

/* The line of the innermost part of a place that the text has, counted from 1. */
static size_t find_line(const struct yaml_source *source, struct yaml_place place)
{
	yaml_document_t document;
	yaml_parser_t parser;
	yaml_node_t *node, *inner;
	size_t line = 1;

	if (!begin_parsing(source, &parser))
		return line;
	if (yaml_parser_load(&parser, &document)) {
		node = yaml_document_get_root_node(&document);
		inner = node ? mapping_get(&document, node, place.section) : NULL;
		if (inner)
			node = inner;
		if (inner && place.index >= 0 &&
		    (inner = sequence_get(&document, node, place.index)))
			node = inner;
		if (inner && place.key && (inner = mapping_get(&document, node, place.key)))
			node = inner;
		if (node)
			line = node->start_mark.line + 1;
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return line;
}

int yaml_refuse(const struct yaml_source *source, int code, struct yaml_place place,
		const char *cause, ...)
{
	char words[sizeof(source->err->cause)], index[16] = "";
	va_list args;

	va_start(args, cause);
	vsnprintf(words, sizeof(words), cause, args);
	va_end(args);
	if (place.index >= 0)
		snprintf(index, sizeof(index), "[%d]", place.index);

	error_set(source->err, code, source->step, "%s", words);
	error_on(source->err, "%s, line %zu, %s%s%s%s", source->name, find_line(source, place),
		 place.section, index, place.key ? "." : "", place.key ? place.key : "");
	error_advise(source->err, "%s", source->advice);
	return code;
}

/* ---- What libcyaml says ---------------------------------------------------------- */

/* Of a failed load: its first error, and the place, told from the inside to the outside. */
struct load_log {
	char cause[160];
	struct position position; /* of the innermost */
	char path[120];		  /* "nodes[0].id"; empty: the whole text */
	bool in_neighbour;	  /* the next key told is not of the path */
};

static const char unknown_key[] = "Unexpected key: ", key_again[] = "Mapping field already seen: ",
		  missing_key[] = "Missing required mapping field: ", not_yaml[] = "libyaml: ";

/* What follows the beginning of a text, NULL if it begins otherwise. */
static const char *after(const char *text, const char *beginning)
{
	const size_t length = strlen(beginning);

	return strncmp(text, beginning, length) == 0 ? text + length : NULL;
}

/* The first one.  Of a key that is unknown or missing libcyaml names its neighbour as the place. */
static void note_cause(struct load_log *log, const char *words)
{
	const char *missing = after(words, missing_key);
	const char *key = missing ? missing : after(words, unknown_key);

	if (*log->cause)
		return;
	snprintf(log->cause, sizeof(log->cause), "%.*s", (int)sizeof(log->cause) - 1, words);
	if (key)
		snprintf(log->path, sizeof(log->path), "%.60s", key);
	log->in_neighbour = missing;
}

/* Puts a key, or an entry, before the path. */
static void lengthen_path(struct load_log *log, const char *words)
{
	char name[64], inner[sizeof(log->path)];
	unsigned int entry;

	snprintf(inner, sizeof(inner), "%s", log->path);
	if (sscanf(words, "in mapping field '%63[^']'", name) == 1 && log->in_neighbour)
		log->in_neighbour = false;
	else if (sscanf(words, "in mapping field '%63[^']'", name) == 1)
		snprintf(log->path, sizeof(log->path), "%s%s%.*s", name,
			 *inner && *inner != '[' ? "." : "",
			 (int)(sizeof(inner) - sizeof(name) - 2), inner);
	else if (*inner && sscanf(words, "in sequence entry '%u'", &entry) == 1 && entry > 0)
		snprintf(log->path, sizeof(log->path), "[%u].%.*s", entry - 1,
			 (int)(sizeof(inner) - 14), inner);
}

static void __attribute__((format(printf, 3, 0)))
log_load(cyaml_log_t level, void *context, const char *format, va_list args)
{
	struct load_log *log = context;
	char line[256];
	const char *words = line, *place;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	if (after(words, "Load: "))
		words = after(words, "Load: ");
	words += strspn(words, " ");
	if (!strcmp(words, "Backtrace:"))
		return;
	if (!after(words, "in ")) {
		note_cause(log, words);
		return;
	}
	place = strstr(words, "(line: ");
	if (!log->position.line && place)
		sscanf(place, "(line: %lu, column: %lu)", &log->position.line,
		       &log->position.column);
	lengthen_path(log, words);
}

static const char *form_in_words(const char *form)
{
	if (!strncmp(form, "SEQUENCE", 8))
		return "a list";
	if (!strncmp(form, "MAPPING", 7))
		return "keys with values";
	return "a single value";
}

/* What libcyaml said about the form of a value, in words of those who write YAML. */
static void explain_form(struct load_log *log)
{
	char wanted[16], got[20];

	if (sscanf(log->cause, "Expecting %15[A-Z], got event: %19[A-Z_]", wanted, got) == 2)
		snprintf(log->cause, sizeof(log->cause), "should be %s, not %s",
			 form_in_words(wanted), form_in_words(got));
}

/*
 * The line of an error.  libcyaml gives the place of an unknown key as that of what came before it,
 * that of a key given again as that of the value before, and none for what is not YAML, or not of
 * the right form as a whole.
 */
static unsigned long find_error(const struct yaml_source *source, const struct load_log *log)
{
	const char *unknown = after(log->cause, unknown_key), *again = after(log->cause, key_again);
	unsigned long line;

	if (unknown)
		return find_key(source, unknown, log->position);
	if (again)
		return find_key(source, again,
				(struct position) { log->position.line, log->position.column + 1 });
	if (!after(log->cause, not_yaml) && log->position.line)
		return log->position.line;
	line = find_end(source);
	return line ? line : 1;
}

static int refuse_load(const struct yaml_source *source, struct load_log *log,
		       const char *otherwise)
{
	const unsigned long line = find_error(source, log);
	const char *path = after(log->cause, not_yaml) ? "" : log->path;

	explain_form(log);
	error_set(source->err, -EBADMSG, source->step, "%s", *log->cause ? log->cause : otherwise);
	error_on(source->err, "%s, line %lu%s%s", source->name, line, *path ? ", " : "", path);
	error_advise(source->err, "%s", source->advice);
	return -EBADMSG;
}

/* ---- Loading ------------------------------------------------------------------- */

static const cyaml_config_t quiet_config = {
	.log_level = CYAML_LOG_ERROR,
	.mem_fn = cyaml_mem,
	.flags = CYAML_CFG_NO_ALIAS,
};

void yaml_unload(const cyaml_schema_value_t *schema, void *data)
{
	cyaml_free(&quiet_config, schema, data, 0);
}

int yaml_load(const struct yaml_source *source, const cyaml_schema_value_t *schema, void **ret)
{
	struct load_log log = { 0 };
	cyaml_config_t config = quiet_config;
	cyaml_data_t *data = NULL;
	cyaml_err_t r;

	if (source->length > YAML_MAX_BYTES) {
		error_set(source->err, -E2BIG, source->step, "it is longer than %u bytes",
			  YAML_MAX_BYTES);
		error_on(source->err, "%s", source->name);
		error_advise(source->err, "%s", source->advice);
		return -E2BIG;
	}
	config.log_fn = log_load;
	config.log_ctx = &log;
	r = cyaml_load_data((const uint8_t *)source->text, source->length, &config, schema, &data,
			    NULL);
	if (r == CYAML_ERR_OOM)
		return error_errno(source->err, -ENOMEM, source->step);
	if (r != CYAML_OK)
		return refuse_load(source, &log, cyaml_strerror(r));
	/* libcyaml ends with the first document. */
	if (find_end(source)) {
		yaml_unload(schema, data);
		return refuse_load(source, &log, "there is more than one document");
	}
	*ret = data;
	return 0;
}

int yaml_read_file(const char *path, char **ret_text, size_t *ret_length)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	text = malloc(YAML_MAX_BYTES + 1);
	if (!text)
		return -ENOMEM;
	while (length <= YAML_MAX_BYTES) {
		n = read(fd, text + length, YAML_MAX_BYTES + 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += n;
	}
	*ret_text = steal_pointer(&text);
	*ret_length = length;
	return 0;
}
