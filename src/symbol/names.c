/* SPDX-License-Identifier: MIT */
/*
 * The name of a function as its caller sees it, in the words of the VM's own debug library.
 *
 * Invariant: works on validated views only, reads nothing else, and ends after a bounded number of
 * steps whatever the bytecode says.
 */
#include "names.h"

#include <string.h>

struct proto_text literal_text(const char *text)
{
	return (struct proto_text){text, strlen(text)};
}

int name_from_call(const struct proto_view *caller, uint32_t caller_pos, bool callee_is_cont,
		   char *name, size_t size, const char **ret_kind)
{
	struct call_name found = NO_CALL_NAME;
	size_t len;

	if (caller_pos < caller->body.nr_code) {
		if (caller->body.dialect >= LUA_DIALECT_LUAJIT)
			found = luajit_name_from_call(caller, caller_pos);
		else
			found = puc_name_from_call(caller, caller_pos, callee_is_cont);
	}
	*ret_kind = found.kind;
	if (size == 0)
		return found.name.len > 0;
	len = found.name.len < size - 1 ? found.name.len : size - 1;
	if (len > 0)
		memcpy(name, found.name.text, len);
	name[len] = 0;
	return found.name.len > 0;
}
