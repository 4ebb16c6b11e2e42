/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is watched, as fanotify calls it. A watched directory is marked, and with it whatever lies directly in it; a watched file is
 * marked itself, and its directory for its name. What takes a watched name is marked when that is told, and so goes on being
 * watched wherever it is moved or linked to.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "changes.h"

enum { OBJECT_MASK = FAN_MODIFY | FAN_CLOSE_WRITE | FAN_ATTRIB };
enum { PLACE_MASK = OBJECT_MASK | FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR |
		    FAN_EVENT_ON_CHILD };
enum { FILES_OF_PLACE_MAX = 1024 }; /* of each watched directory, what is looked at before anything happens */

static struct place places[WATCHED_NAMES_MAX];
static struct { const struct place *place; const char *name; uint32_t entry; } watched_names[WATCHED_NAMES_MAX];
static struct { struct fan_handle handle; uint32_t entry; } *objects;
static size_t place_count, name_count, object_count, object_room;

const struct place *place_of(const struct fan_handle *dir)
{
	for (size_t i = 0; i < place_count; i++)
		if (fan_same(&places[i].dir, dir))
			return &places[i];
	return NULL;
}

/* It goes on being watched, as the directory that it is, and is told by the path that it has. */
void place_moved(const struct fan_handle *dir, const char *path)
{
	struct place *place = (struct place *)place_of(dir);
	char *copy = place ? strdup(path) : NULL;

	if (!copy)
		return;
	free(place->path);
	place->path = copy;
}

static size_t index_of_object(const struct fan_handle *object)
{
	size_t i = 0;

	while (i < object_count && !fan_same(&objects[i].handle, object))
		i++;
	return i;
}

uint32_t entry_of_object(const struct fan_handle *object)
{
	size_t i = index_of_object(object);

	return i < object_count ? objects[i].entry : NO_ENTRY;
}

/* Of entries for one name or object the first in the list counts. */
uint32_t entry_of_name(const struct fan_name *name)
{
	const struct place *place = place_of(&name->dir);
	uint32_t entry = NO_ENTRY;

	for (size_t i = 0; place && i < name_count; i++)
		if (watched_names[i].place == place && watched_names[i].entry < entry &&
		    strcmp(watched_names[i].name, name->name) == 0)
			entry = watched_names[i].entry;
	return entry;
}

/* Of the directory itself: that of all in it, else the first of what is watched there by its name. */
uint32_t entry_of_place(const struct place *place)
{
	uint32_t entry = place->all;

	for (size_t i = 0; place->all == NO_ENTRY && i < name_count; i++)
		if (watched_names[i].place == place && watched_names[i].entry < entry)
			entry = watched_names[i].entry;
	return entry;
}

/* The name that an entry of a file watches. */
bool name_of_entry(uint32_t entry, struct fan_name *name)
{
	for (size_t i = 0; i < name_count; i++)
		if (watched_names[i].entry == entry) {
			name->dir = watched_names[i].place->dir;
			snprintf(name->name, sizeof(name->name), "%s", watched_names[i].name);
			return true;
		}
	return false;
}

static bool add_object(const struct fan_handle *object, uint32_t entry)
{
	size_t i = index_of_object(object);

	if (i == WATCHED_OBJECTS_MAX)
		return false;
	if (i == object_room) {
		size_t room = object_room ? 2 * object_room : 64;
		void *more = realloc(objects, room * sizeof(*objects));

		if (!more)
			return false;
		objects = more;
		object_room = room;
	}
	if (i == object_count)
		objects[object_count++].entry = NO_ENTRY;
	objects[i].handle = *object;
	if (entry < objects[i].entry)
		objects[i].entry = entry;
	return true;
}

/* Who stands under a watched name by now is watched; when there is no room for more, it is by its name still. */
void learn_object(const struct fan_name *name, const struct fan_handle *object, uint32_t entry, int group)
{
	const struct place *place = place_of(&name->dir);

	if (entry < entry_of_object(object) && add_object(object, entry) && place)
		fan_mark(group, OBJECT_MASK, place->fd, name->name);
}

/* A descriptor of the object's file system. */
int mount_of(const struct fan_handle *object)
{
	for (size_t i = 0; i < place_count; i++)
		if (places[i].dir.fsid == object->fsid)
			return places[i].fd;
	return -1;
}

static struct place *add_place(const char *path, uint32_t all, int group)
{
	struct place new = { .all = all }, *place;

	if (!fan_handle_of(AT_FDCWD, path, &new.dir))
		return NULL;
	place = (struct place *)place_of(&new.dir);
	if (!place) {
		new.path = strdup(path);
		new.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (!new.path || new.fd < 0 || place_count == WATCHED_NAMES_MAX)
			return NULL;
		place = &places[place_count++];
		*place = new;
	}
	if (all < place->all)
		place->all = all;
	if (!fan_mark(group, PLACE_MASK, AT_FDCWD, path))
		return NULL;
	return place;
}

static bool add_file(const char *path, uint32_t entry, int group)
{
	char *dir = strdup(path);
	char *slash = strrchr(dir, '/');
	const char *name = strdup(slash + 1);
	struct fan_handle object;
	const struct place *place;

	slash[slash == dir] = 0;
	place = add_place(dir, NO_ENTRY, group);
	free(dir);
	if (!place || name_count == WATCHED_NAMES_MAX)
		return false;
	watched_names[name_count].place = place;
	watched_names[name_count].name = name;
	watched_names[name_count++].entry = entry;
	return !fan_handle_of(AT_FDCWD, path, &object) ||
	       (add_object(&object, entry) && fan_mark(group, OBJECT_MASK, AT_FDCWD, path));
}

/* An entry of the watch list. false, with errno: changes of it cannot be told. */
bool places_add(const char *path, uint32_t entry, int group)
{
	char *real = realpath(path, NULL);
	struct stat status;
	bool done;

	if (real && stat(real, &status) == 0 && S_ISDIR(status.st_mode))
		done = add_place(real, entry, group) != NULL;
	else
		done = add_file(real ? real : path, entry, group);
	free(real);
	return done;
}

static void each_file_in(const struct place *place, void (*take)(const struct fan_name *name))
{
	int fd = openat(place->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct fan_name name = { .dir = place->dir };
	const struct dirent *file;

	for (int i = 0; dir && i < FILES_OF_PLACE_MAX && (file = readdir(dir)); i++) {
		snprintf(name.name, sizeof(name.name), "%s", file->d_name);
		if (strcmp(file->d_name, ".") && strcmp(file->d_name, ".."))
			take(&name);
	}
	if (dir)
		closedir(dir);
}

/* What is watched by name or place at the start. */
void places_each_file(void (*take)(const struct fan_name *name))
{
	struct fan_name name;

	for (size_t i = 0; i < place_count; i++)
		if (places[i].all != NO_ENTRY)
			each_file_in(&places[i], take);
	for (size_t i = 0; i < name_count; i++) {
		name.dir = watched_names[i].place->dir;
		snprintf(name.name, sizeof(name.name), "%s", watched_names[i].name);
		take(&name);
	}
}
