/* SPDX-License-Identifier: MIT */
/*
 * Reading a recording: the same records that crossed the ring, one at a time.
 *
 * The file may be cut or foreign. A record is handed out only when it lies whole in the buffer, has
 * a size the format allows, and is aligned; what its payload says is for decode/ to check.
 */
#include "collect.h"

#include <errno.h>
#include <string.h>

#include "base.h"

#define REPLAY_BUFFER (2 * BPROF_MAX_RECORD)

struct replay {
	int fd;
	struct bprof_file_header header;
	size_t start, end; /* unread bytes in the buffer */
	bool at_eof;
	_Alignas(8) char buffer[REPLAY_BUFFER];
};

/* Makes @need bytes available if the file has them. */
static int replay_fill(struct replay *r, size_t need)
{
	if (r->end - r->start >= need)
		return 0;
	memmove(r->buffer, r->buffer + r->start, r->end - r->start);
	r->end -= r->start;
	r->start = 0;
	while (r->end < need && !r->at_eof) {
		ssize_t n = read(r->fd, r->buffer + r->end, REPLAY_BUFFER - r->end);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			r->at_eof = true;
		r->end += (size_t)n;
	}
	return 0;
}

static int replay_read_header(struct replay *r)
{
	int err = replay_fill(r, sizeof(r->header));

	if (err < 0)
		return err;
	if (r->end - r->start < sizeof(r->header))
		return -EBADMSG;
	memcpy(&r->header, r->buffer + r->start, sizeof(r->header));
	if (memcmp(r->header.magic, BPROF_FILE_MAGIC, sizeof(r->header.magic)))
		return -EBADMSG;
	if (r->header.version < BPROF_WIRE_OLDEST || r->header.version > BPROF_WIRE_VERSION)
		return -EPROTO;
	if (r->header.header_bytes != sizeof(r->header))
		return -EBADMSG;
	r->start += sizeof(r->header);
	return 0;
}

int replay_open(int fd, struct replay **ret)
{
	struct replay *r = malloc(sizeof(*r));
	int err;

	if (!r) {
		close(fd);
		return -ENOMEM;
	}
	r->fd = fd;
	r->start = r->end = 0;
	r->at_eof = false;
	err = replay_read_header(r);
	if (err < 0) {
		replay_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	close(r->fd);
	free(r);
}

const struct bprof_file_header *replay_header(const struct replay *r)
{
	return &r->header;
}

int replay_next(struct replay *r, const struct bprof_record **ret)
{
	struct bprof_record header;
	int err = replay_fill(r, sizeof(header));

	if (err < 0)
		return err;
	if (r->end == r->start)
		return 0;
	if (r->end - r->start < sizeof(header))
		return -EBADMSG;
	memcpy(&header, r->buffer + r->start, sizeof(header));
	if (header.size < sizeof(header) || header.size > BPROF_MAX_RECORD || header.size % 8)
		return -EBADMSG;
	err = replay_fill(r, header.size);
	if (err < 0)
		return err;
	if (r->end - r->start < header.size)
		return -EBADMSG;
	/* records are multiples of 8 from an aligned start, so this stays aligned */
	*ret = (const struct bprof_record *)(const void *)(r->buffer + r->start);
	r->start += header.size;
	return 1;
}

int replay_rewind(struct replay *r)
{
	if (lseek(r->fd, 0, SEEK_SET) < 0)
		return -errno;
	r->start = r->end = 0;
	r->at_eof = false;
	return replay_read_header(r);
}
