/* SPDX-License-Identifier: MIT */
/*
 * What tells one busted element from another in the same memory: in the sampler, in the reader that
 * copies its names, and in the report, which believes only what both saw.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bprof/element.h>

#include "elements.h"
#include "host_walk.h"
#include "lua_child.h"
#include "lua_layouts.h"
#include "symbol.h"

/* Of the walker only the part that reads elements is used here. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "walk.h"

TestSuite(element, .timeout = 20);

#define PID	    7
#define NAME	    0x7f0011223340ULL
#define DESCRIPTOR  0x7f0011223380ULL
#define MAX_PRINTED 16

static const struct lua_layout lua51 = {.family = BPROF_FAMILY_PUC, .dialect = LUA_DIALECT_51},
			       lua53 = {.family = BPROF_FAMILY_PUC, .dialect = LUA_DIALECT_53},
			       lua55 = {.family = BPROF_FAMILY_PUC, .dialect = LUA_DIALECT_55},
			       luajit = {.family = BPROF_FAMILY_LUAJIT,
					 .dialect = LUA_DIALECT_LUAJIT},
			       luajit32 = {.family = BPROF_FAMILY_LUAJIT,
					   .dialect = LUA_DIALECT_LUAJIT,
					   .luajit.refs32 = 1};

/* ---- numbers ------------------------------------------------------------------------------- */

static __u32 print_of(const char *name, __u64 name_at, bool name_first)
{
	__u64 descriptor[ELEMENT_TEXT_WORDS] = {0}, text[ELEMENT_TEXT_WORDS] = {0}, sum = 0;

	memcpy(descriptor, "it", 2);
	memcpy(text, name, strlen(name));
	if (name_first)
		sum += element_share(name_at, text);
	sum += element_share(DESCRIPTOR, descriptor);
	if (!name_first)
		sum += element_share(name_at, text);
	return element_fingerprint_of(sum);
}

Test(element, is_known_by_its_strings_in_any_order)
{
	__u32 print = print_of("adds 1", NAME, false);

	cr_expect(ne(u32, print, 0));
	cr_expect(eq(u32, print_of("adds 1", NAME, true), print));
	cr_expect(ne(u32, print_of("adds 1", NAME + 64, false), print), "another string");
	cr_expect(ne(u32, print_of("adds 2", NAME, false), print), "another text in its place");
	cr_expect(ne(u32, print_of("adds", NAME, false), print));
}

Test(element, every_byte_of_a_text_counts)
{
	char name[ELEMENT_TEXT_WORDS * 8];
	__u32 print;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = 0;
	print = print_of(name, NAME, false);
	for (size_t i = 0; i + 1 < sizeof(name); i++) {
		name[i] ^= (char)0x80;
		cr_expect(ne(u32, print_of(name, NAME, false), print), "byte %zu", i);
		name[i] ^= (char)0x80;
	}
}

Test(element, strings_are_told_by_their_tags)
{
	cr_expect(eq(u64, element_string(&lua51, NAME, 4), NAME));
	cr_expect(eq(u64, element_string(&lua53, NAME, 0x54), NAME), "a long one");
	cr_expect(eq(u64, element_string(&lua53, NAME, 5), 0), "a table");
	cr_expect(eq(u64, element_string(&lua53, NAME, 0x13), 0), "a number");
	cr_expect(eq(u64, element_string(&luajit, 0x1fffbULL << 47 | NAME, 0), NAME));
	cr_expect(eq(u64, element_string(&luajit, 0x1fff4ULL << 47 | NAME, 0), 0), "a table");
	cr_expect(eq(u64, element_string(&luajit32, 0xfffffffbULL << 32 | 0x40123458, 0),
		     0x40123458));
	cr_expect(eq(u64, element_string(&luajit32, 0x3ff0000000000000, 0), 0), "a number");
	cr_expect(element_text_is_apart(&lua55, 0x54) && !element_text_is_apart(&lua55, 0x44) &&
		  !element_text_is_apart(&lua53, 0x54));
}

Test(element, of_a_large_table_the_first_nodes_count)
{
	cr_expect(element_nr_nodes(&lua51, 0xffffff02) == 4);
	cr_expect(element_nr_nodes(&lua51, 3) == 8);
	cr_expect(element_nr_nodes(&lua51, 9) == ELEMENT_MAX_NODES);
	cr_expect(element_nr_nodes(&luajit, 7) == 8);
	cr_expect(element_nr_nodes(&luajit, 0xffffffff) == ELEMENT_MAX_NODES);
	cr_expect(le(u32, (__u32)ELEMENT_MAX_BYTES, ELEMENT_WORDS * 8));
}

