/* SPDX-License-Identifier: MIT */
/* Which CFRAME a LuaJIT builds on arm64, told from its code as Debian's and older builds have it.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdint.h>

#include "discover_luajit.h"

#define ADD_FP 0x910003fd /* add x29, sp, #0 */
#define RET    0xd65f03c0

/* sub sp, sp, #208; stp x29, x30, [sp, #192]; add x29, sp, #0; stp x20, x19, [sp, #176] */
static const uint32_t new_code[] = {RET, 0xd10343ff, 0xa90c7bfd, ADD_FP, 0xa90b4ff4, RET};
/* stp x29, x30, [sp, #-208]!; add x29, sp, #0; stp x19, x20, [sp, #16] */
static const uint32_t old_code[] = {RET, 0xa9b37bfd, ADD_FP, 0xa90153f3, RET};

Test(luajit_cframe, is_that_of_the_code)
{
	cr_expect(eq(int, luajit_arm64_cframe(new_code, sizeof(new_code)), 0));
	cr_expect(eq(int, luajit_arm64_cframe(old_code, sizeof(old_code)), 1));
}

Test(luajit_cframe, is_not_guessed)
{
	const uint32_t both[] = {0xa9b37bfd, RET, 0xd10343ff, 0xa90c7bfd};
	const uint32_t apart[] = {0xd10343ff, RET, 0xa90c7bfd};

	cr_expect(eq(int, luajit_arm64_cframe(both, sizeof(both)), -ENOTSUP));
	cr_expect(eq(int, luajit_arm64_cframe(apart, sizeof(apart)), -ENOTSUP));
	cr_expect(eq(int, luajit_arm64_cframe(new_code, 0), -ENOTSUP), "no code");
	cr_expect(eq(int, luajit_arm64_cframe(new_code, 11), -ENOTSUP), "half an instruction");
}
