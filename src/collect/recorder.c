/* SPDX-License-Identifier: MIT */
/* Writing a recording: a header, then records as they come, buffered. */
#include "collect.h"

#include <errno.h>
#include <string.h>

#include "base.h"

#define RECORDER_BUFFER (256 * 1024)

struct recorder {
	int fd;
	int error; /* first failed write, sticky */
	size_t len;
	char buffer[RECORDER_BUFFER];
};

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int recorder_flush(struct recorder *r)
{
	if (!r->error)
		r->error = write_all(r->fd, r->buffer, r->len);
	r->len = 0;
	return r->error;
}

static int recorder_put(struct recorder *r, const void *data, size_t len)
{
	if (len > RECORDER_BUFFER - r->len && recorder_flush(r) < 0)
		return r->error;
	if (len > RECORDER_BUFFER) {
		r->error = write_all(r->fd, data, len);
		return r->error;
	}
	memcpy(r->buffer + r->len, data, len);
	r->len += len;
	return 0;
}

int recorder_continue(int fd, struct recorder **ret)
{
	struct recorder *r = malloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->fd = fd;
	r->error = 0;
	r->len = 0;
	*ret = r;
	return 0;
}

int recorder_new(int fd, uint64_t start_time_ns, uint64_t started_at_ns, struct recorder **ret)
{
	struct bprof_file_header header = {
		.version = BPROF_WIRE_VERSION,
		.header_bytes = sizeof(header),
		.start_time_ns = start_time_ns,
		.started_at_ns = started_at_ns,
	};
	struct recorder *r;
	int err = recorder_continue(fd, &r);

	if (err < 0)
		return err;
	memcpy(header.magic, BPROF_FILE_MAGIC, sizeof(header.magic));
	err = recorder_put(r, &header, sizeof(header));
	if (err < 0) {
		free(r);
		return err;
	}
	*ret = r;
	return 0;
}

int recorder_add(struct recorder *r, const struct bprof_record *record)
{
	static const char zeros[8];
	size_t padded = (record->size + 7UL) & ~7UL;
	struct bprof_record header = *record;
	int err;

	if (record->size < sizeof(*record) || padded > BPROF_MAX_RECORD)
		return -EINVAL;
	header.size = (uint32_t)padded;
	err = recorder_put(r, &header, sizeof(header));
	if (!err)
		err = recorder_put(r, record + 1, record->size - sizeof(*record));
	if (!err && padded > record->size)
		err = recorder_put(r, zeros, padded - record->size);
	return err;
}

int recorder_info(struct recorder *r, const char *key, const void *value, size_t len)
{
	size_t key_len = strlen(key);
	size_t size = sizeof(struct bprof_info) + key_len + 1 + len;
	CLEANUP(cleanup_free) struct bprof_info *info = NULL;
	char *text;

	if (len > BPROF_MAX_RECORD / 2)
		return -E2BIG;
	info = calloc(1, size);
	if (!info)
		return -ENOMEM;
	info->h.type = BPROF_RECORD_INFO;
	info->h.size = (uint32_t)size;
	info->key_len = (uint32_t)key_len;
	info->value_len = (uint32_t)len;
	text = (char *)(info + 1);
	memcpy(text, key, key_len + 1);
	if (len)
		memcpy(text + key_len + 1, value, len);
	return recorder_add(r, &info->h);
}

int recorder_finish(struct recorder *r)
{
	return recorder_flush(r);
}

void recorder_free(struct recorder *r)
{
	free(r);
}
