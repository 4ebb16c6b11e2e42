/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of watched files: created, written, renamed, linked, removed, given other attributes. A process of its own reads them from
 * a fanotify group, looks at what each file is by then, and hands over finished frames. It keeps one capability, to read files that
 * others may not, and has no way out but the socket to the sensor (docs/privileges.md).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "changes.h"

enum { AGAIN_MS = 100, LAST_MS = 1000 };
enum { LOOKING_MS = 60000 }; /* who waits longer is blind meanwhile to all else */
enum { GATHER_MS = 5 }; /* acts on one file that follow at once come as one event, and the file is looked at after them */
enum { SOCKET_BYTES = 1 << 20 };
enum { WRITERS = 1024 };
enum { LOOKED_FIRST_MAX = 4096 }; /* files that are looked at before anything happens */

static const struct watch_entry *watch_list;
static size_t entry_count, read_count; /* of the list, and those of them whose opens are told */
static bool is_marked[WATCHED_NAMES_MAX]; /* changes of the entry are told */
static int group, to_sensor;
static pid_t child;
static uint64_t drained_ns; /* when the queue was empty last: until then nothing was lost */
static uint64_t overflow_since_ns; /* when what is not told yet was lost; 0: all is told */

/* Who has been told to write what, and has not closed it. */
static uint64_t writers[WRITERS];

static bool is_same_content(const struct file_look *one, const struct file_look *other)
{
	if (one->state.hashed && other->state.hashed)
		return memcmp(one->state.sha256, other->state.sha256, sizeof(one->state.sha256)) == 0;
	return one->state.size == other->state.size && one->mtime.tv_sec == other->mtime.tv_sec &&
	       one->mtime.tv_nsec == other->mtime.tv_nsec;
}

static uint64_t *writer_of(const struct fan_event *event, uint64_t *key)
{
	*key = digest(&event->pid, sizeof(event->pid), key_of(&event->object));
	return &writers[*key % WRITERS];
}

/*
 * A process that goes on writing is told once, and again when it closes the file and that has changed since: so each writing is told,
 * a log is not told line by line, and the last state is known. What is mapped into memory shows when it is closed.
 */
static bool is_news(const struct fan_event *event, const struct file_look *before, const struct file_look *after)
{
	bool wrote = event->mask & FAN_MODIFY, closed = event->mask & FAN_CLOSE_WRITE;
	bool differs = before && after && !is_same_content(before, after);
	uint64_t key, *row = writer_of(event, &key);
	bool known = *row == key;

	if (closed) {
		*row = known ? 0 : *row;
		return wrote && !known ? true : differs;
	}
	*row = key;
	return wrote && !known;
}

/*
 * An event without a name is of the number of names. One more is told, for it is another way to the file; one less is told where the
 * name was watched.
 */
static void tell_attributes(const struct fan_event *event, struct change *change)
{
	uint32_t before = change->before ? change->before->state.nlink : 1;

	if (event->mask & FAN_CREATE || !change->after)
		return;
	change->what = event->at.dir.length ? CHANGE_ATTRIBUTES : CHANGE_LINK;
	if (event->at.dir.length || change->after->state.nlink > before)
		tell(change, event->pid);
}

static void tell_content(const struct fan_event *event, struct change *change)
{
	const struct file_look *before = change->before, *after = change->after;
	bool is_shorter = before && after && after->state.size < before->state.size;

	/* Who is to hear of losses alone hears of each; one that nobody had looked at before was lost when it is empty. */
	if (tells_losses_only(change->entry) ? !is_shorter && (before || !after || after->state.size)
					     : !is_news(event, before, after))
		return;
	change->what = is_shorter || tells_losses_only(change->entry) ? CHANGE_TRUNCATE : CHANGE_WRITE;
	tell(change, event->pid);
}

static void tell_rename(struct change *change, pid_t pid, const struct told_path *from, const struct told_path *to)
{
	change->what = CHANGE_RENAME;
	change->path = from;
	change->to = to;
	tell(change, pid);
	if (from->text[0])
		forget(from);
}

static uint32_t first_of(uint32_t one, uint32_t other)
{
	return one < other ? one : other;
}

