/* SPDX-License-Identifier: MIT */
/* Tags of releases and names of folders: what is one, and that their order is one. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "history.h"

#define SEED   UINT64_C(20260131)
#define ROUNDS 200000

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static struct release parsed(const char *text)
{
	struct release r;

	cr_assert(eq(int, release_parse(text, &r), 0), "%s", text);
	return r;
}

/* ---- tags ---------------------------------------------------------------------------------- */

Test(history_release, what_is_a_tag)
{
	static const char *const good[] = {
		"v1.2.3",      "1.2.3",		"v1.2.3.4",	"v1.2.3-beta.1",	  "v0.0.0",
		"v2024.01.05", "v1.2.3.4-rc-1", "v1.2.3-0.0.1", "v999999999999999999.0.0"};
	struct release r;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		cr_expect(eq(int, release_parse(good[i], &r), 0), "%s", good[i]);
		cr_expect(eq(str, r.text, (char *)good[i]));
	}
	r = parsed("v1.2.3.4-beta.1");
	cr_expect(eq(u32, r.nr_parts, 4));
	cr_expect(eq(u64, r.parts[3], 4));
	cr_expect(eq(str, r.text + r.prerelease, "beta.1"));
}

Test(history_release, what_is_none)
{
	static const char *const bad[] = {"",
					  "v",
					  "v1",
					  "v1.2",
					  "v1.2.",
					  "v1.2.3.",
					  "v1.2.3.4.5",
					  "v1.2.3-",
					  "v1.2.3-a.",
					  "v1.2.3-.a",
					  "v1.2.3-a..b",
					  "v1.2.3-a_b",
					  "v1.2.3+b",
					  "vv1.2.3",
					  "V1.2.3",
					  " v1.2.3",
					  "v1.2.3 ",
					  "v1.2.3\n",
					  "v-1.2.3",
					  "v1.2.3/../x",
					  "v1..3",
					  "refs/tags/v1.2.3",
					  "latest",
					  "v1.2.x",
					  "v1.2.3-\xc3\xa9",
					  "v1.2.3rc1",
					  "v1234567890123456789.0.0",
					  "--release",
					  "v1.2.3-a/b"};
	struct release r;
	char endless[RELEASE_MAX_TEXT + 8] = "v1.2.3-";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(lt(int, release_parse(bad[i], &r), 0), "'%s'", bad[i]);
	memset(endless + 7, 'a', sizeof(endless) - 8);
	endless[sizeof(endless) - 1] = 0;
	cr_expect(lt(int, release_parse(endless, &r), 0));
}

Test(history_release, prereleases_are_not_stable_and_four_parts_are)
{
	struct release none = {.nr_parts = 0}, r;

	r = parsed("v1.2.3");
	cr_expect(release_is_stable(&r));
	r = parsed("v1.2.3.4");
	cr_expect(release_is_stable(&r));
	r = parsed("v1.2.3-1");
	cr_expect(not(release_is_stable(&r)));
	cr_expect(not(release_is_stable(&none)));
}

/* The example of semver.org, with what we add to it. */
Test(history_release, the_order_that_people_expect)
{
	static const char *const ascending[] = {
		"v0.9.10",	 "v1.0.0-1",	   "v1.0.0-2",		"v1.0.0-10",
		"v1.0.0-alpha",	 "v1.0.0-alpha.1", "v1.0.0-alpha.beta", "v1.0.0-beta",
		"v1.0.0-beta.2", "v1.0.0-beta.11", "v1.0.0-rc.1",	"v1.0.0",
		"v1.0.0.1-rc.1", "v1.0.0.1",	   "v1.0.0.2",		"v1.0.0.10",
		"v1.0.1",	 "v1.2.3",	   "v1.2.3.4",		"v1.10.0",
		"v2.0.0",	 "v10.0.0"};

	for (size_t i = 0; i < ARRAY_SIZE(ascending); i++)
		for (size_t k = 0; k < ARRAY_SIZE(ascending); k++) {
			struct release a = parsed(ascending[i]), b = parsed(ascending[k]);
			int order = release_compare(&a, &b);

			cr_expect(eq(int, (order > 0) - (order < 0), (i > k) - (i < k)), "%s %s",
				  ascending[i], ascending[k]);
		}
}

Test(history_release, the_same_release_in_two_spellings)
{
	struct release a = parsed("v1.2.3"), b = parsed("1.2.3.0"), c = parsed("v1.02.3");

	cr_expect(eq(int, release_rank(&a, &b), 0));
	cr_expect(eq(int, release_rank(&a, &c), 0));
	cr_expect(ne(int, release_compare(&a, &b), 0), "different texts are never equal");
}

