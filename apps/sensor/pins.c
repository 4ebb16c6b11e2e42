/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives a sensor that is killed, under bpffs in a folder of its instance: the counters, and the programs with all that
 * they work on (keep.c). The folder is the sensor's user's, so that it can take its pins away without any right but that.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sensor.h"

#define BPFFS "/sys/fs/bpf"

static struct {
	char folder[128];
	int fd; /* of the folder; -1: nothing is pinned */
	struct timespec changed;
} pins = { .fd = -1 };

static bool have_bpffs(void)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		return true;
	return mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0;
}

/* The folder is locked for life: a second sensor of the same name would count into the same rows. errno: EWOULDBLOCK, there is one. */
bool pins_open(const struct options *options)
{
	int fd;

	if (!have_bpffs())
		return false;
	snprintf(pins.folder, sizeof(pins.folder), BPFFS "/sealwatch-%s", options->instance);
	if (mkdir(pins.folder, 0700) && errno != EEXIST)
		return false;
	fd = open(pins.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return false;
	if (fchown(fd, options->uid, options->gid) && errno != EPERM)
		return false;
	pins.fd = fd;
	return true;
}

/* In a child, which may outlive the sensor by a moment: the lock is not to. */
void pins_leave(void)
{
	if (pins.fd >= 0)
		close(pins.fd);
	pins.fd = -1;
}

static const char *path_of(const char *name)
{
	static char path[sizeof(pins.folder) + NAME_BYTES + 1];

	snprintf(path, sizeof(path), "%s/%s", pins.folder, name);
	return path;
}

/* A descriptor; -1: there is no such pin. */
int pins_get(const char *name)
{
	return pins.fd < 0 ? -1 : bpf_obj_get(path_of(name));
}

/* In the place of whatever has the name. */
bool pins_put(const char *name, int fd)
{
	if (pins.fd < 0)
		return false;
	unlinkat(pins.fd, name, 0);
	return bpf_obj_pin(fd, path_of(name)) == 0;
}

/*
 * All but the counters. What had no holder but its pin the kernel lets go of some time later, and of what has a descriptor when that
 * is closed: so each is held over the loss of its pin, as far as we still may.
 */
void pins_clear(void)
{
	DIR *folder = pins.fd < 0 ? NULL : fdopendir(openat(pins.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, COUNTERS_PIN)) {
			int fd = pins_get(entry->d_name);

			unlinkat(pins.fd, entry->d_name, 0);
			if (fd >= 0)
				close(fd);
		}
	if (folder)
		closedir(folder);
}

/* From now on nobody has anything to change there. */
void pins_settled(void)
{
	struct stat folder;

	if (pins.fd >= 0 && fstat(pins.fd, &folder) == 0)
		pins.changed = folder.st_ctim;
}

/* Since it settled, or the last look. */
bool pins_changed(void)
{
	struct timespec before = pins.changed;

	pins_settled();
	return before.tv_sec != pins.changed.tv_sec || before.tv_nsec != pins.changed.tv_nsec;
}

/* NULL: nothing is pinned. */
const char *pins_folder(void)
{
	return pins.fd < 0 ? NULL : pins.folder;
}
