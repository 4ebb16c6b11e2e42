/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is at this moment: its owner, mode and size, and the hash of what is in it where that is not much. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "changes.h"
#include "sha256.h"

enum { HASHED_BYTES_MAX = 1 << 20, HASHED_BYTES_A_SECOND = 8 << 20 };

/* What may be hashed now: as much as a second allows, no more for having waited longer. */
static bool may_hash(uint64_t bytes)
{
	static uint64_t room = HASHED_BYTES_A_SECOND, last_ms;
	struct timespec now;
	uint64_t ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (ms - last_ms >= 1000)
		room = HASHED_BYTES_A_SECOND;
	else
		room += (ms - last_ms) * HASHED_BYTES_A_SECOND / 1000;
	if (room > HASHED_BYTES_A_SECOND)
		room = HASHED_BYTES_A_SECOND;
	last_ms = ms;
	if (bytes > room)
		return false;
	room -= bytes;
	return true;
}

static bool hash(int fd, uint8_t result[SHA256_BYTES])
{
	static uint8_t buffer[1 << 16];
	struct sha256 sum;
	size_t total = 0;
	ssize_t n;

	sha256_begin(&sum);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0 && (total += (size_t)n) <= HASHED_BYTES_MAX)
		sha256_add(&sum, buffer, (size_t)n);
	sha256_end(&sum, result);
	return n == 0;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
	return one->st_size == other->st_size && one->st_ctim.tv_sec == other->st_ctim.tv_sec &&
	       one->st_ctim.tv_nsec == other->st_ctim.tv_nsec;
}

/* Empty files have a hash too. One that was changed while it was read has none: another event is on its way. */
static void put_hash(int mount, const struct fan_handle *object, const struct stat *before, struct frame_file_state *state)
{
	struct stat after;
	int fd;

	if (!S_ISREG(before->st_mode) || before->st_size > HASHED_BYTES_MAX || !may_hash((uint64_t)before->st_size + 1))
		return;
	fd = fan_open_handle(mount, object, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return;
	state->hashed = hash(fd, state->sha256) && fstat(fd, &after) == 0 && is_same(before, &after);
	if (!state->hashed)
		memset(state->sha256, 0, sizeof(state->sha256));
	close(fd);
}

/* By object, whatever name it has by now. false: it is gone. */
bool look_at(const struct fan_handle *object, bool with_hash, struct file_look *look)
{
	int mount = mount_of(object);
	int fd = mount < 0 ? -1 : fan_open_handle(mount, object, O_PATH | O_NOFOLLOW);
	struct statfs fs = {};
	struct stat status;
	bool done;

	memset(look, 0, sizeof(*look));
	if (fd < 0)
		return false;
	done = fstat(fd, &status) == 0;
	fstatfs(fd, &fs);
	close(fd);
	if (!done)
		return false;
	look->ino = status.st_ino;
	look->dev = major(status.st_dev) << 20 | minor(status.st_dev);
	look->fs_magic = (uint32_t)fs.f_type;
	look->mtime = status.st_mtim;
	look->state = (struct frame_file_state){ .size = (uint64_t)status.st_size, .mode = status.st_mode, .uid = status.st_uid,
						 .gid = status.st_gid, .nlink = (uint32_t)status.st_nlink };
	if (with_hash)
		put_hash(mount, object, &status, &look->state);
	return true;
}
