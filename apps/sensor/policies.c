/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders of the agent, and network policies on their way into the kernel (docs/formats/frame.md, 10). What comes is looked through as a
 * stranger's: the programs follow a table without a look. It is in force as a whole or not at all, and for a time that the agent
 * must renew.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "file_table.h"
#include "sensor.h"

#define HEAD_BYTES offsetof(struct policy_table, row)
enum { ORDER_BYTES_MAX = sizeof(struct frame_order) + sizeof(struct policy_table), HOLD_SECONDS_MAX = 60 };

static struct {
	volatile struct shared *shared; /* NULL: nothing follows them */
	int map;
	struct policy_table *tables; /* in memory from the first on that is in force */
	struct policy_table in_force; /* as it was written */
	uint32_t which;
	uint64_t until_ns;
} kernel;

bool within(const struct policy_rules *rules, const struct policy_rules *all)
{
	uint64_t beyond = 0;

	for (int i = 0; i < POLICY_WORDS; i++)
		beyond |= rules->word[i] & ~all->word[i];
	return !beyond;
}

/* Adds the rules of a policy to those before; false: it has none, or one that is theirs. */
static bool add_policy(struct policy_rules *all, const struct policy_rules *own)
{
	uint64_t any = 0, both = 0;

	for (int i = 0; i < POLICY_WORDS; i++) {
		any |= own->word[i];
		both |= own->word[i] & all->word[i];
		all->word[i] |= own->word[i];
	}
	return any && !both;
}

static bool in_order(const struct policy_row *before, const struct policy_row *row)
{
	return row->high > before->high || (row->high == before->high && row->low > before->low);
}

/* NULL, or what is wrong; `all`: the rules of all of them. */
const char *policy_rules_fault(uint32_t policies, const struct policy_rules policy[POLICIES_MAX], const struct policy_rules *deny,
			       struct policy_rules *all)
{
	static const struct policy_rules none;

	if (policies < 1 || policies > POLICIES_MAX)
		return "a table has from 1 to 16 policies";
	for (size_t i = 0; i < POLICIES_MAX; i++)
		if (i < policies ? !add_policy(all, &policy[i]) : !within(&policy[i], &none))
			return "each policy has rules, and none of another's";
	return within(deny, all) ? NULL : "what denies is a rule of a policy";
}

/* NULL, or the rule that the table breaks. `rows` is how many came with it. */
const char *policy_table_fault(const struct policy_table *table, size_t rows)
{
	struct policy_rules all = {};
	size_t first = 0;
	const char *fault;

	if (!table->number)
		return "a table has a number";
	if (!(table->factor & 1))
		return "a factor is odd";
	fault = policy_rules_fault(table->policies, table->policy, &table->deny, &all);
	if (fault)
		return fault;
	for (size_t thing = 0; thing < 8; thing++) {
		size_t count = table->thing[thing].count;

		if (thing >= POLICY_THINGS ? table->thing[thing].first || count
					   : table->thing[thing].first != first || count < 1 || count > rows - first)
			return "the rows of each thing follow those of the one before";
		for (size_t i = first; i < first + count; i++)
			if (i == first ? table->row[i].high || table->row[i].low : !in_order(&table->row[i - 1], &table->row[i]))
				return "the rows of a thing begin at nothing and rise";
		first += count;
	}
	if (first != rows)
		return "each row is of a thing";
	for (size_t i = 0; i < rows; i++)
		if (!within(&table->row[i].rules, &all))
			return "a row has rules of policies alone";
	return NULL;
}

static bool open_tables(void)
{
	void *tables = kernel.tables;

	if (!tables)
		tables = mmap(NULL, POLICY_TABLES * sizeof(struct policy_table), PROT_READ | PROT_WRITE, MAP_SHARED, kernel.map, 0);
	kernel.tables = tables == MAP_FAILED ? NULL : tables;
	return kernel.tables;
}

/* What a sensor before has left there is followed on. */
static bool take_up(void)
{
	const struct policy_table *left;
	uint32_t which = kernel.shared->policy_table % POLICY_TABLES;
	size_t rows = 0;

	if (kernel.shared->policies_until_ns <= boot_ns() ||
	    kernel.shared->policies_until_ns > boot_ns() + HOLD_SECONDS_MAX * 1000000000ull || !open_tables())
		return false;
	left = &kernel.tables[which];
	for (int thing = 0; thing < POLICY_THINGS; thing++)
		rows += left->thing[thing].count;
	if (rows > POLICY_ROWS_MAX || policy_table_fault(left, rows))
		return false;
	memcpy(&kernel.in_force, left, HEAD_BYTES + rows * sizeof(struct policy_row));
	kernel.which = which;
	kernel.until_ns = kernel.shared->policies_until_ns;
	return true;
}

