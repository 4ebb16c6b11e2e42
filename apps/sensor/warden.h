/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that refuses what policies deny of files and programs: wardens.c starts it and speaks with it, warden.c answers the kernel,
 * guarded.c knows which files that is about.
 */
#ifndef SEALWATCH_WARDEN_H
#define SEALWATCH_WARDEN_H

#include <sys/fanotify.h>
#include <sys/stat.h>

#include "file_table.h"
#include "sensor.h"

enum { GUARDED_MAX = 4096, GUARDED_SLOTS = 8192, GUARDED_DIRS_MAX = 1024, PROGRAM_FILES = 4 };
#define OWN_CAPABILITIES (1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_SYS_PTRACE)

/* Between the one that starts it and itself. It outlives it. */
struct warden_memory {
	uint32_t table;	  /* number of the one that the rest is about */
	uint32_t looking; /* at the path before this one; 0: at none */
	bool hangs[GUARDED_PATHS_MAX]; /* its file system did not answer: it is left alone */
};

/* What it says to the sensor beside frames, and what is said in its place where it is over. */
enum warden_news_what { WARDEN_FOLLOWS = 1, WARDEN_ENDED, WARDEN_SILENT };
struct warden_news {
	uint32_t what;
	uint32_t number; /* of the table that it follows; 0: none */
	uint32_t unguarded; /* paths of it that are not */
};

/* To who started it: it has something to refuse, or nothing; and an answer to whether it lives. */
enum { PING_GUARDS = 'g', PING_IDLES = 'i', PING_LIVES = 'l' };

/* A file, by object: inode numbers are given out again, with another time of birth where the file system knows it. */
struct seen_file {
	uint64_t ino, born_ns;
	dev_t dev;
	uint32_t mode, nlink, uid;
};

struct guarded {
	struct seen_file file;
	uint32_t row;  /* of the table */
	uint32_t look; /* when it was found last */
	bool used;
	struct policy_rules rules;
};

/*
 * One of two: the next table is put on its files beside the one in force, and takes its place in one step. What is marked for the other
 * is let go.
 */
struct guarded_side {
	int group; /* of fanotify */
	int names; /* of inotify: something came under a name that matters */
	struct file_table table;
	struct guarded files[GUARDED_SLOTS];
	size_t count, dirs; /* the latter as they are looked at */
	bool is_full;
	uint32_t look; /* how often it was looked */
	uint32_t unguarded;
	struct seen_file program[TABLE_PROGRAMS_MAX][PROGRAM_FILES]; /* what had that path, the last ones */
};

/* guarded.c */
bool guarded_open(struct guarded_side *side);
bool file_seen(int dir, const char *name, int flags, struct seen_file *seen);
bool guarded_is_program(const struct guarded_side *side, size_t program, const struct seen_file *file);
void guarded_look(struct guarded_side *side, struct warden_memory *memory);
void guarded_let_go(struct guarded_side *side);
const struct guarded *guarded_find(struct guarded_side *side, const struct seen_file *file, struct warden_memory *memory);

/* opening.c */
enum frame_file_way way_of(pid_t tid);

/* loader.c */
bool is_loader(int fd);

/* warden.c: does not return */
void warden_live(const struct options *options, struct counters *counters, int to_sensor, int to_keeper, struct warden_memory *memory);

#endif
