/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lines of a text were changed. What texts were is kept in the memory of this process alone. Only where the lines differ is looked
 * for, by comparing bytes from both ends; what they mean, and which of them are new, is left to the agent.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "changes.h"

enum { TEXT_BYTES_MAX = 32 << 10, TEXTS_MAX = 256, ALL_TEXTS_BYTES_MAX = 2 << 20 };

static struct text {
	uint64_t object, kept;
	size_t length;
	uint8_t *bytes; /* NULL: none */
} texts[TEXTS_MAX];
static size_t all_bytes;
static struct { uint64_t object; size_t length; uint8_t bytes[TEXT_BYTES_MAX]; } now;

static struct text *text_of(uint64_t object)
{
	for (size_t i = 0; i < TEXTS_MAX; i++)
		if (texts[i].bytes && texts[i].object == object)
			return &texts[i];
	return NULL;
}

static void drop(struct text *text)
{
	all_bytes -= text->length;
	free(text->bytes);
	*text = (struct text){};
}

static struct text *oldest(void)
{
	struct text *result = &texts[0];

	for (size_t i = 1; i < TEXTS_MAX; i++)
		if (texts[i].bytes && (!result->bytes || texts[i].kept < result->kept))
			result = &texts[i];
	return result;
}

static struct text *room_for(size_t length)
{
	while (all_bytes + length > ALL_TEXTS_BYTES_MAX)
		drop(oldest());
	for (size_t i = 0; i < TEXTS_MAX; i++)
		if (!texts[i].bytes)
			return &texts[i];
	drop(oldest());
	return room_for(length);
}

/* What others may not read leaves this process as a hash alone. */
static bool is_public_text(const struct file_look *look)
{
	return S_ISREG(look->state.mode) && look->state.mode & S_IROTH && look->state.size <= TEXT_BYTES_MAX;
}

/* Reads what the file is now; lines_keep() and lines_between() are about that. */
bool lines_read(const struct fan_handle *of, uint64_t object, const struct file_look *look)
{
	int fd = is_public_text(look) ? fan_open_handle(mount_of(of), of, O_RDONLY | O_NONBLOCK) : -1;
	ssize_t length;

	if (fd < 0)
		return false;
	length = read(fd, now.bytes, sizeof(now.bytes));
	close(fd);
	if (length < 0 || memchr(now.bytes, 0, (size_t)length))
		return false;
	now.object = object;
	now.length = (size_t)length;
	return true;
}

void lines_keep(void)
{
	static uint64_t count;
	struct text *text = text_of(now.object);
	uint8_t *bytes = malloc(now.length + 1);

	if (text)
		drop(text);
	if (!bytes)
		return;
	memcpy(bytes, now.bytes, now.length);
	text = room_for(now.length);
	*text = (struct text){ .object = now.object, .kept = ++count, .length = now.length, .bytes = bytes };
	all_bytes += now.length;
}

/* As many whole lines as there is room for. */
static uint32_t put_lines(struct frame_lines *lines, size_t at, const uint8_t *from, size_t length)
{
	const size_t room = LINES_BYTES_MAX / 2;

	if (length > room) {
		lines->cut = 1;
		for (length = room; length && from[length - 1] != '\n'; length--)
			;
	}
	memcpy(lines->bytes + at, from, length);
	return (uint32_t)length;
}

static bool begins_line(const uint8_t *bytes, size_t at, size_t from)
{
	return at == from || bytes[at - 1] == '\n';
}

/* Of what the object was and what has been read. Returns how many bytes of `lines` there are; 0: nothing is known, or is different. */
size_t lines_between(uint64_t before, bool is_new, struct frame_lines *lines)
{
	static uint8_t nothing[1];
	static const struct text empty = { .bytes = nothing };
	const struct text *known = text_of(before), *was = known ? known : is_new ? &empty : NULL;
	size_t shorter = was && was->length < now.length ? was->length : now.length, same = 0, first = 0, end = 0, tail = 0;

	*lines = (struct frame_lines){ .first = 1 };
	if (!was || (was->length == now.length && memcmp(was->bytes, now.bytes, now.length) == 0))
		return 0;
	while (same < shorter && was->bytes[same] == now.bytes[same])
		if (was->bytes[same++] == '\n') {
			first = same;
			lines->first++;
		}
	while (end < shorter - first && was->bytes[was->length - 1 - end] == now.bytes[now.length - 1 - end]) {
		end++;
		if (begins_line(was->bytes, was->length - end, first) && begins_line(now.bytes, now.length - end, first))
			tail = end;
	}
	lines->removed = put_lines(lines, 0, was->bytes + first, was->length - tail - first);
	lines->added = put_lines(lines, lines->removed, now.bytes + first, now.length - tail - first);
	return offsetof(struct frame_lines, bytes) + lines->removed + lines->added;
}
