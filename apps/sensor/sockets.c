/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of IPv4 and IPv6 by looking at them again and again. What is there for the first time was connected, accepted, bound or
 * listened on since the look before, by whoever holds its descriptor; what is there no more has ended.
 */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sensor.h"

enum {
	ROWS = 1 << 15,
	NEAR = 16,
	WANTED = 2 * ROWS,
	GONE_AFTER = 2,		   /* looks: one may miss what moves while it goes on */
	LINKS_EACH_LOOK = 1 << 16, /* of descriptors, of the newest processes first */
	UNSEEN_TOLD_EACH_S = 3600,
};

/* As at the last look; a socket has one of the rows near to where its number points. */
static struct row {
	uint64_t id;	   /* 0: free */
	struct life owner; /* pid 0: nobody knows */
	struct frame_socket socket;
	uint32_t inode;
	uint32_t look;
	uint8_t kind;
	uint8_t missed;
	bool is_new;
	bool is_told;
	uint8_t told_as;
} rows[ROWS];

static uint16_t wanted[WANTED]; /* rows whose owner is sought, by their inode; their index and one */
static uint64_t listeners[ROWS];
static size_t listener_count;
static enum frame_site site;
static bool (*look_at_own)(void);
static int timer = -1;
static uint32_t looks;
static uint64_t looked_ns, unseen_since_ns; /* 0: all are seen */
static bool is_unseen; /* at this look a socket found no row, or a namespace was not looked at */
static struct image image;

/* As the kernel has them, in network order; one of IPv4 is mapped. */
void socket_address(uint8_t to[FRAME_ADDRESS_BYTES], int family, const uint32_t words[4])
{
	memset(to, 0, FRAME_ADDRESS_BYTES);
	if (family == AF_INET6) {
		memcpy(to, words, FRAME_ADDRESS_BYTES);
		return;
	}
	to[10] = to[11] = 0xff;
	memcpy(to + 12, words, sizeof(words[0]));
}

/* Its row, a free one, or NULL. */
static struct row *row_of(uint64_t id)
{
	struct row *free = NULL;

	for (unsigned i = 0; i < NEAR; i++) {
		struct row *row = &rows[(id + i) % ROWS];

		if (row->id == id)
			return row;
		if (!row->id && !free)
			free = row;
	}
	return free;
}

/* As what it is told; of a connection who began it is judged once all listeners are known. */
static enum frame_kind kind_of(const struct seen_socket *seen)
{
	if (seen->socket.family == AF_PACKET || seen->socket.type == SOCK_RAW)
		return FRAME_SOCKET;
	if (seen->state == TCP_LISTEN)
		return FRAME_LISTEN;
	return seen->socket.remote_port ? FRAME_CONNECT : FRAME_BIND;
}

static bool is_of_row(const struct row *row, const struct seen_socket *seen)
{
	return row->id == seen->id && row->kind == kind_of(seen) && row->socket.remote_port == seen->socket.remote_port &&
	       row->socket.local_port == seen->socket.local_port;
}

static void fill(struct row *row, const struct seen_socket *seen)
{
	struct frame_socket *socket = &row->socket;

	*row = (struct row){ .id = seen->id, .socket = seen->socket, .inode = seen->inode, .kind = (uint8_t)kind_of(seen) };
	if (row->kind == FRAME_SOCKET) {
		memset(socket->local, 0, sizeof(socket->local));
		socket->local_port = 0;
	}
	if (row->kind != FRAME_CONNECT) {
		memset(socket->remote, 0, sizeof(socket->remote));
		socket->remote_port = 0;
	}
	socket->error = row->kind == FRAME_CONNECT && seen->state == TCP_SYN_SENT ? EINPROGRESS : 0;
	row->is_new = true;
}

void sockets_see(const struct seen_socket *seen)
{
	struct row *row = row_of(seen->id);

	if (!row) {
		is_unseen = true;
		return;
	}
	if (!is_of_row(row, seen))
		fill(row, seen);
	row->look = looks;
	row->missed = 0;
}

static uint64_t listener_of(const struct frame_socket *socket)
{
	return (uint64_t)socket->net_ns << 16 | socket->local_port;
}

static int compare(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return a < b ? -1 : a > b;
}

static void know_listeners(void)
{
	listener_count = 0;
	for (struct row *row = rows; row < rows + ROWS; row++)
		if (row->id && row->kind == FRAME_LISTEN)
			listeners[listener_count++] = listener_of(&row->socket);
	qsort(listeners, listener_count, sizeof(listeners[0]), compare);
}

static bool is_accepted(const struct row *row)
{
	uint64_t key = listener_of(&row->socket);

	return row->kind == FRAME_CONNECT && row->socket.protocol == IPPROTO_TCP &&
	       bsearch(&key, listeners, listener_count, sizeof(key), compare);
}

static uint16_t *wanted_at(uint32_t inode)
{
	uint32_t at = inode % WANTED;

	while (wanted[at] && rows[wanted[at] - 1].inode != inode)
		at = (at + 1) % WANTED;
	return &wanted[at];
}

static void look_through_descriptors(pid_t pid, unsigned *links)
{
	static const char mark[] = "socket:[";
	char path[32], link[64];
	struct life life = {};
	DIR *all;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	all = opendir(path);
	for (struct dirent *entry; all && *links && (entry = readdir(all)); (*links)--) {
		ssize_t length = readlinkat(dirfd(all), entry->d_name, link, sizeof(link) - 1);
		uint16_t *row;

		if (length <= (ssize_t)sizeof(mark) || strncmp(link, mark, sizeof(mark) - 1))
			continue;
		link[length] = 0;
		row = wanted_at((uint32_t)strtoul(link + sizeof(mark) - 1, NULL, 10));
		if (!*row)
			continue;
		if (!life.pid)
			close(life_open(pid, &life));
		rows[*row - 1].owner = life;
	}
	if (all)
		closedir(all);
}

