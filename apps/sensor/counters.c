/* SPDX-License-Identifier: Apache-2.0 */
/* The counters outlive the sensor: they are pinned, so what was seen and not handed over is never forgotten. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor.h"

static bool is_ours(int fd)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.type == BPF_MAP_TYPE_ARRAY &&
	       info.max_entries == PIPES && info.value_size == sizeof(struct counters) && info.map_flags & BPF_F_MMAPABLE;
}

static struct counters *map_shared(int fd)
{
	void *at = mmap(NULL, PIPES * sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* What an earlier life had in its ring, or wrote without living to count it, can never be handed over again. */
void counters_settle(struct counters *all, uint64_t sites)
{
	for (int pipe = 0; pipe < PIPES; pipe++) {
		struct counters *of = &all[pipe];

		if (sites >> (of->taking.site & (FRAME_SITES_MAX - 1)) & 1)
			of->taking.at = NOWHERE;
		for (int site = 0; site < SITE_COUNT; site++) {
			struct site_counter *row = &of->site[site];

			if (sites >> site & 1)
				row->taken = row->counts.sent = row->counts.produced - row->own - row->counts.dropped;
		}
	}
}

/*
 * The same where the ring outlived it, and goes on at this place: what it had taken out and not sent is lost. What it was killed
 * over is still in there.
 */
void counters_take_over(struct counters *all, uint64_t sites, const uint64_t ring_at[PIPES])
{
	for (int pipe = 0; pipe < PIPES; pipe++) {
		struct counters *of = &all[pipe];
		struct taking *taking = &of->taking;

		if (taking->at == ring_at[pipe] && taking->site < SITE_COUNT) {
			of->site[taking->site].taken = taking->taken;
			of->site[taking->site].own = taking->own;
		}
		taking->at = NOWHERE;
		for (int site = 0; site < SITE_COUNT; site++)
			if (sites >> site & 1)
				of->site[site].counts.sent = of->site[site].taken;
	}
}

/* A sensor may be killed between any two of these lines. */
void counters_taken(struct counters *all, enum frame_site site, uint64_t ring_at, bool own)
{
	struct site_counter *row = &all->site[site];

	all->taking.site = site;
	all->taking.taken = row->taken;
	all->taking.own = row->own;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	all->taking.at = ring_at;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (own)
		row->own++;
	else
		row->taken++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Of all pipes the same. */
static bool draw_era(struct counters *all)
{
	if (getrandom(all->era, sizeof(all->era), 0) != sizeof(all->era))
		return false;
	for (int pipe = 1; pipe < PIPES; pipe++)
		memcpy(all[pipe].era, all->era, sizeof(all->era));
	return true;
}

static struct counters *begin_era(int *map_fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	struct counters *all;

	*map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counters", sizeof(__u32), sizeof(*all), PIPES, &options);
	all = *map_fd < 0 ? NULL : map_shared(*map_fd);
	return all && draw_era(all) ? all : NULL;
}

/* Call before attaching, which settles the sites of BPF programs. NULL: the reason has been said. */
struct counters *counters_open(const struct options *options, int *map_fd)
{
	struct counters *all;
	bool pinned = pins_open(options);

	if (!pinned && errno == EWOULDBLOCK) {
		say("error", "another sensor of instance %s is running: stop it, or use another --instance", options->instance);
		return NULL;
	}
	*map_fd = pins_get(COUNTERS_PIN);
	if (*map_fd >= 0 && is_ours(*map_fd)) {
		all = map_shared(*map_fd);
	} else {
		if (*map_fd >= 0) {
			say("warn", "what is pinned as the counters is something else: it is replaced, and a new era of counters begins");
			close(*map_fd);
		}
		all = begin_era(map_fd);
		if (all && !pins_put(COUNTERS_PIN, *map_fd))
			say("warn", "counters are not pinned under /sys/fs/bpf (%s): they end with this sensor", strerror(errno));
	}
	if (all)
		counters_settle(all, SOURCE_SITES | BESIDE_SITES);
	else
		say("error", "cannot make the counters: %s", strerror(errno));
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

	snprintf(path, sizeof(path), RUN_FOLDER "/%s", instance);
	mkdir(RUN_FOLDER, 0700);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || ftruncate(fd, PIPES * sizeof(*all))) {
		say("error", "cannot keep the counters in %s: %s", path,
		    errno == EWOULDBLOCK ? "another sensor of this instance is running" : strerror(errno));
		return NULL;
	}
	all = map_shared(fd);
	if (!all || memcmp(all->era, empty, sizeof(empty)) == 0) {
		if (!all || !draw_era(all)) {
			say("error", "cannot make the counters: %s", strerror(errno));
			return NULL;
		}
	}
	counters_settle(all, ALL_SITES);
	return all; /* the descriptor stays open, for its lock */
}

/* The kernel counts `produced` first: read last, it is never behind. */
struct frame_counts counters_read(const struct counters *all, enum frame_site site)
{
	const struct site_counter *row = &all->site[site];
	const struct frame_counts *counts = &row->counts;
	struct frame_counts now;

	now.sent = counts->sent;
	now.repeated = counts->repeated;
	now.dropped = __atomic_load_n(&counts->dropped, __ATOMIC_ACQUIRE);
	now.produced = __atomic_load_n(&counts->produced, __ATOMIC_ACQUIRE) - row->own;
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
