/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes by looking at /proc again and again: the last resort. What begins and ends between two looks is not seen, and of an
 * end nobody knows how it came about.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sensor.h"

enum { EACH_MS = 250, ROWS = 1 << 16, NEAR = 16 };

/* As at the last look; a process has one of the rows near to where its number points. */
static struct row {
	uint64_t start_ns;
	ino_t image;
	dev_t image_dev;
	pid_t pid;
	uint32_t look;
	char comm[FRAME_COMM_BYTES];
} rows[ROWS];

static int timer = -1;
static uint32_t looks;

static struct row *row_of(pid_t pid)
{
	struct row *free = NULL;

	for (unsigned i = 0; i < NEAR; i++) {
		struct row *row = &rows[((unsigned)pid + i) % ROWS];

		if (row->pid == pid)
			return row;
		if (!row->pid && !free)
			free = row;
	}
	return free ? free : &rows[(unsigned)pid % ROWS];
}

static bool has_image_of(const struct row *row, const struct row *other)
{
	return row->image == other->image && row->image_dev == other->image_dev;
}

static void put_identity(struct frame_event *event, const struct row *row)
{
	event->pid = event->tid = (__u32)row->pid;
	event->start_ns = row->start_ns;
	memcpy(event->comm, row->comm, sizeof(event->comm));
	event->unsure &= (__u16)~UNSURE_IDENTITY;
}

static void tell_exit(const struct row *row, struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_EXIT, SITE_proc_poll, boot_ns());

	put_identity(event, row);
	event->exit.code = event->exit.signal = UNKNOWN_STATUS;
	draft_tell(counters);
}

static void tell_fork(const struct life *child, struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_FORK, SITE_proc_poll, boot_ns());
	const struct row *parent = row_of(child->ppid);

	if (parent->pid == child->ppid)
		put_identity(event, parent);
	event->target.ref.pid = (__u32)child->pid;
	event->target.ref.start_ns = child->start_ns;
	memcpy(event->target.ref.comm, child->comm, sizeof(child->comm));
	event->target.ppid = (__u32)child->ppid;
	draft_tell(counters);
}

static void tell_rename(const struct row *before, const struct life *now, struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_RENAME, SITE_proc_poll, boot_ns());

	put_identity(event, before);
	memcpy(event->rename.from, before->comm, sizeof(before->comm));
	memcpy(event->rename.to, now->comm, sizeof(now->comm));
	draft_tell(counters);
}

static void tell_exec(const struct life *life, int folder, struct counters *counters)
{
	draft_exec(draft_begin(FRAME_EXEC, SITE_proc_poll, boot_ns()), folder, life);
	draft_tell(counters);
}

static void compare(const struct life *life, int folder, struct counters *counters)
{
	struct row *row = row_of(life->pid), before = *row;
	bool is_same = before.pid == life->pid && before.start_ns == life->start_ns;
	struct stat found = {};
	bool has_image = fstatat(folder, "exe", &found, 0) == 0;

	*row = (struct row){ life->start_ns, found.st_ino, found.st_dev, life->pid, looks, {} };
	memcpy(row->comm, life->comm, sizeof(row->comm));
	if (looks == 1)
		return; /* those were there before us */
	if (!is_same && before.pid == life->pid)
		tell_exit(&before, counters);
	if (!is_same)
		tell_fork(life, counters);
	if (has_image && !has_image_of(row, is_same ? &before : row_of(life->ppid)))
		tell_exec(life, folder, counters);
	else if (is_same && strncmp(before.comm, life->comm, FRAME_COMM_BYTES))
		tell_rename(&before, life, counters);
}

static void look(struct counters *counters)
{
	DIR *all = opendir("/proc");
	struct life life;

	looks++;
	for (struct dirent *entry; all && (entry = readdir(all));) {
		int folder = isdigit((unsigned char)entry->d_name[0]) ? life_open(atoi(entry->d_name), &life) : -1;

		if (folder < 0)
			continue;
		compare(&life, folder, counters);
		close(folder);
	}
	if (all)
		closedir(all);
	for (int i = 0; all && i < ROWS; i++) {
		if (!rows[i].pid || rows[i].look == looks)
			continue;
		tell_exit(&rows[i], counters);
		life_forget(rows[i].pid);
		rows[i].pid = 0;
	}
}

static void read_timer(struct counters *counters)
{
	uint64_t times;

	if (read(timer, &times, sizeof(times)) == sizeof(times))
		look(counters);
}

bool proc_poll_open(struct source *source)
{
	static const struct itimerspec each = { { 0, EACH_MS * 1000000 }, { 0, EACH_MS * 1000000 } };

	timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer < 0 || timerfd_settime(timer, 0, &each, NULL))
		return false;
	look(NULL);
	*source = (struct source){ timer, read_timer };
	return true;
}