/* Small alphabets, so that ties and near misses are common. */
static struct release any_release(uint64_t *state)
{
	static const char *const words[] = {"",	   "-a",   "-A",   "-0",     "-00", "-1",   "-01",
					    "-10", "-a.b", "-a.1", "-a.1.0", "--",  "-a-b", "-1a"};
	char text[RELEASE_MAX_TEXT];
	uint64_t dice = next_random(state);
	struct release r;

	if (dice % 61 == 0)
		return (struct release){.nr_parts = 0};
	snprintf(text, sizeof(text), "%s%u.%s%u.%u%s%s", dice & 64 ? "v" : "",
		 (unsigned)(dice >> 8) % 3, dice & 128 ? "0" : "", (unsigned)(dice >> 16) % 3,
		 (unsigned)(dice >> 24) % 2,
		 (dice >> 32) % 3 == 0	 ? ".0"
		 : (dice >> 32) % 3 == 1 ? ".1"
					 : "",
		 words[(dice >> 40) % ARRAY_SIZE(words)]);
	cr_assert(eq(int, release_parse(text, &r), 0), "%s", text);
	return r;
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

Test(history_release, the_order_is_total_and_transitive, .timeout = 60)
{
	uint64_t state = SEED;
	size_t equal = 0, chains = 0;

	for (size_t i = 0; i < ROUNDS; i++) {
		struct release a = any_release(&state), b = any_release(&state),
			       c = any_release(&state);
		int ab = sign(release_compare(&a, &b)), bc = sign(release_compare(&b, &c));

		cr_assert(eq(int, ab, -sign(release_compare(&b, &a))), "%s %s", a.text, b.text);
		cr_assert(eq(int, release_compare(&a, &a), 0));
		cr_assert(eq(int, ab == 0, strcmp(a.text, b.text) == 0), "%s %s", a.text, b.text);
		cr_assert(release_rank(&a, &b) == 0 || sign(release_rank(&a, &b)) == ab);
		if (ab <= 0 && bc <= 0) {
			cr_assert(le(int, release_compare(&a, &c), 0), "%s %s %s", a.text, b.text,
				  c.text);
			chains++;
		}
		if (release_rank(&a, &b) == 0 && release_rank(&b, &c) == 0)
			cr_assert(eq(int, release_rank(&a, &c), 0), "%s %s %s", a.text, b.text,
				  c.text);
		equal += ab != 0 && release_rank(&a, &b) == 0;
	}
	cr_assert(gt(sz, equal, 100), "spellings of one release were met");
	cr_assert(gt(sz, chains, ROUNDS / 10));
}

/* ---- folders ------------------------------------------------------------------------------- */

Test(history_folder, what_we_and_others_write)
{
	static const struct {
		const char *name, *tag;
		unsigned year, month, day, hour, second;
	} good[] = {
		{"v1.2.3-2024_05_06", "v1.2.3", 2024, 5, 6, 0, 0},
		{"v1.2.3.4-2024_05_06-07_08_09", "v1.2.3.4", 2024, 5, 6, 7, 9},
		{"v1.2.3-beta.1-2024_02_29", "v1.2.3-beta.1", 2024, 2, 29, 0, 0},
		{"2024_05_06-v1.2.3", "v1.2.3", 2024, 5, 6, 0, 0},
		{"2024_05_06-07_08_09-v1.2.3", "v1.2.3", 2024, 5, 6, 7, 9},
		{"2024_05_06-07_08_09", "", 2024, 5, 6, 7, 9},
		{"2024_05_06", "", 2024, 5, 6, 0, 0},
		{"2024.05.06-3.11-2.113.0", "2.113.0", 2024, 5, 6, 0, 0},
	};
	struct history_folder f;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		cr_assert(eq(int, history_folder_parse(good[i].name, &f), 0), "%s", good[i].name);
		cr_expect(eq(str, f.name, (char *)good[i].name));
		cr_expect(eq(str, f.release.text, (char *)good[i].tag));
		cr_expect(eq(int, f.date.year * 10000 + f.date.month * 100 + f.date.day,
			     good[i].year * 10000 + good[i].month * 100 + good[i].day));
		cr_expect(eq(int, f.date.hour * 100 + f.date.second,
			     good[i].hour * 100 + good[i].second));
	}
}

Test(history_folder, what_is_none)
{
	static const char *const bad[] = {"",
					  "..",
					  "v1.2.3",
					  "v1.2.3-",
					  "v1.2.3-2023_02_29",
					  "v1.2.3-2024_13_01",
					  "v1.2.3-2024_00_01",
					  "v1.2.3-2024_5_6",
					  "v1.2.3-2024_05_06-",
					  "v1.2.3-2024_05_06-24_00_00",
					  "v1.2-2024_05_06",
					  "2024_05_06-07_08",
					  "2024_05_06-v1.2",
					  "../v1.2.3-2024_05_06",
					  "v1.2.3-2024_05_06/..",
					  "v1.2.3-2024_05_06 ",
					  "2024.05.06-3.11",
					  ".v1.2.3-2024_05_06.tmp"};
	struct history_folder f;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(lt(int, history_folder_parse(bad[i], &f), 0), "'%s'", bad[i]);
}