/* An act on a directory itself. Its attributes are told where all in it is watched. */
static void take_of_place(const struct fan_event *event, struct told_path *at, struct told_path *to)
{
	struct change change = { .path = at, .entry = at->entry };
	struct file_look look, before;

	change.before = recall(key_of(&event->at.dir), &before);
	change.after = look_at(&event->at.dir, false, &look) ? &look : NULL;
	if (event->mask & FAN_ATTRIB && at->all != NO_ENTRY && change.after) {
		change.what = CHANGE_ATTRIBUTES;
		tell(&change, event->pid);
	}
	if (event->mask & FAN_MOVE_SELF && path_of_object(&event->at.dir, to->text, FRAME_TEXT_BYTES_MAX + 1) &&
	    strcmp(at->text, to->text)) { /* else a directory above it has told it */
		tell_rename(&change, event->pid, at, to);
		place_moved(&event->at.dir, to->text);
	}
	if (event->mask & FAN_DELETE_SELF) {
		change = (struct change){ .what = CHANGE_REMOVE, .path = at, .entry = at->entry, .before = change.before };
		if (!place_removed(&event->at.dir)) /* else the directory that it was in has told it */
			tell(&change, event->pid);
	} else if (change.after)
		remember(at, &event->at.dir, change.after, false);
}

/* Where the kernel names no object, it is the one that has the name by now. */
static void find_object(struct fan_event *event)
{
	const struct fan_name *name = event->to.dir.length ? &event->to : &event->at;
	const struct place *place = place_of(&name->dir);

	if (!event->object.length && place)
		place_handle_of(place, name->name, &event->object);
}

/* Lines are told of what was told before: until then they are those since then. `from`: whose text this was, or has taken the place of. */
static void find_lines(const struct fan_event *event, uint64_t from, struct change *change)
{
	static struct frame_lines lines;

	if (!(watch_list[change->entry].words & ENTRY_DIFF) || !change->after ||
	    !lines_read(&event->object, key_of(&event->object), change->after))
		return;
	change->lines_bytes = lines_between(from, event->mask & FAN_CREATE && !change->before, &lines);
	change->lines = change->lines_bytes ? &lines : NULL;
	if (!change->lines)
		lines_keep();
}

static void take_of_file(const struct fan_event *event, struct told_path *at, struct told_path *to)
{
	struct file_look look, before;
	struct change change = { .path = at };
	const struct told_path *now = at;

	change.entry = first_of(first_of(at->entry, to->entry), entry_of_object(&event->object));
	if (change.entry == NO_ENTRY)
		change.entry = first_of(at->all, to->all);
	if (change.entry == NO_ENTRY)
		return; /* a neighbour of a watched file */
	change.after = look_at(&event->object, !tells_losses_only(change.entry), &look) ? &look : NULL;
	if (!at->text[0] && !(event->mask & FAN_RENAME))
		put_name_of(at, &event->object, change.entry);
	change.before = recall(key_of(&event->object), &before);
	find_lines(event, to->text[0] ? object_named(to) : key_of(&event->object), &change);
	if (event->mask & FAN_CREATE && !(was_found(&event->object) && change.after && (S_ISDIR(look.state.mode) || look.state.nlink == 1))) {
		change.what = change.after && S_ISREG(look.state.mode) && look.state.nlink > 1 ? CHANGE_LINK : CHANGE_CREATE;
		tell(&change, event->pid);
	}
	if (event->mask & (FAN_MODIFY | FAN_CLOSE_WRITE))
		tell_content(event, &change);
	if (event->mask & FAN_ATTRIB)
		tell_attributes(event, &change);
	if (event->mask & FAN_RENAME) {
		if (!to->text[0])
			path_of_object(&event->object, to->text, FRAME_TEXT_BYTES_MAX + 1);
		change.before = recall_path(to, &before); /* what it has replaced */
		tell_rename(&change, event->pid, at, to);
		place_moved(&event->object, to->text);
		now = to;
	}
	if (event->mask & FAN_DELETE) {
		change = (struct change){ .what = CHANGE_REMOVE, .path = at, .entry = change.entry, .before = change.before };
		tell(&change, event->pid);
		forget(at);
	} else if (change.after)
		remember(now, &event->object, change.after, false);
}

/*
 * The directories that wait to be looked through, and what is done with what is in them. A tree is not deeper than this: what is
 * listed is followed when it has been.
 */
