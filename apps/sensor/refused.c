/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refused opens of watched files, by name alone, for there is no file: the kernel side tells those that may be, and here it is seen which
 * are. Links are not followed, for whoever was refused may have followed others.
 */
#include <stdlib.h>
#include <string.h>

#include "sensor.h"

static struct { const char *given; const char *real; } entries[WATCHED_NAMES_MAX];
static size_t entry_count;

static uint32_t digest_of(const char *part)
{
	uint32_t digest = PART_BASIS;

	for (size_t i = strlen(part); i > 0; i--)
		digest = part_digest(digest, part[i - 1]);
	return digest;
}

/* Both marks of each name: whether it is of a file or a directory may change. */
static void mark_name(const char *path, void (*mark)(uint32_t digest))
{
	const char *slash = strrchr(path, '/');

	mark(digest_of(slash + 1));
	mark(directory_digest(digest_of(slash + 1)));
}

/* Call for each entry of the watch list, in its order, while paths can be resolved. */
void refused_know(const struct watch_entry *entry, void (*mark)(uint32_t digest))
{
	const char *path = entry->path, *real = entry->words & ENTRY_HANGS ? NULL : realpath(path, NULL);

	if (entry_count == WATCHED_NAMES_MAX)
		return;
	entries[entry_count].given = path;
	entries[entry_count++].real = real ? real : path;
	mark_name(path, mark);
	if (real)
		mark_name(real, mark);
}

/* `to` as an absolute path without `.`, `..` and double slashes; "" where it is too long or begins nowhere. */
static void put_absolute(char to[2 * PATH_BYTES], const char *dir, size_t dir_length, const char *name, size_t name_length)
{
	char joined[2 * PATH_BYTES];
	size_t length = 0, at = 0;

	to[0] = 0;
	if (name[0] != '/') {
		if (!dir_length || dir[0] != '/')
			return;
		memcpy(joined, dir, dir_length);
		length = dir_length;
		joined[length++] = '/';
	}
	memcpy(joined + length, name, name_length);
	joined[length + name_length] = 0;
	for (char *part = strtok(joined, "/"); part; part = strtok(NULL, "/")) {
		size_t bytes = strlen(part);

		if (strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0) {
			while (at > 0 && to[--at] != '/')
				;
			continue;
		}
		to[at++] = '/';
		memcpy(to + at, part, bytes);
		at += bytes;
	}
	to[at] = 0;
}

static bool is_of(const char *path, const char *entry)
{
	size_t length = strlen(entry);

	if (strncmp(path, entry, length))
		return false;
	return !path[length] || (path[length] == '/' && !strchr(path + length + 1, '/'));
}

/* NULL: of none. */
static const char *entry_of(const char *path)
{
	for (size_t i = 0; *path && i < entry_count; i++)
		if (is_of(path, entries[i].given) || is_of(path, entries[i].real))
			return entries[i].given;
	return NULL;
}

/*
 * A refused open that is to be told is written to `to` with its entry, all else as it came. 0: it is of no watched file.
 */
size_t refused_put(uint8_t to[FRAME_BYTES_MAX], const void *body, size_t length)
{
	char absolute[2 * PATH_BYTES];
	struct frame_event *event = (void *)to;
	const char *texts, *watched;
	size_t room;

	memcpy(to, body, length);
	texts = (const char *)to + sizeof(*event) + event->ancestors * sizeof(struct frame_ref) + event->text_len[TEXT_EXE];
	put_absolute(absolute, texts + event->text_len[TEXT_PATH], event->text_len[TEXT_FILENAME], texts, event->text_len[TEXT_PATH]);
	watched = entry_of(absolute);
	room = FRAME_BYTES_MAX - length;
	if (!watched || strlen(watched) > room)
		return 0;
	event->text_len[TEXT_WATCHED] = (__u16)strlen(watched);
	memcpy(to + length, watched, strlen(watched));
	return length + strlen(watched);
}
