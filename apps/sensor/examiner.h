/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that looks at protected processes as nobody else of ours may (docs/formats/frame.md, 13): examiner.c starts it and speaks with
 * it, examine.c says when it looks, audit.c what is wrong with one at first, subject.c and settings.c what has changed, holders.c who has
 * a descriptor of a memory.
 */
#ifndef SEALWATCH_EXAMINER_H
#define SEALWATCH_EXAMINER_H

#include "sensor.h"

enum { TRACERS_MAX = 4, CODE_MAX = 64 };

/* A protected process, and what was seen of it before. */
struct subject {
	uint64_t start_ns; /* to 10 ms */
	pid_t pid;
	bool is_due;   /* to be audited */
	bool is_known; /* it was looked at once: what differs from then on is told */
	bool is_stopped;
	uint8_t ways;  /* bit per enum frame_executable: it has had such code */
	uint16_t codes;
	uint64_t core; /* soft limit, in bytes */
	uint64_t *code; /* files of which it runs code, hashed: CODE_MAX of them */
	pid_t tracer[TRACERS_MAX]; /* as at the last look */
	pid_t holder; /* of a descriptor of its memory, the first that was found; 0: nobody */
};

/* From the sensor: then the processes, by pid. A message of one byte asks whether it lives. */
struct examiner_list {
	uint32_t count;
	uint32_t polls; /* 1: nothing else sees who reaches for them */
	struct frame_protected_process process[PROTECTED_MAX];
};

/* examine.c */
void examiner_live(const struct options *options, int to_sensor);
void examiner_tell(void);
uint64_t spent_ns(void);
struct subject *subject_of(pid_t pid);
struct subject *subjects_of_all(size_t *count);
void put_subject(struct frame_event *event, const struct subject *subject, const struct life *life);
bool number_behind(const char *text, const char *name, unsigned long long *number);

/* subject.c */
enum { LOOK_AT_TRACERS = 1, LOOK_AT_ALL = 3 };
void subject_look(struct subject *subject, int what);
void subject_forget(struct subject *subject);
uint64_t core_limit_of(int folder);
void each_mapping_of_code(int folder, void (*take)(const char *range, const char *path, bool is_writable, uint64_t dev_ino, void *with), void *with);

/* audit.c */
void audits_begin(void);
void subject_audit(struct subject *subject);

/* holders.c */
void holders_look(size_t descriptors, uint64_t budget_ns);
void holders_look_anew(size_t descriptors, uint64_t budget_ns);

/* settings.c */
void settings_look(void);

#endif
