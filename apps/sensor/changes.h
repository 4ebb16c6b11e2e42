/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the process that tells of changes: places.c knows what is watched, content.c what a file is, remembered.c what it was, telling.c tells; changes.c the rest. */
#ifndef SEALWATCH_CHANGES_H
#define SEALWATCH_CHANGES_H

#include "fanotify_group.h"
#include "sensor.h"

/* places.c: which handles and names are watched (docs/formats/frame.md, 6), and by which entry of the list */
enum { WATCHED_PLACES_MAX = 4096, FOLLOWED_MAX = 8192 };
struct place {
	struct fan_handle dir;
	char *path;
	int fd;	      /* of one that the list names, and of the first of its file system; else -1 */
	uint32_t all; /* entry by which each file in it is watched, else NO_ENTRY */
	struct place *next;
};
void places_begin(const struct watch_entry *list, int fanotify_group);
bool places_add(uint32_t entry);
const struct place *place_of(const struct fan_handle *dir);
const struct place *place_below(const struct place *parent, const char *name, uint32_t entry);
int place_open(const struct place *place);
bool place_handle_of(const struct place *place, const char *name, struct fan_handle *result);
void place_moved(const struct fan_handle *dir, const char *path);
bool place_removed(const struct fan_handle *dir);
uint32_t entry_of_name(const struct fan_name *name);
bool is_watched_by(const struct fan_handle *object, uint32_t entry);
uint32_t entry_of_place(const struct place *place);
bool name_of_entry(uint32_t entry, struct fan_name *name);
uint32_t entry_of_object(const struct fan_handle *object);
void forget_object(const struct fan_handle *object);
bool learn_object(const struct fan_name *name, const struct fan_handle *object, uint32_t entry);
int mount_of(const struct fan_handle *object);
void place_each_name(const struct place *place, void (*take)(const struct fan_name *name, bool is_dir));
void places_each_listed(void (*take_file)(const struct fan_name *name), void (*take_dir)(const struct place *place));

/* content.c: what a file is at this moment */
struct file_look {
	uint64_t ino;
	uint32_t dev;
	uint32_t fs_magic;
	struct timespec mtime;
	struct frame_file_state state;
};
bool look_at(const struct fan_handle *object, bool with_hash, struct file_look *look);

/* telling.c */
struct told_path {
	char text[PATH_BYTES + NAME_BYTES + 1];
	bool cut;	/* the beginning is lost, as in the kernel's walk */
	uint32_t entry; /* of this name */
	uint32_t all;	/* of the directory that it lies in */
};
struct change {
	enum frame_change_what what;
	const struct told_path *path;
	const struct told_path *to; /* of a rename; else NULL */
	uint32_t entry;
	const struct file_look *after, *before;
	const struct frame_lines *lines; /* NULL: not known */
	size_t lines_bytes;
};
void telling_begin(const struct watch_entry *list, struct counters *counters, int socket);
bool path_of_object(const struct fan_handle *object, char *path, size_t room);
void cut_path(struct told_path *path, size_t length);
void put_name(struct told_path *path, const struct fan_name *name);
void put_name_of(struct told_path *path, const struct fan_handle *object, uint32_t entry);
bool tells_losses_only(uint32_t entry);
void tell(const struct change *change, pid_t pid);
bool tell_overflow(uint64_t since_ns);

/* remembered.c: by keys that nobody else can foresee */
bool memory_begin(void);
uint64_t digest(const void *bytes, size_t length, uint64_t from);
uint64_t key_of(const struct fan_handle *object);
uint64_t object_named(const struct told_path *path);
void remember(const struct told_path *path, const struct fan_handle *object, const struct file_look *look, bool is_found);
bool is_remembered(const struct fan_handle *object);
bool was_found(const struct fan_handle *object);
const struct file_look *recall(uint64_t object, struct file_look *look);
const struct file_look *recall_path(const struct told_path *path, struct file_look *look);
void forget(const struct told_path *path);

/* lines.c: which lines of a text were changed */
bool lines_read(const struct fan_handle *of, uint64_t object, const struct file_look *look);
void lines_keep(void);
size_t lines_between(uint64_t before, bool is_new, struct frame_lines *lines);

#endif
