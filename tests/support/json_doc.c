/* SPDX-License-Identifier: MIT */
/* Reading JSON in tests: yajl's tree, with paths and without silent defaults. */
#include "json_doc.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "run.h"

#define MAX_DEPTH 16

yajl_val json_read(const char *path)
{
	struct text text = file_read(path);
	char error[512];
	yajl_val root;

	cr_assert(text.data != NULL, "there is no %s", path);
	root = yajl_tree_parse(text.data, error, sizeof(error));
	text_done(&text);
	cr_assert(root != NULL, "%s is not JSON: %s", path, error);
	return root;
}

yajl_val json_at(yajl_val root, const char *path)
{
	const char *keys[MAX_DEPTH + 1] = {0};
	char *copy = strdup(path), *rest = copy, *key;
	size_t depth = 0;
	yajl_val value;

	while ((key = strsep(&rest, ".")) && depth < MAX_DEPTH)
		keys[depth++] = key;
	value = yajl_tree_get(root, keys, yajl_t_any);
	free(copy);
	cr_assert(value != NULL, "there is no \"%s\"", path);
	return value;
}

long long json_int_at(yajl_val root, const char *path)
{
	yajl_val value = json_at(root, path);

	cr_assert(YAJL_IS_INTEGER(value), "\"%s\" is not an integer", path);
	return YAJL_GET_INTEGER(value);
}

const char *json_string_at(yajl_val root, const char *path)
{
	yajl_val value = json_at(root, path);

	cr_assert(YAJL_IS_STRING(value), "\"%s\" is not a string", path);
	return YAJL_GET_STRING(value);
}

bool json_bool_at(yajl_val root, const char *path)
{
	yajl_val value = json_at(root, path);

	cr_assert(YAJL_IS_TRUE(value) || YAJL_IS_FALSE(value), "\"%s\" is not a boolean", path);
	return YAJL_IS_TRUE(value);
}

bool json_null_at(yajl_val root, const char *path)
{
	return YAJL_IS_NULL(json_at(root, path));
}

size_t json_length(yajl_val array)
{
	cr_assert(YAJL_IS_ARRAY(array));
	return YAJL_GET_ARRAY(array)->len;
}

yajl_val json_item(yajl_val array, size_t index)
{
	cr_assert(index < json_length(array));
	return YAJL_GET_ARRAY(array)->values[index];
}
