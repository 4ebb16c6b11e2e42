/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens of watched files by fanotify. Marks lie on inodes, so that opens of other files cost nothing, and a file is known by
 * whatever name, mount or namespace it is opened through. Each event brings the file itself, as a descriptor, and its process as
 * a pidfd. Which files come under a watched name later is learned from their directory, by inotify.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sensor.h"

#ifndef FAN_REPORT_PIDFD /* 5.15 */
#define FAN_REPORT_PIDFD 0x00000080
#define FAN_EVENT_INFO_TYPE_PIDFD 4
#endif

enum { OBJECTS = 1 << 15, NAMES_MASK = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR };

static const struct options *options;
static int group = -1, names = -1;
static struct image image;
static uint64_t drained_ns; /* when the queue was empty last: until then nothing was lost */

/* Files that are watched by themselves; where the table is full, the first entries stay. */
static struct marked { ino_t ino; dev_t dev; uint32_t entry; bool used; } marked[OBJECTS];

static struct entry { /* of the watch list */
	char *path; /* links in it followed, as of the start */
	int folder; /* of a watched directory; -1: a file */
	int names_watch; /* of the directory that a file is in */
} entries[WATCHED_NAMES_MAX];

static struct marked *slot_of(ino_t ino, dev_t dev)
{
	uint32_t at = mark_of(ino) ^ (uint32_t)dev;

	for (uint32_t i = 0; i < 64; i++) {
		struct marked *slot = &marked[(at + i) % OBJECTS];

		if (!slot->used || (slot->ino == ino && slot->dev == dev))
			return slot;
	}
	return NULL;
}

static bool mark_file(uint32_t entry)
{
	int file = open(entries[entry].path, O_PATH | O_CLOEXEC);
	char self[32];
	struct stat found;
	struct marked *slot;
	bool done;

	if (file < 0)
		return false;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", file);
	done = fstat(file, &found) == 0 && !S_ISDIR(found.st_mode) && (slot = slot_of(found.st_ino, found.st_dev)) &&
	       fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN | FAN_OPEN_EXEC, AT_FDCWD, self) == 0;
	if (done && (!slot->used || entry < slot->entry))
		*slot = (struct marked){ found.st_ino, found.st_dev, entry, true };
	close(file);
	return done;
}

static bool watch_name(uint32_t entry)
{
	char folder[PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", entries[entry].path);
	slash = strrchr(folder, '/');
	if (!slash)
		return false;
	slash[slash == folder] = 0;
	entries[entry].names_watch = inotify_add_watch(names, folder, NAMES_MASK);
	mark_file(entry);
	return entries[entry].names_watch >= 0;
}

static bool watch(uint32_t index)
{
	struct entry *entry = &entries[index];
	bool hangs = options->watch[index].words & ENTRY_HANGS;
	char *real = hangs ? NULL : realpath(options->watch[index].path, NULL);
	struct stat found;

	entry->path = real ? real : strdup(options->watch[index].path);
	entry->folder = entry->names_watch = -1;
	if (hangs)
		return true;
	if (!real || stat(real, &found) || !S_ISDIR(found.st_mode))
		return watch_name(index);
	entry->folder = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return entry->folder >= 0 &&
	       fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN | FAN_OPEN_EXEC | FAN_EVENT_ON_CHILD, AT_FDCWD, real) == 0;
}

/* The directory that has this very file under that name; the first of the list. */
static uint32_t entry_by_folder(const char *path, const struct stat *file)
{
	const char *name = strrchr(path, '/');
	struct stat there;

	for (uint32_t i = 0; name && i < options->read_count; i++) {
		size_t length = strlen(entries[i].path);

		if (entries[i].folder < 0)
			continue;
		if (fstatat(entries[i].folder, name + 1, &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_ino == file->st_ino &&
		    there.st_dev == file->st_dev)
			return i;
		if ((size_t)(name - path) == length && memcmp(path, entries[i].path, length) == 0)
			return i; /* it has lost its name since */
	}
	return NO_ENTRY;
}

static uint32_t entry_of(const char *path, const struct stat *file)
{
	const struct marked *own = slot_of(file->st_ino, file->st_dev);
	uint32_t by_folder = entry_by_folder(path, file), by_self = own && own->used ? own->entry : NO_ENTRY;

	return by_self < by_folder ? by_self : by_folder;
}

/*
 * Who opened it, if that can be said for certain: the folder in /proc was opened while the pidfd still stood for a process that
 * nobody has waited for, so it is that one's.
 */
static int open_actor(pid_t pid, int pidfd, struct life *life)
{
	int folder = pidfd < 0 ? -1 : life_open(pid, life);

	if (folder < 0 || syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0 || errno == EPERM)
		return folder;
	close(folder);
	life_forget(pid);
	return -1;
}

static void tell(const struct fanotify_event_metadata *told, int pidfd, struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_FILE_OPEN, SITE_fanotify, boot_ns());
	struct image file = {};
	struct life life;
	char self[32];
	uint32_t entry;
	int folder = open_actor(told->pid, pidfd, &life);

	image.length = 0;
	if (folder < 0)
		draft_remembered(event, told->pid);
	else
		draft_actor(event, folder, &life, &image);
	if (folder >= 0)
		close(folder);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", told->fd);
	file_look(&file, self);
	entry = file.length ? entry_of(file.path, &file.file) : NO_ENTRY;
	if (entry == NO_ENTRY) { /* it was moved away from where it is watched */
		counters_add(counters, SITE_fanotify, 1, 1);
		return;
	}
	if (image.length)
		draft_text(TEXT_EXE, image.path, image.length);
	put_object(&event->file, &file.file, &file.system);
	/* A program that is started is opened for reading; of others nobody says how. */
	event->file.open_flags = told->mask & FAN_OPEN_EXEC ? O_RDONLY : UNKNOWN_FLAGS;
	if (file.file.st_nlink == 0)
		event->flags |= FRAME_UNLINKED;
	draft_text(TEXT_PATH, file.path, file.length);
	draft_text(TEXT_WATCHED, options->watch[entry].path, strlen(options->watch[entry].path));
	draft_tell(counters);
}

