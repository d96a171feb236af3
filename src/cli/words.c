/* SPDX-License-Identifier: MIT */
#include "words.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int make_room(struct words *w)
{
	size_t room = w->room ? w->room * 2 : 16;
	char **list;

	if (w->nr + 1 < w->room)
		return 0;
	list = reallocarray(w->list, room, sizeof(*list));
	if (!list)
		return -ENOMEM;
	w->list = list;
	w->room = room;
	return 0;
}

/* @word is taken. */
static void take(struct words *w, char *word)
{
	if (!word && !w->error)
		w->error = -ENOMEM;
	if (!w->error)
		w->error = make_room(w);
	if (w->error) {
		free(word);
		return;
	}
	w->list[w->nr++] = word;
	w->list[w->nr] = NULL;
}

void words_add(struct words *w, const char *word)
{
	take(w, strdup(word));
}

void words_addf(struct words *w, const char *fmt, ...)
{
	va_list args;
	char *word;

	va_start(args, fmt);
	if (vasprintf(&word, fmt, args) < 0)
		word = NULL;
	va_end(args);
	take(w, word);
}

void words_done(struct words *w)
{
	for (size_t i = 0; i < w->nr; i++)
		free(w->list[i]);
	free(w->list);
	*w = (struct words){0};
}
