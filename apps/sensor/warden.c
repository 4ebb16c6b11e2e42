/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel asks before it opens a guarded file, and the asker waits: here it is answered, out of a table, and by nothing else. So nothing
 * here waits for anybody, neither for the agent nor for the sensor, and what cannot be told at once is let go.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "warden.h"

enum { LOOK_EACH_MS = 5000, LOOK_PAUSE = 10 /* times as long as the look took */, DENIALS = 1024, QUICK_NICE = -10 };
enum { SIDES = 2, DESCRIPTORS = 2 + 2 * SIDES };

static struct {
	struct guarded_side side[SIDES];
	struct guarded_side *now; /* NULL: nothing was ordered yet */
	struct warden_memory *memory;
	struct counters *counters;
	int to_sensor, to_keeper;
	uint64_t until_ns, looked_ns, look_again_ns, repeat_ns;
	ino_t mount_namespace; /* of the machine */
	pid_t supervisor;
	bool guards;
	struct warden_news told;
} warden;

/* Who asks. A thread, for each may have ids of its own. */
struct asker {
	pid_t tid, pid, ppid;
	uint32_t uid, euid;
	char exe[PATH_BYTES];
	size_t exe_length; /* 0: not known */
	int folder;	   /* of /proc */
};

static bool is_in_force(void)
{
	return warden.now && boot_ns() < warden.until_ns;
}

static bool open_asker(struct asker *asker, pid_t tid)
{
	char path[32];

	asker->tid = tid;
	snprintf(path, sizeof(path), "/proc/%d", tid);
	asker->folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return asker->folder >= 0;
}

static bool read_ids(struct asker *asker)
{
	char text[4096];
	const char *ids, *parent, *group;

	return read_file(asker->folder, "status", text, sizeof(text)) > 0 && (group = strstr(text, "\nTgid:")) &&
	       (parent = strstr(text, "\nPPid:")) && (ids = strstr(text, "\nUid:")) && sscanf(group, "\nTgid: %d", &asker->pid) == 1 &&
	       sscanf(parent, "\nPPid: %d", &asker->ppid) == 1 && sscanf(ids, "\nUid: %u %u", &asker->uid, &asker->euid) == 2;
}

static bool is_ours(uint32_t uid)
{
	return uid >= POLICY_SPARED_FIRST && uid <= POLICY_SPARED_LAST;
}

/* Whoever puts things right is not denied anything: process 1, our programs, and what supervises and starts them. */
static bool is_spared(const struct asker *asker)
{
	return asker->pid == 1 || is_ours(asker->uid) || is_ours(asker->euid) ||
	       (warden.supervisor > 1 && (asker->pid == warden.supervisor || asker->ppid == warden.supervisor));
}

/* What a link of /proc says, without the words that the kernel appends to the path of a file that has no name. */
static size_t path_of_link(int dir, const char *link, bool has_name, char path[PATH_BYTES])
{
	static const char deleted[] = " (deleted)";
	size_t mark = sizeof(deleted) - 1;
	ssize_t length = readlinkat(dir, link, path, PATH_BYTES - 1);

	if (!has_name && length > (ssize_t)mark && memcmp(path + length - mark, deleted, mark) == 0)
		length -= (ssize_t)mark;
	path[length > 0 ? length : 0] = 0;
	return length > 0 ? (size_t)length : 0;
}

static bool is_of_the_machine(const struct asker *asker)
{
	struct stat own;

	return fstatat(asker->folder, "ns/mnt", &own, 0) == 0 && own.st_ino == warden.mount_namespace;
}

/*
 * By object, or by path as the machine has it: in a mount namespace of his own anybody has a path for what he likes.
 */
static const struct policy_rules *rules_of_program(const struct file_table *table, struct asker *asker)
{
	struct seen_file file;
	bool is_seen = file_seen(asker->folder, "exe", 0, &file);

	asker->exe_length = is_seen ? path_of_link(asker->folder, "exe", file.nlink, asker->exe) : 0;
	if (asker->exe_length == 0)
		return &table->head.unknown_program;
	for (size_t i = 0; i < table->head.programs; i++) {
		if (guarded_is_program(warden.now, i, &file) ||
		    (strcmp(table->program_text[i], asker->exe) == 0 && is_of_the_machine(asker)))
			return &table->program[i].rules;
	}
	return &table->head.other_program;
}

