/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a change, and by which path: frames go to the sensor by the socket that it reads. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "changes.h"

static const struct watch_entry *watch_list;
static struct counters *counters;
static int to_sensor;

void telling_begin(const struct watch_entry *list, struct counters *shared_counters, int socket)
{
	watch_list = list;
	counters = shared_counters;
	to_sensor = socket;
}

/* Of a directory that is not watched: where it lies now, as this mount namespace has it. */
bool path_of_object(const struct fan_handle *object, char *path, size_t room)
{
	int mount = mount_of(object), fd = mount < 0 ? -1 : fan_open_handle(mount, object, O_PATH | O_NOFOLLOW);
	char link[64];
	ssize_t length;

	if (fd < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, room - 1);
	close(fd);
	path[length > 0 ? length : 0] = 0;
	return path[0] == '/';
}

void cut_path(struct told_path *path, size_t length)
{
	path->cut = length > FRAME_TEXT_BYTES_MAX;
	if (!path->cut)
		return;
	memmove(path->text, path->text + length - FRAME_TEXT_BYTES_MAX, FRAME_TEXT_BYTES_MAX + 1);
	path->text[0] = '?';
}

/* No text: the name is not known. */
void put_name(struct told_path *path, const struct fan_name *name)
{
	const struct place *place = place_of(&name->dir);
	bool itself = strcmp(name->name, ".") == 0;
	char dir[PATH_BYTES];

	path->text[0] = 0;
	path->entry = !place ? NO_ENTRY : itself ? entry_of_place(place) : entry_of_name(name);
	path->all = place ? place->all : NO_ENTRY;
	if (place)
		snprintf(dir, sizeof(dir), "%s", place->path);
	else if (!name->dir.length || !path_of_object(&name->dir, dir, sizeof(dir)))
		return;
	cut_path(path, (size_t)(itself ? snprintf(path->text, sizeof(path->text), "%s", dir)
				       : snprintf(path->text, sizeof(path->text), "%s/%s", strcmp(dir, "/") ? dir : "",
						  name->name)));
}

/* The object alone was told: it goes by the name that its entry watches, or else by one that it has by now. */
void put_name_of(struct told_path *path, const struct fan_handle *object, uint32_t entry)
{
	struct fan_handle there;
	struct fan_name name;

	if (name_of_entry(entry, &name) && place_handle_of(place_of(&name.dir), name.name, &there) && fan_same(&there, object))
		put_name(path, &name);
	else
		path_of_object(object, path->text, FRAME_TEXT_BYTES_MAX + 1);
}

/* Times of one process never repeat: they name its events. */
static uint64_t new_time(void)
{
	static uint64_t last;
	uint64_t ns = boot_ns();

	last = ns > last ? ns : last + 1;
	return last;
}

/* A slow agent fills the socket; what finds no room is counted, as in the ring. */
static void hand_over(const void *body, size_t length)
{
	if (send(to_sensor, body, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length)
		return; /* the sensor counts it, once it is sure that nobody else tells it */
	counters_add(counters, SITE_file_change, 1, 1);
}

/* As /proc has it by now, and a pid where it has ended: none of it is of the very process for certain. */
static void put_actor(struct frame_event *event, pid_t pid)
{
	static struct image image;
	struct life life;
	int folder = pid > 0 ? life_open(pid, &life) : -1;

	if (folder >= 0) {
		draft_actor(event, folder, &life, &image);
		close(folder);
	}
	event->pid = event->tid = (__u32)pid;
	event->unsure = UNSURE_ACTOR;
}

bool tells_losses_only(uint32_t entry)
{
	return watch_list[entry].words & ENTRY_LOSSES;
}

static bool is_loss(enum frame_change_what what)
{
	return what == CHANGE_TRUNCATE || what == CHANGE_REMOVE || what == CHANGE_RENAME || what == CHANGE_UNWATCHED;
}

/* Who wants what he changed to look old sets the time of its modification back. */
static bool is_set_back(const struct change *change)
{
	const struct timespec *before = &change->before->mtime, *after = &change->after->mtime;

	return (change->what == CHANGE_ATTRIBUTES || change->what == CHANGE_WRITE || change->what == CHANGE_TRUNCATE) &&
	       (after->tv_sec < before->tv_sec || (after->tv_sec == before->tv_sec && after->tv_nsec < before->tv_nsec));
}

static bool tells_content(enum frame_change_what what)
{
	return what == CHANGE_WRITE || what == CHANGE_TRUNCATE || what == CHANGE_RENAME;
}

void tell(const struct change *change, pid_t pid)
{
	const struct file_look *known = change->after ? change->after : change->before;
	struct frame_event *event;
	const char *watched = watch_list[change->entry].path;
	static struct { struct frame_file_state of[2]; struct frame_lines lines; } text;
	struct frame_file_state *states = text.of;
	size_t count = 0, length;
	const void *body;

	if (tells_losses_only(change->entry) && !is_loss(change->what))
		return;
	event = draft_begin(FRAME_FILE_CHANGE, SITE_file_change, new_time());
	put_actor(event, pid);
	if (change->path->cut || (change->to && change->to->cut))
		event->flags |= FRAME_TRUNCATED;
	event->change.what = change->what;
	if (known) {
		event->change.ino = known->ino;
		event->change.dev = known->dev;
		event->change.fs_magic = known->fs_magic;
	}
	if (change->after) {
		event->change.states |= STATE_AFTER;
		states[count++] = change->after->state;
	}
	if (change->before) {
		event->change.states |= STATE_BEFORE;
		states[count++] = change->before->state;
	}
	if (change->after && change->before && is_set_back(change))
		event->change.states |= STATE_SET_BACK;
	draft_text(TEXT_PATH, change->path->text, strlen(change->path->text));
	if (change->to)
		draft_text(TEXT_FILENAME, change->to->text, strlen(change->to->text));
	length = count * sizeof(states[0]);
	if (change->lines && tells_content(change->what)) {
		event->change.states |= STATE_LINES;
		memcpy((uint8_t *)&text + length, change->lines, change->lines_bytes);
		length += change->lines_bytes;
		lines_keep();
	}
	draft_text(TEXT_STATES, (const char *)&text, length);
	draft_text(TEXT_WATCHED, watched, strlen(watched));
	body = draft_body(&length);
	hand_over(body, length);
}

/* Until there is room for it, unlike all else: what is dropped is counted, and of this nobody knows how much it was. */
bool tell_overflow(uint64_t since_ns)
{
	struct frame_event *event = draft_begin(FRAME_OVERFLOW, SITE_file_change, new_time());
	size_t length;
	const void *body;

	event->overflow.since_ns = since_ns;
	body = draft_body(&length);
	return send(to_sensor, body, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
}
