/* SPDX-License-Identifier: MIT */
/*
 * Runs the checks and prints them, for people or as JSON.
 *
 * Each check is a row of a table; a bug report should contain all of them.
 */
#include "doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <yajl/yajl_gen.h>

#define MAX_TEXT   4096
#define MAX_CHECKS 64

static const struct {
	const char *word, *name, *colour;
} statuses[] = {
	[CHECK_OK] = {"OK", "ok", "\033[32m"},
	[CHECK_WARN] = {"WARN", "warn", "\033[33m"},
	[CHECK_FAIL] = {"FAIL", "fail", "\033[31m"},
};

static void set_text(struct buf *buf, const char *fmt, va_list args)
{
	char text[MAX_TEXT];

	vsnprintf(text, sizeof(text), fmt, args);
	buf_reset(buf);
	(void)!buf_addstr(buf, text);
}

void finding_say(struct finding *f, enum check_status status, const char *fmt, ...)
{
	va_list args;

	f->status = status;
	va_start(args, fmt);
	set_text(&f->text, fmt, args);
	va_end(args);
}

void finding_remedy(struct finding *f, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set_text(&f->remedy, fmt, args);
	va_end(args);
}

int read_line(const char *path, char *line, size_t size)
{
	FILE *in = fopen(path, "re");
	int r = 0;

	if (!in)
		return -errno;
	if (!fgets(line, (int)size, in))
		r = -ENODATA;
	fclose(in);
	if (r == 0)
		line[strcspn(line, "\n")] = 0;
	return r;
}

/* ---- looking ------------------------------------------------------------------------------- */

struct examination {
	const struct check *checks[MAX_CHECKS];
	struct finding findings[MAX_CHECKS];
	size_t nr;
	bool works;
};

static void look_at(struct examination *all, const struct session *session,
		    const struct check *checks, size_t nr)
{
	for (size_t i = 0; i < nr && all->nr < MAX_CHECKS; i++) {
		struct finding *finding = &all->findings[all->nr];

		buf_init(&finding->text, MAX_TEXT);
		buf_init(&finding->remedy, MAX_TEXT);
		checks[i].look(session, finding);
		if (finding->status == CHECK_FAIL)
			all->works = false;
		all->checks[all->nr++] = &checks[i];
	}
}

static void forget(struct examination *all)
{
	for (size_t i = 0; i < all->nr; i++) {
		buf_done(&all->findings[i].text);
		buf_done(&all->findings[i].remedy);
	}
}

static const char *text_of(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

/* ---- saying -------------------------------------------------------------------------------- */

/* What programs and file systems answer is foreign text: no escape sequence may pass. */
static void print_foreign(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void print_for_people(const struct examination *all, const struct session *session)
{
	bool colour = colour_wanted(session->options->colour, session->environment, STDOUT_FILENO);

	for (size_t i = 0; i < all->nr; i++) {
		const struct finding *f = &all->findings[i];

		printf("%s%-4s%s %-16s ", colour ? statuses[f->status].colour : "",
		       statuses[f->status].word, colour ? "\033[0m" : "", all->checks[i]->name);
		print_foreign(text_of(&f->text));
		putchar('\n');
		if (f->remedy.len) {
			printf("     %-16s remedy: ", "");
			print_foreign(text_of(&f->remedy));
			putchar('\n');
		}
	}
	printf("\n%s\n", all->works ? "bprof-perf run would work here."
				    : "bprof-perf run would not work here: see FAIL above.");
}

static void gen_string(yajl_gen gen, const char *text)
{
	yajl_gen_string(gen, (const unsigned char *)text, strlen(text));
}

static void gen_pair(yajl_gen gen, const char *key, const char *value)
{
	gen_string(gen, key);
	if (value && *value)
		gen_string(gen, value);
	else
		yajl_gen_null(gen);
}

static void gen_check(yajl_gen gen, const struct check *check, const struct finding *f)
{
	yajl_gen_map_open(gen);
	gen_pair(gen, "name", check->name);
	gen_pair(gen, "status", statuses[f->status].name);
	gen_pair(gen, "finding", text_of(&f->text));
	gen_pair(gen, "remedy", text_of(&f->remedy));
	yajl_gen_map_close(gen);
}

static void gen_all(yajl_gen gen, const struct examination *all)
{
	yajl_gen_map_open(gen);
	gen_pair(gen, "schema", "bprof-perf/doctor/1");
	gen_pair(gen, "version", BPROF_VERSION);
	gen_pair(gen, "libbpf", libbpf_version_string());
	gen_string(gen, "works");
	yajl_gen_bool(gen, all->works);
	gen_string(gen, "checks");
	yajl_gen_array_open(gen);
	for (size_t i = 0; i < all->nr; i++)
		gen_check(gen, all->checks[i], &all->findings[i]);
	yajl_gen_array_close(gen);
	yajl_gen_map_close(gen);
}

static int print_json(const struct examination *all)
{
	yajl_gen gen = yajl_gen_alloc(NULL);
	const unsigned char *text;
	size_t length;

	if (!gen)
		return -ENOMEM;
	yajl_gen_config(gen, yajl_gen_beautify, 1);
	gen_all(gen, all);
	if (yajl_gen_get_buf(gen, &text, &length) == yajl_gen_status_ok)
		fwrite(text, 1, length, stdout);
	yajl_gen_free(gen);
	return 0;
}

/* libbpf explains failures at length on stderr; what matters is in the finding. */
static int be_silent(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

int doctor_run(const struct session *session)
{
	struct examination all = {.works = true};
	const struct check *checks;
	size_t nr;
	int r = 0;

	libbpf_set_print(be_silent);
	checks = checks_of_machine(&nr);
	look_at(&all, session, checks, nr);
	checks = checks_of_user(&nr);
	look_at(&all, session, checks, nr);
	if (session->options->json)
		r = print_json(&all);
	else
		print_for_people(&all, session);
	forget(&all);
	return r == 0 && all.works && fflush(stdout) == 0 ? 0 : 1;
}
