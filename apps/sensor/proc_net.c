/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets as the tables below /proc/PID/net show them: of our own network namespace where netlink is refused, and of others. Each read
 * walks through all sockets of the machine, so of the others one has its turn at each look.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor.h"

enum { NAMESPACES_MAX = 64 };
#define BY_INODE (1ull << 63) /* a number that no other source gives */

static const struct table {
	const char *name;
	uint8_t family, type, protocol;
} tables[] = {
	{ "tcp", AF_INET, SOCK_STREAM, IPPROTO_TCP },  { "tcp6", AF_INET6, SOCK_STREAM, IPPROTO_TCP },
	{ "udp", AF_INET, SOCK_DGRAM, IPPROTO_UDP },   { "udp6", AF_INET6, SOCK_DGRAM, IPPROTO_UDP },
	{ "raw", AF_INET, SOCK_RAW, 0 },	       { "raw6", AF_INET6, SOCK_RAW, 0 },
	{ "packet", AF_PACKET, SOCK_RAW, 0 },
};
enum { TABLES = sizeof(tables) / sizeof(tables[0]), FIRST_RAW = 4 };

/* Other than our own, by the first process that is in it. */
static struct { uint32_t inum; pid_t pid; } others[NAMESPACES_MAX];
static size_t other_count, turn;
static uint32_t own, looked_at;
static bool saw_own, saw_other;

uint32_t own_net_namespace(void)
{
	struct stat found = {};

	stat("/proc/self/ns/net", &found);
	return (uint32_t)found.st_ino;
}

/* 32-bit words in the byte order of the machine. */
static bool parse_address(const char *text, int family, uint8_t to[FRAME_ADDRESS_BYTES])
{
	uint32_t words[4] = {};
	size_t count = family == AF_INET6 ? 4 : 1;

	if (strlen(text) != 8 * count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (sscanf(text + 8 * i, "%8x", &words[i]) != 1)
			return false;
	socket_address(to, family, words);
	return true;
}

static bool parse_internet(const char *line, const struct table *table, struct seen_socket *seen)
{
	char local[33], remote[33];
	unsigned local_port, remote_port, state;

	if (sscanf(line, " %*u: %32[0-9A-F]:%x %32[0-9A-F]:%x %x %*s %*s %*s %*u %*u %u", local, &local_port, remote, &remote_port,
		   &state, &seen->inode) != 6)
		return false;
	seen->state = (uint8_t)state;
	seen->socket.local_port = (__u16)local_port;
	seen->socket.remote_port = (__u16)remote_port;
	if (table->type == SOCK_RAW) { /* it stands where others have their port */
		seen->socket.protocol = (__u8)local_port;
		seen->socket.local_port = 0;
	}
	return parse_address(local, table->family, seen->socket.local) && parse_address(remote, table->family, seen->socket.remote);
}

static bool parse_packet(const char *line, struct seen_socket *seen)
{
	unsigned type, protocol;

	if (sscanf(line, "%*s %*u %u %x %*d %*u %*u %*u %u", &type, &protocol, &seen->inode) != 3)
		return false;
	seen->socket.type = (__u8)type;
	seen->socket.protocol = (__u8)(protocol >> 8); /* as it was given, in network order */
	return true;
}

/* One that ends, or that nobody has taken yet, is nobody's. */
static bool is_held(const struct seen_socket *seen)
{
	bool is_tcp = seen->socket.protocol == IPPROTO_TCP && seen->socket.type == SOCK_STREAM;

	return seen->inode && !(is_tcp && (seen->state == TCP_TIME_WAIT || seen->state == TCP_SYN_RECV || seen->state == TCP_CLOSE));
}

static bool read_table(const char *folder, const struct table *table, uint32_t net_ns)
{
	char path[64], *line = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, table->name);
	file = fopen(path, "re");
	if (!file)
		return access(folder, F_OK) == 0; /* a kernel without IPv6, or without packet sockets */
	while (getline(&line, &room, file) > 0) {
		struct seen_socket seen = { .socket = { .family = table->family, .type = table->type,
							.protocol = table->protocol, .net_ns = net_ns } };
		bool parsed = table->family == AF_PACKET ? parse_packet(line, &seen) : parse_internet(line, table, &seen);

		if (!parsed || !is_held(&seen))
			continue; /* its heading, for one */
		seen.id = BY_INODE | seen.inode;
		sockets_see(&seen);
	}
	free(line);
	return fclose(file) == 0;
}

bool proc_net_table(const char *folder, const char *name, uint32_t net_ns)
{
	for (size_t i = 0; i < TABLES; i++)
		if (strcmp(tables[i].name, name) == 0)
			return read_table(folder, &tables[i], net_ns);
	return false;
}

static bool read_tables(const char *folder, uint32_t net_ns, size_t first, size_t end)
{
	bool all = true;

	for (size_t i = first; i < end; i++)
		all = read_table(folder, &tables[i], net_ns) && all;
	return all;
}

static bool is_known(uint32_t inum)
{
	for (size_t i = 0; i < other_count; i++)
		if (others[i].inum == inum)
			return true;
	return inum == own;
}

/* Returns whether there was room for all. */
static bool find_others(void)
{
	size_t count;
	const pid_t *pids = pids_of_all(&count);

	other_count = 0;
	for (size_t i = 0; i < count; i++) {
		char path[32];
		struct stat found;

		snprintf(path, sizeof(path), "/proc/%d/ns/net", pids[i]);
		if (stat(path, &found) || is_known((uint32_t)found.st_ino))
			continue;
		if (other_count == NAMESPACES_MAX)
			return false;
		others[other_count].inum = (uint32_t)found.st_ino;
		others[other_count++].pid = pids[i];
	}
	return true;
}

static void look_at_other(size_t which)
{
	char folder[32];

	snprintf(folder, sizeof(folder), "/proc/%d/net", others[which].pid);
	looked_at = others[which].inum;
	saw_other = read_tables(folder, looked_at, 0, TABLES);
}

/*
 * Our own, by `look_at_own` but for raw sockets; and the one of the others whose turn it is, or all. Returns whether each of them is
 * looked at some time.
 */
bool look_at_namespaces(bool (*look_at_own)(void), bool all)
{
	bool found_all;

	own = own_net_namespace();
	found_all = find_others();
	saw_own = look_at_own();
	saw_own = read_tables("/proc/self/net", own, FIRST_RAW, TABLES) && saw_own;
	looked_at = 0;
	if (other_count && !all)
		look_at_other(turn++ % other_count);
	for (size_t i = 0; all && i < other_count; i++)
		look_at_other(i);
	return found_all;
}

/* At this look, and all of it; of one that is there no more, too. */
bool was_looked_at(uint32_t net_ns)
{
	if (net_ns == own)
		return saw_own;
	return net_ns == looked_at ? saw_other : !is_known(net_ns);
}

static bool look_at_own_by_text(void)
{
	return read_tables("/proc/self/net", own, 0, FIRST_RAW);
}

bool proc_net_open(const struct options *options, struct source *source)
{
	if (access("/proc/self/net/tcp", R_OK))
		return false;
	return sockets_open(options, SITE_proc_net, look_at_own_by_text, source);
}
