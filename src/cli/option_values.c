/* SPDX-License-Identifier: MIT */
#include "option_values.h"

#include <errno.h>
#include <string.h>

#include "output/output.h"

#define MAX_IN_LIST    1024
#define MAX_WORD_BYTES 64

/*
 * The feature sets that users of the seed systems ask for by name. Full is all there is; the others
 * name their formats, and of those the ones this version has count.
 */
static const struct {
	const char *name;
	const char *formats; /* NULL = all */
} presets[] = {
	{"flame", "folded"},
	{"tracy", "trace"},
	{"full", NULL},
};

static int keep(struct options *options, char *text)
{
	char **owned = reallocarray(options->owned, options->nr_owned + 1, sizeof(*owned));

	if (!owned)
		return -ENOMEM;
	options->owned = owned;
	options->owned[options->nr_owned++] = text;
	return 0;
}

int usage_error(int written)
{
	return written < 0 ? written : -EINVAL;
}

char *option_values_copy(struct options *options, const char *text, size_t length)
{
	char *copy = strndup(text, length);

	if (!copy || keep(options, copy) < 0) {
		free(copy);
		return NULL;
	}
	return copy;
}

static int add_to_list(struct options *options, const char ***list, const char *word, size_t length)
{
	size_t nr = 0;
	const char **longer;
	char *copy;

	while (*list && (*list)[nr])
		nr++;
	if (nr >= MAX_IN_LIST)
		return -EINVAL;
	copy = option_values_copy(options, word, length);
	longer = reallocarray(*list, nr + 2, sizeof(*longer));
	if (longer)
		*list = longer;
	if (!copy || !longer)
		return -ENOMEM;
	longer[nr] = copy;
	longer[nr + 1] = NULL;
	return 0;
}

int option_values_add_globs(struct options *options, const char ***list, const char *value)
{
	int r = 0;

	while (r == 0 && *value) {
		size_t length = strcspn(value, ",");

		if (length > 0)
			r = add_to_list(options, list, value, length);
		value += length;
		if (*value)
			value++;
	}
	return r;
}

int option_values_add_word(struct options *options, const char ***list, const char *value)
{
	return add_to_list(options, list, value, strlen(value));
}

/* ---- formats ------------------------------------------------------------------------------- */

static int add_format(struct options *options, const struct output_ops *format)
{
	size_t nr = 0;

	while (options->formats[nr]) {
		if (options->formats[nr] == format)
			return 0;
		nr++;
	}
	if (nr + 1 >= MAX_FORMATS)
		return -EINVAL;
	options->formats[nr] = format;
	options->formats[nr + 1] = NULL;
	return 0;
}

static int add_all_formats(struct options *options)
{
	size_t nr;
	const struct output_ops *const *all = outputs_all(&nr);
	int r = 0;

	for (size_t i = 0; r == 0 && i < nr; i++)
		if (all[i]->kind == OUTPUT_FILE)
			r = add_format(options, all[i]);
	return r;
}

static const char *without_prefix(const char *word)
{
	static const char *const prefixes[] = {"profile_", "profile-"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(word, prefixes[i], strlen(prefixes[i])) == 0)
			return word + strlen(prefixes[i]);
	return word;
}

static int add_word(struct options *options, const char *word)
{
	const struct output_ops *format = output_find(word);

	if (format && format->kind == OUTPUT_FILE)
		return add_format(options, format);
	word = without_prefix(word);
	for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
		if (strcmp(presets[i].name, word) != 0)
			continue;
		if (!presets[i].formats)
			return add_all_formats(options);
		return add_word(options, presets[i].formats);
	}
	return -EINVAL;
}

int option_values_apply_formats(struct options *options, const char *value)
{
	int r = *value ? 0 : -EINVAL;

	options->formats[0] = NULL;
	while (r == 0 && *value) {
		size_t length = strcspn(value, ",");
		char word[MAX_WORD_BYTES];

		if (length == 0 || length >= sizeof(word))
			return -EINVAL;
		memcpy(word, value, length);
		word[length] = 0;
		r = add_word(options, word);
		value += length;
		/* A comma promises another word. */
		if (*value && !*++value)
			return -EINVAL;
	}
	return r;
}

int option_values_format_names(struct buf *ret)
{
	size_t nr;
	const struct output_ops *const *all = outputs_all(&nr);
	int r = buf_addstr(ret, "a list of");
	const char *separator = " ";

	for (size_t i = 0; r == 0 && i < nr; i++) {
		if (all[i]->kind != OUTPUT_FILE)
			continue;
		r = buf_addf(ret, "%s%s", separator, all[i]->name);
		separator = ", ";
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(presets); i++)
		r = buf_addf(ret, "%s%s", i ? ", " : ", or a preset: ", presets[i].name);
	return r;
}