/* The map holds POLICY_TABLES tables, which the programs read. Keeps a descriptor of its own. */
bool policies_open(volatile struct shared *shared, int map_fd)
{
	kernel.map = fcntl(map_fd, F_DUPFD_CLOEXEC, 0);
	if (kernel.map < 0)
		return false;
	kernel.shared = shared;
	if (!take_up())
		shared->policies_until_ns = 0;
	return true;
}

static void hold(uint32_t seconds)
{
	kernel.until_ns = boot_ns() + seconds * 1000000000ull;
	kernel.shared->policies_until_ns = kernel.until_ns;
}

static void lift(void)
{
	kernel.until_ns = 0;
	kernel.shared->policies_until_ns = 0;
	kernel.in_force.number = 0;
}

/* The one in force is read meanwhile: the other is written, and taken by one store. */
static void put_in_force(const struct policy_table *table, size_t bytes)
{
	uint32_t which = kernel.which ^ 1;
	struct policy_table *to = &kernel.tables[which];

	__atomic_store_n(&to->number, 0, __ATOMIC_SEQ_CST);
	memcpy((uint8_t *)to + sizeof(to->number), (const uint8_t *)table + sizeof(to->number), bytes - sizeof(to->number));
	__atomic_store_n(&to->number, table->number, __ATOMIC_SEQ_CST);
	memcpy(&kernel.in_force, table, bytes);
	kernel.which = which;
	__atomic_store_n(&kernel.shared->policy_table, which, __ATOMIC_SEQ_CST);
	say("info", "network policies are in force: table %08x", table->number);
}

/* NULL, or why it is not followed. */
static const char *follow_order(const struct frame_order *order, size_t length)
{
	static struct policy_table table; /* the bytes may lie anywhere */
	size_t bytes = length - sizeof(*order);
	const char *fault = order_head_fault(order, HOLD_SECONDS_MAX);

	if (!fault && order->kind >= FILE_TABLE && order->kind <= FILE_LIFT)
		return wardens_order(order, length);
	fault = fault ? fault : order_fault(order, bytes);
	if (fault)
		return fault;
	if (!kernel.shared)
		return "the site policy is not attached";
	if (order->kind == ORDER_LIFT)
		return lift(), NULL;
	if (order->kind == ORDER_HOLD) {
		if (order->number != kernel.in_force.number)
			return "that table is not in force";
		return hold(order->seconds), NULL;
	}
	if (bytes < HEAD_BYTES || bytes > sizeof(table) || (bytes - HEAD_BYTES) % sizeof(struct policy_row))
		return "a table has its head, and whole rows";
	memcpy(&table, order + 1, bytes);
	fault = table.number != order->number ? "a table has the number that it is called by"
					      : policy_table_fault(&table, (bytes - HEAD_BYTES) / sizeof(struct policy_row));
	if (fault)
		return fault;
	if (!open_tables())
		return "there is no memory for it";
	put_in_force(&table, bytes);
	return hold(order->seconds), NULL;
}

static uint8_t inbox_bytes[PREFIX_BYTES + ORDER_BYTES_MAX];
struct inbox policies_inbox = {
	.from = "agent", .bytes = inbox_bytes, .room = sizeof(inbox_bytes), .follow = follow_order,
};

/* Number of the table that is followed now; 0: none is. */
uint32_t policies_in_force(void)
{
	return kernel.until_ns > boot_ns() ? kernel.in_force.number : 0;
}

/* Whether somebody else wrote to what the programs follow; then it is put right again. */
bool policies_altered(void)
{
	size_t rows = 0;
	struct policy_table *now;
	bool altered;

	if (!kernel.shared || !kernel.in_force.number)
		return false;
	for (int thing = 0; thing < POLICY_THINGS; thing++)
		rows += kernel.in_force.thing[thing].count;
	altered = kernel.shared->policies_until_ns != kernel.until_ns || kernel.shared->policy_table != kernel.which;
	kernel.shared->policies_until_ns = kernel.until_ns;
	kernel.shared->policy_table = kernel.which;
	now = &kernel.tables[kernel.which];
	if (memcmp(now, &kernel.in_force, HEAD_BYTES + rows * sizeof(struct policy_row)) == 0)
		return altered;
	memcpy(now, &kernel.in_force, HEAD_BYTES + rows * sizeof(struct policy_row));
	return true;
}
