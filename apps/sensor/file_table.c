/* SPDX-License-Identifier: Apache-2.0 */
/* A file table out of an order, looked through as a stranger's. */
#include <string.h>

#include "file_table.h"

static bool takes(const uint8_t **at, size_t *left, void *to, size_t bytes)
{
	if (*left < bytes)
		return false;
	memcpy(to, *at, bytes);
	*at += bytes;
	*left -= bytes;
	return true;
}

/* Absolute, without a zero byte; ends up with one behind it. */
static bool takes_text(const uint8_t **at, size_t *left, char **to, const char **text, size_t length)
{
	if (length < 1 || length >= PATH_BYTES || !takes(at, left, *to, length) || **to != '/' || memchr(*to, 0, length))
		return false;
	(*to)[length] = 0;
	*text = *to;
	*to += length + 1;
	return true;
}

static bool rows_are_sound(const struct file_table *table, const struct policy_rules *all)
{
	for (size_t i = 0; i < table->head.paths; i++)
		if (table->path[i].reach >= REACH_COUNT || !within(&table->path[i].rules, all))
			return false;
	for (size_t i = 0; i < table->head.programs; i++)
		if (table->program[i].reach || !within(&table->program[i].rules, all))
			return false;
	for (size_t i = 0; i < table->head.users; i++)
		if (table->user[i].zero || !within(&table->user[i].rules, all) ||
		    (i == 0 ? table->user[i].from != 0 : table->user[i].from <= table->user[i - 1].from))
			return false;
	for (size_t way = 0; way < FRAME_WAYS; way++)
		if (!within(&table->head.way[way], all))
			return false;
	return within(&table->head.other_program, all) && within(&table->head.unknown_program, all);
}

/* NULL, or the rule that it breaks. */
const char *file_table_read(struct file_table *table, const void *bytes, size_t length)
{
	struct file_table_head *head = &table->head;
	const uint8_t *at = bytes;
	char *text = table->text;
	struct policy_rules all = {};
	const char *fault;

	if (!takes(&at, &length, head, sizeof(*head)) || !head->number || head->paths < 1 || head->paths > GUARDED_PATHS_MAX ||
	    head->programs > TABLE_PROGRAMS_MAX || head->users < 1 || head->users > TABLE_USERS_MAX || head->text > TABLE_TEXT_MAX)
		return "a file table has a number, from 1 to 512 paths, 128 programs and 512 users at most, and 32 KiB of text";
	if (!takes(&at, &length, table->path, head->paths * sizeof(table->path[0])) ||
	    !takes(&at, &length, table->program, head->programs * sizeof(table->program[0])) ||
	    !takes(&at, &length, table->user, head->users * sizeof(table->user[0])) || length != head->text)
		return "a file table is as long as it says";
	fault = policy_rules_fault(head->policies, head->policy, &head->deny, &all);
	if (fault)
		return fault;
	if (!rows_are_sound(table, &all))
		return "rows have rules of policies alone, and users rise from 0";
	for (size_t i = 0; i < head->paths; i++)
		if (!takes_text(&at, &length, &text, &table->path_text[i], table->path[i].length))
			return "paths are absolute";
	for (size_t i = 0; i < head->programs; i++)
		if (!takes_text(&at, &length, &text, &table->program_text[i], table->program[i].length))
			return "programs are absolute paths";
	return length ? "all text is of a path or a program" : NULL;
}

void file_table_copy(struct file_table *to, const struct file_table *from)
{
	memcpy(to, from, sizeof(*to));
	for (size_t i = 0; i < to->head.paths; i++)
		to->path_text[i] = to->text + (from->path_text[i] - from->text);
	for (size_t i = 0; i < to->head.programs; i++)
		to->program_text[i] = to->text + (from->program_text[i] - from->text);
}

const struct policy_rules *rules_of_user(const struct file_table *table, uint32_t uid)
{
	size_t at = 0;

	for (size_t left = table->head.users; left > 1;) {
		size_t half = left / 2;

		if (table->user[at + half].from <= uid) {
			at += half;
			left -= half;
		} else
			left = half;
	}
	return &table->user[at].rules;
}

/* Of each policy the lowest of those that hold decides; one that denies is enough. -1: none does. */
int rule_that_denies(const struct file_table *table, const struct policy_rules *rules)
{
	for (size_t policy = 0; policy < table->head.policies; policy++) {
		struct policy_rules own = both(rules, &table->head.policy[policy]);
		size_t word = 0;

		while (word < POLICY_WORDS && !own.word[word])
			word++;
		if (word == POLICY_WORDS)
			continue;
		if (table->head.deny.word[word] & own.word[word] & -own.word[word])
			return (int)(word * 64) + __builtin_ctzll(own.word[word]);
	}
	return -1;
}
