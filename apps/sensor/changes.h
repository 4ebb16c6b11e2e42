/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the process that tells of changes: places.c knows what is watched, content.c what a file is, changes.c the rest. */
#ifndef SEALWATCH_CHANGES_H
#define SEALWATCH_CHANGES_H

#include "fanotify_group.h"
#include "sensor.h"

/* places.c: which handles and names are watched (docs/formats/frame.md, 6), and by which entry of the list */
struct place {
	struct fan_handle dir;
	char *path;
	int fd;
	uint32_t all; /* entry by which each file in it is watched, else NO_ENTRY */
};
bool places_add(const char *path, uint32_t entry, int group);
const struct place *place_of(const struct fan_handle *dir);
void place_moved(const struct fan_handle *dir, const char *path);
uint32_t entry_of_name(const struct fan_name *name);
uint32_t entry_of_place(const struct place *place);
bool name_of_entry(uint32_t entry, struct fan_name *name);
uint32_t entry_of_object(const struct fan_handle *object);
void learn_object(const struct fan_name *name, const struct fan_handle *object, uint32_t entry, int group);
int mount_of(const struct fan_handle *object);
void places_each_file(void (*take)(const struct fan_name *name));

/* content.c: what a file is at this moment */
struct file_look {
	uint64_t ino;
	uint32_t dev;
	uint32_t fs_magic;
	struct timespec mtime;
	struct frame_file_state state;
};
bool look_at(const struct fan_handle *object, struct file_look *look);

#endif
