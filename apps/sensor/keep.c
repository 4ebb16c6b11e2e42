/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that outlive the sensor (docs/adr/2026-11-22-programs-outlive-the-sensor.md). Once all are attached, their links and the
 * maps that the sensor reads are pinned, with a note of what they are. A sensor that is started after one that was killed takes
 * them over if they are what the note says and the note is of its own object and orders; else it takes the pins away, and with
 * them the programs. Where links cannot be pinned (before Linux 5.15) programs end with their sensor.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keep.h"

#define NOTE_PIN "note"

static const struct { const char *map, *pin; } maps[KEPT_MAPS] = {
	{ "counters", COUNTERS_PIN }, { "ring", "ring" }, { ".bss", "shared" }, { "watched", "watched" },
	{ "policies", "policies" }, { "guard_ring", "guard_ring" }, { "protected", "protected" },
};
static struct kept kept;
static int map_fds[KEPT_MAPS], link_fds[KEPT_PROGRAMS_MAX];
static bool have_taken;

static const char *link_pin(const char *program)
{
	static char pin[64];

	snprintf(pin, sizeof(pin), "link_%s", program);
	return pin;
}

/* What the kernel says of a link: which it is, and what it runs. */
static bool look_at_link(int fd, struct kept_program *program)
{
	struct bpf_link_info info = {};
	__u32 length = sizeof(info);
	char path[64], line[256];
	unsigned tag[BPF_TAG_SIZE];
	FILE *told;
	bool done = false;

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return false;
	program->link = info.id;
	program->program = info.prog_id;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd); /* the tag by its id alone would take CAP_SYS_ADMIN */
	told = fopen(path, "re");
	while (told && !done && fgets(line, sizeof(line), told))
		done = sscanf(line, "prog_tag: %2x%2x%2x%2x%2x%2x%2x%2x", tag, tag + 1, tag + 2, tag + 3, tag + 4, tag + 5,
			      tag + 6, tag + 7) == BPF_TAG_SIZE;
	if (told)
		fclose(told);
	for (int i = 0; i < BPF_TAG_SIZE && done; i++)
		program->tag[i] = (__u8)tag[i];
	return done;
}

__u32 keep_map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &length) ? 0 : info.id;
}

const char *keep_map_name(int map)
{
	return maps[map].map;
}

void keep_begin(const __u8 of[SHA256_BYTES])
{
	memset(&kept, 0, sizeof(kept));
	memcpy(kept.of, of, sizeof(kept.of));
}

static bool put_note(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NOTE_PIN, sizeof(__u32), sizeof(kept), 1, NULL);
	__u32 zero = 0;
	bool done = fd >= 0 && bpf_map_update_elem(fd, &zero, &kept, BPF_ANY) == 0 && bpf_map_freeze(fd) == 0 &&
		    pins_put(NOTE_PIN, fd);

	if (fd >= 0)
		close(fd);
	return done;
}

bool keep_program(const char *name, int link_fd)
{
	struct kept_program *program = &kept.programs[kept.count];

	if (kept.count == KEPT_PROGRAMS_MAX || strlen(name) >= sizeof(program->name))
		return false;
	strcpy(program->name, name);
	if (!look_at_link(link_fd, program) || !pins_put(link_pin(name), link_fd))
		return false;
	kept.count++;
	return true;
}

/* The note comes last: what a sensor leaves that is killed before is fit for nobody. */
bool keep_end(int (*map_fd)(const char *name), const struct attached *attached)
{
	for (int i = 0; i < KEPT_MAPS; i++) {
		int fd = map_fd(maps[i].map);

		kept.maps[i] = keep_map_id(fd);
		if (i != KEPT_COUNTERS && !pins_put(maps[i].pin, fd))
			return false;
	}
	kept.sites = attached->sites;
	memcpy(kept.reason, attached->reason, sizeof(kept.reason));
	return put_note();
}

static bool read_note(const __u8 of[SHA256_BYTES])
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info), zero = 0;
	int fd = pins_get(NOTE_PIN);
	bool done = fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.type == BPF_MAP_TYPE_ARRAY &&
		    info.value_size == sizeof(kept) && bpf_map_lookup_elem(fd, &zero, &kept) == 0 &&
		    memcmp(kept.of, of, sizeof(kept.of)) == 0 && kept.count <= KEPT_PROGRAMS_MAX;

	kept.sites &= BPF_SITES;
	for (int site = 0; site < SITE_COUNT; site++)
		kept.reason[site][FRAME_REASON_BYTES_MAX] = 0;
	if (fd >= 0)
		close(fd);
	return done;
}

static bool take_maps(int counters_fd)
{
	for (int i = 0; i < KEPT_MAPS; i++) {
		map_fds[i] = i == KEPT_COUNTERS ? counters_fd : pins_get(maps[i].pin);
		if (map_fds[i] < 0 || keep_map_id(map_fds[i]) != kept.maps[i])
			return false;
	}
	return true;
}

static bool take_links(void)
{
	for (__u32 i = 0; i < kept.count; i++) {
		struct kept_program *program = &kept.programs[i], found = *program;

		program->name[sizeof(program->name) - 1] = 0;
		link_fds[i] = pins_get(link_pin(program->name));
		if (link_fds[i] < 0 || !look_at_link(link_fds[i], &found) || memcmp(&found, program, sizeof(found)))
			return false;
	}
	return true;
}

/* NULL: there is nothing, or nothing that is fit. */
const struct kept *keep_take(const __u8 of[SHA256_BYTES], int counters_fd)
{
	for (int i = 0; i < KEPT_MAPS; i++)
		map_fds[i] = -1;
	for (int i = 0; i < KEPT_PROGRAMS_MAX; i++)
		link_fds[i] = -1;
	have_taken = true;
	if (read_note(of) && take_maps(counters_fd) && take_links())
		return &kept;
	keep_release();
	return NULL;
}

/* Of what was taken over; -1: it was not. */
int keep_map(const char *name)
{
	for (int i = 0; i < KEPT_MAPS && have_taken; i++)
		if (strcmp(maps[i].map, name) == 0)
			return map_fds[i];
	return -1;
}

/* Of a program that was taken over, by its place. */
int keep_link(__u32 program)
{
	return link_fds[program];
}

void keep_close_links(void)
{
	for (int i = 0; i < KEPT_PROGRAMS_MAX && have_taken; i++)
		if (link_fds[i] >= 0) {
			close(link_fds[i]);
			link_fds[i] = -1;
		}
}

/* Lets go of links and maps; without their pins, they end by that. */
void keep_release(void)
{
	keep_close_links();
	for (int i = 0; i < KEPT_MAPS && have_taken; i++)
		if (i != KEPT_COUNTERS && map_fds[i] >= 0)
			close(map_fds[i]);
	have_taken = false;
}