/* ---- real interpreters --------------------------------------------------------------------- */

struct interpreter {
	char name[16];
};

static struct criterion_test_params all_interpreters(void)
{
	static struct interpreter params[8];
	size_t nr = 0;

	for (; test_interpreters[nr]; nr++)
		snprintf(params[nr].name, sizeof(params[nr].name), "%s", test_interpreters[nr]);
	return cr_make_param_array(struct interpreter, params, nr);
}

/* A child that has made elements and waits. One byte of its memory reads as another. */
struct fixture {
	struct lua_child child;
	struct {
		char kind[32];
		uaddr_t at;
	} printed[MAX_PRINTED];
	size_t nr_printed;
	uaddr_t painted;
	char colour; /* 0 = cannot be read */
	struct mem_reader mem;
};

static int painted_read(void *ctx, void *dst, size_t len, uaddr_t src)
{
	const struct fixture *f = ctx;
	int r = mem_read(&f->child.mem, dst, len, src);

	if (r < 0 || f->painted - src >= len)
		return r;
	if (!f->colour)
		return -EFAULT;
	((char *)dst)[f->painted - src] = f->colour;
	return 0;
}

static void start(struct fixture *f, const char *interpreter)
{
	bool ready = false;
	char *line;

	memset(f, 0, sizeof(*f));
	f->mem = (struct mem_reader){.read = painted_read, .ctx = f};
	if (!lua_child_available(interpreter))
		cr_skip_test("%s is not installed", interpreter);
	cr_assert(lua_child_start(&f->child, interpreter,
				  SOURCE_DIR "/tests/fixtures/symbol/captured.lua"));
	while (!ready && (line = lua_child_line(&f->child))) {
		char printed[64];

		if (sscanf(line, "E\t%31[^\t]\t%63[^\n]", f->printed[f->nr_printed].kind,
			   printed) == 2) {
			cr_assert(lt(sz, f->nr_printed + 1, MAX_PRINTED));
			f->printed[f->nr_printed++].at = lua_child_address(printed);
		}
		ready = line[0] == 'M';
	}
	cr_assert(ready, "the child ended early");
	lua_child_wait(&f->child);
}

static struct bprof_span span_of(const struct fixture *f, const char *kind)
{
	for (size_t i = 0; i < f->nr_printed; i++)
		if (strcmp(f->printed[i].kind, kind) == 0)
			return (struct bprof_span){.element = f->printed[i].at};
	cr_assert(false, "no %s", kind);
	return (struct bprof_span){0};
}

/* As the sampler sees it now. */
static __u32 sampled(const struct fixture *f, uaddr_t element)
{
	static struct walk w;

	w.mem = &f->mem;
	w.chosen = *f->child.layout;
	return walk_element_fingerprint(&w, element);
}

static int captured(const struct fixture *f, const struct bprof_span *span, struct buf *out)
{
	return capture_element(&f->mem, f->child.layout, PID, span, out);
}

static struct bprof_element *record_in(struct buf *out)
{
	return (struct bprof_element *)out->data;
}

/* Where the text of the element's name is: after its descriptor, in the child's own words. */
static uaddr_t name_of(const struct fixture *f, const struct bprof_span *span)
{
	__u64 words[ELEMENT_WORDS] = {0};
	__u32 step = element_node_words(f->child.layout->dialect), nr_nodes;
	uaddr_t nodes = lua_child_u64(&f->child, span->element + element_nodes_at(f->child.layout));

	nr_nodes = element_nr_nodes(
		f->child.layout,
		lua_child_u32(&f->child, span->element + element_size_at(f->child.layout)));
	cr_assert(eq(int, mem_read(&f->child.mem, words, 8UL * nr_nodes * step, nodes), 0));
	for (__u32 i = 0; i < nr_nodes; i++) {
		uaddr_t string =
			element_string(f->child.layout, words[i * step], words[i * step + 1]);
		uaddr_t text = string + element_text_at(f->child.layout);

		if (string && (lua_child_u32(&f->child, text) & 0xffffff) != ('i' | 't' << 8))
			return text;
	}
	cr_assert(false, "it has no name");
	return 0;
}

