/* SPDX-License-Identifier: Apache-2.0 */
/* What agent and guard say to the sensor (docs/formats/frame.md, 10.1): a length and a body, one after the other. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "sensor.h"

/* Orders that have come whole. false: what follows cannot be found. */
static bool take_orders(struct inbox *inbox)
{
	for (;;) {
		uint32_t length;
		const char *fault;

		if (inbox->length < PREFIX_BYTES)
			return true;
		memcpy(&length, inbox->bytes, PREFIX_BYTES);
		if (length < sizeof(struct frame_order) || length > inbox->room - PREFIX_BYTES) {
			say("error", "the %s sent an order of %u bytes: it has from %zu to %zu", inbox->from, length,
			    sizeof(struct frame_order), inbox->room - PREFIX_BYTES);
			return false;
		}
		if (inbox->length < PREFIX_BYTES + length)
			return true;
		fault = inbox->follow((const void *)(inbox->bytes + PREFIX_BYTES), length);
		if (fault)
			say("error", "an order of the %s is not followed, what was in force stays: %s", inbox->from, fault);
		inbox->length -= PREFIX_BYTES + length;
		memmove(inbox->bytes, inbox->bytes + PREFIX_BYTES + length, inbox->length);
	}
}

/* What came in; false: who says it is gone, or nobody can follow it. Call orders_end() then. */
bool orders_read(struct inbox *inbox, int fd)
{
	for (;;) {
		ssize_t n = recv(fd, inbox->bytes + inbox->length, inbox->room - inbox->length, MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		inbox->length += (size_t)n;
		if (!take_orders(inbox))
			return false;
	}
}

void orders_end(struct inbox *inbox)
{
	inbox->length = 0;
}

/* What all orders have in common. */
const char *order_head_fault(const struct frame_order *order, uint32_t seconds_max)
{
	if (order->zero[0] || order->zero[1] || order->zero[2] || order->zero2 || order->seconds > seconds_max)
		return "reserved bytes are zero, and a table holds no longer than it may";
	return NULL;
}

/* `table_bytes`: how many stand behind it. */
const char *order_fault(const struct frame_order *order, size_t table_bytes)
{
	switch (order->kind) {
	case ORDER_TABLE:
		return order->seconds && order->number ? NULL : "a table has a number, and a time";
	case ORDER_HOLD:
		return order->seconds && order->number && !table_bytes ? NULL : "to hold has a number, and a time";
	case ORDER_LIFT:
		return order->seconds || order->number || table_bytes ? "to lift has nothing else" : NULL;
	}
	return "an order is a table, to hold one, or to lift it";
}
