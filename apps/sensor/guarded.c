/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files a table is about. Marks lie on inodes alone: the files themselves, by whatever link, mount or namespace they are opened, and
 * directories for what comes into them. A name is looked at anew when something is put there, and every few seconds.
 *
 * Nothing here opens a file, for that may be marked: it would wait for itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "warden.h"

enum { LINKS_MAX = 16, DEPTH_MAX = 32 };
#define NAMES_MASK (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)
#define GROUP_FLAGS (FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS | FAN_REPORT_TID)

bool guarded_open(struct guarded_side *side)
{
	side->group = fanotify_init(GROUP_FLAGS, O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NONBLOCK);
	side->names = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return side->group >= 0 && side->names >= 0;
}

static struct guarded *slot_of(struct guarded_side *side, ino_t ino, dev_t dev)
{
	uint32_t at = mark_of(ino) ^ (uint32_t)dev;

	for (;; at++) {
		struct guarded *slot = &side->files[at % GUARDED_SLOTS];

		if (!slot->used || (slot->ino == ino && slot->dev == dev))
			return slot;
	}
}

static struct policy_rules with(const struct policy_rules *one, const struct policy_rules *other)
{
	struct policy_rules result;

	for (int i = 0; i < POLICY_WORDS; i++)
		result.word[i] = one->word[i] | other->word[i];
	return result;
}

/* What the kernel has to ask about: nothing that no rule denies. */
static uint64_t mask_of(const struct file_table *table, const struct policy_rules *rules)
{
	struct policy_rules denying = both(rules, &table->head.deny);
	struct policy_rules opens = both(&denying, &table->head.open), runs = both(&denying, &table->head.run);

	return (has_any(&opens) ? FAN_OPEN_PERM : 0) | (has_any(&runs) ? FAN_OPEN_EXEC_PERM : 0);
}

static void add_file(struct guarded_side *side, uint32_t row, int dir, const char *name, const struct stat *file)
{
	struct guarded *slot = slot_of(side, file->st_ino, file->st_dev);
	struct stat after;
	uint64_t mask;

	if (!slot->used) {
		if (side->count == GUARDED_MAX) {
			side->is_full = true;
			side->unguarded++;
			return;
		}
		*slot = (struct guarded){ .ino = file->st_ino, .dev = file->st_dev, .row = row, .used = true };
		side->count++;
	}
	slot->rules = with(&slot->rules, &side->table.path[row].rules);
	mask = mask_of(&side->table, &slot->rules);
	/* Marked again each time: what has the number of a file that is gone is another one. */
	if (mask && (fanotify_mark(side->group, FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW, mask, dir, name) ||
		     fstatat(dir, name, &after, AT_SYMLINK_NOFOLLOW) || after.st_ino != file->st_ino || after.st_dev != file->st_dev))
		side->unguarded++;
}

static void watch_names(const struct guarded_side *side, int dir)
{
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	inotify_add_watch(side->names, link, NAMES_MASK);
}

