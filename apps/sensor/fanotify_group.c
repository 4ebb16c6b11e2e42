/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group of fanotify(7): what the kernel tells of marked files and directories, whoever acts on them by whatever way. A mark is
 * on an object, and what has none costs nothing. Objects go by their handles (name_to_handle_at(2)), which are never used again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fanotify_group.h"

#ifndef FAN_REPORT_TARGET_FID /* 5.17 */
#define FAN_REPORT_TARGET_FID 0x00001000
#endif
#ifndef AT_HANDLE_FID /* 6.5: also where files cannot be opened by their handle */
#define AT_HANDLE_FID AT_REMOVEDIR
#endif

/*
 * Needs CAP_SYS_ADMIN: without it the kernel tells of no pids but our own. Later uses of the group need nothing. Before 5.17 an
 * event on a name does not tell which object has it, and a rename is two events, each with one of the names.
 */
int fan_open(void)
{
	const unsigned flags = FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC | FAN_REPORT_DFID_NAME | FAN_REPORT_FID;
	int group = fanotify_init(flags | FAN_REPORT_TARGET_FID, O_RDONLY | O_CLOEXEC);

	return group < 0 && errno == EINVAL ? fanotify_init(flags, O_RDONLY | O_CLOEXEC) : group;
}

/* Marks what a path leads to, links not followed. */
bool fan_mark(int group, uint64_t mask, int dir, const char *path)
{
	const unsigned flags = FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW;

	if (fanotify_mark(group, flags, mask, dir, path) == 0)
		return true;
	if (errno != EINVAL || !(mask & FAN_RENAME))
		return false;
	return fanotify_mark(group, flags, (mask & ~(uint64_t)FAN_RENAME) | FAN_MOVED_FROM | FAN_MOVED_TO, dir, path) == 0;
}

/* Marks what a descriptor is of, O_PATH or not. */
bool fan_mark_open(int group, uint64_t mask, int fd)
{
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return fanotify_mark(group, FAN_MARK_ADD, mask, AT_FDCWD, link) == 0;
}

static bool keep_handle(const void *fsid, const struct file_handle *from, struct fan_handle *to)
{
	memset(to, 0, sizeof(*to));
	if (from->handle_bytes > sizeof(to->bytes))
		return false;
	memcpy(&to->fsid, fsid, sizeof(to->fsid));
	to->type = from->handle_type;
	to->length = from->handle_bytes;
	memcpy(to->bytes, from->f_handle, from->handle_bytes);
	return true;
}

bool fan_same(const struct fan_handle *one, const struct fan_handle *other)
{
	return one->length && memcmp(one, other, sizeof(*one)) == 0;
}

/* Of what a path leads to, links not followed. */
bool fan_handle_of(int dir, const char *path, struct fan_handle *result)
{
	struct { struct file_handle head; uint8_t bytes[FAN_HANDLE_BYTES_MAX]; } handle;
	struct statfs fs;
	int mount_id;

	handle.head.handle_bytes = sizeof(handle.bytes);
	if (name_to_handle_at(dir, path, &handle.head, &mount_id, 0)) {
		handle.head.handle_bytes = sizeof(handle.bytes);
		if (errno != EOPNOTSUPP || name_to_handle_at(dir, path, &handle.head, &mount_id, AT_HANDLE_FID))
			return false;
	}
	return (dir == AT_FDCWD ? statfs(path, &fs) : fstatfs(dir, &fs)) == 0 &&
	       keep_handle(&fs.f_fsid, &handle.head, result);
}

/* Opens an object by its handle; `mount` is any descriptor of its file system. Needs CAP_DAC_READ_SEARCH. */
int fan_open_handle(int mount, const struct fan_handle *of, int flags)
{
	struct { struct file_handle head; uint8_t bytes[FAN_HANDLE_BYTES_MAX]; } handle = {
		.head = { .handle_bytes = of->length, .handle_type = of->type },
	};

	memcpy(handle.head.f_handle, of->bytes, of->length);
	return open_by_handle_at(mount, &handle.head, flags | O_CLOEXEC);
}

static void take_name(const struct fanotify_event_info_fid *info, struct fan_name *to)
{
	const struct file_handle *handle = (const void *)info->handle;
	const char *name = (const char *)handle->f_handle + handle->handle_bytes;

	if (keep_handle(&info->fsid, handle, &to->dir))
		snprintf(to->name, sizeof(to->name), "%.*s", (int)(sizeof(to->name) - 1), name);
}

static void take_info(const struct fanotify_event_info_header *header, struct fan_event *event)
{
	const struct fanotify_event_info_fid *info = (const void *)header;

	switch (header->info_type) {
	case FAN_EVENT_INFO_TYPE_FID: keep_handle(&info->fsid, (const void *)info->handle, &event->object); break;
	case FAN_EVENT_INFO_TYPE_DFID:
	case FAN_EVENT_INFO_TYPE_DFID_NAME:
	case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME: take_name(info, &event->at); break;
	case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME: take_name(info, &event->to); break;
	}
}

/* Takes what waits, at most one buffer of it. Returns whether there was anything. */
bool fan_read(int group, void (*take)(const struct fan_event *event))
{
	static uint8_t buffer[1 << 16] __attribute__((aligned(8)));
	ssize_t length = read(group, buffer, sizeof(buffer));
	const struct fanotify_event_metadata *metadata = (const void *)buffer;

	for (; FAN_EVENT_OK(metadata, length); metadata = FAN_EVENT_NEXT(metadata, length)) {
		static struct fan_event event;
		const uint8_t *end = (const uint8_t *)metadata + metadata->event_len;
		const uint8_t *at = (const uint8_t *)metadata + metadata->metadata_len;

		memset(&event, 0, sizeof(event));
		event.mask = metadata->mask;
		event.pid = metadata->pid;
		while (at < end) {
			const struct fanotify_event_info_header *header = (const void *)at;

			take_info(header, &event);
			at += header->len;
		}
		take(&event);
	}
	return metadata != (const void *)buffer;
}
