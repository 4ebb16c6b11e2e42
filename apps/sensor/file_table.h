/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What policies of files and programs say, as the agent orders it (docs/formats/frame.md, 11), and as the process that answers the
 * kernel looks it up. Rules are bits, as in a table of network policies.
 */
#ifndef SEALWATCH_FILE_TABLE_H
#define SEALWATCH_FILE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps.h"

enum { GUARDED_PATHS_MAX = 512, TABLE_PROGRAMS_MAX = 128, TABLE_USERS_MAX = 512, TABLE_TEXT_MAX = 32 << 10 };

/* Of a path: the file itself, the files in that directory, those below it. */
enum file_reach { REACH_ITSELF, REACH_IN, REACH_BELOW, REACH_COUNT };

struct file_table_head { /* then the paths, the programs, the users; and the texts of the first two, without terminators */
	__u32 number;
	__u32 policies;
	__u32 paths, programs, users;
	__u32 text; /* bytes */
	struct policy_rules policy[POLICIES_MAX];
	struct policy_rules deny;
	struct policy_rules way[FRAME_WAYS]; /* that hold when a file is opened for that */
	struct policy_rules other_program, unknown_program;
};

struct file_table_row { /* path, program */
	__u32 length; /* of its text */
	__u32 reach;  /* enum file_reach; of a program zero */
	struct policy_rules rules;
};

struct file_table_user {
	__u32 from; /* up to the next */
	__u32 zero;
	struct policy_rules rules;
};

enum { FILE_TABLE_BYTES_MAX = sizeof(struct file_table_head) + (GUARDED_PATHS_MAX + TABLE_PROGRAMS_MAX) * sizeof(struct file_table_row) +
			      TABLE_USERS_MAX * sizeof(struct file_table_user) + TABLE_TEXT_MAX };

struct file_table {
	struct file_table_head head;
	struct file_table_row path[GUARDED_PATHS_MAX], program[TABLE_PROGRAMS_MAX];
	struct file_table_user user[TABLE_USERS_MAX];
	const char *path_text[GUARDED_PATHS_MAX], *program_text[TABLE_PROGRAMS_MAX];
	char text[TABLE_TEXT_MAX + GUARDED_PATHS_MAX + TABLE_PROGRAMS_MAX];
};

const char *file_table_read(struct file_table *table, const void *bytes, size_t length);
void file_table_copy(struct file_table *to, const struct file_table *from);
const struct policy_rules *rules_of_user(const struct file_table *table, uint32_t uid);
int rule_that_denies(const struct file_table *table, const struct policy_rules *rules);

static inline struct policy_rules both(const struct policy_rules *one, const struct policy_rules *other)
{
	struct policy_rules result;

	for (int i = 0; i < POLICY_WORDS; i++)
		result.word[i] = one->word[i] & other->word[i];
	return result;
}

static inline bool has_any(const struct policy_rules *rules)
{
	uint64_t any = 0;

	for (int i = 0; i < POLICY_WORDS; i++)
		any |= rules->word[i];
	return any;
}

/* policies.c: of each policy its own; what denies is a rule of one. NULL, or what is wrong. */
const char *policy_rules_fault(uint32_t policies, const struct policy_rules policy[POLICIES_MAX], const struct policy_rules *deny,
			       struct policy_rules *all);
bool within(const struct policy_rules *rules, const struct policy_rules *all);

#endif
