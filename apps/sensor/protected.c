/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom the guard protects (docs/formats/frame.md, 12.5): it orders the whole list, which takes the place of the one before in one step,
 * and is followed for a time that it must renew.
 */
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "sensor.h"

enum { HOLD_SECONDS_MAX = 600, PID_MAX = 1 << 22, FACTORS_MAX = 64 };
enum { ORDER_BYTES_MAX = sizeof(struct frame_order) + sizeof(struct frame_protected) +
			 PROTECTED_MAX * sizeof(struct frame_protected_process) + IMAGES_MAX * sizeof(__u64) +
			 ALLOWANCES_MAX * sizeof(struct frame_allowance) };

static struct {
	volatile struct shared *shared; /* NULL: no program follows it */
	struct protected_table *tables;
	struct protected_table in_force; /* as it was written */
	uint32_t which;
	uint32_t mnt_ns;
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

/* Hashed as policy.bpf.h does it. */
bool protected_has_image(const uint8_t *path, size_t length)
{
	const struct protected_table *table = &list.in_force;
	uint64_t hash = table->seed;

	if (!protected_in_force() || !table->images)
		return false;
	for (size_t at = 0; at < length; at += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, path + at, length - at < sizeof(word) ? length - at : sizeof(word));
		hash = (hash ^ word) * table->factor;
		hash ^= hash >> 32;
	}
	for (uint32_t i = 0; i < IMAGE_PROBES; i++) {
		uint64_t image = table->image[(hash + i) % IMAGE_ROWS];

		if (image == hash || !image)
			return image == hash;
	}
	return false;
}

static bool put_processes(struct protected_table *table, const struct frame_protected_process *all, size_t count)
{
	memset(table->row, 0, sizeof(table->row));
	if (getrandom(&table->pid_factor, sizeof(table->pid_factor), 0) != sizeof(table->pid_factor))
		return false;
	table->pid_factor |= 1;
	for (size_t i = 0; i < count; i++) {
		struct protected_row *row = row_of(table, all[i].pid);

		if (!row)
			return false;
		*row = (struct protected_row){ all[i].start_ns / START_UNIT_NS, all[i].pid, all[i].flags };
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

static struct frame_protected_process processes[PROTECTED_MAX]; /* of the order: its bytes may lie anywhere */

/* `bytes` is what stands behind the order. NULL, or the rule that it breaks. */
static const char *build(struct protected_table *table, const uint8_t *bytes, size_t length)
{
	static __u64 images[IMAGES_MAX];
	struct frame_protected head;

	if (length < sizeof(head))
		return "a table says how many processes and programs it has";
	memcpy(&head, bytes, sizeof(head));
	if (head.processes > PROTECTED_MAX || head.images > IMAGES_MAX || head.allowances > ALLOWANCES_MAX ||
	    length != sizeof(head) + head.processes * sizeof(processes[0]) + head.images * sizeof(images[0]) +
			      head.allowances * sizeof(table->allowance[0]))
		return "a table has at most 4096 processes, 256 programs and 256 allowances, and is as long as that";
	bytes += sizeof(head);
	memcpy(processes, bytes, head.processes * sizeof(processes[0]));
	bytes += head.processes * sizeof(processes[0]);
	memcpy(images, bytes, head.images * sizeof(images[0]));
	bytes += head.images * sizeof(images[0]);
	for (size_t i = 0; i < head.processes; i++)
		if (processes[i].pid < 1 || processes[i].pid > PID_MAX || (i && processes[i].pid <= processes[i - 1].pid))
			return "pids are from 1 to 4194304 and rise";
	for (size_t i = 0; i < head.images; i++)
		if (!images[i] || (i && images[i] <= images[i - 1]))
			return "hashes of programs are not zero, and rise";
	if (!(head.factor & 1) || head.zero)
		return "a factor is odd, and what is reserved is zero";
	memset(table, 0, sizeof(*table));
	table->images = head.images;
	table->seed = head.seed;
	table->factor = head.factor;
	table->mnt_ns = list.mnt_ns;
	table->allowances = head.allowances;
	memcpy(table->allowance, bytes, head.allowances * sizeof(table->allowance[0]));
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

/* What is denied is so by the table, held or not: it goes with it. */
static void lift(void)
{
	static struct protected_table nobody;

	if (list.in_force.number)
		put_in_force(&nobody);
	hold(0);
}

static const char *follow_order(const struct frame_order *order, size_t length)
{
	static struct protected_table table;
	size_t bytes = length - sizeof(*order);
	struct frame_protected head;
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
	hold(order->seconds);
	memcpy(&head, order + 1, sizeof(head));
	examiner_follow(processes, head.processes);
	return NULL;
}

static uint8_t inbox_bytes[PREFIX_BYTES + ORDER_BYTES_MAX];
struct inbox protected_inbox = {
	.from = "guard", .bytes = inbox_bytes, .room = sizeof(inbox_bytes), .follow = follow_order,
};

/* `tables`: PROTECTED_TABLES of them, in memory that the programs read. What a sensor before has left there is followed on. */
void protected_open(volatile struct shared *shared, struct protected_table *tables)
{
	uint64_t until_ns = shared->protected_until_ns, now_ns = boot_ns();
	struct stat namespace;

	list.shared = shared;
	list.tables = tables;
	if (stat("/proc/1/ns/mnt", &namespace) == 0)
		list.mnt_ns = (uint32_t)namespace.st_ino;
	list.which = shared->protected_table % PROTECTED_TABLES;
	if (tables[list.which].number)
		memcpy(&list.in_force, &tables[list.which], sizeof(list.in_force));
	if (until_ns > now_ns && until_ns <= now_ns + HOLD_SECONDS_MAX * 1000000000ull && list.in_force.number)
		list.until_ns = until_ns;
	shared->protected_until_ns = list.until_ns;
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