/* How many did not fit into the queue nobody knows: it is told as an interval of which nothing is known. */
static void tell_overflow(struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_OVERFLOW, SITE_fanotify, boot_ns());

	event->overflow.since_ns = drained_ns;
	draft_tell(counters);
}

static int pidfd_of(const struct fanotify_event_metadata *told)
{
	const char *end = (const char *)told + told->event_len;

	for (const char *at = (const char *)told + told->metadata_len;
	     at + sizeof(struct fanotify_event_info_header) <= end;) {
		const struct fanotify_event_info_header *info = (const void *)at;

		if (info->len < sizeof(*info))
			break;
		if (info->info_type == FAN_EVENT_INFO_TYPE_PIDFD)
			return *(const int *)(const void *)(at + sizeof(*info));
		at += info->len;
	}
	return -1;
}

static void read_opens(struct counters *counters)
{
	static char bytes[32 << 10] __attribute__((aligned(8)));
	uint64_t began_ns = boot_ns();
	ssize_t n = read(group, bytes, sizeof(bytes));

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		counters_add(counters, SITE_fanotify, 1, 1); /* its file could not be opened for us */
	for (struct fanotify_event_metadata *told = (void *)bytes; FAN_EVENT_OK(told, n); told = FAN_EVENT_NEXT(told, n)) {
		int pidfd = pidfd_of(told);

		if (told->mask & FAN_Q_OVERFLOW)
			tell_overflow(counters);
		else if (told->fd >= 0)
			tell(told, pidfd, counters);
		else
			counters_add(counters, SITE_fanotify, 1, 1);
		if (told->fd >= 0)
			close(told->fd);
		if (pidfd >= 0)
			close(pidfd);
	}
	if (n < (ssize_t)sizeof(bytes) / 2)
		drained_ns = began_ns;
}

/* A file came to a directory in which names are watched. */
static void read_names(struct counters *counters)
{
	static char bytes[16 << 10] __attribute__((aligned(8)));
	ssize_t n = read(names, bytes, sizeof(bytes));

	(void)counters;
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *came = (const void *)(bytes + at);

		at += (ssize_t)(sizeof(*came) + came->len);
		for (uint32_t i = 0; i < options->read_count; i++) {
			const char *name = strrchr(entries[i].path, '/') + 1;
			bool is_it = entries[i].names_watch == came->wd && came->len && strcmp(came->name, name) == 0;

			if (entries[i].folder < 0 && (is_it || came->mask & IN_Q_OVERFLOW))
				mark_file(i);
		}
	}
}

bool fanotify_open(const struct options *given, struct source *opens, struct source *arrivals)
{
	unsigned flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK;

	options = given;
	drained_ns = boot_ns();
	names = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	group = fanotify_init(flags | FAN_REPORT_PIDFD, O_RDONLY | O_CLOEXEC | O_LARGEFILE | O_NONBLOCK);
	if (group < 0 && errno == EINVAL) /* before 5.15: who did it then proves nothing */
		group = fanotify_init(flags, O_RDONLY | O_CLOEXEC | O_LARGEFILE | O_NONBLOCK);
	if (names < 0 || group < 0)
		return false;
	for (uint32_t i = 0; i < options->read_count; i++)
		if (!watch(i))
			say("warn", "%s cannot be watched: its directory does not exist, or its file system does not allow it",
			    options->watch[i].path);
	*opens = (struct source){ group, read_opens };
	*arrivals = (struct source){ names, read_names };
	return true;
}
