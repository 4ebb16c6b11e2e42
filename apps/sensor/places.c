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

enum { OBJECT_MASK = FAN_MODIFY | FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_DELETE_SELF };
enum { PLACE_MASK = FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR | FAN_EVENT_ON_CHILD };
enum { HASHES = 2 * WATCHED_PLACES_MAX };

static const struct watch_entry *entries;
static int group;
static struct place places[WATCHED_PLACES_MAX];
static struct place *by_hash[HASHES];
static struct { const struct place *place; const char *name; uint32_t entry; } watched_names[WATCHED_NAMES_MAX];
static struct followed { struct fan_handle handle; uint32_t entry; struct followed *next; } *followed[HASHES];
static size_t place_count, name_count, followed_count;

void places_begin(const struct watch_entry *list, int fanotify_group)
{
	entries = list;
	group = fanotify_group;
}

/* Who only wants to hear of losses is not woken when a file is closed. */
static uint64_t mask_of(uint32_t entry)
{
	return entry != NO_ENTRY && entries[entry].words & ENTRY_LOSSES ? FAN_MODIFY | FAN_DELETE_SELF : OBJECT_MASK;
}

static size_t hash_of(const struct fan_handle *object)
{
	uint64_t hash = object->fsid;

	for (unsigned i = 0; i < object->length; i++)
		hash = (hash ^ object->bytes[i]) * 0x100000001b3;
	return (hash ^ hash >> 32) % HASHES;
}

static struct place **row_of(const struct fan_handle *dir)
{
	return &by_hash[hash_of(dir)];
}

static struct place *find_place(const struct fan_handle *dir)
{
	struct place *place = *row_of(dir);

	while (place && !fan_same(&place->dir, dir))
		place = place->next;
	return place;
}

const struct place *place_of(const struct fan_handle *dir)
{
	return find_place(dir);
}

/* By object, whatever has its path by now. The caller closes it. */
int place_open(const struct place *place)
{
	if (place->fd >= 0)
		return fcntl(place->fd, F_DUPFD_CLOEXEC, 0);
	return fan_open_handle(mount_of(&place->dir), &place->dir, O_RDONLY | O_DIRECTORY);
}

bool place_handle_of(const struct place *place, const char *name, struct fan_handle *result)
{
	int fd = place_open(place);
	bool done = fd >= 0 && fan_handle_of(fd, name, result);

	if (fd >= 0)
		close(fd);
	return done;
}

static void set_path(struct place *place, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return;
	free(place->path);
	place->path = copy;
}

/* It goes on being watched, as the directory that it is, and is told by the path that it has; so is what lies below it. */
void place_moved(const struct fan_handle *dir, const char *path)
{
	struct place *moved = find_place(dir);
	char *old = moved ? strdup(moved->path) : NULL;
	size_t length = old ? strlen(old) : 0;

	for (size_t i = 0; old && i < place_count; i++) {
		char now[2 * PATH_BYTES];

		if (!places[i].path || strncmp(places[i].path, old, length) || places[i].path[length] != '/')
			continue;
		snprintf(now, sizeof(now), "%s%s", path, places[i].path + length);
		set_path(&places[i], now);
	}
	if (moved)
		set_path(moved, path);
	free(old);
}

/*
 * One that is gone makes room for another, unless the list names it, or the files of its file system are opened by it. Returns whether it
 * lay in one that is watched with all below it.
 */
bool place_removed(const struct fan_handle *dir)
{
	struct place **link = row_of(dir), *place;

	while (*link && !fan_same(&(*link)->dir, dir))
		link = &(*link)->next;
	place = *link;
	if (!place || place->fd >= 0)
		return false;
	*link = place->next;
	free(place->path);
	*place = (struct place){ .fd = -1, .all = NO_ENTRY };
	return true;
}

static struct followed **link_to(const struct fan_handle *object)
{
	struct followed **link = &followed[hash_of(object)];

	while (*link && !fan_same(&(*link)->handle, object))
		link = &(*link)->next;
	return link;
}

uint32_t entry_of_object(const struct fan_handle *object)
{
	const struct followed *known = *link_to(object);

	return known ? known->entry : NO_ENTRY;
}

