/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the paths by which our parts find each other, and what is theirs, lead where they led at the start. Who mounts something over one of
 * them, or above it, or takes away the mount that it lies in, alters no file and stops nobody. The list of mounts tells it, by whatever call
 * it was done; no path is walked for it, so that no file system keeps us.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor.h"

enum { MOUNTS_ABOVE_MAX = 256 }; /* at or above our paths; with more than these they count as covered */

static struct { char *path, *leads_to; } own_paths[OWN_PATHS_MAX + 3];
static size_t own_path_count;
static FILE *list;

struct mounted {
	int id, parent;
	char device[32]; /* as the list has it, with what follows */
	char *root, *point;
};
static struct mounted above[MOUNTS_ABOVE_MAX];
static size_t above_count;

static bool is_at_or_above(const char *point, const char *path)
{
	size_t length = strcmp(point, "/") ? strlen(point) : 0;

	return strncmp(point, path, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static bool concerns_us(const char *point)
{
	for (size_t i = 0; i < own_path_count; i++)
		if (is_at_or_above(point, own_paths[i].path))
			return true;
	return false;
}

/* Spaces and the like stand there as a backslash and three octal digits. */
static char *unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		unsigned value;

		if (*from == '\\' && sscanf(from + 1, "%3o", &value) == 1) {
			*to = (char)value;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = 0;
	return text;
}

static void forget(struct mounted *mount)
{
	free(mount->root);
	free(mount->point);
}

static void read_mounts(void)
{
	struct mounted mount = {};
	char *line = NULL;
	size_t room = 0;

	rewind(list);
	while (above_count < MOUNTS_ABOVE_MAX && getline(&line, &room, list) > 0) {
		if (sscanf(line, "%d %d %31s %ms %ms", &mount.id, &mount.parent, mount.device, &mount.root, &mount.point) == 5 &&
		    concerns_us(unescape(mount.point))) {
			unescape(mount.root);
			above[above_count++] = mount;
		} else {
			forget(&mount);
		}
		mount = (struct mounted){};
	}
	free(line);
}

static bool is_first(const struct mounted *mount)
{
	for (size_t i = 0; i < above_count; i++)
		if (above[i].id == mount->parent && above[i].id != mount->id)
			return false;
	return strcmp(mount->point, "/") == 0;
}

/* A walk along the path meets the mount that is nearest to where it begins; of those that are in its way already none is nearer. */
static const struct mounted *next_mount(const struct mounted *from, const char *path)
{
	const struct mounted *next = NULL;

	for (size_t i = 0; i < above_count; i++) {
		const struct mounted *mount = &above[i];

		if (mount->parent == from->id && mount->id != from->id && is_at_or_above(mount->point, path) &&
		    (!next || strlen(mount->point) < strlen(next->point)))
			next = mount;
	}
	return next;
}

/* The file system and the path in it; the caller frees it. NULL: nobody can tell. */
static char *found_by(const char *path)
{
	const struct mounted *mount = NULL, *next = NULL;
	char *result = NULL;

	for (size_t i = 0; i < above_count && !next; i++)
		next = is_first(&above[i]) ? &above[i] : NULL;
	for (size_t steps = 0; next && steps <= above_count; steps++) {
		mount = next;
		next = next_mount(mount, path);
	}
	if (!mount || above_count == MOUNTS_ABOVE_MAX ||
	    asprintf(&result, "%s %s%s", mount->device, strcmp(mount->root, "/") ? mount->root : "",
		     path + (strcmp(mount->point, "/") ? strlen(mount->point) : 0)) < 0)
		return NULL;
	return result;
}

/* Of a name that is not there yet, its folder counts. */
static char *real_path_of(const char *path)
{
	char *real = realpath(path, NULL), *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL, *result = NULL;

	if (real || !slash) {
		free(folder);
		return real;
	}
	*slash = 0;
	real = realpath(slash == folder ? "/" : folder, NULL);
	if (real && asprintf(&result, "%s/%s", strcmp(real, "/") ? real : "", slash + 1) < 0)
		result = NULL;
	free(real);
	free(folder);
	return result;
}

static void add(const char *path)
{
	char *real = path ? real_path_of(path) : NULL;

	if (real)
		own_paths[own_path_count++].path = real;
}

/* Call before privileges are dropped, and once our pins are there: what they lead to now is what they are to lead to. */
void covered_watch(const struct options *options)
{
	add(options->socket);
	add(options->guard_socket);
	add(pins_folder());
	for (size_t i = 0; i < options->own_path_count; i++)
		add(options->own_paths[i]);
	list = fopen("/proc/self/mountinfo", "re");
	if (!list) {
		say("warn", "mounts over our own folders are not told: %s", strerror(errno));
		return;
	}
	read_mounts();
	for (size_t i = 0; i < own_path_count; i++)
		own_paths[i].leads_to = found_by(own_paths[i].path);
	while (above_count)
		forget(&above[--above_count]);
}

/* Whether one leads elsewhere since the last look, and not where it led at the start. */
bool covered_look(void)
{
	static bool was_covered[OWN_PATHS_MAX + 3];
	struct pollfd changed = { .fd = list ? fileno(list) : -1, .events = POLLPRI };
	bool covered = false;

	if (poll(&changed, 1, 0) <= 0)
		return false;
	read_mounts();
	for (size_t i = 0; i < own_path_count; i++) {
		char *now = found_by(own_paths[i].path);
		bool is_covered = !now || !own_paths[i].leads_to || strcmp(now, own_paths[i].leads_to);

		if (is_covered && !was_covered[i])
			say("critical", "a mount covers what is ours: %s", own_paths[i].path);
		covered |= is_covered && !was_covered[i];
		was_covered[i] = is_covered;
		free(now);
	}
	while (above_count)
		forget(&above[--above_count]);
	return covered;
}
