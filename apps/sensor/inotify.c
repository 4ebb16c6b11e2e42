/* SPDX-License-Identifier: Apache-2.0 */
/* Opens of watched files by inotify: that a file was opened, and nobody knows by whom or how. The last resort. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "sensor.h"

enum { ARRIVALS = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD };

static const struct options *options;
static int notify = -1;
static uint64_t drained_ns; /* when the queue was empty last: until then nothing was lost */

static struct entry { /* of the watch list */
	char *path; /* links in it followed, as of the start */
	int object; /* a descriptor of it, which is no open; -1: there is none yet */
	int opens;  /* watch of its opens */
	int names;  /* watch of the directory that a file is in; -1: it is a directory itself */
} entries[WATCHED_NAMES_MAX];

static bool is_folder(const struct entry *entry)
{
	return entry->names < 0;
}

static bool watch_opens(struct entry *entry)
{
	char self[32];
	int object = open(entry->path, O_PATH | O_CLOEXEC);

	if (object < 0)
		return false;
	if (entry->object >= 0)
		close(entry->object);
	entry->object = object;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", object);
	entry->opens = inotify_add_watch(notify, self, IN_OPEN | IN_MASK_ADD);
	return entry->opens >= 0;
}

static bool watch(struct entry *entry, const struct watch_entry *of)
{
	char folder[PATH_MAX];
	bool hangs = of->words & ENTRY_HANGS;
	char *real = hangs ? NULL : realpath(of->path, NULL), *slash;
	struct stat found;

	*entry = (struct entry){ real ? real : strdup(of->path), -1, -1, -1 };
	if (hangs)
		return true;
	if (real && stat(real, &found) == 0 && S_ISDIR(found.st_mode))
		return watch_opens(entry);
	snprintf(folder, sizeof(folder), "%s", entry->path);
	slash = strrchr(folder, '/');
	slash[slash == folder] = 0;
	entry->names = inotify_add_watch(notify, folder, ARRIVALS);
	watch_opens(entry);
	return entry->names >= 0;
}

/* The file of an entry, or of that name in its directory, which may be another one by now. */
static bool look_at(const struct entry *entry, const char *name, struct image *file)
{
	int object = name ? openat(entry->object, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : dup(entry->object);
	char self[32];
	bool found;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", object);
	found = object >= 0 && file_look(file, self);
	if (object >= 0)
		close(object);
	return found;
}

static void tell(const struct entry *entry, const char *watched, const char *name, struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_FILE_OPEN, SITE_inotify, boot_ns());
	struct image file = {};

	event->file.open_flags = UNKNOWN_FLAGS;
	if (look_at(entry, name, &file)) {
		put_object(&event->file, &file.file, &file.system);
		event->flags |= file.file.st_nlink == 0 ? FRAME_UNLINKED : 0;
		draft_text(TEXT_PATH, file.path, file.length);
	} else { /* it has gone from its directory */
		int length = snprintf(file.path, sizeof(file.path), "%s/%s", entry->path, name ? name : "");

		draft_text(TEXT_PATH, file.path, (size_t)length);
		event->unsure |= UNSURE_OBJECT_PATH;
	}
	if (name)
		event->unsure |= UNSURE_OBJECT_IDENTITY;
	draft_text(TEXT_WATCHED, watched, strlen(watched));
	draft_tell(counters);
}

static void tell_overflow(struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_OVERFLOW, SITE_inotify, boot_ns());

	event->overflow.since_ns = drained_ns;
	draft_tell(counters);
	for (size_t i = 0; i < options->read_count; i++)
		if (!is_folder(&entries[i]))
			watch_opens(&entries[i]);
}

/* The first entry of the list that it concerns is told. */
static void take(const struct inotify_event *came, struct counters *counters)
{
	const char *name = came->len ? came->name : NULL;
	bool told = came->mask & IN_ISDIR;

	for (size_t i = 0; i < options->read_count; i++) {
		struct entry *entry = &entries[i];

		if (came->mask & (IN_CREATE | IN_MOVED_TO) && entry->names == came->wd && name &&
		    strcmp(strrchr(entry->path, '/') + 1, name) == 0)
			watch_opens(entry);
		if (came->mask & IN_OPEN && !told && entry->opens == came->wd && is_folder(entry) == (name != NULL)) {
			tell(entry, options->watch[i].path, name, counters);
			told = true;
		}
	}
}

static void read_opens(struct counters *counters)
{
	static char bytes[32 << 10] __attribute__((aligned(8)));
	uint64_t began_ns = boot_ns();
	ssize_t n = read(notify, bytes, sizeof(bytes));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *came = (const void *)(bytes + at);

		at += (ssize_t)(sizeof(*came) + came->len);
		if (came->mask & IN_Q_OVERFLOW)
			tell_overflow(counters);
		else
			take(came, counters);
	}
	if (n < (ssize_t)sizeof(bytes) / 2)
		drained_ns = began_ns;
}

bool inotify_open(const struct options *given, struct source *source)
{
	options = given;
	drained_ns = boot_ns();
	notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (notify < 0)
		return false;
	for (size_t i = 0; i < options->read_count; i++)
		if (!watch(&entries[i], &options->watch[i]))
			say("warn", "%s cannot be watched: its directory does not exist", options->watch[i].path);
	*source = (struct source){ notify, read_opens };
	return true;
}