/* Of several that hold one it is the first in the list of processes: where others were given it, who made it. */
static void find_owners(void)
{
	unsigned links = LINKS_EACH_LOOK;
	size_t count, any = 0;
	const pid_t *pids;

	memset(wanted, 0, sizeof(wanted));
	for (uint16_t i = 0; i < ROWS; i++)
		if (rows[i].id && rows[i].is_new && ++any)
			*wanted_at(rows[i].inode) = (uint16_t)(i + 1);
	if (!any)
		return;
	pids = pids_of_all(&count);
	while (count > 0 && links > 0)
		look_through_descriptors(pids[--count], &links);
}

static void put_owner(struct frame_event *event, const struct life *owner)
{
	struct life now;
	int folder = owner->pid ? life_open(owner->pid, &now) : -1;

	if (folder >= 0 && now.start_ns == owner->start_ns) {
		draft_actor(event, folder, &now, &image);
		if (image.length)
			draft_text(TEXT_EXE, image.path, image.length);
	} else if (owner->pid)
		draft_life(event, owner);
	if (folder >= 0)
		close(folder);
}

static void begun(struct row *row, struct counters *counters)
{
	enum frame_kind kind = is_accepted(row) ? FRAME_ACCEPT : row->kind;
	struct frame_event *event = draft_begin(kind, site, boot_ns());

	event->pid = (__u32)row->owner.pid;
	event->start_ns = row->owner.start_ns;
	event->socket = row->socket;
	if (kind == FRAME_ACCEPT)
		event->socket.error = 0;
	row->is_new = false;
	row->told_as = (uint8_t)kind;
	row->is_told = repeats_are_over(event, counters);
	if (!row->is_told)
		return;
	put_owner(event, &row->owner);
	draft_tell(counters);
}

static void ended(struct row *row, struct counters *counters)
{
	struct frame_event *event;

	row->id = 0;
	if (!row->is_told)
		return;
	event = draft_begin(FRAME_SOCKET_ENDED, site, boot_ns());
	if (row->owner.pid)
		draft_life(event, &row->owner);
	event->socket = row->socket;
	event->socket.error = 0;
	event->socket.repeats = row->told_as;
	draft_tell(counters);
}

/* The kernel says that it has ended. What was never seen was there for less than the time between two looks. */
void sockets_end(const struct seen_socket *seen, struct counters *counters)
{
	struct row *row = row_of(seen->id), brief;

	if (row && row->id == seen->id) {
		ended(row, counters);
		return;
	}
	if (!seen->socket.remote_port)
		return; /* a connection that was not made, or a port that nobody came to */
	fill(&brief, seen);
	brief.socket.error = EINPROGRESS; /* it was asked for; whether it was made nobody knows */
	begun(&brief, counters);
	ended(&brief, counters);
}

static void tell_overflow(uint64_t since_ns, struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_OVERFLOW, site, boot_ns());

	event->overflow.since_ns = since_ns;
	draft_tell(counters);
}

/* What the kernel had to say since then it could not say. */
void sockets_lost(uint64_t since_ns, struct counters *counters)
{
	tell_overflow(since_ns, counters);
}

/* Of what nobody sees an interval is told: at once, again each hour as long as it lasts, and when it is over. */
static void judge_unseen(struct counters *counters)
{
	bool begins = is_unseen && !unseen_since_ns, is_over = !is_unseen && unseen_since_ns;

	if (begins)
		unseen_since_ns = looked_ns;
	if (!begins && !is_over && (!is_unseen || boot_ns() - unseen_since_ns < UNSEEN_TOLD_EACH_S * 1000000000ull))
		return;
	tell_overflow(unseen_since_ns, counters);
	if (begins)
		say("warn", "there are more sockets, or network namespaces, than can be looked at: some are not seen");
	if (is_over)
		say("info", "all sockets are seen again");
	unseen_since_ns = is_over ? 0 : begins ? unseen_since_ns : boot_ns();
}

static void judge(struct row *row, struct counters *counters)
{
	if (row->is_new && looks == 1) { /* those were there before us */
		row->is_new = false;
		row->is_told = true;
		row->told_as = is_accepted(row) ? FRAME_ACCEPT : row->kind;
	} else if (row->is_new)
		begun(row, counters);
	else if (row->look != looks && was_looked_at(row->socket.net_ns) && ++row->missed >= GONE_AFTER)
		ended(row, counters);
}

static void look(struct counters *counters)
{
	looks++;
	is_unseen = false;
	if (!look_at_namespaces(look_at_own, looks == 1))
		is_unseen = true;
	know_listeners();
	find_owners();
	for (struct row *row = rows; row < rows + ROWS; row++)
		if (row->id)
			judge(row, counters);
	if (counters)
		judge_unseen(counters);
	looked_ns = boot_ns();
}

static void read_timer(struct counters *counters)
{
	uint64_t times;

	if (read(timer, &times, sizeof(times)) == sizeof(times))
		look(counters);
}

/* `own` looks at the sockets of our own network namespace, by sockets_see(), and returns whether it saw all. */
bool sockets_open(const struct options *options, enum frame_site by, bool (*own)(void), struct source *source)
{
	time_t seconds = options->socket_poll_ms / 1000;
	long ns = options->socket_poll_ms % 1000 * 1000000;
	struct itimerspec each = { { seconds, ns }, { seconds, ns } };

	site = by;
	look_at_own = own;
	repeats_prepare(options->repeat_seconds);
	timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer < 0 || timerfd_settime(timer, 0, &each, NULL))
		return false;
	look(NULL);
	*source = (struct source){ timer, read_timer };
	return true;
}