ParameterizedTestParameters(element, the_sampler_and_the_reader_agree)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, element, the_sampler_and_the_reader_agree)
{
	static const char *const kinds[] = {"it", "odd", "long", "forty"};
	static struct fixture f;
	__u32 prints[ARRAY_SIZE(kinds)];
	struct buf out;

	start(&f, param->name);
	buf_init(&out, 1 << 16);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct bprof_span span = span_of(&f, kinds[i]);

		buf_reset(&out);
		cr_assert(eq(int, captured(&f, &span, &out), 0));
		prints[i] = sampled(&f, span.element);
		cr_expect(ne(u32, prints[i], 0), "%s", kinds[i]);
		cr_expect(eq(u32, record_in(&out)->fingerprint, prints[i]), "%s", kinds[i]);
		for (size_t j = 0; j < i; j++)
			cr_expect(ne(u32, prints[i], prints[j]));
	}
	buf_done(&out);
	lua_child_end(&f.child);
}

ParameterizedTestParameters(element, another_name_in_the_memory_of_the_old_one_is_seen)
{
	return all_interpreters();
}

/*
 * With --repeat the table and the name of one round are those of the next, at the same addresses:
 * one sampled in the first and read in the second had the name of another test.
 */
ParameterizedTest(struct interpreter *param, element,
		  another_name_in_the_memory_of_the_old_one_is_seen)
{
	static const char *const kinds[] = {"it", "forty"};
	static struct fixture f;
	struct buf out;

	start(&f, param->name);
	buf_init(&out, 1 << 16);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct bprof_span span = span_of(&f, kinds[i]);
		__u32 print = sampled(&f, span.element), repainted;

		f.painted = name_of(&f, &span) + 2;
		f.colour = '#';
		repainted = sampled(&f, span.element);
		cr_expect(repainted && repainted != print, "%s", kinds[i]);
		buf_reset(&out);
		cr_assert(eq(int, captured(&f, &span, &out), 0));
		cr_expect(eq(u32, record_in(&out)->fingerprint, repainted));
		f.painted = 0;
		cr_expect(eq(int, capture_element_confirm(&f.mem, f.child.layout, record_in(&out)),
			     -ESTALE));
	}
	buf_done(&out);
	lua_child_end(&f.child);
}

ParameterizedTestParameters(element, one_whose_name_cannot_be_read_is_not_known)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, element, one_whose_name_cannot_be_read_is_not_known)
{
	static struct fixture f;
	struct bprof_span span;
	struct buf out;

	start(&f, param->name);
	buf_init(&out, 1 << 16);
	span = span_of(&f, "it");
	f.painted = name_of(&f, &span) + 1;
	cr_expect(eq(u32, sampled(&f, span.element), 0));
	cr_expect(lt(int, captured(&f, &span, &out), 0));
	cr_expect(eq(sz, out.len, 0));
	buf_done(&out);
	lua_child_end(&f.child);
}

/* ---- the report ---------------------------------------------------------------------------- */

static const char *name_in_report(__u32 read, __u32 at_the_sample)
{
	static const struct text descriptor = {"it", 2}, name = {"adds", 4}, source = {"a.lua", 5};
	static char ret[16];
	const struct bprof_element fixed = {.pid = PID, .element = 0x5000, .fingerprint = read};
	const struct decoded d = {
		.element = {&fixed, .descriptor = descriptor, .name = name, .source = source}};
	const struct bprof_sample sample = {.pid = PID, .nr_spans = 1};
	const struct bprof_span span = {.element = 0x5000, .fingerprint = at_the_sample};
	struct attribute_element seen[BPROF_MAX_SPANS];
	struct elements *elements;

	cr_assert(eq(int, elements_new(&elements), 0));
	cr_assert(eq(int, elements_add(elements, &d), 0));
	cr_assert(eq(sz, elements_of_sample(elements, &sample, &span, seen), 1));
	snprintf(ret, sizeof(ret), "%s", seen[0].name ? seen[0].name : "");
	elements_free(elements);
	return ret;
}

Test(element, a_sample_is_named_only_by_what_it_saw)
{
	cr_expect(eq(str, (char *)name_in_report(11, 11), "adds"));
	cr_expect(eq(str, (char *)name_in_report(11, 13), ""), "another one");
	cr_expect(eq(str, (char *)name_in_report(11, 0), ""), "unread at the sample");
	cr_expect(eq(str, (char *)name_in_report(0, 0), "adds"), "nobody asked yet");
}
