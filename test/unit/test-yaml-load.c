/* SPDX-License-Identifier: MIT */
/* YAML by a schema: what is loaded, and where errors are said to be. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "yaml-load.h"

struct item {
	char *name;
};

struct shelf {
	char *label;
	uint32_t *width;
	struct item *items;
	uint32_t nr_items;
};

static const cyaml_schema_field_t item_fields[] = {
	YAML_OPTIONAL_TEXT("name", struct item, name),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t item_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct item, item_fields),
};

static const cyaml_schema_field_t shelf_fields[] = {
	YAML_OPTIONAL_TEXT("label", struct shelf, label),
	YAML_OPTIONAL_NUMBER("width", struct shelf, width),
	CYAML_FIELD_SEQUENCE_COUNT("items", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct shelf,
				   items, nr_items, &item_schema, 0, 3),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t shelf_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct shelf, shelf_fields),
};

static struct yaml_source source_of(const char *text, struct mpol_error *err)
{
	return (struct yaml_source) {
		.name = "s.yaml",
		.text = text,
		.length = strlen(text),
		.step = "read a shelf",
		.advice = "shelf(5) says how",
		.err = err,
	};
}

static void test_load(void **state)
{
	const struct yaml_source source =
		source_of("label: upper\nwidth: 7\nitems:\n- name: a\n- {}\n", NULL);
	struct shelf *shelf;
	void *data = NULL;

	(void)state;
	assert_int_equal(yaml_load(&source, &shelf_schema, &data), 0);
	shelf = data;
	assert_string_equal(shelf->label, "upper");
	assert_int_equal(*shelf->width, 7);
	assert_int_equal(shelf->nr_items, 2);
	assert_string_equal(shelf->items[0].name, "a");
	assert_null(shelf->items[1].name);
	yaml_unload(&shelf_schema, shelf);
}

static void test_nothing(void **state)
{
	const struct yaml_source source = source_of("# nothing\n", NULL);
	void *data = &data;

	(void)state;
	assert_int_equal(yaml_load(&source, &shelf_schema, &data), 0);
	assert_null(data);
	yaml_unload(&shelf_schema, data);
}

static void assert_refused(const char *text, const char *object, const char *cause)
{
	struct mpol_error err = { 0 };
	const struct yaml_source source = source_of(text, &err);
	void *data = &err;

	assert_int_equal(yaml_load(&source, &shelf_schema, &data), -EBADMSG);
	assert_ptr_equal(data, &err);
	assert_int_equal(err.code, -EBADMSG);
	assert_string_equal(err.step, "read a shelf");
	assert_string_equal(err.object, object);
	assert_string_equal(err.advice, "shelf(5) says how");
	if (!strstr(err.cause, cause))
		fail_msg("cause is \"%s\", should contain \"%s\"", err.cause, cause);
}

static void test_places(void **state)
{
	(void)state;
	assert_refused("label: a\ncolour: b\n", "s.yaml, line 2, colour", "Unexpected key: colour");
	assert_refused("items:\n- name: a\n- size: 1\n", "s.yaml, line 3, items[1].size",
		       "Unexpected key: size");
	assert_refused("label: label\nwidth: 1\nlabel: b\n", "s.yaml, line 3, label",
		       "already seen: label");
	assert_refused("label: a\nlabel: b\n", "s.yaml, line 2, label", "already seen: label");
	assert_refused("label: a\nwidth: x\n", "s.yaml, line 2, width", "value: 'x'");
	assert_refused("items:\n- name: a\n- name: [b]\n", "s.yaml, line 3, items[1].name",
		       "should be a single value, not a list");
	assert_refused("label:\n  a: b\n", "s.yaml, line 2, label",
		       "should be a single value, not keys with values");
	assert_refused("items: 3\n", "s.yaml, line 1, items",
		       "should be a list, not a single value");
	assert_refused("- a\n", "s.yaml, line 1", "should be keys with values, not a list");
	assert_refused("items: [{}, {}, {}, {}]\n", "s.yaml, line 1, items", "3 max");
}

static void test_hostile(void **state)
{
	char deep[40000];

	(void)state;
	assert_refused("label: &a x\nitems: *a\n", "s.yaml, line 2, items", "alias");
	assert_refused("label: a\nwidth: \xff\n", "s.yaml, line 2", "UTF-8");
	assert_refused("label: a\n}\n", "s.yaml, line 2", "");
	assert_refused("label: a\n--- # more\nlabel: b\n", "s.yaml, line 2",
		       "more than one document");
	assert_refused("label: a\n---\n[\n", "s.yaml, line 2", "more than one document");
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	memcpy(deep, "items: ", 7);
	assert_refused(deep, "s.yaml, line 1, items", "should be keys with values, not a list");
}

static void test_length(void **state)
{
	struct mpol_error err = { 0 };
	struct yaml_source source = source_of("", &err);
	char *text = malloc(YAML_MAX_BYTES + 1);
	void *data = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, '#', YAML_MAX_BYTES + 1);
	source.text = text;
	source.length = YAML_MAX_BYTES + 1;
	assert_int_equal(yaml_load(&source, &shelf_schema, &data), -E2BIG);
	assert_string_equal(err.object, "s.yaml");
	source.length--;
	assert_int_equal(yaml_load(&source, &shelf_schema, &data), 0);
	free(text);
}

static void test_refuse(void **state)
{
	struct mpol_error err = { 0 };
	const struct yaml_source source =
		source_of("label: a\nitems:\n- name: b\n- name:\n    c\n", &err);

	(void)state;
	assert_int_equal(yaml_refuse(&source, -EINVAL, (struct yaml_place) { "items", 1, "name" },
				     "%d is wrong", 3),
			 -EINVAL);
	assert_string_equal(err.object, "s.yaml, line 5, items[1].name");
	assert_string_equal(err.cause, "3 is wrong");
	yaml_refuse(&source, -EINVAL, (struct yaml_place) { "items", 1, "size" }, "missing");
	assert_string_equal(err.object, "s.yaml, line 4, items[1].size");
	yaml_refuse(&source, -EINVAL, (struct yaml_place) { "label", -1, NULL }, "wrong");
	assert_string_equal(err.object, "s.yaml, line 1, label");
}

static void test_file(void **state)
{
	char path[] = "/tmp/test-yaml-load-XXXXXX", *text = NULL;
	int fd = mkstemp(path);
	size_t length;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a: b\n", 5), 5);
	assert_int_equal(yaml_read_file(path, &text, &length), 0);
	assert_int_equal(length, 5);
	assert_memory_equal(text, "a: b\n", 5);
	free(text);
	text = NULL;
	assert_int_equal(ftruncate(fd, 2 * YAML_MAX_BYTES), 0);
	assert_int_equal(yaml_read_file(path, &text, &length), 0);
	assert_int_equal(length, YAML_MAX_BYTES + 1);
	free(text);
	text = NULL;
	close(fd);
	unlink(path);
	assert_int_equal(yaml_read_file(path, &text, &length), -ENOENT);
	assert_int_equal(yaml_read_file("/", &text, &length), -EISDIR);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),   cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_places), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_length), cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
