/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a process is, for sources that give its number alone. A folder of /proc that is open stays that of the same process: once
 * it is gone, reading there fails, whoever has its number then. What cannot be read is told as unknown.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sensor.h"

enum { TICK_NS = 10000000 /* USER_HZ is 100 on every Linux */, PIDS_MAX = 1 << 16 };

/* Lives as last looked at, for what ends before the next look. Where two numbers share a row the later one has it. */
enum { LIVES = 1 << 16 };
static struct life lives[LIVES];

static struct life *row_of(pid_t pid)
{
	return &lives[(unsigned)pid % LIVES];
}

void life_forget(pid_t pid)
{
	if (row_of(pid)->pid == pid)
		row_of(pid)->pid = 0;
}

const struct life *life_of(pid_t pid)
{
	return row_of(pid)->pid == pid ? row_of(pid) : NULL;
}

void life_renamed(pid_t pid, const char *comm)
{
	if (row_of(pid)->pid == pid)
		snprintf(row_of(pid)->comm, FRAME_COMM_BYTES, "%.15s", comm);
}

ssize_t read_file(int folder, const char *name, char *to, size_t room)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t total = 0, n;

	if (fd < 0)
		return -1;
	while ((size_t)total < room - 1 && (n = read(fd, to + total, room - 1 - (size_t)total)) > 0)
		total += n;
	close(fd);
	to[total] = 0;
	return total;
}

/* The name in parentheses may itself hold anything: fields are counted from its last one. */
static bool parse_stat(char *text, struct life *life)
{
	char *open = strchr(text, '('), *shut = strrchr(text, ')');
	unsigned long long ticks;
	size_t length;

	if (!open || !shut || shut < open)
		return false;
	if (sscanf(shut + 1, " %*c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &life->ppid,
		   &ticks) != 2)
		return false;
	life->start_ns = ticks * TICK_NS;
	length = (size_t)(shut - open - 1);
	memset(life->comm, 0, sizeof(life->comm));
	memcpy(life->comm, open + 1, length < FRAME_COMM_BYTES - 1 ? length : FRAME_COMM_BYTES - 1);
	return true;
}

/* The folder of a process, and who it is; -1: there is none of that number. */
int life_open(pid_t pid, struct life *life)
{
	char path[32], text[1024];
	int folder;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -1;
	life->pid = pid;
	if (read_file(folder, "stat", text, sizeof(text)) > 0 && parse_stat(text, life)) {
		*row_of(pid) = *life;
		return folder;
	}
	close(folder);
	return -1;
}

/* Of all processes, or of the first 65,536, in the order of /proc; until the next call. */
const pid_t *pids_of_all(size_t *count)
{
	static pid_t pids[PIDS_MAX];
	DIR *all = opendir("/proc");

	*count = 0;
	for (struct dirent *entry; all && *count < PIDS_MAX && (entry = readdir(all));)
		if (isdigit((unsigned char)entry->d_name[0]))
			pids[(*count)++] = atoi(entry->d_name);
	if (all)
		closedir(all);
	return pids;
}

void lives_look_around(void)
{
	struct life life;
	size_t count;
	const pid_t *pids = pids_of_all(&count);

	while (count > 0) {
		int folder = life_open(pids[--count], &life);

		if (folder >= 0)
			close(folder);
	}
}

static bool put_credentials(int folder, struct frame_event *event)
{
	char text[4096];
	char *uid, *gid;

	if (read_file(folder, "status", text, sizeof(text)) <= 0)
		return false;
	uid = strstr(text, "\nUid:");
	gid = strstr(text, "\nGid:");
	return uid && gid && sscanf(uid, "\nUid: %u %u", &event->uid, &event->euid) == 2 &&
	       sscanf(gid, "\nGid: %u", &event->gid) == 1;
}

static bool put_login(int folder, struct frame_event *event)
{
	char login[32], session[32];

	if (read_file(folder, "loginuid", login, sizeof(login)) <= 0 ||
	    read_file(folder, "sessionid", session, sizeof(session)) <= 0)
		return errno == ENOENT; /* a kernel without audit: never set */
	event->login_uid = (__u32)strtoul(login, NULL, 10);
	event->session_id = (__u32)strtoul(session, NULL, 10);
	return true;
}

/* The group of the unified hierarchy, which systemd may keep beside the others. */
static uint64_t cgroup_of(int folder)
{
	char text[8192], path[4200];
	struct stat found;
	char *own, *line_end;

	if (read_file(folder, "cgroup", text, sizeof(text)) <= 0)
		return 0;
	own = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!own)
		return 0;
	own = strchr(own, '/');
	line_end = own ? strchr(own, '\n') : NULL;
	if (!line_end)
		return 0;
	*line_end = 0;
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s%.4095s", i ? "/unified" : "", own);
		if (stat(path, &found) == 0)
			return found.st_ino;
	}
	return 0;
}

