/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What network policies say of a connection (docs/formats/policy.md, 8). The table comes from the agent (policies.c). It cuts the
 * values of each thing that is asked of into stretches, each with the rules that hold there; those that hold of all things are
 * left, and of each policy the first decides.
 */
#ifndef SEALWATCH_POLICY_BPF_H
#define SEALWATCH_POLICY_BPF_H

#include "event.bpf.h"
#include "task.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, POLICY_TABLES);
	__type(key, __u32);
	__type(value, struct policy_table);
} policies SEC(".maps");

/* Where to, the address as IPv6 has it, most significant half first. */
struct destination {
	__u64 high;
	__u64 low;
	__u32 port;
	__u32 protocol;
};

struct verdict {
	__u32 table; /* 0: it goes its way */
	__u32 rule;
};

/* The last row that begins at or before a value: what it says holds up to the next. */
static __noinline __u32 find_row(const struct policy_table *table, __u32 thing, __u64 high, __u64 low)
{
	__u32 at = table->thing[thing & 7].first;
	__u32 left = table->thing[thing & 7].count;

	for (int i = 0; i <= POLICY_ROWS_BITS && left > 1; i++) {
		const struct policy_row *row = &table->row[(at + (left >> 1)) & (POLICY_ROWS_MAX - 1)];

		if (row->high < high || (row->high == high && row->low <= low)) {
			at += left >> 1;
			left -= left >> 1;
		} else {
			left >>= 1;
		}
	}
	return at & (POLICY_ROWS_MAX - 1);
}

static __always_inline void narrow(struct policy_rules *rules, const struct policy_table *table, enum policy_thing thing,
				   __u64 high, __u64 low)
{
	const struct policy_row *row = &table->row[find_row(table, thing, high, low) & (POLICY_ROWS_MAX - 1)];

#pragma unroll
	for (int i = 0; i < POLICY_WORDS; i++)
		rules->word[i] &= row->rules.word[i];
}

/* 0: there is none, or nobody can tell now, for an event of another task is put together on this CPU. The table knows programs by this, and not by their paths, which are of any length. */
static __noinline __u64 program_hash(const struct policy_table *table)
{
	__u32 zero = 0, length;
	__u64 hash = table->seed;
	struct file *exe = GET(current_task(), mm, exe_file);
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s || !exe)
		return 0;
	__sync_fetch_and_add(&s->busy, 1);
	if (s->busy != 1) {
		__sync_fetch_and_add(&s->busy, -1);
		return 0;
	}
	s->walked = &exe->f_path;
	walk();
	length = (PATH_BYTES - s->path_at) & (PATH_BYTES - 1);
	__builtin_memset(s->words, 0, POLICY_PATH_BYTES);
	if (length < POLICY_PATH_BYTES)
		bpf_probe_read_kernel(s->words, length & (POLICY_PATH_BYTES - 1), &s->path[s->path_at & (PATH_BYTES - 1)]);
	else
		length = POLICY_PATH_BYTES; /* longer than any that a rule names: it hashes like none */
	for (__u32 i = 0; i < POLICY_PATH_BYTES / 8 && i * 8 < length; i++) {
		hash = (hash ^ s->words[i]) * table->factor;
		hash ^= hash >> 32;
	}
	__sync_fetch_and_add(&s->busy, -1);
	return hash;
}

static __always_inline __u32 position(__u64 bit)
{
	return !!(bit & 0xffffffff00000000) << 5 | !!(bit & 0xffff0000ffff0000) << 4 | !!(bit & 0xff00ff00ff00ff00) << 3 |
	       !!(bit & 0xf0f0f0f0f0f0f0f0) << 2 | !!(bit & 0xcccccccccccccccc) << 1 | !!(bit & 0xaaaaaaaaaaaaaaaa);
}

/* Of each policy the first rule that holds decides; one that denies is enough. 0: none does, else its number and one. */
static __noinline __u32 first_denial(const struct policy_table *table, const struct policy_rules *holds)
{
	for (__u32 p = 0; p < POLICIES_MAX && p < table->policies; p++)
		for (__u32 i = 0; i < POLICY_WORDS; i++) {
			__u64 own = holds->word[i] & table->policy[p].word[i];
			__u64 first = own & -own;

			if (first & table->deny.word[i])
				return i * 64 + position(first) + 1;
			if (first)
				break;
		}
	return 0;
}

/* Ours are never cut off from each other: what is wrong with a policy is put right over the connection that it forbids. */
static __always_inline bool is_spared(__u32 uid, struct task_struct *leader)
{
	return uid - POLICY_SPARED_FIRST <= POLICY_SPARED_LAST - POLICY_SPARED_FIRST || is_the(OWN_AGENT, leader);
}

/*
 * Nothing is denied without a table, after its time, and where it is exchanged meanwhile: its number goes to 0 before it is written
 * anew.
 */
static __noinline int judge(const struct destination *to, struct verdict *verdict)
{
	__u32 which = shared.policy_table & (POLICY_TABLES - 1), uid = (__u32)bpf_get_current_uid_gid(), number;
	struct policy_rules holds;
	const struct policy_table *table;
	__u32 rule;

	if (bpf_ktime_get_boot_ns() >= shared.policies_until_ns)
		return 0;
	table = bpf_map_lookup_elem(&policies, &which);
	if (!table || !table->number || is_spared(uid, GET(current_task(), group_leader)))
		return 0;
	number = *(volatile const __u32 *)&table->number;
	__builtin_memset(&holds, 0xff, sizeof(holds));
	narrow(&holds, table, POLICY_PROTOCOL, 0, to->protocol);
	narrow(&holds, table, POLICY_ADDRESS, to->high, to->low);
	narrow(&holds, table, POLICY_PORT, 0, to->port);
	narrow(&holds, table, POLICY_USER, 0, uid);
	if (table->thing[POLICY_PROGRAM].count > 1) { /* else no rule asks for it */
		__u64 program = program_hash(table);

		narrow(&holds, table, POLICY_PROGRAM, !!program, program);
	}
	rule = first_denial(table, &holds);
	if (!rule || *(volatile const __u32 *)&table->number != number)
		return 0;
	verdict->table = number;
	verdict->rule = rule - 1;
	return 1;
}

static __always_inline struct destination to_ipv4(struct bpf_sock_addr *ctx)
{
	return (struct destination){ .low = 0xffffull << 32 | __builtin_bswap32(ctx->user_ip4),
				     .port = __builtin_bswap16(ctx->user_port), .protocol = ctx->protocol };
}

static __always_inline struct destination to_ipv6(struct bpf_sock_addr *ctx)
{
	__u32 words[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };

	return (struct destination){ .high = (__u64)__builtin_bswap32(words[0]) << 32 | __builtin_bswap32(words[1]),
				     .low = (__u64)__builtin_bswap32(words[2]) << 32 | __builtin_bswap32(words[3]),
				     .port = __builtin_bswap16(ctx->user_port), .protocol = ctx->protocol };
}

#endif
