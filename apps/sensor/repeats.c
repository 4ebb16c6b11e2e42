/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process does on the network again, for sources outside BPF: counted and not told until some time has passed, as
 * network.bpf.c has it (docs/formats/frame.md, 9).
 */
#include <string.h>

#include "sensor.h"

enum { ROWS = 8192, NEAR = 8, STRANGERS_MAX = 256, DYNAMIC_PORTS = 32768 };

/* Who does what, compared as bytes. */
struct act {
	uint64_t start_ns;
	uint32_t pid;
	uint16_t port;
	uint8_t kind; /* 0: nothing */
	uint8_t family;
	uint8_t type;
	uint8_t protocol;
	uint8_t strangers; /* 1: the row that counts the other sides of a port */
	uint8_t zero[5];
	uint8_t address[FRAME_ADDRESS_BYTES];
};
_Static_assert(sizeof(struct act) == 40, "without holes");

static struct row {
	struct act act;
	uint64_t at_ns; /* 0: not told yet */
	uint32_t count;
	uint32_t counted; /* of these, when it was told last */
} rows[ROWS];

static uint64_t repeat_ns;

void repeats_prepare(unsigned seconds)
{
	repeat_ns = seconds * 1000000000ull;
}

static uint64_t hash_of(const struct act *act)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof(*act); i++)
		hash = (hash ^ ((const uint8_t *)act)[i]) * 0x100000001b3;
	return hash >> 16;
}

/* Where there is none the one that was told longest ago gives way. */
static struct row *row_of(const struct act *act)
{
	struct row *oldest = NULL;
	uint64_t hash = hash_of(act);

	for (unsigned i = 0; i < NEAR; i++) {
		struct row *row = &rows[(hash + i) % ROWS];

		if (memcmp(&row->act, act, sizeof(*act)) == 0)
			return row;
		if (!oldest || row->at_ns < oldest->at_ns)
			oldest = row;
	}
	*oldest = (struct row){ .act = *act };
	return oldest;
}

static struct act act_of(const struct frame_event *event)
{
	const struct frame_socket *socket = &event->socket;
	struct act act = {
		.start_ns = event->start_ns, .pid = event->pid, .kind = event->kind,
		.family = socket->family, .type = socket->type, .protocol = socket->protocol,
	};
	bool has_other_side = event->kind == FRAME_CONNECT || event->kind == FRAME_ACCEPT;
	bool is_any = event->kind == FRAME_BIND && socket->local_port >= DYNAMIC_PORTS;

	memcpy(act.address, has_other_side ? socket->remote : socket->local, sizeof(act.address));
	act.port = event->kind == FRAME_CONNECT ? socket->remote_port : is_any ? 0 : socket->local_port;
	return act;
}

/* A port that strangers come to: after so many of them within the time the next are counted, not told. */
static bool is_crowded(const struct act *stranger, uint64_t now_ns)
{
	struct act port = *stranger;
	struct row *row;

	memset(port.address, 0, sizeof(port.address));
	port.strangers = 1;
	row = row_of(&port);
	if (!row->at_ns || now_ns - row->at_ns >= repeat_ns)
		*row = (struct row){ .act = port, .at_ns = now_ns };
	return ++row->count > STRANGERS_MAX;
}

/* Whether this is to be told, and how often it was not since it was told last; else it has been counted. */
bool repeats_are_over(struct frame_event *event, struct counters *counters)
{
	struct act act = act_of(event);
	struct row *row;

	if (!repeat_ns)
		return true;
	row = row_of(&act);
	if ((row->at_ns && event->time_ns - row->at_ns < repeat_ns) ||
	    (!row->at_ns && event->kind == FRAME_ACCEPT && is_crowded(&act, event->time_ns))) {
		row->count++;
		counters_repeated(counters, event->site);
		return false;
	}
	event->socket.repeats = row->count - row->counted;
	row->at_ns = event->time_ns;
	row->counted = row->count;
	return true;
}
