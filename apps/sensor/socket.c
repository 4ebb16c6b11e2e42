/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames on their way to the agent. A frame counts as sent when the socket has taken its last byte; one that was cut
 * by a disconnect is written again, whole, to the next agent. So an agent that counts the whole frames it has read
 * knows from the next hello exactly how many it lost.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sensor.h"

bool outbox_connect(struct outbox *out, const char *path, const uint8_t *hello, size_t hello_bytes)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (out->fd < 0)
		return false;
	/* The buffer of a new socket is empty and larger than any hello. */
	if (connect(out->fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(out->fd, hello, hello_bytes, MSG_NOSIGNAL) == (ssize_t)hello_bytes)
		return true;
	close(out->fd);
	out->fd = -1;
	return false;
}

/* Who listens; 0: a process of a pid namespace that we do not see. */
pid_t outbox_peer(const struct outbox *out)
{
	struct ucred peer = {};
	socklen_t length = sizeof(peer);

	return getsockopt(out->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) ? 0 : peer.pid;
}

static size_t frame_bytes(const struct outbox *out)
{
	uint32_t length;

	memcpy(&length, out->bytes + out->whole, PREFIX_BYTES);
	return PREFIX_BYTES + length;
}

static uint8_t frame_kind(const struct outbox *out)
{
	return out->bytes[out->whole + PREFIX_BYTES + offsetof(struct frame_event, kind)];
}

static uint8_t frame_site(const struct outbox *out)
{
	return out->bytes[out->whole + PREFIX_BYTES + offsetof(struct frame_event, site)];
}

/* A cut report is left out: its numbers would be older than the hello's. Reports only ever begin an outbox. */
void outbox_disconnect(struct outbox *out)
{
	if (out->whole < out->end && frame_kind(out) == FRAME_REPORT)
		out->whole += frame_bytes(out);
	out->written = out->whole;
	close(out->fd);
	out->fd = -1;
}

/* Writes what the socket takes now. Returns whether the outbox is empty; a lost agent shows as fd -1. */
bool outbox_flush(struct outbox *out)
{
	while (out->fd >= 0 && out->written < out->end) {
		ssize_t n = send(out->fd, out->bytes + out->written, out->end - out->written, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			outbox_disconnect(out);
			break;
		}
		out->written += (size_t)n;
		while (out->whole < out->written && out->whole + frame_bytes(out) <= out->written) {
			if (frame_kind(out) >= FRAME_EXEC)
				counters_sent(out->counters, frame_site(out));
			out->whole += frame_bytes(out);
		}
	}
	if (out->whole < out->end)
		return false;
	out->whole = out->written = out->end = 0;
	return true;
}

bool outbox_full(const struct outbox *out)
{
	return out->end + PREFIX_BYTES + FRAME_BYTES_MAX > sizeof(out->bytes);
}