static struct {
	const struct place *todo[WATCHED_PLACES_MAX], *now;
	size_t count;
	bool is_start;
	pid_t pid;
	unsigned looked;
} walk;
static bool told_unwatched[WATCHED_NAMES_MAX];

static void tell_unwatched(const struct change *change, pid_t pid)
{
	if (!told_unwatched[change->entry])
		tell(change, pid);
	told_unwatched[change->entry] = true;
}

/* What is below a directory from here on nobody sees: it is told once an entry, and the log has the others. */
static void leave_directory(const struct told_path *path, uint32_t entry)
{
	struct change change = { .what = CHANGE_UNWATCHED, .path = path, .entry = entry };

	say("warn", "changes below %s are not told: %s", path->text,
	    errno == ENOSPC ? "4096 directories are watched already" : strerror(errno));
	tell_unwatched(&change, walk.pid);
}

/* What has come under a watched name is told wherever it goes from there; where there is no room for that, it is told once an entry. */
static void follow_file(const struct fan_event *event, const struct fan_name *name, const struct told_path *path)
{
	struct file_look look;
	struct change change = { .what = CHANGE_UNWATCHED, .path = path, .entry = path->entry };

	if (learn_object(name, &event->object, path->entry))
		return;
	if (!told_unwatched[path->entry])
		say("warn", "what is put under %s is watched under that name alone: %d files are followed already", path->text,
		    FOLLOWED_MAX);
	change.after = look_at(&event->object, false, &look) ? &look : NULL;
	tell_unwatched(&change, event->pid);
}

static void follow(const struct place *parent, const char *name, const struct told_path *path, uint32_t entry)
{
	const struct place *place = place_below(parent, name, entry);

	if (place)
		walk.todo[walk.count++] = place;
	else if (errno == EXDEV)
		say("warn", "changes below %s are not told: it is another file system, which is to have an entry of its own", path->text);
	else if (errno != EEXIST && errno != ENOENT && errno != ENOTDIR && errno != ELOOP && errno != ESTALE)
		leave_directory(path, entry);
}

/* Nobody knows what is there; it is looked for at the next start. */
static void leave_hanging(uint32_t entry)
{
	static struct told_path path;
	struct change change = { .what = CHANGE_UNWATCHED, .path = &path, .entry = entry };

	snprintf(path.text, sizeof(path.text), "%s", watch_list[entry].path);
	tell_unwatched(&change, walk.pid);
}

static void keep_text(const struct fan_handle *object, uint32_t entry, const struct file_look *look)
{
	if (watch_list[entry].words & ENTRY_DIFF && lines_read(object, key_of(object), look))
		lines_keep();
}

static void find(const struct fan_name *name, bool is_dir)
{
	static struct told_path path;
	const struct place *place = walk.now;
	uint32_t entry = first_of(entry_of_name(name), place->all);
	struct fan_handle object;
	struct file_look look;
	struct change change = { .what = CHANGE_CREATE, .path = &path, .entry = entry, .after = &look };

	put_name(&path, name);
	if (is_dir && watch_list[place->all].words & ENTRY_BELOW)
		follow(place, name->name, &path, place->all);
	if (walk.is_start && ++walk.looked > LOOKED_FIRST_MAX)
		return;
	if (!place_handle_of(place, name->name, &object) || !look_at(&object, !is_dir && !tells_losses_only(entry), &look))
		return;
	if (!walk.is_start && !is_remembered(&object))
		tell(&change, walk.pid);
	remember(&path, &object, &look, !walk.is_start);
	keep_text(&object, entry, &look);
}

static void look_through(const struct place *place)
{
	walk.todo[walk.count++] = place;
	while (walk.count) {
		walk.now = walk.todo[--walk.count];
		place_each_name(walk.now, find);
	}
}

/* A directory has come to a watched name, or below one that is watched with all below it. */
static void take_directory(const struct fan_event *event, const struct told_path *path)
{
	const struct fan_name *name = event->to.dir.length ? &event->to : &event->at;
	const struct place *parent = place_of(&name->dir), *place;
	uint32_t entry = path->entry;

	if (entry == NO_ENTRY && path->all != NO_ENTRY && watch_list[path->all].words & ENTRY_BELOW)
		entry = path->all;
	if (entry == NO_ENTRY || !parent)
		return;
	walk.pid = event->pid;
	walk.is_start = false;
	follow(parent, name->name, path, entry);
	place = walk.count ? walk.todo[--walk.count] : NULL;
	if (place)
		look_through(place);
}

