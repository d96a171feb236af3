/* SPDX-License-Identifier: MIT */
/*
 * Manages an opened ELF file: identity, segments and where to probe a function.
 *
 * Invariant: the file is hostile. libelf checks the structure of sections, we check what it leaves
 * to its callers: sizes against the file, additions, the number of things. A table that is damaged
 * gives fewer entries, never an error of the whole.
 *
 * Facts: elf(5); the cost of probing a landing pad was measured on Linux 6.18.
 */
#include "elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <elfutils/libdwelf.h>

#include "elf_image.h"

/* ---- opening --------------------------------------------------------------------------------- */

static int check_file(int fd, uint64_t *ret_bytes)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	if ((uint64_t)st.st_size > ELF_MAX_FILE)
		return -EFBIG;
	*ret_bytes = (uint64_t)st.st_size;
	return 0;
}

static int check_header(struct elf_image *image)
{
	GElf_Ehdr header;

	if (elf_kind(image->elf) != ELF_K_ELF || !gelf_getehdr(image->elf, &header))
		return -ENOEXEC;
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
		return -ENOEXEC;
	if (header.e_machine != EM_X86_64 && header.e_machine != EM_AARCH64)
		return -ENOEXEC;
	image->machine = header.e_machine;
	return 0;
}

static void read_segments(struct elf_image *image)
{
	size_t nr = 0;

	if (elf_getphdrnum(image->elf, &nr) != 0)
		return;
	if (nr > ELF_MAX_SEGMENTS)
		nr = ELF_MAX_SEGMENTS;
	for (size_t i = 0; i < nr; i++) {
		GElf_Phdr p;
		uint64_t end;

		if (!gelf_getphdr(image->elf, (int)i, &p))
			continue;
		if (p.p_type == PT_GNU_EH_FRAME)
			image->frame_header = p.p_vaddr;
		if (p.p_type != PT_LOAD)
			continue;
		if (!elf_has_bytes(image, p.p_offset, p.p_filesz) ||
		    __builtin_add_overflow(p.p_vaddr, p.p_filesz, &end))
			continue;
		image->segment[image->nr_segments++] = (struct elf_segment){
			.vaddr = p.p_vaddr,
			.offset = p.p_offset,
			.bytes = p.p_filesz,
			.executable = p.p_flags & PF_X,
		};
	}
}

/* Takes @fd. */
static int image_new(int fd, struct elf_image **ret)
{
	struct elf_image *image = calloc(1, sizeof(*image));
	int r;

	if (!image) {
		close(fd);
		return -ENOMEM;
	}
	image->fd = fd;

	r = check_file(fd, &image->file_bytes);
	if (r < 0)
		goto err_free;
	r = -ENOEXEC;
	if (elf_version(EV_CURRENT) == EV_NONE)
		goto err_free;
	/* ELF_C_READ, not ELF_C_READ_MMAP: a file truncated under a mapping means SIGBUS. */
	image->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!image->elf)
		goto err_free;
	r = check_header(image);
	if (r < 0)
		goto err_free;

	read_segments(image);
	*ret = image;
	return 0;

err_free:
	elf_free(image);
	return r;
}

int elf_open(const char *path, struct elf_image **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : image_new(fd, ret);
}

int elf_open_fd(int fd, struct elf_image **ret)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return own < 0 ? -errno : image_new(own, ret);
}

void elf_free(struct elf_image *image)
{
	if (!image)
		return;
	elf_end(image->elf); /* takes NULL */
	cleanup_close(&image->fd);
	free(image->symbol);
	free(image->range);
	free(image->call);
	free(image);
}

int elf_file_id(const struct elf_image *image, uint64_t *ret_dev, uint64_t *ret_ino)
{
	struct stat st;

	if (fstat(image->fd, &st) < 0)
		return -errno;
	*ret_dev = st.st_dev;
	*ret_ino = st.st_ino;
	return 0;
}

int elf_build_id(struct elf_image *image, const uint8_t **ret_id, size_t *ret_len)
{
	const void *id = NULL;
	ssize_t len = dwelf_elf_gnu_build_id(image->elf, &id);

	if (len <= 0 || !id)
		return -ENODATA;
	*ret_id = id;
	*ret_len = (size_t)len;
	return 0;
}

/* ---- addresses ------------------------------------------------------------------------------- */

int elf_vaddr_of_offset(const struct elf_image *image, uint64_t offset, uint64_t *ret_vaddr)
{
	for (size_t i = 0; i < image->nr_segments; i++) {
		const struct elf_segment *s = &image->segment[i];

		if (offset >= s->offset && offset - s->offset < s->bytes) {
			*ret_vaddr = s->vaddr + (offset - s->offset);
			return 0;
		}
	}
	return -ENOENT;
}

int elf_offset_of_vaddr(const struct elf_image *image, uint64_t vaddr, uint64_t *ret_offset)
{
	for (size_t i = 0; i < image->nr_segments; i++) {
		const struct elf_segment *s = &image->segment[i];

		if (vaddr >= s->vaddr && vaddr - s->vaddr < s->bytes) {
			*ret_offset = s->offset + (vaddr - s->vaddr);
			return 0;
		}
	}
	return -ENOENT;
}

/* ---- functions ------------------------------------------------------------------------------- */

int elf_function(struct elf_image *image, const char *name, struct elf_function *ret)
{
	const struct elf_symbol *found = NULL;
	uint64_t file_offset;
	int r = elf_read_symbols(image);

	if (r < 0)
		return r;
	for (size_t i = 0; i < image->nr_symbols; i++) {
		const struct elf_symbol *s = &image->symbol[i];

		if ((!found || (s->exported && !found->exported)) && strcmp(s->name, name) == 0)
			found = s;
	}
	if (!found)
		return -ENOENT;
	r = elf_offset_of_vaddr(image, found->address, &file_offset);
	if (r < 0)
		return r;
	*ret = (struct elf_function){
		.address = found->address,
		.size = found->size,
		.file_offset = file_offset,
	};
	return 0;
}

/* Instructions that only mark a legal target of an indirect branch. All are four bytes long. */
static bool is_landing_pad(unsigned machine, const uint8_t code[4])
{
	static const uint8_t endbr64[4] = {0xf3, 0x0f, 0x1e, 0xfa};
	uint32_t instruction;

	if (machine == EM_X86_64)
		return memcmp(code, endbr64, sizeof(endbr64)) == 0;
	memcpy(&instruction, code, sizeof(instruction));
	/* hint #32, #34, #36, #38: bti, bti c, bti j, bti jc */
	return (instruction & ~0xc0U) == 0xd503241fU;
}

int elf_probe_offset(struct elf_image *image, const char *name, uint64_t *ret_file_offset)
{
	struct elf_function f;
	uint8_t code[4];
	ssize_t n;
	int r = elf_function(image, name, &f);

	if (r < 0)
		return r;
	n = pread(image->fd, code, sizeof(code), (off_t)f.file_offset);
	if (n < 0)
		return -errno;

	if (n == sizeof(code) && f.size > sizeof(code) && is_landing_pad(image->machine, code))
		f.file_offset += sizeof(code);
	*ret_file_offset = f.file_offset;
	return 0;
}