static bool put_containment(int folder, struct frame_event *event)
{
	struct stat pid_ns, mnt_ns;

	if (fstatat(folder, "ns/pid", &pid_ns, 0) || fstatat(folder, "ns/mnt", &mnt_ns, 0))
		return false;
	event->pid_ns = (__u32)pid_ns.st_ino;
	event->mnt_ns = (__u32)mnt_ns.st_ino;
	event->cgroup_id = cgroup_of(folder);
	return event->cgroup_id;
}

/* Whoever was given the number of a parent that ended since is younger than the child. */
static bool put_ancestors(const struct life *child)
{
	struct life life = *child;

	for (int i = 0; i < FRAME_ANCESTORS_MAX && life.ppid > 0; i++) {
		struct frame_ref ref = {};
		uint64_t start_ns = life.start_ns;
		int folder = life_open(life.ppid, &life);

		if (folder < 0 || life.start_ns > start_ns)
			return false;
		close(folder);
		ref.pid = (__u32)life.pid;
		ref.start_ns = life.start_ns;
		memcpy(ref.comm, life.comm, sizeof(ref.comm));
		draft_ancestor(&ref);
	}
	return true;
}

/* What stands behind a link of /proc: without the words that the kernel appends to the path of a file that has no name. */
static bool look_through(struct image *image, int folder, const char *link)
{
	static const char deleted[] = " (deleted)";
	size_t mark = sizeof(deleted) - 1;
	int fd = openat(folder, link, O_PATH | O_CLOEXEC);
	ssize_t length = readlinkat(folder, link, image->path, sizeof(image->path));
	bool found = fd >= 0 && length > 0 && fstat(fd, &image->file) == 0 && fstatfs(fd, &image->system) == 0;

	if (fd >= 0)
		close(fd);
	image->length = found ? (size_t)length : 0;
	if (found && image->file.st_nlink == 0 && image->length > mark &&
	    memcmp(image->path + image->length - mark, deleted, mark) == 0)
		image->length -= mark;
	image->path[image->length < sizeof(image->path) ? image->length : sizeof(image->path) - 1] = 0;
	return found;
}

/* false: it has no image, or that is gone. */
bool image_look(struct image *image, int folder)
{
	return look_through(image, folder, "exe");
}

bool file_look(struct image *image, const char *link)
{
	return look_through(image, AT_FDCWD, link);
}

static bool is_kernel_thread(int folder)
{
	char text[16];

	return read_file(folder, "maps", text, sizeof(text)) == 0 && read_file(folder, "cmdline", text, sizeof(text)) == 0;
}

/* Of a process all but its image. Members that could be read are no longer unsure. */
void draft_who(struct frame_event *event, int folder, const struct life *life)
{
	event->pid = (__u32)life->pid;
	event->tid = (__u32)life->pid;
	event->ppid = (__u32)life->ppid;
	event->start_ns = life->start_ns;
	memcpy(event->comm, life->comm, sizeof(event->comm));
	event->unsure &= (__u16)~UNSURE_IDENTITY;
	if (put_containment(folder, event))
		event->unsure &= (__u16)~UNSURE_CONTAINMENT;
	if (put_credentials(folder, event))
		event->unsure &= (__u16)~UNSURE_CREDENTIALS;
	if (put_login(folder, event))
		event->unsure &= (__u16)~UNSURE_LOGIN;
	if (put_ancestors(life))
		event->unsure &= (__u16)~UNSURE_ANCESTRY;
}

/* What goes first when a process ends is read first. */
void draft_actor(struct frame_event *event, int folder, const struct life *life, struct image *image)
{
	if (image_look(image, folder) || is_kernel_thread(folder))
		event->unsure &= (__u16)~UNSURE_IMAGE;
	draft_who(event, folder, life);
}

/* Of a process that is gone: its number, and what was known of the last one that had it. */
void draft_remembered(struct frame_event *event, pid_t pid)
{
	const struct life *life = life_of(pid);

	event->pid = event->tid = (__u32)pid;
	if (life)
		draft_life(event, life);
}

/* As it was when it was looked at last, which proves nothing. */
void draft_life(struct frame_event *event, const struct life *life)
{
	event->pid = event->tid = (__u32)life->pid;
	event->ppid = (__u32)life->ppid;
	event->start_ns = life->start_ns;
	memcpy(event->comm, life->comm, sizeof(event->comm));
}

void put_object(struct frame_file *file, const struct stat *found, const struct statfs *system)
{
	file->ino = found->st_ino;
	file->dev = (__u32)(major(found->st_dev) << 20 | minor(found->st_dev));
	file->mode = found->st_mode;
	file->nlink = (__u32)found->st_nlink;
	file->uid = found->st_uid;
	file->fs_magic = (__u32)system->f_type;
}