/* The object alone is told: no name leads to it, and nobody has it open. */
static bool is_gone(const struct fan_event *event)
{
	return event->mask & FAN_DELETE_SELF && !event->at.dir.length;
}

static void take_event(const struct fan_event *given)
{
	static struct told_path at, to;
	static struct fan_event event;

	event = *given;
	if (event.mask & FAN_MOVED_TO) { /* before 5.17 */
		event.to = event.at;
		event.at = (struct fan_name){};
	}
	if (event.mask & (FAN_MOVED_FROM | FAN_MOVED_TO))
		event.mask |= FAN_RENAME;
	put_name(&at, &event.at);
	put_name(&to, &event.to);
	if (event.at.dir.length && strcmp(event.at.name, ".") == 0) {
		if (at.entry != NO_ENTRY)
			take_of_place(&event, &at, &to);
		return;
	}
	find_object(&event);
	take_of_file(&event, &at, &to);
	if (event.mask & FAN_RENAME && to.entry != NO_ENTRY)
		follow_file(&event, &event.to, &to);
	else if (event.mask & FAN_CREATE && at.entry != NO_ENTRY)
		follow_file(&event, &event.at, &at);
	if (event.mask & FAN_ONDIR && event.mask & (FAN_CREATE | FAN_RENAME))
		take_directory(&event, event.to.dir.length ? &to : &at);
}

/*
 * A link is told twice: by the file, which has one more name, and by the directory that the name lies in. Where both are watched
 * the second says more, and follows at once.
 */
static struct fan_event held;

static void let_go(void)
{
	if (held.mask)
		take_event(&held);
	held.mask = 0;
}

static void take(const struct fan_event *event)
{
	if (event->mask & FAN_Q_OVERFLOW) {
		if (!overflow_since_ns)
			overflow_since_ns = drained_ns;
		return;
	}
	if (is_gone(event)) {
		let_go();
		forget_object(&event->object);
		return; /* who removed its last name was told */
	}
	if (held.mask && event->mask & FAN_CREATE && event->pid == held.pid && fan_same(&event->object, &held.object))
		held.mask = 0;
	let_go();
	if (event->mask == FAN_ATTRIB && !event->at.dir.length)
		held = *event;
	else
		take_event(event);
}

/* What is watched as it is before anything happens to it. */
static void look_first(const struct fan_name *name)
{
	static struct told_path path;
	struct fan_handle object;
	struct file_look look;

	put_name(&path, name);
	if (place_handle_of(place_of(&name->dir), name->name, &object) &&
	    look_at(&object, !tells_losses_only(path.entry), &look)) {
		remember(&path, &object, &look, false);
		keep_text(&object, path.entry, &look);
	}
}

static void introduce(const char *path, uint32_t entry)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return;
	syscall(SYS_move_mount, fd, "", fd, "", INTRODUCES | entry);
	close(fd);
}

/* Who mounted it the site mount tells. */
static void tell_cover(uint32_t entry, const char *real, const struct fan_handle *object)
{
	static struct told_path path;
	struct change change = { .what = CHANGE_COVER, .path = &path, .entry = entry };
	struct file_look look, before;

	cut_path(&path, (size_t)snprintf(path.text, sizeof(path.text), "%s", real));
	change.before = recall_path(&path, &before);
	change.after = look_at(object, true, &look) ? &look : NULL;
	tell(&change, 0);
}

/*
 * Something was mounted, or is no more: what watched paths lead to now is told, and its opens are from now on. It is not marked for its
 * changes: who keeps hold of what was mounted keeps everybody from unmounting it.
 */
static void look_anew(void)
{
	static struct fan_handle covers[WATCHED_NAMES_MAX];
	static bool hangs[WATCHED_NAMES_MAX];

	find_hanging(watch_list, entry_count, is_marked, hangs);
	for (uint32_t i = 0; i < entry_count; i++) {
		char *real = is_marked[i] && !hangs[i] ? realpath(watch_list[i].path, NULL) : NULL;
		struct fan_handle object = {};

		if (real && fan_handle_of(AT_FDCWD, real, &object) && !is_watched_by(&object, i) && !fan_same(&object, &covers[i])) {
			covers[i] = object;
			if (i < read_count)
				introduce(real, i);
			tell_cover(i, real, &object);
		}
		free(real);
	}
}

