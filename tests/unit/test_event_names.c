/* SPDX-License-Identifier: MIT */
/* Names of perf events to codes, over a made-up directory of devices. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "event_names.h"
#include "run.h"

static char *devices;
static char why[512];
static struct event_code code;

static void put(const char *path, const char *text)
{
	char *file = path_join(devices, path);
	FILE *f = fopen(file, "w");

	cr_assert(f != NULL, "%s", file);
	fputs(text, f);
	fclose(f);
	free(file);
}

static void make_directory(const char *path)
{
	char *directory = path_join(devices, path);

	cr_assert(mkdir(directory, 0700) == 0);
	free(directory);
}

static void make_devices(void)
{
	devices = directory_make();
	make_directory("cpu");
	make_directory("cpu/events");
	make_directory("cpu/format");
	put("cpu/type", "4\n");
	put("cpu/events/branches", "event=0xc4\n");
	put("cpu/events/deep", "branches\n");
	put("cpu/events/loop", "loop\n");
	put("cpu/format/event", "config:0-7,32-35\n");
	put("cpu/format/umask", "config:8-15\n");
	put("cpu/format/inv", "config:23\n");
	put("cpu/format/ldlat", "config1:0-15\n");
	put("cpu/format/odd", "config:70\n");
}

static void remove_devices(void)
{
	directory_remove(devices);
}

TestSuite(event_names, .init = make_devices, .fini = remove_devices);

static int parse(const char *name)
{
	*why = 0;
	return event_parse(name, devices, &code, why, sizeof(why));
}

Test(event_names, of_the_kernel_are_known)
{
	cr_assert(eq(int, parse("cycles"), 0));
	cr_assert(code.type == PERF_TYPE_HARDWARE && code.config == PERF_COUNT_HW_CPU_CYCLES);
	cr_assert(code.hardware && !code.clock);
	cr_assert(eq(int, parse("cpu-clock"), 0));
	cr_assert(code.type == PERF_TYPE_SOFTWARE && code.clock && !code.hardware);
	cr_assert(eq(int, parse("task-clock"), 0));
	cr_assert(code.clock);
	cr_assert(eq(int, parse("page-faults"), 0));
	cr_assert(code.clock + code.hardware == 0);
}

Test(event_names, modifiers_choose_the_mode)
{
	cr_assert(eq(int, parse("cycles:u"), 0));
	cr_assert(code.user_only && !code.kernel_only);
	cr_assert_str_eq(code.name, "cycles");
	cr_assert(eq(int, parse("cpu/branches/:k"), 0));
	cr_assert(code.kernel_only);
	cr_assert_str_eq(code.name, "cpu/branches/");
	cr_assert(eq(int, parse("cpu/branches/u"), 0));
	cr_assert(code.user_only);
	cr_assert_str_eq(code.name, "cpu/branches/");
	cr_assert(parse("cpu/branches/x") < 0);
}

Test(event_names, raw_codes_are_hexadecimal)
{
	cr_assert(eq(int, parse("r1a8"), 0));
	cr_assert(code.type == PERF_TYPE_RAW && code.config == 0x1a8 && code.hardware);
	cr_assert(eq(int, parse("r1g"), -ENOENT));
	cr_assert(eq(int, parse("r"), -ENOENT));
	cr_assert(eq(int, parse("r11111111111111111"), -ENOENT));
}

Test(event_names, of_devices_are_laid_out_by_their_formats)
{
	cr_assert(eq(int, parse("cpu/event=0xabc,umask=0x20,inv/"), 0));
	cr_assert(code.type == 4);
	cr_assert(eq(u64, code.config, 0xbcULL | 0xaULL << 32 | 0x2000 | 1 << 23));
	cr_assert(eq(int, parse("cpu/branches,ldlat=30/"), 0));
	cr_assert(eq(u64, code.config, 0xc4));
	cr_assert(eq(u64, code.config1, 30));
	cr_assert(eq(int, parse("cpu/config=0x1b1/"), 0));
	cr_assert(eq(u64, code.config, 0x1b1));
	cr_assert(eq(int, parse("cpu/deep/"), 0));
	cr_assert(eq(u64, code.config, 0xc4));
}

Test(event_names, what_a_device_has_not_is_said)
{
	static const char *const wrong[] = {
		"cpu/nothing/", "cpu/umask=0x100/", "cpu/event=x/", "cpu/loop/", "cpu//",
		"cpu/odd=1/",	"/cycles/",	    "cpu/../x/",    "cpu/,/",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		cr_expect(parse(wrong[i]) < 0, "%s", wrong[i]);
		cr_expect(strstr(why, "device") != NULL, "%s: %s", wrong[i], why);
	}
	cr_assert(eq(int, parse("gpu/busy/"), -ENODEV));
	cr_assert(strstr(why, "no such device") != NULL);
}

Test(event_names, unknown_ones_get_a_list)
{
	char long_name[4096];

	cr_assert(eq(int, parse("cyles"), -ENOENT));
	cr_assert(strstr(why, "unknown event 'cyles'") && strstr(why, "cycles, instructions"));
	cr_assert(eq(int, parse("sched:sched_switch"), -EOPNOTSUPP));
	cr_assert(strstr(why, "tracepoint") != NULL);
	cr_assert(parse("") < 0);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	cr_assert(parse(long_name) < 0);
}
