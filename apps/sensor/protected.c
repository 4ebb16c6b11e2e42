/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom the guard protects (docs/formats/frame.md, 12.5): it orders the whole list, which takes the place of the one before in one step,
 * and is followed for a time that it must renew.
 */
#include <string.h>
#include <sys/random.h>

#include "sensor.h"

enum { HOLD_SECONDS_MAX = 600, PID_MAX = 1 << 22, FACTORS_MAX = 64 };
enum { ORDER_BYTES_MAX = sizeof(struct frame_order) + sizeof(struct frame_protected) +
			 PROTECTED_MAX * sizeof(struct frame_protected_process) + IMAGES_MAX * sizeof(__u64) };

static struct {
	volatile struct shared *shared; /* NULL: no program follows it */
	struct protected_table *tables;
	struct protected_table in_force; /* as it was written */
	uint32_t which;
	uint64_t until_ns;
} list;

/* Where a process is in a table, or would be; NULL: nowhere. */
static struct protected_row *row_of(struct protected_table *table, uint32_t pid)
{
	uint32_t place = protected_place(pid, table->pid_factor);

	for (uint32_t i = 0; i < PROTECTED_PROBES; i++) {
		struct protected_row *row = &table->row[(place + i) % PROTECTED_ROWS];

		if (!row->pid || row->pid == pid)
			return row;
	}
	return NULL;
}

bool protected_is(uint32_t pid, uint64_t start_ns)
{
	struct protected_row *row = protected_in_force() ? row_of(&list.in_force, pid) : NULL;

	return row && row->pid == pid && row->start == start_ns / START_UNIT_NS;
}

static bool put_processes(struct protected_table *table, const struct frame_protected_process *processes, size_t count)
{
	memset(table->row, 0, sizeof(table->row));
	if (getrandom(&table->pid_factor, sizeof(table->pid_factor), 0) != sizeof(table->pid_factor))
		return false;
	table->pid_factor |= 1;
	for (size_t i = 0; i < count; i++) {
		struct protected_row *row = row_of(table, processes[i].pid);

		if (!row)
			return false;
		*row = (struct protected_row){ .start = processes[i].start_ns / START_UNIT_NS, .pid = processes[i].pid };
	}
	return true;
}

static bool put_image(struct protected_table *table, uint64_t hash)
{
	for (uint32_t i = 0; i < IMAGE_PROBES; i++) {
		__u64 *image = &table->image[(hash + i) % IMAGE_ROWS];

		if (!*image) {
			*image = hash;
			return true;
		}
	}
	return false;
}

/* `bytes` is what stands behind the order. NULL, or the rule that it breaks. */
static const char *build(struct protected_table *table, const uint8_t *bytes, size_t length)
{
	static struct frame_protected_process processes[PROTECTED_MAX]; /* the bytes may lie anywhere */
	static __u64 images[IMAGES_MAX];
	struct frame_protected head;

	if (length < sizeof(head))
		return "a table says how many processes and programs it has";
	memcpy(&head, bytes, sizeof(head));
	if (head.processes > PROTECTED_MAX || head.images > IMAGES_MAX ||
	    length != sizeof(head) + head.processes * sizeof(processes[0]) + head.images * sizeof(images[0]))
		return "a table has at most 4096 processes and 256 programs, and is as long as that";
	memcpy(processes, bytes + sizeof(head), head.processes * sizeof(processes[0]));
	memcpy(images, bytes + sizeof(head) + head.processes * sizeof(processes[0]), head.images * sizeof(images[0]));
	for (size_t i = 0; i < head.processes; i++)
		if (processes[i].pid < 1 || processes[i].pid > PID_MAX || processes[i].flags ||
		    (i && processes[i].pid <= processes[i - 1].pid))
			return "pids are from 1 to 4194304 and rise, and no flag is defined";
	for (size_t i = 0; i < head.images; i++)
		if (!images[i] || (i && images[i] <= images[i - 1]))
			return "hashes of programs are not zero, and rise";
	if (!(head.factor & 1))
		return "a factor is odd";
	memset(table, 0, sizeof(*table));
	table->images = head.images;
	table->seed = head.seed;
	table->factor = head.factor;
	for (size_t i = 0; i < head.images; i++)
		if (!put_image(table, images[i]))
			return "hashes of programs are spread: another seed does that";
	for (int i = 0; i < FACTORS_MAX; i++)
		if (put_processes(table, processes, head.processes))
			return NULL;
	return "there is no room for so many processes";
}