/* The sensor asks whether we live. false: it has hung up. */
static bool answer(void)
{
	char asked;
	ssize_t length;

	while ((length = recv(to_sensor, &asked, sizeof(asked), MSG_DONTWAIT)) == sizeof(asked))
		send(to_sensor, &asked, sizeof(asked), MSG_DONTWAIT | MSG_NOSIGNAL);
	return length < 0 && errno == EAGAIN;
}

/* Ends when the sensor has hung up, with all that was done before that. */
static void serve(void)
{
	bool is_over;
	struct pollfd fds[3] = {
		{ .fd = group, .events = POLLIN },
		{ .fd = to_sensor, .events = POLLIN },
		{ .fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), .events = POLLPRI },
	};

	do {
		poll(fds, 3, overflow_since_ns ? AGAIN_MS : -1);
		if (!fds[1].revents)
			poll(fds + 1, 1, GATHER_MS);
		is_over = fds[1].revents && !answer();
		while (fan_read(group, take))
			;
		drained_ns = boot_ns();
		let_go();
		if (overflow_since_ns && tell_overflow(overflow_since_ns))
			overflow_since_ns = 0;
		if (fds[2].revents)
			look_anew();
	} while (!is_over);
	fds[1].events = POLLOUT;
	if (overflow_since_ns && poll(fds + 1, 1, LAST_MS) > 0)
		tell_overflow(overflow_since_ns);
}

static void look_around(const struct options *options, pid_t sensor)
{
	walk.is_start = true;
	walk.pid = sensor;
	places_begin(watch_list, group);
	for (uint32_t i = 0; i < options->watch_count; i++) {
		is_marked[i] = !(watch_list[i].words & ENTRY_HANGS) && places_add(i);
		if (watch_list[i].words & ENTRY_HANGS)
			leave_hanging(i);
		else if (!is_marked[i])
			say("warn", "changes of %s are not told: %s", watch_list[i].path, strerror(errno));
	}
	places_each_listed(look_first, look_through);
	drained_ns = boot_ns();
}

/* Closes `looking` once it has looked around, and is what it will be. */
static int live(const struct options *options, pid_t parent, int looking)
{
	look_around(options, parent);
	if (!drop_privileges(options->uid, options->gid, 1ull << CAP_DAC_READ_SEARCH))
		return EXIT_FAILURE;
	prctl(PR_SET_NAME, "sensor-changes", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	let_go_of_files();
	close(looking);
	if (getppid() == parent)
		serve();
	return EXIT_SUCCESS;
}

/* 0: there is none. */
pid_t changes_pid(void)
{
	return child;
}

/* Call as root. The socket by which finished frames come, or -1 with the reason. */
int changes_start(const struct options *options, struct counters *counters, char reason[FRAME_REASON_BYTES_MAX + 1])
{
	int pair[2], looking[2], room = SOCKET_BYTES;
	pid_t parent = getpid();

	watch_list = options->watch;
	entry_count = options->watch_count;
	read_count = options->read_count;
	errno = EPERM;
	group = missing_capability(1ull << CAP_SYS_ADMIN) ? -1 : fan_open();
	if (group < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) || pipe2(looking, O_CLOEXEC) ||
	    !memory_begin()) {
		snprintf(reason, FRAME_REASON_BYTES_MAX + 1, "fanotify: %s%s", strerror(errno),
			 errno == EPERM ? " (it needs CAP_SYS_ADMIN at the start)" : "");
		return -1;
	}
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	to_sensor = pair[0];
	telling_begin(watch_list, counters, to_sensor);
	child = fork();
	if (child == 0) {
		close(pair[1]);
		close(looking[0]);
		child_begins();
		_exit(live(options, parent, looking[1]));
	}
	close(pair[0]);
	close(group);
	close(looking[1]);
	if (child > 0 && poll(&(struct pollfd){ .fd = looking[0], .events = POLLIN }, 1, LOOKING_MS) <= 0)
		say("warn", "what is watched is still looked through after %d s: the sensor begins all the same", LOOKING_MS / 1000);
	close(looking[0]);
	if (child > 0)
		return children_leave(pair[1]);
	snprintf(reason, FRAME_REASON_BYTES_MAX + 1, "fork: %s", strerror(errno));
	return -1;
}
