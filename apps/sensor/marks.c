/* SPDX-License-Identifier: Apache-2.0 */
/* What the watch list names, as the programs know it: by object, and by directory and name. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "programs.h"

static volatile struct shared *shared;

void marks_open(volatile struct shared *of)
{
	shared = of;
}

/* Opens a path by a call whose site is attached, and asks what the kernel side saw. O_PATH touches nothing. */
static bool object_of(const char *path, uint64_t sites, struct object *result)
{
	struct { __u64 flags, mode, resolve; } how = { .flags = O_PATH | O_CLOEXEC };
	__u64 before = shared->introduction.answers;
	long fd = -1;

	if (sites & 1ull << SITE_openat)
		fd = syscall(SYS_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC);
	else if (sites & 1ull << SITE_openat2)
		fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
#ifdef SYS_open
	else if (sites & 1ull << SITE_open)
		fd = syscall(SYS_open, path, O_PATH | O_CLOEXEC);
#endif
	if (fd < 0)
		return false;
	close((int)fd);
	*result = shared->introduction.object;
	return shared->introduction.answers != before;
}

static void set_mark(uint32_t mark)
{
	shared->marks[mark] = 1;
	own_maps_mark(mark);
}

void mark_digest(uint32_t digest)
{
	set_mark(mark_of(digest));
}

/* Of two entries for one object the first in the list counts. */
static bool mark(const struct object *key, enum watch_how how, __u32 entry)
{
	struct watch value = { 0, NO_ENTRY };

	bpf_map_lookup_elem(map_fd("watched"), key, &value);
	value.how |= how;
	if (how != WATCH_NAMES && entry < value.entry)
		value.entry = entry;
	set_mark(mark_of(key->ino));
	return bpf_map_update_elem(map_fd("watched"), key, &value, BPF_ANY) == 0;
}

/* A file that does not exist yet is watched by its directory and name alone. */
static bool watch_file(const char *path, __u32 entry, uint64_t sites)
{
	char copy[PATH_MAX];
	struct watched_name name = {};
	struct object self;
	char *slash;

	snprintf(copy, sizeof(copy), "%s", path);
	slash = strrchr(copy, '/');
	if (!slash || strlen(slash + 1) >= NAME_BYTES)
		return false;
	memcpy(name.name, slash + 1, strlen(slash + 1));
	slash[slash == copy] = 0;
	if (object_of(path, sites, &self) && !mark(&self, WATCH_OBJECT, entry))
		return false;
	if (!object_of(copy, sites, &name.dir) || !mark(&name.dir, WATCH_NAMES, NO_ENTRY))
		return false;
	return bpf_map_update_elem(map_fd("names"), &name, &entry, BPF_NOEXIST) == 0 || errno == EEXIST;
}

bool watch(const char *path, __u32 entry, uint64_t sites)
{
	char text[PATH_BYTES] = {};
	char *real = realpath(path, NULL);
	struct stat status;
	struct object self;
	bool done;

	memcpy(text, path, strlen(path));
	if (bpf_map_update_elem(map_fd("paths"), &entry, text, BPF_ANY))
		done = false;
	else if (real && stat(real, &status) == 0 && S_ISDIR(status.st_mode))
		done = object_of(real, sites, &self) && mark(&self, WATCH_ALL, entry);
	else
		done = watch_file(real ? real : path, entry, sites);
	free(real);
	return done;
}

/* A file of ours for canaries to open. */
void watch_canary(__u32 entry, uint64_t sites)
{
	char text[PATH_BYTES] = CANARY_NAME;
	struct object self;

	if (canary_file() && bpf_map_update_elem(map_fd("paths"), &entry, text, BPF_ANY) == 0 &&
	    object_of(canary_file(), sites, &self))
		mark(&self, WATCH_OBJECT, entry);
}

/* The directory that a path is watched in, or is: another one under the same path is told to the programs by a start alone. */
void digest_place(struct sha256 *digest, const char *path, __u64 urgent)
{
	char *real = realpath(path, NULL), place[PATH_MAX];
	struct stat found = {};
	__u64 id[3] = { 0, 0, urgent };

	snprintf(place, sizeof(place), "%s", real ? real : path);
	if (stat(place, &found) || !S_ISDIR(found.st_mode)) {
		*strrchr(place, '/') = 0;
		if (stat(*place ? place : "/", &found))
			memset(&found, 0, sizeof(found));
	}
	free(real);
	id[0] = found.st_dev;
	id[1] = found.st_ino;
	sha256_add(digest, path, strlen(path) + 1);
	sha256_add(digest, id, sizeof(id));
}

static bool knows(const char *path, uint64_t sites)
{
	struct object file;
	struct watch value;

	return access(path, F_OK) || (object_of(path, sites, &file) && bpf_map_lookup_elem(map_fd("watched"), &file, &value) == 0);
}

/* Whether the maps have what is to be watched: whoever made them anew may have left it out. */
bool knows_orders(const struct options *options, uint64_t sites)
{
	bool knows_all = !canary_file() || knows(canary_file(), sites);

	for (size_t i = 0; i < options->read_count && knows_all; i++)
		knows_all = options->watch[i].words & ENTRY_HANGS || knows(options->watch[i].path, sites);
	return knows_all;
}

void keep_marks(void)
{
	struct object key, *before = NULL;

	for (; bpf_map_get_next_key(map_fd("watched"), before, &key) == 0; before = &key)
		own_maps_mark(mark_of(key.ino));
}
