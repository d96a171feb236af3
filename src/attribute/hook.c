/* SPDX-License-Identifier: MIT */
/*
 * Builds the value of LUA_INIT: hook_loader.lua and hook.lua as one line, then the user's own
 * value.
 *
 * One chunk for both keeps everything the user can see of an own LUA_INIT as it was: chunk name,
 * line numbers, error text, traceback, exit status. The hook is a do-block: none of its locals
 * reach the user's code.
 *
 * Source: handle_luainit() in lua.c of 5.1 to 5.4 and luajit.c: "@file" is dofile, else the value
 * is a chunk named after its variable; 5.2 and later prefer LUA_INIT_<major>_<minor>.
 */
#include "hook.h"

#include <errno.h>
#include <string.h>

#include "buf.h"

/* The kernel's MAX_ARG_STRLEN: one string of an environment, its name and NUL included. */
#define MAX_VARIABLE ((size_t)128 * 1024)

/* The assembler looks for the files in the include directories of this compilation. */
__asm__(".pushsection .rodata\n"
	"hook_loader_lua: .incbin \"hook_loader.lua\"\n.byte 0\n"
	"hook_lua: .incbin \"hook.lua\"\n.byte 0\n"
	".popsection\n");
/* Hidden: through arm64's GOT both would be the first of them, its entries keep no offset. */
extern const char hook_loader_lua[] __attribute__((visibility("hidden")));
extern const char hook_lua[] __attribute__((visibility("hidden")));

static const char *const hook_variables[] = {
	"LUA_INIT", "LUA_INIT_5_2", "LUA_INIT_5_3", "LUA_INIT_5_4", "LUA_INIT_5_5",
};

/* Comment lines around what only a run that counts needs. */
#define COUNT_BEGIN "-- {count\n"
#define COUNT_END   "-- }\n"

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* One line: without indentation, comment lines and empty lines. */
static int add_joined(struct buf *out, const char *source, bool counts)
{
	bool left_out = false;
	int r = 0;

	while (*source && r == 0) {
		size_t indent = strspn(source, "\t ");
		size_t length = strcspn(source, "\n");
		const char *text = source + indent;

		if (begins_with(text, COUNT_BEGIN))
			left_out = !counts;
		else if (begins_with(text, COUNT_END))
			left_out = false;
		if (length > indent && !begins_with(text, "--") && !left_out) {
			r = buf_add(out, text, length - indent);
			if (r == 0)
				r = buf_addstr(out, " ");
		}
		source += length + (source[length] == '\n');
	}
	return r;
}

/* @text as a Lua string literal; every byte that could end one is escaped by its number. */
static int add_quoted(struct buf *out, const char *text)
{
	int r = buf_addstr(out, "\"");

	for (; *text && r == 0; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == '"' || c == '\\')
			r = buf_addf(out, "\\%03u", c);
		else
			r = buf_add(out, text, 1);
	}
	return r < 0 ? r : buf_addstr(out, "\"");
}

static int add_collect(struct buf *out, const struct hook_options *options)
{
	return buf_addstr(out, options->collect_garbage ? "collectgarbage" : "nil");
}

static int add_count(struct buf *out, const struct hook_options *options)
{
	return options->count_from ? buf_addf(out, "%u", options->count_from)
				   : buf_addstr(out, "nil");
}

static int add_skipped(struct buf *out, const struct hook_options *options)
{
	int r = 0;

	if (!options->skipped || !options->skipped[0])
		return buf_addstr(out, "nil");
	for (size_t i = 0; options->skipped[i] && r == 0; i++) {
		r = buf_addstr(out, i ? ",[" : "{[");
		if (r == 0)
			r = add_quoted(out, options->skipped[i]);
		if (r == 0)
			r = buf_addstr(out, "]=true");
	}
	return r < 0 ? r : buf_addstr(out, "}");
}

static int add_code(struct buf *out, const struct hook_options *options)
{
	int r = buf_addstr(out, "[==[");

	if (r == 0)
		r = add_joined(out, hook_lua, options->count_from > 0);
	return r < 0 ? r : buf_addstr(out, "]==]");
}

/* What stands in the loader for what; in this order. */
static const struct {
	const char *name;
	int (*add)(struct buf *out, const struct hook_options *options);
} placeholders[] = {
	{"HOOK_COLLECT", add_collect},
	{"HOOK_COUNT", add_count},
	{"HOOK_SKIPPED", add_skipped},
	{"HOOK_LUA", add_code},
};

static int add_hook(struct buf *out, const char *loader, const struct hook_options *options)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(placeholders) && r == 0; i++) {
		const char *place = strstr(loader, placeholders[i].name);

		r = buf_add(out, loader, (size_t)(place - loader));
		if (r == 0)
			r = placeholders[i].add(out, options);
		loader = place + strlen(placeholders[i].name);
	}
	return r < 0 ? r : buf_addstr(out, loader);
}

/*
 * What the interpreter does for "@file". A file that cannot be loaded is reported without a
 * traceback and under the name the interpreter was started by, which only the kernel tells before
 * the global arg exists.
 */
static int add_file(struct buf *out, const char *path)
{
	int r = buf_addstr(out, "local f, e = loadfile(");

	if (r == 0)
		r = add_quoted(out, path);
	if (r == 0)
		r = buf_addstr(
			out,
			") if not f then local c = io.open('/proc/self/cmdline', 'rb') "
			"local n = c and c:read('*a'):match('^[^%z]+') "
			"io.stderr:write(n and n .. ': ' or '', e, '\\n') os.exit(1, true) end "
			"return f()");
	return r;
}

static int inject(const struct hook_environ *variables, const char *name, const char *hook)
{
	const char *own = variables->get(variables->ctx, name);
	struct buf value;
	int r;

	if (own && strncmp(own, hook, strlen(hook)) == 0)
		return 0;
	buf_init(&value, MAX_VARIABLE - strlen(name) - sizeof("=") - 1);
	r = buf_addstr(&value, hook);
	if (r == 0 && own)
		r = own[0] == '@' ? add_file(&value, own + 1) : buf_addstr(&value, own);
	if (r == 0)
		r = variables->set(variables->ctx, name, value.data);
	buf_done(&value);
	return r;
}

char *hook_code(const struct hook_options *options)
{
	struct buf code, loader;
	int r;

	buf_init(&code, MAX_VARIABLE);
	buf_init(&loader, MAX_VARIABLE);
	r = add_joined(&loader, hook_loader_lua, options->count_from > 0);
	if (r == 0)
		r = add_hook(&code, loader.data, options);
	buf_done(&loader);
	if (r < 0)
		buf_done(&code);
	return code.data;
}

int hook_inject(const struct hook_environ *variables)
{
	CLEANUP(cleanup_free) char *hook = hook_code(&variables->options);
	int r = 0;

	if (!hook)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(hook_variables) && r == 0; i++) {
		if (i == 0 || variables->get(variables->ctx, hook_variables[i]))
			r = inject(variables, hook_variables[i], hook);
	}
	return r;
}
