/* SPDX-License-Identifier: MIT */
/*
 * Reading JSON in tests. Paths are keys joined by dots ("samples.taken"). A value that is missing
 * or of another type aborts the test: a misspelt key must not read as 0.
 */
#ifndef TESTS_JSON_DOC_H
#define TESTS_JSON_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include <yajl/yajl_tree.h>

/* The tree of a file; release with yajl_tree_free(). */
yajl_val json_read(const char *path);

yajl_val json_at(yajl_val root, const char *path);
long long json_int_at(yajl_val root, const char *path);
const char *json_string_at(yajl_val root, const char *path);
bool json_bool_at(yajl_val root, const char *path);
bool json_null_at(yajl_val root, const char *path);
size_t json_length(yajl_val array);
yajl_val json_item(yajl_val array, size_t index);

#endif
