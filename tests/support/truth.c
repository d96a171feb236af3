/* SPDX-License-Identifier: MIT */
/*
 * The grammar of legal stacks of the programs in tests/truth/.
 *
 * How to read an expression: frames from the root, "name:line"; a caller is at the line of its
 * call, the leaf may be at any line of its function. C functions are "@name". Where the VM's debug
 * library gives a function different names on different versions, they are alternatives. A change
 * of a line number in a program is a change here.
 */
#include "truth.h"

#include <criterion/criterion.h>

#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FRAMES 256

/* The interpreter's own C function below the main chunk, where it is shown. */
#define ROOT "^(@[^ ]+ )?"
/* The function coroutine.wrap() returned: a C function without a name of its own. */
#define WRAPPED "@[^ ]+"
/* C functions that a main chunk calls on the way. */
#define MAIN_C	  "( @(_G\\.)?(os\\.clock|tonumber|jit\\.off|coroutine\\.wrap|tostring|setmetatable))?"
#define MAIN_LEAF ROOT "main:([0-9]+|j)" MAIN_C "$"
#define YIELD	  "( @coroutine\\.yield)?"

static const char *const busy[] = {
	MAIN_LEAF,
	ROOT "main:21 " WRAPPED "$",
	ROOT "main:21 " WRAPPED " anon:(17|18|19)" YIELD "$",
	ROOT "main:21 " WRAPPED " anon:18 top:(13|14|15|16)$",
	ROOT "main:21 " WRAPPED " anon:18 top:14 mid:(10|11|12)$",
	ROOT "main:21 " WRAPPED " anon:18 top:14 mid:11 leaf:(5|6|7|8|9)$",
	NULL,
};

static const char *const deep[] = {
	MAIN_LEAF,
	ROOT "main:22 " WRAPPED "$",
	ROOT "main:22 " WRAPPED " anon:(18|19|20)" YIELD "$",
	ROOT "main:22 " WRAPPED " anon:19( rec:15){0,20} rec:(10|11|12|13|15|16|17)$",
	ROOT "main:22 " WRAPPED " anon:19( rec:15){20} rec:12 leaf:(5|6|7|8|9)$",
	NULL,
};

static const char *const line[] = {
	MAIN_LEAF,
	ROOT "main:28 " WRAPPED "$",
	ROOT "main:28 " WRAPPED " anon:(21|22|23|24|25|26|j)" YIELD "$",
	ROOT "main:28 " WRAPPED " anon:23 g:(17|18|19|20|j)$",
	ROOT "main:28 " WRAPPED " anon:23 g:18 f:(7|8|9|10|11|12|13|15|16|j)$",
	NULL,
};

#define LINE2_WORK ROOT "main:39 work:35 @coroutine\\.resume"
#define LINE2_MID  LINE2_WORK " anon:29 mid:23 " WRAPPED

static const char *const line2[] = {
	MAIN_LEAF,
	ROOT "main:39 work:([0-9]+|j)( @(coroutine\\.create|os\\.clock))?$",
	LINE2_WORK "$",
	LINE2_WORK " anon:(27|28|29|30|31|32|j)" YIELD "$",
	LINE2_WORK " anon:29 mid:(18|19|20|21|22|23|24|25|j)( @coroutine\\.wrap)?$",
	LINE2_MID "$",
	LINE2_MID " anon:(19|20|21|22|j)$",
	LINE2_MID " anon:20 inner:(11|12|13|14|15|16|17|j)$",
	LINE2_MID " anon:20 inner:13 gen:(4|5|6|7|8|9|10|j)( @coroutine\\.wrap)?$",
	LINE2_MID " anon:20 inner:13 " WRAPPED "$",
	LINE2_MID " anon:20 inner:13 " WRAPPED " anon:(5|6|7|8|9|j)" YIELD "$",
	NULL,
};

/* 5.4: a long luaL_Buffer is a userdata, closed by its own C function at the end (lauxlib.c boxgc).
 */
#define BUFFER_FREED "( @_UBOX\\*:__(gc|close))?"
#define MIX_WORK     ROOT "main:30 run:26 work"