static void hold(uint32_t seconds)
{
	list.until_ns = boot_ns() + seconds * 1000000000ull;
	if (list.shared)
		list.shared->protected_until_ns = list.until_ns;
}

static void lift(void)
{
	list.until_ns = 0;
	list.in_force.number = 0;
	if (list.shared)
		list.shared->protected_until_ns = 0;
}

/* The one in force is read meanwhile: the other is written, and taken by one store. */
static void put_in_force(const struct protected_table *table)
{
	memcpy(&list.in_force, table, sizeof(*table));
	if (!list.shared)
		return;
	list.which ^= 1;
	memcpy(&list.tables[list.which], table, sizeof(*table));
	__atomic_store_n(&list.shared->protected_table, list.which, __ATOMIC_SEQ_CST);
}

static const char *follow_order(const struct frame_order *order, size_t length)
{
	static struct protected_table table;
	size_t bytes = length - sizeof(*order);
	const char *fault = order_head_fault(order, HOLD_SECONDS_MAX);

	fault = fault ? fault : order_fault(order, bytes);
	if (fault)
		return fault;
	if (order->kind == ORDER_LIFT)
		return lift(), NULL;
	if (order->kind == ORDER_HOLD) {
		if (order->number != list.in_force.number)
			return "that table is not in force";
		return hold(order->seconds), NULL;
	}
	fault = build(&table, (const uint8_t *)(order + 1), bytes);
	if (fault)
		return fault;
	table.number = order->number;
	put_in_force(&table);
	return hold(order->seconds), NULL;
}

static uint8_t inbox_bytes[PREFIX_BYTES + ORDER_BYTES_MAX];
struct inbox protected_inbox = {
	.from = "guard", .bytes = inbox_bytes, .room = sizeof(inbox_bytes), .follow = follow_order,
};

/* `tables`: PROTECTED_TABLES of them, in memory that the programs read. What a sensor before has left there is followed on. */
void protected_open(volatile struct shared *shared, struct protected_table *tables)
{
	uint64_t until_ns = shared->protected_until_ns, now_ns = boot_ns();

	list.shared = shared;
	list.tables = tables;
	list.which = shared->protected_table % PROTECTED_TABLES;
	if (until_ns <= now_ns || until_ns > now_ns + HOLD_SECONDS_MAX * 1000000000ull || !tables[list.which].number) {
		shared->protected_until_ns = 0;
		return;
	}
	memcpy(&list.in_force, &tables[list.which], sizeof(list.in_force));
	list.until_ns = until_ns;
}

/* Number of the table that is followed now; 0: none is. */
uint32_t protected_in_force(void)
{
	return list.until_ns > boot_ns() ? list.in_force.number : 0;
}

/* Whether somebody else wrote to what the programs follow; then it is put right again. */
bool protected_altered(void)
{
	struct protected_table *now;
	bool altered;

	if (!list.shared || !list.in_force.number)
		return false;
	altered = list.shared->protected_until_ns != list.until_ns || list.shared->protected_table != list.which;
	list.shared->protected_until_ns = list.until_ns;
	list.shared->protected_table = list.which;
	now = &list.tables[list.which];
	if (memcmp(now, &list.in_force, sizeof(*now)) == 0)
		return altered;
	memcpy(now, &list.in_force, sizeof(*now));
	return true;
}