Test(history_folder, what_is_made_is_read_again)
{
	uint64_t state = SEED;

	for (size_t i = 0; i < 20000; i++) {
		struct release release = any_release(&state);
		struct history_date date =
			history_date_of(next_random(&state) % 4000000000000000000U);
		bool with_time = next_random(&state) & 1;
		struct history_folder made, read;

		cr_assert(eq(int, history_folder_make(&release, &date, with_time, &made), 0));
		cr_assert(eq(int, history_folder_parse(made.name, &read), 0), "%s", made.name);
		cr_assert(eq(str, read.release.text, release.text));
		cr_assert(eq(int, read.date.has_time, with_time));
		cr_assert(eq(int, history_folder_compare(&made, &read), 0));
	}
}

/* mega.busted compared all numbers of the path: 2024 of the date with the 4 of v1.2.3.4. */
Test(history_folder, four_parts_come_after_three_whatever_the_date)
{
	struct history_folder three, four;

	cr_assert(eq(int, history_folder_parse("v1.2.3-2024_05_06", &three), 0));
	cr_assert(eq(int, history_folder_parse("v1.2.3.4-2023_05_06", &four), 0));
	cr_expect(lt(int, history_folder_compare(&three, &four), 0));
}

Test(history_folder, the_date_is_utc)
{
	struct history_date date = history_date_of(UINT64_C(1704067199999999999));
	struct history_folder f;
	struct release r = parsed("v1.0.0");

	setenv("TZ", "Asia/Tokyo", 1);
	cr_assert(eq(int, history_folder_make(&r, &date, true, &f), 0));
	cr_expect(eq(str, f.name, "v1.0.0-2023_12_31-23_59_59"));
}

/* ---- safe names ---------------------------------------------------------------------------- */

#define AN_ID "0123abcd-0123-3123-8123-0123456789ab"

static void expect_safe(const char *name)
{
	cr_assert(gt(sz, strlen(name), 0));
	cr_assert(lt(sz, strlen(name), FOLDER_MAX_TEXT));
	cr_assert(ne(chr, name[0], '.'));
	cr_assert(not(strstr(name, "..") != NULL), "%s", name);
	for (const char *c = name; *c; c++) {
		bool safe = isalnum((unsigned char)*c) || strchr("._-", *c);

		cr_assert(safe, "%s", name);
	}
}

Test(history_safe_name, names_that_are_paths_or_worse)
{
	static const struct {
		const char *name, *safe;
	} cases[] = {
		{"adds two numbers", "adds_two_numbers"},
		{"../../etc/passwd", "_etc_passwd"},
		{"/etc", "etc"},
		{"..", "_"},
		{"", "_"},
		{".git", "git"},
		{"a//b\\c\n\x1b[31m", "a_b_c_31m"},
		{"#slow  case", "slow_case"},
		{"trailing. ", "trailing"},
	};
	char name[FOLDER_MAX_TEXT], id[37];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		history_safe_name("", cases[i].name, name);
		expect_safe(name);
		if (strcmp(cases[i].name, "../../etc/passwd") != 0)
			cr_expect(eq(str, name, (char *)cases[i].safe), "'%s'", cases[i].name);
		history_safe_name(AN_ID, cases[i].name, name);
		expect_safe(name);
		cr_expect(history_name_has_id(name, id), "%s", name);
		cr_expect(eq(str, id, AN_ID));
	}
}

Test(history_safe_name, any_bytes)
{
	uint64_t state = SEED;

	for (size_t i = 0; i < 20000; i++) {
		char bytes[400], name[FOLDER_MAX_TEXT], again[FOLDER_MAX_TEXT], id[37];
		size_t nr = next_random(&state) % sizeof(bytes);

		for (size_t k = 0; k < nr; k++)
			bytes[k] = next_random(&state) % 3 ? "./\\_-a B"[next_random(&state) % 8]
							   : (char)next_random(&state);
		bytes[nr ? nr - 1 : 0] = 0;
		history_safe_name("", bytes, name);
		expect_safe(name);
		history_safe_name("", name, again);
		cr_assert(eq(str, name, again), "a safe name stays as it is");
		history_safe_name(AN_ID, bytes, name);
		expect_safe(name);
		cr_assert(history_name_has_id(name, id));
	}
}

Test(history_safe_name, what_has_no_id)
{
	static const char *const bad[] = {"",
					  "README.md",
					  "0123abcd-0123-3123-8123-0123456789a",
					  "0123ABCD-0123-3123-8123-0123456789AB-x",
					  "0123abcd-0123-3123-8123-0123456789abx",
					  "0123abcd_0123-3123-8123-0123456789ab-x"};
	char id[37];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(not(history_name_has_id(bad[i], id)), "%s", bad[i]);
}