/* What is refused again to the same process, in the same program, of the same file, by the same rule is counted. */
static bool is_repeat(const struct frame_event *event, uint64_t now_ns, uint32_t *repeats)
{
	static struct { uint64_t key, told_ns; uint32_t repeats; } denials[DENIALS];
	const struct frame_file_denied *denied = &event->file_denied;
	const uint64_t facts[] = { event->pid, event->start_ns, denied->ino, denied->dev, denied->table, denied->rule, denied->way };
	uint64_t key = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		key = (key ^ facts[i]) * 0x100000001b3 ^ key >> 29;
	if (denials[key % DENIALS].key == key && now_ns - denials[key % DENIALS].told_ns < warden.repeat_ns) {
		denials[key % DENIALS].repeats++;
		return true;
	}
	*repeats = denials[key % DENIALS].key == key ? denials[key % DENIALS].repeats : 0;
	denials[key % DENIALS].key = key;
	denials[key % DENIALS].told_ns = now_ns;
	denials[key % DENIALS].repeats = 0;
	return false;
}

static void put_path(int fd, const struct seen_file *file)
{
	char link[32], path[PATH_BYTES];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	draft_text(TEXT_PATH, path, path_of_link(AT_FDCWD, link, file->nlink, path));
}

/* The asker waits meanwhile: all that is told of it is so. */
static void tell(const struct asker *asker, int fd, const struct seen_file *file, const struct guarded *guarded, struct frame_file_denied denied)
{
	struct frame_event *event = draft_begin(FRAME_FILE_DENIED, SITE_file_policy, boot_ns());
	const char *named = warden.now->table.path_text[guarded->row];
	struct life life;
	int folder = life_open(asker->pid, &life);
	const void *body;
	size_t length;
	bool is_known;

	denied.ino = file->ino;
	denied.dev = (__u32)(major(file->dev) << 20 | minor(file->dev));
	denied.mode = file->mode;
	denied.nlink = file->nlink;
	denied.uid = file->uid;
	denied.table = warden.now->table.head.number;
	event->pid = (__u32)asker->pid;
	event->start_ns = folder < 0 ? 0 : life.start_ns; /* somebody has ended it */
	event->file_denied = denied;
	is_known = is_repeat(event, boot_ns(), &event->file_denied.repeats);
	if (is_known)
		counters_repeated(warden.counters, SITE_file_policy);
	else if (folder >= 0)
		draft_who(event, folder, &life);
	if (folder >= 0)
		close(folder);
	if (is_known)
		return;
	event->tid = (__u32)asker->tid;
	if (asker->exe_length)
		event->unsure &= (__u16)~UNSURE_IMAGE;
	draft_text(TEXT_EXE, asker->exe, asker->exe_length);
	put_path(fd, file);
	draft_text(TEXT_WATCHED, named, strlen(named));
	body = draft_body(&length);
	if (send(warden.to_sensor, body, length, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)length)
		counters_add(warden.counters, SITE_file_policy, 1, 1); /* else the sensor counts it */
}

/* Whether it makes a difference what a file of these rules is opened for. */
static bool turns_on_way(const struct file_table *table, const struct policy_rules *rules)
{
	struct policy_rules unknown = both(rules, &table->head.way[FRAME_WAY_UNKNOWN]);

	for (int way = FRAME_WAY_READ; way <= FRAME_WAY_BOTH; way++) {
		struct policy_rules known = both(rules, &table->head.way[way]);

		if (memcmp(&known, &unknown, sizeof(known)))
			return true;
	}
	return false;
}

/* The rule by which it is denied; -1: none. What it takes longest to find out is looked for last: for most it is over before. */
static int rule_for(const struct file_table *table, struct asker *asker, struct policy_rules rules)
{
	struct policy_rules for_user;

	rules = both(&rules, rules_of_program(table, asker));
	for_user = both(&rules, &table->user[0].rules);
	if ((table->head.users == 1 && rule_that_denies(table, &for_user) < 0) || !read_ids(asker) || is_spared(asker))
		return -1;
	rules = both(&rules, rules_of_user(table, asker->uid));
	return rule_that_denies(table, &rules);
}