static int open_dir(int dir, const char *name)
{
	return openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * The directory in which the last part of a path lies, links followed, and what is there; st_mode 0: nothing. Where a directory above it is
 * not there, the last that is. Links that root does not own are not followed: whoever may make one would say what is denied to everybody.
 * -1: it leads nowhere.
 */
static int walk(const char *path, char name[NAME_BYTES], struct stat *found)
{
	char rest[2 * PATH_BYTES], target[PATH_BYTES], more[2 * PATH_BYTES];
	char *at = rest;
	int dir = open_dir(AT_FDCWD, "/"), links = 0;

	snprintf(rest, sizeof(rest), "%s", path);
	while (dir >= 0) {
		size_t length;
		ssize_t led;
		int next;

		at += strspn(at, "/");
		length = strcspn(at, "/");
		if (length >= NAME_BYTES)
			break;
		memcpy(name, at, length);
		strcpy(name + length, length ? "" : ".");
		at += length;
		found->st_mode = 0;
		if (fstatat(dir, name, found, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
			return found->st_mode = 0, dir;
		if (S_ISLNK(found->st_mode)) {
			led = readlinkat(dir, name, target, sizeof(target) - 1);
			if (found->st_uid != 0 || ++links > LINKS_MAX || led <= 0)
				break;
			target[led] = 0;
			snprintf(more, sizeof(more), "%s", at);
			if ((size_t)snprintf(rest, sizeof(rest), "%s/%s", target, more) >= sizeof(rest))
				break;
			at = rest;
			next = *target == '/' ? open_dir(AT_FDCWD, "/") : dir;
		} else if (at[strspn(at, "/")] == 0)
			return dir;
		else if ((next = open_dir(dir, name)) < 0)
			return found->st_mode = 0, dir;
		if (next != dir)
			close(dir);
		dir = next;
	}
	if (dir >= 0)
		close(dir);
	return -1;
}

/* A directory, what is in it, and below it. Takes over the descriptor. */
static void add_dir(struct guarded_side *side, uint32_t row, int dir, dev_t dev, int depth)
{
	uint64_t mask = mask_of(&side->table, &side->table.path[row].rules);
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct stat file;

	watch_names(side, dir);
	if (!all || (mask && fanotify_mark(side->group, FAN_MARK_ADD, mask | FAN_EVENT_ON_CHILD, dir, ".")))
		side->unguarded++;
	while (all && (entry = readdir(all))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dir, entry->d_name, &file, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
			continue;
		if (S_ISREG(file.st_mode))
			add_file(side, row, dir, entry->d_name, &file);
		else if (S_ISDIR(file.st_mode) && side->table.path[row].reach == REACH_BELOW && file.st_dev == dev && depth < DEPTH_MAX &&
			 (fd = open_dir(dir, entry->d_name)) >= 0)
			add_dir(side, row, fd, dev, depth + 1);
	}
	if (all)
		closedir(all);
	close(dir);
}

static void look_at_row(struct guarded_side *side, uint32_t row)
{
	char name[NAME_BYTES];
	struct stat found;
	int dir = walk(side->table.path_text[row], name, &found), own;

	if (dir < 0) {
		side->unguarded++;
		return;
	}
	watch_names(side, dir);
	if (S_ISREG(found.st_mode) && side->table.path[row].reach == REACH_ITSELF)
		add_file(side, row, dir, name, &found);
	if (S_ISDIR(found.st_mode) && side->table.path[row].reach != REACH_ITSELF && (own = open_dir(dir, name)) >= 0)
		add_dir(side, row, own, found.st_dev, 0);
	close(dir);
}

/* What a program's path leads to now; what it led to before may run still. */
static void look_at_program(struct guarded_side *side, uint32_t at)
{
	char name[NAME_BYTES];
	struct stat found;
	int dir = walk(side->table.program_text[at], name, &found);

	if (dir >= 0)
		close(dir);
	if (dir < 0 || !S_ISREG(found.st_mode) || (side->program[at][0].ino == found.st_ino && side->program[at][0].dev == found.st_dev))
		return;
	memmove(&side->program[at][1], &side->program[at][0], 3 * sizeof(side->program[at][0]));
	side->program[at][0].ino = found.st_ino;
	side->program[at][0].dev = found.st_dev;
}

/* Marks what the table is about by now, beside what is marked. */
void guarded_look(struct guarded_side *side, struct warden_memory *memory)
{
	uint8_t events[4096];

	while (read(side->names, events, sizeof(events)) > 0)
		;
	side->unguarded = 0;
	for (uint32_t row = 0; row < side->table.head.paths; row++) {
		side->unguarded += memory->hangs[row];
		if (memory->hangs[row])
			continue;
		memory->looking = row + 1;
		look_at_row(side, row);
	}
	memory->looking = 0;
	for (uint32_t program = 0; program < side->table.head.programs; program++)
		look_at_program(side, program);
}

/* Nothing is asked any more; who waits is answered by whoever reads the group. */
void guarded_let_go(struct guarded_side *side)
{
	fanotify_mark(side->group, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
	close(side->names);
	side->names = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (side->count)
		memset(side->files, 0, sizeof(side->files));
	memset(side->program, 0, sizeof(side->program));
	side->count = 0;
	side->is_full = false;
}

/* The file of an event; NULL: it is none that we guard. One that came into a directory a moment ago is found by looking. */
const struct guarded *guarded_find(struct guarded_side *side, const struct stat *file, struct warden_memory *memory)
{
	const struct guarded *slot = slot_of(side, file->st_ino, file->st_dev);

	if (!slot->used && !side->is_full)
		guarded_look(side, memory);
	return slot->used ? slot : NULL;
}
