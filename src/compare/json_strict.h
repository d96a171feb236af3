/* SPDX-License-Identifier: MIT */
/*
 * JSON of strangers that must be exactly what its schema says: for each map a table says which keys
 * it has, what each must be and where it goes.
 */
#ifndef BPROF_COMPARE_JSON_STRICT_H
#define BPROF_COMPARE_JSON_STRICT_H

#include <yajl/yajl_tree.h>

#include "buf.h"

#define STRICT_MOST_VALUES 1000000
#define STRICT_MAX_PLACE   64

/**
 * struct strict_reader - where we are in a document
 * @what:  the documents that are read, in the singular: "comparison"
 * @why:   one sentence, without a word of the document
 * @place: of the open map: "elements[3]"; "" at the top
 */
struct strict_reader {
	const char *what;
	struct buf *why;
	char place[STRICT_MAX_PLACE];
	size_t nr_values;
};

/*
 * Puts a value at @into, which is strict_field.offset within what its map becomes. Return: 0;
 * -EBADMSG, with or without a sentence; -ENOMEM. Texts are borrowed from the tree.
 */
typedef int strict_read(struct strict_reader *r, yajl_val value, void *into);

struct strict_field {
	const char *key;
	strict_read *read;
	size_t offset;
};

strict_read strict_text;	 /* const char * */
strict_read strict_text_or_null; /* the same; null changes nothing */
strict_read strict_bool;
strict_read strict_count;	 /* size_t */
strict_read strict_line;	 /* int32_t, null is 0 */
strict_read strict_real;	 /* double, finite and not negative */
strict_read strict_real_or_null; /* the same, null is NAN */
strict_read strict_known;	 /* a text that other keys say already: nothing is put */

/* -EBADMSG with a sentence, or -ENOMEM. */
int strict_refuse(struct strict_reader *r, const char *sentence) MUST_CHECK;

/* Exactly these keys, each once. */
int strict_map(struct strict_reader *r, yajl_val map, const struct strict_field *fields, size_t nr,
	       void *into) MUST_CHECK;

/* The same for a map inside of another one, whose name messages have. */
int strict_inner(struct strict_reader *r, const char *place, yajl_val map,
		 const struct strict_field *fields, size_t nr, void *into) MUST_CHECK;

/*
 * *ret: @ret_nr items of @size bytes each, read by @read. It belongs to the caller, even where it
 * could not be read to its end.
 */
int strict_list(struct strict_reader *r, const char *name, yajl_val list, size_t size,
		strict_read *read, void **ret, size_t *ret_nr) MUST_CHECK;

/* NULL = the map has no such key. */
yajl_val strict_member(yajl_val map, const char *key);

/* A document; yajl_tree_free() it. 0; -EBADMSG with a sentence; -ENOMEM. */
int strict_tree(struct strict_reader *r, const char *text, size_t len, yajl_val *ret) MUST_CHECK;

#endif
