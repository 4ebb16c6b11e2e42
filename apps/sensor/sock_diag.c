/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets as the kernel lists them over netlink, each with a number of its own; and those that end, at once, whether they were ever
 * listed or not. Of our own network namespace alone: others are looked at by proc_net.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "sensor.h"

enum { ENDED_AT_ONCE = 256 };
#define STATE(state) (1u << (state))
#define STATES_TCP                                                                                                     \
	(STATE(TCP_ESTABLISHED) | STATE(TCP_SYN_SENT) | STATE(TCP_FIN_WAIT1) | STATE(TCP_FIN_WAIT2) | STATE(TCP_CLOSE_WAIT) | \
	 STATE(TCP_LAST_ACK) | STATE(TCP_LISTEN) | STATE(TCP_CLOSING))
#define STATES_UDP (STATE(TCP_ESTABLISHED) | STATE(TCP_CLOSE))
#define GROUP(number) (1u << ((number) - 1))

static const struct {
	uint8_t family, protocol;
	uint32_t states;
	const char *text; /* where the kernel does not list it */
} tables[] = {
	{ AF_INET, IPPROTO_TCP, STATES_TCP, "tcp" },
	{ AF_INET6, IPPROTO_TCP, STATES_TCP, "tcp6" },
	{ AF_INET, IPPROTO_UDP, STATES_UDP, "udp" },
	{ AF_INET6, IPPROTO_UDP, STATES_UDP, "udp6" },
};

static int lists = -1, ends = -1;
static uint32_t own_ns;
static uint64_t drained_ns; /* when the queue of ends was empty last */
static char bytes[64 << 10] __attribute__((aligned(8)));

/* From the kernel alone. -1, or 0 at the end. */
static ssize_t receive(int fd, int flags)
{
	struct sockaddr_nl from;
	socklen_t length;
	ssize_t n;

	do {
		from = (struct sockaddr_nl){};
		length = sizeof(from);
		n = recvfrom(fd, bytes, sizeof(bytes), flags, (struct sockaddr *)&from, &length);
	} while ((n < 0 && errno == EINTR) || (n > 0 && from.nl_pid));
	return n;
}

static void put(struct seen_socket *seen, const struct inet_diag_msg *said, uint8_t protocol)
{
	struct frame_socket *socket = &seen->socket;

	*seen = (struct seen_socket){
		.id = (uint64_t)said->id.idiag_cookie[1] << 32 | said->id.idiag_cookie[0],
		.inode = said->idiag_inode,
		.state = said->idiag_state,
	};
	socket_address(socket->local, said->idiag_family, said->id.idiag_src);
	socket_address(socket->remote, said->idiag_family, said->id.idiag_dst);
	socket->local_port = ntohs(said->id.idiag_sport);
	socket->remote_port = ntohs(said->id.idiag_dport);
	socket->family = said->idiag_family;
	socket->type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
	socket->protocol = protocol;
	socket->net_ns = own_ns;
}

static bool is_socket(const struct nlmsghdr *header)
{
	return header->nlmsg_type == SOCK_DIAG_BY_FAMILY && header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg));
}

/* 1: the list is at its end, -1: it was refused, which errno says. */
static int take(struct nlmsghdr *header, uint32_t sequence, uint8_t protocol)
{
	struct seen_socket seen;

	if (header->nlmsg_seq != sequence)
		return 0; /* what is left of a list that was given up */
	if (header->nlmsg_type == NLMSG_DONE)
		return 1;
	if (header->nlmsg_type == NLMSG_ERROR) {
		errno = -((const struct nlmsgerr *)NLMSG_DATA(header))->error;
		return -1;
	}
	if (!is_socket(header))
		return 0;
	put(&seen, NLMSG_DATA(header), protocol);
	if (seen.inode && seen.id)
		sockets_see(&seen);
	return 0;
}

static bool list(size_t table)
{
	static uint32_t sequence;
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 what;
	} request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = ++sequence },
		.what = { .sdiag_family = tables[table].family, .sdiag_protocol = tables[table].protocol,
			  .idiag_states = tables[table].states },
	};

	if (send(lists, &request, sizeof(request), 0) != sizeof(request))
		return false;
	for (ssize_t n; (n = receive(lists, 0)) > 0;)
		for (struct nlmsghdr *header = (void *)bytes; NLMSG_OK(header, n); header = NLMSG_NEXT(header, n)) {
			int end = take(header, sequence, tables[table].protocol);

			if (end)
				return end > 0;
		}
	return false;
}

static bool look_at_own(void)
{
	bool all = true;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (!list(i))
			all = proc_net_table("/proc/self/net", tables[i].text, own_ns) && all;
	return all;
}

static uint8_t protocol_of(const struct nlmsghdr *header)
{
	const char *at = (const char *)NLMSG_DATA(header) + NLMSG_ALIGN(sizeof(struct inet_diag_msg));
	const char *end = (const char *)header + header->nlmsg_len;

	while (end - at >= (ssize_t)sizeof(struct nlattr)) {
		const struct nlattr *attribute = (const void *)at;

		if (attribute->nla_len < sizeof(*attribute) || attribute->nla_len > end - at)
			return 0;
		if (attribute->nla_type == INET_DIAG_PROTOCOL && attribute->nla_len > sizeof(*attribute))
			return *(const uint8_t *)(at + sizeof(*attribute));
		at += NLA_ALIGN(attribute->nla_len);
	}
	return 0;
}

static void read_ends(struct counters *counters)
{
	struct seen_socket seen;

	for (int i = 0; i < ENDED_AT_ONCE; i++) { /* then others have their turn */
		uint64_t began_ns = boot_ns();
		ssize_t n = receive(ends, MSG_DONTWAIT);

		if (n < 0 && errno == ENOBUFS) {
			sockets_lost(drained_ns, counters);
			continue;
		}
		if (n <= 0) {
			drained_ns = began_ns;
			return;
		}
		for (struct nlmsghdr *header = (void *)bytes; NLMSG_OK(header, n); header = NLMSG_NEXT(header, n)) {
			if (!is_socket(header))
				continue;
			put(&seen, NLMSG_DATA(header), protocol_of(header));
			sockets_end(&seen, counters);
		}
	}
}

/* Its queue has as many bytes as the ring. Without it what ends is seen by its absence. */
static void hear_of_ends(const struct options *options, struct source *source)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = GROUP(SKNLGRP_INET_TCP_DESTROY) | GROUP(SKNLGRP_INET6_TCP_DESTROY) |
			     GROUP(SKNLGRP_INET_UDP_DESTROY) | GROUP(SKNLGRP_INET6_UDP_DESTROY),
	};
	int room = (int)options->ring_bytes;

	ends = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
	*source = (struct source){ -1, read_ends };
	if (ends < 0)
		return;
	setsockopt(ends, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(ends, (struct sockaddr *)&address, sizeof(address)) == 0)
		source->fd = ends;
	else
		say("info", "the kernel does not say which sockets end (%s): they are missed at the second look", strerror(errno));
	drained_ns = boot_ns();
}

bool sock_diag_open(const struct options *options, struct source *polled, struct source *ended)
{
	struct timeval patience = { .tv_sec = 1 };

	own_ns = own_net_namespace();
	lists = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (lists < 0 || setsockopt(lists, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) || !list(0))
		return false;
	hear_of_ends(options, ended);
	return sockets_open(options, SITE_sock_diag, look_at_own, polled);
}