static bool denies(const struct fanotify_event_metadata *asked)
{
	const struct file_table *table = &warden.now->table;
	struct frame_file_denied denied = {};
	const struct guarded *guarded;
	struct policy_rules rules, denying;
	struct asker asker = {};
	struct seen_file file;
	int rule;

	if (!file_seen(asked->fd, "", AT_EMPTY_PATH, &file) || !(guarded = guarded_find(warden.now, &file, warden.memory)))
		return false;
	denied.way = (__u8)(asked->mask & FAN_OPEN_EXEC_PERM ? FRAME_WAY_RUN
			    : turns_on_way(table, &guarded->rules) ? way_of(asked->pid)
								     : FRAME_WAY_UNKNOWN);
	rules = both(&guarded->rules, &table->head.way[denied.way]);
	denying = both(&rules, &table->head.deny);
	if (!has_any(&denying) || !open_asker(&asker, asked->pid))
		return false;
	rule = rule_for(table, &asker, rules);
	if (rule >= 0 && denied.way == FRAME_WAY_RUN && is_loader(asked->fd))
		rule = -1;
	denied.rule = (__u16)rule;
	if (rule >= 0 && denied.way == FRAME_WAY_UNKNOWN)
		denied.way = (__u8)way_of(asked->pid);
	if (rule >= 0)
		tell(&asker, asked->fd, &file, guarded, denied);
	close(asker.folder);
	return rule >= 0;
}

/* A handful at a time: each is a descriptor of ours, and who asks whether we live is answered between. */
static void answer(struct guarded_side *side)
{
	struct fanotify_event_metadata asked[16];
	ssize_t length = read(side->group, asked, sizeof(asked));
	const struct fanotify_event_metadata *each = asked;

	for (; FAN_EVENT_OK(each, length); each = FAN_EVENT_NEXT(each, length)) {
		struct fanotify_response response = { .fd = each->fd, .response = FAN_ALLOW };

		if (each->fd < 0)
			continue;
		if (is_in_force() && each->pid > 1 && denies(each))
			response.response = FAN_DENY;
		(void)!write(side->group, &response, sizeof(response));
		close(each->fd);
	}
}

static void look(void)
{
	uint64_t began_ns = boot_ns();

	guarded_look(warden.now, warden.memory);
	warden.looked_ns = boot_ns();
	warden.look_again_ns = warden.looked_ns + LOOK_PAUSE * (warden.looked_ns - began_ns);
}

static struct guarded_side *spare_side(void)
{
	return warden.now == &warden.side[0] ? &warden.side[1] : &warden.side[0];
}

/* The table that is on that side is put on its files, and takes the place of the other in one step. */
static void begin_with(struct guarded_side *side)
{
	struct guarded_side *before = warden.now;

	guarded_look(side, warden.memory);
	warden.now = side;
	warden.looked_ns = warden.look_again_ns = boot_ns();
	if (before && before != side)
		guarded_let_go(before);
}

static void take_table(const struct frame_order *order, size_t length)
{
	struct guarded_side *side = spare_side();

	if (file_table_read(&side->table, order + 1, length - sizeof(*order)))
		return; /* the sensor has looked, too, and said so */
	if (warden.memory->table != order->number)
		memset(warden.memory->hangs, 0, sizeof(warden.memory->hangs));
	warden.memory->table = order->number;
	begin_with(side);
}

/* Of files that are gone nothing is left once all is looked at anew. */
static void look_afresh(void)
{
	struct guarded_side *side = spare_side();

	file_table_copy(&side->table, &warden.now->table);
	begin_with(side);
}

