/* SPDX-License-Identifier: Apache-2.0 */
/* fanotify_group.c: what the kernel tells of marked files and directories. */
#ifndef SEALWATCH_FANOTIFY_GROUP_H
#define SEALWATCH_FANOTIFY_GROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/fanotify.h>
#include <sys/types.h>

#include "maps.h"

#define FAN_HANDLE_BYTES_MAX 128

/* An object, as no other is ever called. All zero: none. */
struct fan_handle {
	uint64_t fsid;
	int type;
	unsigned length;
	uint8_t bytes[FAN_HANDLE_BYTES_MAX];
};

struct fan_name {
	struct fan_handle dir;
	char name[NAME_BYTES]; /* "." for the directory itself */
};

/* Equal acts of one process that nobody has read yet come as one, and others on the same name with their bits or-ed. */
struct fan_event {
	uint64_t mask;
	pid_t pid;		 /* process, as our pid namespace numbers it; 0: it is not in that */
	struct fan_handle object; /* what it was done to */
	struct fan_name at;	 /* under which name; none where that is not known */
	struct fan_name to;	 /* of a rename */
};

int fan_open(void);
bool fan_same(const struct fan_handle *one, const struct fan_handle *other);
bool fan_mark(int group, uint64_t mask, int dir, const char *path);
bool fan_mark_open(int group, uint64_t mask, int fd);
bool fan_handle_of(int dir, const char *path, struct fan_handle *result);
int fan_open_handle(int mount, const struct fan_handle *of, int flags);
bool fan_read(int group, void (*take)(const struct fan_event *event));

#endif
