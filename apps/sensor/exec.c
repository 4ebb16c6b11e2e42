/* SPDX-License-Identifier: Apache-2.0 */
/* A program that runs, as /proc shows it right after its start: for sources that are told of the process alone. */
#include <string.h>

#include "sensor.h"

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

static void put_environment(struct frame_event *event, int folder)
{
	static const char *const names[] = {
#define VARIABLE_NAME(name) #name "=",
		FRAME_ENVIRONMENT(VARIABLE_NAME)
	};
	static char text[128 << 10];
	ssize_t length = read_file(folder, "environ", text, sizeof(text));

	if (length < 0 || (size_t)length == sizeof(text) - 1)
		event->flags |= FRAME_ENVIRONMENT_CUT;
	for (const char *at = text; length > 0 && at < text + length; at += strlen(at) + 1)
		for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
			if (strncmp(at, names[i], strlen(names[i])) == 0)
				event->file.environment |= 1u << i;
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
	put_environment(event, folder);
}