/* Who does is asked whether it lives. */
static void say_whether_it_guards(bool guards)
{
	if (guards != warden.guards)
		send(warden.to_keeper, &(char){ guards ? PING_GUARDS : PING_IDLES }, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	warden.guards = guards;
}

static void take_order(const struct frame_order *order, size_t length)
{
	if (order->kind != FILE_LIFT)
		say_whether_it_guards(true); /* before a file system is asked that may not answer */
	if (order->kind == FILE_TABLE)
		take_table(order, length);
	if (!warden.now)
		return;
	if (order->kind == FILE_HOLD && boot_ns() >= warden.until_ns)
		look();
	warden.until_ns = order->kind == FILE_LIFT ? 0 : boot_ns() + order->seconds * 1000000000ull;
}

/* Where its time has passed nothing is asked any more. */
static void look_at_time(void)
{
	bool guards = is_in_force();

	if (warden.guards && !guards && warden.now)
		guarded_let_go(warden.now);
	say_whether_it_guards(guards);
	if (guards && warden.now->is_full && boot_ns() - warden.looked_ns > LOOK_EACH_MS * 1000000ull)
		look_afresh();
	else if (guards && boot_ns() - warden.looked_ns > LOOK_EACH_MS * 1000000ull)
		look();
}

static void tell_standing(void)
{
	struct warden_news news = { .what = WARDEN_FOLLOWS, .number = is_in_force() ? warden.now->table.head.number : 0 };

	news.unguarded = news.number ? warden.now->unguarded : 0;
	if (memcmp(&news, &warden.told, sizeof(news)) &&
	    send(warden.to_sensor, &news, sizeof(news), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(news))
		warden.told = news;
}

/* false: the sensor has hung up. */
static bool take_orders(void)
{
	static uint8_t order[sizeof(struct frame_order) + FILE_TABLE_BYTES_MAX] __attribute__((aligned(8)));
	ssize_t length;

	while ((length = recv(warden.to_sensor, order, sizeof(order), MSG_DONTWAIT)) > 0)
		if ((size_t)length >= sizeof(struct frame_order))
			take_order((const void *)order, (size_t)length);
	return length < 0 && (errno == EAGAIN || errno == EINTR);
}

static void answer_keeper(void)
{
	char asked;

	while (recv(warden.to_keeper, &asked, 1, MSG_DONTWAIT) == 1)
		send(warden.to_keeper, &(char){ PING_LIVES }, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int due_ms(bool has_names)
{
	uint64_t now_ns = boot_ns(), due_ns = warden.looked_ns + LOOK_EACH_MS * 1000000ull;

	if (!warden.guards)
		return -1;
	if (has_names && warden.look_again_ns < due_ns)
		due_ns = warden.look_again_ns;
	if (warden.until_ns < due_ns)
		due_ns = warden.until_ns;
	return due_ns <= now_ns ? 0 : (int)((due_ns - now_ns) / 1000000 + 1);
}

static void serve(void)
{
	bool has_names = false, is_over = false;

	tell_standing();
	do {
		struct pollfd fds[DESCRIPTORS] = { { .fd = warden.to_sensor, .events = POLLIN }, { .fd = warden.to_keeper, .events = POLLIN } };

		for (int i = 0; i < SIDES; i++) {
			bool waits = has_names && warden.now == &warden.side[i];

			fds[2 + i] = (struct pollfd){ .fd = warden.side[i].group, .events = POLLIN };
			fds[2 + SIDES + i] = (struct pollfd){ .fd = waits ? -1 : warden.side[i].names, .events = POLLIN };
		}
		poll(fds, DESCRIPTORS, due_ms(has_names));
		for (int i = 0; i < SIDES; i++) {
			if (fds[2 + i].revents)
				answer(&warden.side[i]);
			has_names |= fds[2 + SIDES + i].revents & POLLIN && warden.now == &warden.side[i];
		}
		if (fds[1].revents)
			answer_keeper();
		if (fds[0].revents)
			is_over = !take_orders();
		if (has_names && is_in_force() && boot_ns() >= warden.look_again_ns) {
			look();
			has_names = false;
		}
		look_at_time();
		tell_standing();
	} while (!is_over);
}

void warden_live(const struct options *options, struct counters *counters, int to_sensor, int to_keeper, struct warden_memory *memory)
{
	struct stat namespace;

	for (int i = 0; i < SIDES; i++)
		if (!guarded_open(&warden.side[i]))
			_exit(EXIT_FAILURE);
	setpriority(PRIO_PROCESS, 0, QUICK_NICE); /* where it may */
	if (!keep_capabilities(OWN_CAPABILITIES))
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, "sensor-warden", 0, 0, 0);
	warden.memory = memory;
	warden.counters = counters;
	warden.to_sensor = to_sensor;
	warden.to_keeper = to_keeper;
	warden.repeat_ns = options->repeat_seconds * 1000000000ull;
	warden.supervisor = options->supervisor;
	if (stat("/proc/1/ns/mnt", &namespace) == 0 || stat("/proc/self/ns/mnt", &namespace) == 0)
		warden.mount_namespace = namespace.st_ino;
	if (memory->looking)
		memory->hangs[memory->looking - 1] = true; /* the one before us did not come back from it */
	memory->looking = 0;
	serve();
	_exit(EXIT_SUCCESS);
}
