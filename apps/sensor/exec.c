/* SPDX-License-Identifier: Apache-2.0 */
/* A program that runs, as /proc shows it right after its start: for sources that are told of the process alone. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sensor.h"
#include "runtime_flags.h"

static struct image image;

static void put_image(struct frame_event *event)
{
	if (!image.length) {
		event->unsure |= UNSURE_OBJECT_PATH | UNSURE_OBJECT_IDENTITY | UNSURE_IMAGE;
		draft_text(TEXT_PATH, "?", 1);
		return;
	}
	put_object(&event->file, &image.file, &image.system);
	if (image.file.st_nlink == 0)
		event->flags |= FRAME_UNLINKED;
	if (image.file.st_nlink == 0 && strncmp(image.path, "/memfd:", 7) == 0)
		event->flags |= FRAME_MEMFD;
	draft_text(TEXT_PATH, image.path, image.length);
}

/* Arguments and environment lie in the process's own memory, where it may have changed them by now: they stay unsure. */
static void put_arguments(struct frame_event *event, int folder)
{
	char argv[FRAME_TEXT_BYTES_MAX + 2];
	ssize_t length = read_file(folder, "cmdline", argv, sizeof(argv));

	event->unsure |= UNSURE_ARGUMENTS | UNSURE_VARIABLES;
	if (length > 0)
		draft_text(TEXT_ARGV, argv, (size_t)length);
}

static __u32 variable_of(__u32 variables, const char *text)
{
	static const char *const names[] = {
#define VARIABLE_NAME(name) #name "=",
		FRAME_ENVIRONMENT(VARIABLE_NAME)
	};

	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		if (strncmp(text, names[i], strlen(names[i])) == 0)
			return i == ENVIRONMENT_NODE_OPTIONS ? with_options(variables, has_harmless_flags(text + strlen(names[i])))
							     : variables | 1u << i;
	return variables;
}

/* The kernel lets nobody have more than 6 MiB of arguments and variables together. */
enum { ENVIRONMENT_BYTES_MAX = 8 << 20 };

/* As in frame_file; `flags` says whether there may be more. A string that is longer than the room for it goes on in the next, where no name begins. */
__u32 environment_of(int folder, __u8 *flags)
{
	static char text[128 << 10];
	int fd = openat(folder, "environ", O_RDONLY | O_CLOEXEC);
	size_t held = 0, total = 0;
	bool is_inside = false;
	__u32 variables = 0;
	ssize_t n = -1;

	while (fd >= 0 && total < ENVIRONMENT_BYTES_MAX && (n = read(fd, text + held, sizeof(text) - 1 - held)) > 0) {
		char *at = text, *end;

		total += (size_t)n;
		held += (size_t)n;
		text[held] = 0;
		while ((end = memchr(at, 0, held - (size_t)(at - text)))) {
			if (!is_inside)
				variables = variable_of(variables, at);
			is_inside = false;
			at = end + 1;
		}
		held -= (size_t)(at - text);
		memmove(text, at, held);
		if (held < sizeof(text) - 1)
			continue;
		if (!is_inside)
			variables = variable_of(variables, text);
		is_inside = true;
		held = 0;
	}
	if (held && !is_inside) {
		text[held] = 0;
		variables = variable_of(variables, text);
	}
	if (n)
		*flags |= FRAME_ENVIRONMENT_CUT;
	if (fd >= 0)
		close(fd);
	return variables;
}

/* Of a process whose folder is open; -1: it is gone, and the draft knows no more than its number. */
void draft_exec(struct frame_event *event, int folder, const struct life *life)
{
	image.length = 0;
	if (folder < 0) {
		event->flags |= FRAME_ENVIRONMENT_CUT;
		event->unsure |= UNSURE_ARGUMENTS | UNSURE_VARIABLES;
		put_image(event);
		return;
	}
	draft_actor(event, folder, life, &image);
	put_image(event);
	put_arguments(event, folder);
	event->file.environment = environment_of(folder, &event->flags);
}
