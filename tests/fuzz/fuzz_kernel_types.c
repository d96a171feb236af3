/* SPDX-License-Identifier: MIT */
/* What a kernel says of its types. Input: raw BTF. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "kernel_types.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct btf *wanted;
	struct btf *cut;
	void *copy = malloc(len ? len : 1); /* aligned, and of its very size */

	if (!copy)
		return 0;
	if (!wanted) {
		wanted = btf__new_empty();
		btf__add_struct(wanted, "a", 8);
		btf__add_struct(wanted, "b", 8);
	}
	memcpy(copy, bytes, len);
	if (kernel_types_cut(copy, len, wanted, &cut) == 0)
		btf__free(cut);
	free(copy);
	return 0;
}