/* It is gone for good, with its mark: there is room for another. */
void forget_object(const struct fan_handle *object)
{
	struct followed **link = link_to(object), *gone = *link;

	if (!gone)
		return;
	*link = gone->next;
	free(gone);
	followed_count--;
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

bool is_watched_by(const struct fan_handle *object, uint32_t entry)
{
	const struct place *place = place_of(object);

	return (place && place->all <= entry) || entry_of_object(object) <= entry;
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

/* false, with errno; ENOSPC: there is no room for more. */
static bool add_object(const struct fan_handle *object, uint32_t entry)
{
	struct followed **link = link_to(object);

	errno = ENOSPC;
	if (!*link && followed_count == FOLLOWED_MAX)
		return false;
	if (!*link) {
		*link = calloc(1, sizeof(**link));
		if (!*link)
			return false;
		(*link)->handle = *object;
		(*link)->entry = NO_ENTRY;
		followed_count++;
	}
	if (entry < (*link)->entry)
		(*link)->entry = entry;
	return true;
}

/* Who has come under a watched name is followed. false: there is no room for that, and it is watched by its name alone. */
bool learn_object(const struct fan_name *name, const struct fan_handle *object, uint32_t entry)
{
	bool has_room;
	int fd;

	if (entry >= entry_of_object(object) || (fd = fan_open_handle(mount_of(&name->dir), object, O_PATH | O_NOFOLLOW)) < 0)
		return true; /* it is, or is gone */
	has_room = add_object(object, entry);
	if (has_room && !fan_mark_open(group, mask_of(entry), fd)) {
		has_room = errno != ENOSPC;
		forget_object(object);
	}
	close(fd);
	return has_room;
}

/* A descriptor of the object's file system. */
int mount_of(const struct fan_handle *object)
{
	for (size_t i = 0; i < place_count; i++)
		if (places[i].fd >= 0 && places[i].dir.fsid == object->fsid)
			return places[i].fd;
	return -1;
}

static struct place *unused_place(void)
{
	for (size_t i = 0; i < place_count; i++)
		if (!places[i].dir.length)
			return &places[i];
	return place_count < WATCHED_PLACES_MAX ? &places[place_count++] : NULL;
}

/* Takes over the descriptor of a directory. NULL, with errno; ENOSPC: there is no room for more. */
static struct place *add_place(int fd, const char *path, uint32_t all, bool is_listed)
{
	struct fan_handle dir;
	struct place *place, **row;

	if (fd < 0 || !fan_handle_of(fd, ".", &dir) || !fan_mark(group, PLACE_MASK | mask_of(all), fd, ".")) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	place = find_place(&dir);
	if (!place && (place = unused_place())) {
		row = row_of(&dir);
		*place = (struct place){ .dir = dir, .path = strdup(path), .fd = -1, .all = NO_ENTRY, .next = *row };
		*row = place;
	}
	if (place && place->fd < 0 && (is_listed || mount_of(&dir) < 0))
		place->fd = fd;
	else
		close(fd);
	if (!place)
		errno = ENOSPC;
	else if (all < place->all)
		place->all = all;
	return place;
}

static int open_dir(int at, const char *path, int flags)
{
	return openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
}

/* Nothing is asked of the other file system, which may hang. */
static bool is_same_device(int at, const char *name)
{
	const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
	struct statx above, below;

	return statx(at, ".", flags, STATX_TYPE, &above) == 0 && statx(at, name, flags, STATX_TYPE, &below) == 0 &&
	       above.stx_dev_major == below.stx_dev_major && above.stx_dev_minor == below.stx_dev_minor;
}

/*
 * A directory in a watched one is watched as that is. It is marked before anybody looks at what is in it: what is made meanwhile is
 * found, or told, or both. NULL, with errno; EXDEV: it is another file
 * system; EEXIST: it is watched already, by an entry of its own, or under another name.
 */
const struct place *place_below(const struct place *parent, const char *name, uint32_t entry)
{
	char path[PATH_BYTES + NAME_BYTES];
	const struct place *known;
	struct fan_handle dir;
	int at = place_open(parent), fd;

	if (at < 0)
		return NULL;
	errno = EXDEV;
	fd = is_same_device(at, name) ? open_dir(at, name, O_NOFOLLOW) : -1;
	close(at);
	if (fd >= 0 && fan_handle_of(fd, ".", &dir) && (known = find_place(&dir)) && known->all != NO_ENTRY) {
		close(fd);
		errno = EEXIST;
		return NULL;
	}
	snprintf(path, sizeof(path), "%s/%s", strcmp(parent->path, "/") ? parent->path : "", name);
	return add_place(fd, path, entry, false);
}

static bool add_file(const char *path, uint32_t entry)
{
	char *dir = strdup(path);
	char *slash = strrchr(dir, '/');
	const char *name = strdup(slash + 1);
	struct fan_handle object;
	const struct place *place;

	slash[slash == dir] = 0;
	place = add_place(open_dir(AT_FDCWD, dir, 0), dir, NO_ENTRY, true);
	free(dir);
	if (!place || name_count == WATCHED_NAMES_MAX)
		return false;
	watched_names[name_count].place = place;
	watched_names[name_count].name = name;
	watched_names[name_count++].entry = entry;
	return !fan_handle_of(AT_FDCWD, path, &object) ||
	       (add_object(&object, entry) && fan_mark(group, mask_of(entry), AT_FDCWD, path));
}

/* An entry of the watch list. false, with errno: changes of it cannot be told. */
bool places_add(uint32_t entry)
{
	const char *path = entries[entry].path;
	char *real = realpath(path, NULL);
	struct stat status;
	bool done;

	if (real && stat(real, &status) == 0 && S_ISDIR(status.st_mode))
		done = add_place(open_dir(AT_FDCWD, real, 0), real, entry, true) != NULL;
	else
		done = add_file(real ? real : path, entry);
	free(real);
	return done;
}

void place_each_name(const struct place *place, void (*take)(const struct fan_name *name, bool is_dir))
{
	int fd = place_open(place);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct fan_name name = { .dir = place->dir };
	const struct dirent *file;
	struct stat status;

	while (dir && (file = readdir(dir))) {
		bool is_dir = file->d_type == DT_DIR;

		if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0)
			continue;
		if (file->d_type == DT_UNKNOWN)
			is_dir = fstatat(fd, file->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
		snprintf(name.name, sizeof(name.name), "%s", file->d_name);
		take(&name, is_dir);
	}
	if (dir)
		closedir(dir);
}

/* What the list names: first files, then directories. */
void places_each_listed(void (*take_file)(const struct fan_name *name), void (*take_dir)(const struct place *place))
{
	size_t listed = place_count;
	struct fan_name name;

	for (size_t i = 0; i < name_count; i++) {
		name.dir = watched_names[i].place->dir;
		snprintf(name.name, sizeof(name.name), "%s", watched_names[i].name);
		take_file(&name);
	}
	for (size_t i = 0; i < listed; i++)
		if (places[i].all != NO_ENTRY)
			take_dir(&places[i]);
}