static const char *const mix[] = {
	MAIN_LEAF,
	ROOT "main:30 run:(25|26|27|28)$",
	MIX_WORK ":(10|11|12|13|14|15|16|17|18|19|20|22|23|24)$",
	MIX_WORK ":13 @table\\.sort( anon:(7|8|9))?$",
	MIX_WORK ":15 @(_G\\.)?(pairs|next)$",
	MIX_WORK ":18 @math\\.(sin|floor)$",
	MIX_WORK ":20 @table\\.concat" BUFFER_FREED "$",
	MIX_WORK ":(20|22) @string\\.gsub( anon:(20|21|22))?$",
	MIX_WORK ":(20|22) @string\\.gsub" BUFFER_FREED "$",
	/* The collector finalizes it where the program allocates: a table, "k" .. i, x .. "y". */
	MIX_WORK ":(10|17)" BUFFER_FREED "$",
	MIX_WORK ":(20|22) @string\\.gsub anon:21" BUFFER_FREED "$",
	NULL,
};

static const char *const tab[] = {
	MAIN_LEAF,
	ROOT "main:30 cnt:(7|8|9|10|11)$",
	ROOT "main:31 nx:(12|13|14|15|16|17|18|19)$",
	ROOT "main:31 nx:15 @(_G\\.)?next$",
	ROOT "main:32 m:(20|21|22|23|24|25|26|27)$",
	ROOT "main:32 m:23 @math\\.log$",
	ROOT "main:32 m:24 @math\\.f?mod$", /* 5.1: one function, two names */
	NULL,
};

/* Metamethods: no name on 5.1, "__index" on 5.2, 5.3 and LuaJIT, "index" on 5.4. */
#define META_INDEX   "(__index|index|anon)"
#define META_ADD     "(__add|add|anon)"
#define VEC_GSUB     ROOT "main:49 gs:(42|45) @string\\.gsub"
#define VEC_XPCALL   VEC_GSUB " anon:43 @(_G\\.)?xpcall"
#define VEC_WRAPPED  VEC_XPCALL " anon:39 " WRAPPED
#define VEC_PCALL    VEC_WRAPPED " anon:34 @(_G\\.)?pcall"
#define VEC_SORT     VEC_PCALL " (sorter|anon):30 @table\\.sort"
#define VEC_ADD	     VEC_SORT " anon:25 " META_ADD ":21"
#define VEC_INDEX    VEC_ADD " " META_INDEX ":17"
#define SETMETATABLE "( @(_G\\.)?setmetatable)?"

static const char *const vec[] = {
	MAIN_LEAF,
	ROOT "main:49 gs:(41|42|43|44|45|46|47)$",
	VEC_GSUB "$",
	VEC_GSUB " anon:(42|43|44|45)$",
	VEC_XPCALL "$",
	VEC_XPCALL " anon:(37|38|39|40)( @coroutine\\.wrap)?$",
	VEC_WRAPPED "$",
	VEC_WRAPPED " anon:(33|34|35|36)$",
	VEC_PCALL "$",
	VEC_PCALL " anon:32$",
	VEC_PCALL " (sorter|anon):(28|29|30|31)$",
	VEC_SORT "$",
	VEC_SORT " anon:(24|25|26|27)" SETMETATABLE "$",
	VEC_SORT " anon:25 " META_ADD ":(20|21|22|23)" SETMETATABLE "$",
	VEC_ADD " " META_INDEX ":(16|17|18|19)$",
	VEC_INDEX " va:(11|12|13|14)$",
	VEC_INDEX " va:12 block:(6|7|8|9|10)$",
	NULL,
};

static const char *const ratio[] = {
	MAIN_LEAF,
	ROOT "main:27 one:(10|11|12|13)$",
	ROOT "main:28 two:(14|15|16|17)$",
	ROOT "main:29 four:(18|19|20|21)$",
	ROOT "main:30 eight:(22|23|24|25)$",
	ROOT "main:(27 one:11|28 two:15|29 four:19|30 eight:23) burn:(5|6|7|8|9)$",
	NULL,
};

const struct truth_program truth_programs[] = {
	{"busy", busy}, {"deep", deep}, {"line", line},	  {"line2", line2}, {"mix", mix},
	{"tab", tab},	{"vec", vec},	{"ratio", ratio}, {NULL, NULL},
};

