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
#include <sys/sysmacros.h>
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

/* With flags of statx(2). Asks no server that may not answer. */
bool file_seen(int dir, const char *name, int flags, struct seen_file *seen)
{
	struct statx found;

	if (statx(dir, name, flags | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_BTIME, &found))
		return false;
	*seen = (struct seen_file){
		.ino = found.stx_ino, .dev = makedev(found.stx_dev_major, found.stx_dev_minor), .mode = found.stx_mode,
		.nlink = found.stx_nlink, .uid = found.stx_uid,
		.born_ns = found.stx_mask & STATX_BTIME ? (uint64_t)found.stx_btime.tv_sec * 1000000000 + found.stx_btime.tv_nsec : 0,
	};
	return true;
}

static bool is_same(const struct seen_file *one, const struct seen_file *other)
{
	return one->ino == other->ino && one->dev == other->dev && one->born_ns == other->born_ns;
}

static struct guarded *slot_of(struct guarded_side *side, const struct seen_file *file)
{
	uint32_t at = mark_of(file->ino) ^ (uint32_t)file->dev;

	for (;; at++) {
		struct guarded *slot = &side->files[at % GUARDED_SLOTS];

		if (!slot->used || (slot->file.ino == file->ino && slot->file.dev == file->dev))
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
	uint64_t mask = 0;

	for (int way = 0; way < FRAME_WAYS; way++) {
		struct policy_rules denied = both(&denying, &table->head.way[way]);

		if (has_any(&denied))
			mask |= way == FRAME_WAY_RUN ? FAN_OPEN_EXEC_PERM : FAN_OPEN_PERM;
	}
	return mask;
}

/*
 * One that has several of the names has the rules of all. Of one that has lost them those stay that it had; but where its number is that of
 * another file by now, they are that one's.
 */
static void add_file(struct guarded_side *side, uint32_t row, int dir, const char *name, const struct seen_file *file)
{
	struct guarded *slot = slot_of(side, file);
	struct seen_file after;
	uint64_t mask;

	if (!slot->used && side->count == GUARDED_MAX) {
		side->is_full = true;
		side->unguarded++;
		return;
	}
	side->count += !slot->used;
	if (!slot->used || slot->look != side->look)
		*slot = (struct guarded){ .file = *file, .row = row, .look = side->look, .used = true };
	slot->rules = with(&slot->rules, &side->table.path[row].rules);
	mask = mask_of(&side->table, &slot->rules);
	/* Marked again each time, for the same reason. */
	if (mask && (fanotify_mark(side->group, FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW, mask, dir, name) ||
		     !file_seen(dir, name, AT_SYMLINK_NOFOLLOW, &after) || !is_same(&after, file)))
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

/* The text of a link with what follows it, in place of the latter. false: there is no room, or it is empty. */
static bool put_link(int dir, const char *name, char rest[2 * PATH_BYTES], const char *at)
{
	char target[PATH_BYTES], more[2 * PATH_BYTES];
	ssize_t length = readlinkat(dir, name, target, sizeof(target) - 1);

	target[length > 0 ? length : 0] = 0;
	snprintf(more, sizeof(more), "%s", at);
	return length > 0 && snprintf(rest, 2 * PATH_BYTES, "%s/%s", target, more) < 2 * PATH_BYTES;
}

/*
 * The directory in which the last part of a path lies, links followed, and what is there; mode 0: nothing. Where a directory above it is
 * not there, the last that is. Links that root does not own are not followed: whoever may make one would say what is denied to everybody.
 * -1: it leads nowhere.
 */
static int walk(const char *path, char name[NAME_BYTES], struct seen_file *found)
{
	char rest[2 * PATH_BYTES];
	const char *at = rest;
	int dir = open_dir(AT_FDCWD, "/"), links = 0;

	snprintf(rest, sizeof(rest), "%s", path);
	while (dir >= 0) {
		size_t length;
		int next;

		at += strspn(at, "/");
		length = strcspn(at, "/");
		if (length >= NAME_BYTES)
			break;
		memcpy(name, at, length);
		strcpy(name + length, length ? "" : ".");
		at += length;
		if (!file_seen(dir, name, AT_SYMLINK_NOFOLLOW, found))
			return found->mode = 0, dir;
		if (S_ISLNK(found->mode)) {
			if (found->uid != 0 || ++links > LINKS_MAX || !put_link(dir, name, rest, at))
				break;
			at = rest;
			next = *rest == '/' ? open_dir(AT_FDCWD, "/") : dir;
		} else if (at[strspn(at, "/")] == 0)
			return dir;
		else if ((next = open_dir(dir, name)) < 0)
			return found->mode = 0, dir;
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
	struct seen_file file;

	side->is_full |= side->dirs++ >= GUARDED_DIRS_MAX;
	watch_names(side, dir);
	if (!all || side->is_full || (mask && fanotify_mark(side->group, FAN_MARK_ADD, mask | FAN_EVENT_ON_CHILD, dir, ".")))
		side->unguarded++;
	while (all && !side->is_full && (entry = readdir(all))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    !file_seen(dir, entry->d_name, AT_SYMLINK_NOFOLLOW, &file))
			continue;
		if (S_ISREG(file.mode))
			add_file(side, row, dir, entry->d_name, &file);
		else if (S_ISDIR(file.mode) && side->table.path[row].reach == REACH_BELOW && file.dev == dev && depth < DEPTH_MAX &&
			 (fd = open_dir(dir, entry->d_name)) >= 0)
			add_dir(side, row, fd, dev, depth + 1);
	}
	if (all)
		closedir(all);
	close(dir);
}

static void look_at_row(struct guarded_side *side, uint32_t row)
{
	bool is_of_one = side->table.path[row].reach == REACH_ITSELF;
	char name[NAME_BYTES];
	struct seen_file found;
	int dir = walk(side->table.path_text[row], name, &found), own;

	if (dir < 0) {
		side->unguarded++;
		return;
	}
	watch_names(side, dir);
	if (S_ISDIR(found.mode) && !is_of_one && (own = open_dir(dir, name)) >= 0)
		add_dir(side, row, own, found.dev, 0);
	else if (S_ISREG(found.mode) && is_of_one)
		add_file(side, row, dir, name, &found);
	else if (found.mode && !S_ISREG(found.mode) && !S_ISDIR(found.mode))
		side->unguarded++; /* of devices, pipes and sockets the kernel does not ask */
	close(dir);
}

/* What a program's path leads to now; what it led to before may run still. */
static void look_at_program(struct guarded_side *side, uint32_t at)
{
	struct seen_file *known = side->program[at], found;
	char name[NAME_BYTES];
	int dir = walk(side->table.program_text[at], name, &found);

	if (dir >= 0)
		close(dir);
	if (dir < 0 || !S_ISREG(found.mode) || is_same(&known[0], &found))
		return;
	memmove(known + 1, known, (PROGRAM_FILES - 1) * sizeof(*known));
	known[0] = found;
}

/* Whether a file has, or had, the path of that program. */
bool guarded_is_program(const struct guarded_side *side, size_t program, const struct seen_file *file)
{
	for (size_t i = 0; i < PROGRAM_FILES; i++)
		if (file->ino && is_same(&side->program[program][i], file))
			return true;
	return false;
}

/* Marks what the table is about by now, beside what is marked. */
void guarded_look(struct guarded_side *side, struct warden_memory *memory)
{
	uint8_t events[4096];

	while (read(side->names, events, sizeof(events)) > 0)
		;
	side->look++;
	side->unguarded = 0;
	side->dirs = 0;
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
const struct guarded *guarded_find(struct guarded_side *side, const struct seen_file *file, struct warden_memory *memory)
{
	const struct guarded *slot = slot_of(side, file);

	if ((!slot->used || !is_same(&slot->file, file)) && !side->is_full)
		guarded_look(side, memory);
	return slot->used && is_same(&slot->file, file) ? slot : NULL;
}
