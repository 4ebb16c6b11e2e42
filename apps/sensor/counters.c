/* SPDX-License-Identifier: Apache-2.0 */
/* The counters outlive the sensor: they are pinned, so what was seen and not handed over is never forgotten. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sensor.h"

#define BPFFS "/sys/fs/bpf"
#define COUNTERS_FOLDER "/run/sealwatch-sensor"

static bool have_bpffs(void)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		return true;
	return mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0;
}

/* The directory is locked for life: a second sensor of the same name would count into the same rows. */
static bool own_directory(const char *directory)
{
	int fd;

	if (mkdir(directory, 0700) && errno != EEXIST)
		return false;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static bool is_ours(int fd)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.type == BPF_MAP_TYPE_ARRAY &&
	       info.max_entries == 1 && info.value_size == sizeof(struct counters) && info.map_flags & BPF_F_MMAPABLE;
}

static struct counters *map_shared(int fd)
{
	void *at = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* What an earlier life had in its ring, or wrote without living to count it, can never be handed over again. */
static void settle(struct counters *all)
{
	for (int site = 0; site < SITE_COUNT; site++) {
		struct frame_counts *counts = &all->site[site].counts;

		counts->sent = counts->produced - counts->dropped;
	}
}

static struct counters *begin_era(int *map_fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	struct counters *all;

	*map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counters", sizeof(__u32), sizeof(*all), 1, &options);
	all = *map_fd < 0 ? NULL : map_shared(*map_fd);
	if (all && getrandom(all->era, sizeof(all->era), 0) != sizeof(all->era))
		return NULL;
	return all;
}

/* Call before attaching. NULL: the reason has been said. */
struct counters *counters_open(const char *instance, int *map_fd)
{
	char directory[128], pin[160];
	struct counters *all;
	bool pinned = have_bpffs();

	snprintf(directory, sizeof(directory), BPFFS "/sealwatch-%s", instance);
	snprintf(pin, sizeof(pin), "%s/counters", directory);
	if (pinned && !own_directory(directory)) {
		if (errno == EWOULDBLOCK) {
			say("error", "another sensor of instance %s is running: stop it, or use another --instance", instance);
			return NULL;
		}
		pinned = false;
	}
	*map_fd = pinned ? bpf_obj_get(pin) : -1;
	if (*map_fd >= 0 && is_ours(*map_fd)) {
		all = map_shared(*map_fd);
		if (all)
			settle(all);
	} else {
		if (*map_fd >= 0) {
			say("warn", "%s holds something else: it is replaced, and a new era of counters begins", pin);
			close(*map_fd);
			unlink(pin);
		}
		all = begin_era(map_fd);
		if (all && !(pinned && bpf_obj_pin(*map_fd, pin) == 0))
			say("warn", "counters are not pinned under " BPFFS " (%s): they end with this sensor",
			    strerror(errno));
	}
	if (!all)
		say("error", "cannot make the counters: %s", strerror(errno));
	else if (pinned)
		guard_pin(pin);
	return all;
}

/*
 * Where there is no BPF, a file in memory takes the place of the pinned map. NULL: the reason has been said.
 */
struct counters *counters_open_file(const char *instance)
{
	static const char empty[FRAME_ERA_BYTES];
	char path[160];
	struct counters *all;
	int fd;

	snprintf(path, sizeof(path), COUNTERS_FOLDER "/%s", instance);
	mkdir(COUNTERS_FOLDER, 0700);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || ftruncate(fd, sizeof(*all))) {
		say("error", "cannot keep the counters in %s: %s", path,
		    errno == EWOULDBLOCK ? "another sensor of this instance is running" : strerror(errno));
		return NULL;
	}
	all = map_shared(fd);
	if (!all || memcmp(all->era, empty, sizeof(empty)) == 0) {
		if (!all || getrandom(all->era, sizeof(all->era), 0) != sizeof(all->era)) {
			say("error", "cannot make the counters: %s", strerror(errno));
			return NULL;
		}
	}
	settle(all);
	return all; /* the descriptor stays open, for its lock */
}

/* The kernel counts `produced` first: read last, it is never behind. */
struct frame_counts counters_read(const struct counters *all, enum frame_site site)
{
	const struct frame_counts *counts = &all->site[site].counts;
	struct frame_counts now;

	now.sent = counts->sent;
	now.repeated = counts->repeated;
	now.dropped = __atomic_load_n(&counts->dropped, __ATOMIC_ACQUIRE);
	now.produced = __atomic_load_n(&counts->produced, __ATOMIC_ACQUIRE);
	return now;
}

void counters_sent(struct counters *all, enum frame_site site)
{
	__atomic_fetch_add(&all->site[site].counts.sent, 1, __ATOMIC_RELEASE);
}

/* What it saw again. */
void counters_repeated(struct counters *all, enum frame_site site)
{
	__atomic_fetch_add(&all->site[site].counts.repeated, 1, __ATOMIC_RELEASE);
}

/* What a source outside BPF decided to tell, and what of it found no room. */
void counters_add(struct counters *all, enum frame_site site, uint64_t produced, uint64_t dropped)
{
	struct frame_counts *counts = &all->site[site].counts;

	__atomic_fetch_add(&counts->produced, produced, __ATOMIC_RELEASE);
	__atomic_fetch_add(&counts->dropped, dropped, __ATOMIC_RELEASE);
}