const struct truth_program *truth_find(const char *name)
{
	for (const struct truth_program *p = truth_programs; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

const char *verdict_name(enum verdict v)
{
	static const char *const names[NR_VERDICTS] = {"exact", "marked", "outside", "wrong",
						       "bad"};

	return names[v];
}

/* ---- shortening ---------------------------------------------------------------------------- */

static bool ends_with(const char *s, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && memcmp(s + len - n, end, n) == 0;
}

/* States of the VM, said at the leaf: they do not change the stack. */
static bool is_state(const char *frame, size_t len)
{
	static const char *const states[] = {"[gc]", "[jit compiler]", "[trace exit]"};

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (len == strlen(states[i]) && memcmp(frame, states[i], len) == 0)
			return true;
	return false;
}

/* "name (file:12)" -> "name:12"; false if the frame is not one of @file. */
static bool shorten_lua(const char *frame, size_t len, const char *file, FILE *out)
{
	bool on_trace = ends_with(frame, len, ")_[j]");
	const char *open = memmem(frame, len, " (", 2), *colon;
	size_t file_len = strlen(file), name_len, line_len;

	if (on_trace)
		len -= strlen("_[j]");
	if (!open || frame[len - 1] != ')')
		return false;
	name_len = (size_t)(open - frame);
	colon = open + 2 + file_len;
	if (colon >= frame + len || memcmp(open + 2, file, file_len) != 0 || *colon != ':')
		return false;
	line_len = (size_t)(frame + len - 1 - colon - 1);
	if (name_len == strlen("main chunk") && memcmp(frame, "main chunk", name_len) == 0)
		fputs("main", out);
	else if (name_len == strlen("<anonymous>") && memcmp(frame, "<anonymous>", name_len) == 0)
		fputs("anon", out);
	else
		fwrite(frame, 1, name_len, out);
	if (on_trace)
		fputs(":j", out);
	else
		fprintf(out, ":%.*s", (int)line_len, colon + 1);
	return true;
}

/* Anything else, without spaces: "string.gsub [C]" -> "@string.gsub", "[native]" as it is. */
static void shorten_other(const char *frame, size_t len, FILE *out)
{
	if (ends_with(frame, len, "_[j]"))
		len -= strlen("_[j]");
	if (ends_with(frame, len, " [C]")) {
		fputc('@', out);
		len -= strlen(" [C]");
	}
	for (size_t i = 0; i < len; i++)
		fputc(frame[i] == ' ' ? '_' : frame[i], out);
}

char *truth_shorten(const char *stack, const char *file)
{
	char *text = NULL;
	size_t text_len, nr = 0;
	FILE *out = open_memstream(&text, &text_len);

	cr_assert(out != NULL);
	while (*stack) {
		size_t len = strcspn(stack, ";");

		if (!is_state(stack, len)) {
			if (nr++ > 0)
				fputc(' ', out);
			if (!shorten_lua(stack, len, file, out))
				shorten_other(stack, len, out);
		}
		stack += len;
		stack += *stack == ';';
	}
	fclose(out);
	return text;
}

/* ---- judging ------------------------------------------------------------------------------- */

static bool matches(const char *expression, const char *text)
{
	regex_t compiled;
	bool found;

	cr_assert(regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB) == 0, "%s", expression);
	found = regexec(&compiled, text, 0, NULL, 0) == 0;
	regfree(&compiled);
	return found;
}

static bool says_it_does_not_know(const char *stack)
{
	return strstr(stack, "[lua:") || strstr(stack, ":?)") ||
	       strstr(stack, "<unknown C function>");
}

static enum verdict judge_stack(const struct truth_program *p, const char *stack)
{
	enum verdict verdict = VERDICT_WRONG;
	char file[64], marker[80], *text;

	snprintf(file, sizeof(file), "%s.lua", p->name);
	snprintf(marker, sizeof(marker), "(%s", file);
	text = truth_shorten(stack, file);
	for (size_t i = 0; p->stacks[i] && verdict == VERDICT_WRONG; i++)
		if (matches(p->stacks[i], text))
			verdict = VERDICT_EXACT;
	if (verdict == VERDICT_WRONG && says_it_does_not_know(stack))
		verdict = VERDICT_MARKED;
	if (verdict == VERDICT_WRONG && !strstr(stack, marker))
		verdict = VERDICT_OUTSIDE;
	free(text);
	return verdict;
}

enum verdict truth_judge(const struct truth_program *p, const char *text, uint64_t *ret_samples)
{
	const char *space = strrchr(text, ' ');
	unsigned long long samples;
	enum verdict verdict;
	char *stack, *end;

	*ret_samples = 0;
	if (!space || space == text)
		return VERDICT_BAD;
	samples = strtoull(space + 1, &end, 10);
	if (end == space + 1 || *end != '\0' || samples == 0)
		return VERDICT_BAD;
	stack = strndup(text, (size_t)(space - text));
	verdict = judge_stack(p, stack);
	free(stack);
	*ret_samples = samples;
	return verdict;
}
