/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A protected process as /proc shows it now, against what it was at the look before: who traces it, what code it runs, whether it stands
 * still, whether its core would be written. Who did that /proc says of a tracer alone.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <unistd.h>

#include "examiner.h"

enum { THREADS_EACH = 512, MAPS_BYTES = 16 << 10, MAPS_BYTES_MAX = 1 << 20, STATUS_BYTES = 4096 };

static struct image image;

/* --- threads --- */

static bool has(const pid_t *tracers, pid_t tracer)
{
	for (int i = 0; i < TRACERS_MAX; i++)
		if (tracers[i] == tracer)
			return true;
	return false;
}

static void tell_tracer(const struct subject *subject, const struct life *life, pid_t tracer)
{
	struct frame_event *event = draft_begin(FRAME_PTRACE, SITE_examiner, boot_ns());
	struct life by;
	int folder = life_open(tracer, &by);

	put_subject(event, subject, life);
	event->target.request = PTRACE_ATTACH;
	image.length = 0;
	if (folder < 0)
		draft_remembered(event, tracer);
	else
		draft_actor(event, folder, &by, &image);
	if (image.length)
		draft_text(TEXT_EXE, image.path, image.length);
	if (folder >= 0)
		close(folder);
	examiner_tell();
}

/* Nobody can tell who stopped it. */
static void tell_stop(const struct subject *subject, const struct life *life)
{
	struct frame_event *event = draft_begin(FRAME_SIGNAL, SITE_examiner, boot_ns());

	put_subject(event, subject, life);
	event->target.request = SIGSTOP;
	examiner_tell();
}

static void look_at_thread(int tasks, const char *tid, struct subject *subject, pid_t tracers[TRACERS_MAX], bool *is_stopped)
{
	char name[32], text[STATUS_BYTES];
	unsigned long long tracer;
	const char *state;

	snprintf(name, sizeof(name), "%.15s/status", tid);
	if (read_file(tasks, name, text, sizeof(text)) <= 0)
		return;
	if (number_behind(text, "\nTracerPid:\t", &tracer) && tracer && !has(tracers, (pid_t)tracer))
		for (int i = 0; i < TRACERS_MAX; i++)
			if (!tracers[i]) {
				tracers[i] = (pid_t)tracer;
				break;
			}
	state = strstr(text, "\nState:\t");
	if (state && atoi(tid) == subject->pid)
		*is_stopped = state[strlen("\nState:\t")] == 'T';
}

static void look_at_threads(int folder, const struct life *life, struct subject *subject)
{
	int fd = openat(folder, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *tasks = fd < 0 ? NULL : fdopendir(fd);
	pid_t tracers[TRACERS_MAX] = {};
	bool is_stopped = false;
	size_t threads = 0;

	if (!tasks)
		return;
	for (struct dirent *entry; threads < THREADS_EACH && (entry = readdir(tasks));)
		if (entry->d_name[0] != '.' && ++threads)
			look_at_thread(fd, entry->d_name, subject, tracers, &is_stopped);
	closedir(tasks);
	for (int i = 0; i < TRACERS_MAX && tracers[i]; i++)
		if (!has(subject->tracer, tracers[i]))
			tell_tracer(subject, life, tracers[i]);
	memcpy(subject->tracer, tracers, sizeof(tracers));
	if (is_stopped && !subject->is_stopped && subject->is_known)
		tell_stop(subject, life);
	subject->is_stopped = is_stopped;
}

/* --- limits --- */

/* In bytes; 2^64 - 1: any. */
uint64_t core_limit_of(int folder)
{
	static const char name[] = "\nMax core file size";
	char text[2048];
	unsigned long long limit = 0;
	const char *found;

	if (read_file(folder, "limits", text, sizeof(text)) <= 0)
		return 0;
	found = strstr(text, name);
	if (found && sscanf(found + strlen(name), " %llu", &limit) != 1)
		return UINT64_MAX;
	return limit;
}

static void look_at_limits(int folder, const struct life *life, struct subject *subject)
{
	uint64_t core = core_limit_of(folder);
	struct frame_event *event;

	if (core && !subject->core && subject->is_known) {
		event = draft_begin(FRAME_LIMIT, SITE_examiner, boot_ns());
		put_subject(event, subject, life);
		event->target.request = RLIMIT_CORE;
		examiner_tell();
	}
	subject->core = core;
}

/* --- code --- */

static void take_mapping(char *line, void (*take)(const char *, const char *, bool, uint64_t, void *), void *with)
{
	char range[40], rights[8];
	unsigned major, minor;
	unsigned long long ino;
	int path = 0;

	if (sscanf(line, "%39s %7s %*s %x:%x %llu %n", range, rights, &major, &minor, &ino, &path) < 5 || !path || !strchr(rights, 'x'))
		return;
	take(range, line + path, strchr(rights, 'w') != NULL, ino ? (ino ^ ((uint64_t)major << 52 | (uint64_t)minor << 40)) | 1ull << 63 : 0, with);
}

/* Up to the first MiB of its list. What the kernel maps by itself is left out. `file`: 0 where there is none, else its number. */
void each_mapping_of_code(int folder, void (*take)(const char *range, const char *path, bool is_writable, uint64_t file, void *with), void *with)
{
	static char text[MAPS_BYTES + 1];
	int fd = openat(folder, "maps", O_RDONLY | O_CLOEXEC);
	size_t held = 0, total = 0;
	ssize_t n;

	while (fd >= 0 && total < MAPS_BYTES_MAX && (n = read(fd, text + held, MAPS_BYTES - held)) > 0) {
		char *at = text, *end;

		total += (size_t)n;
		held += (size_t)n;
		text[held] = 0;
		for (; (end = strchr(at, '\n')); at = end + 1) {
			*end = 0;
			if (!strstr(at, "[vdso]") && !strstr(at, "[vsyscall]"))
				take_mapping(at, take, with);
		}
		held -= (size_t)(at - text);
		memmove(text, at, held);
		if (held == MAPS_BYTES)
			break; /* no line of the kernel's is as long */
	}
	if (fd >= 0)
		close(fd);
}

struct code_look {
	struct subject *subject;
	const struct life *life;
	int folder;
};

static void tell_code(const struct code_look *look, enum frame_executable way, const char *range, const char *path, bool is_writable)
{
	struct frame_event *event = draft_begin(FRAME_EXECUTABLE, SITE_examiner, boot_ns());
	unsigned long long from = 0, to = 0;

	sscanf(range, "%llx-%llx", &from, &to);
	image.length = 0;
	draft_actor(event, look->folder, look->life, &image);
	draft_text(TEXT_EXE, image.path, image.length);
	draft_text(TEXT_PATH, path, strlen(path));
	event->memory.address = from;
	event->memory.length = to - from;
	event->memory.protection = PROT_READ | PROT_EXEC | (is_writable ? PROT_WRITE : 0);
	event->memory.way = way;
	examiner_tell();
}

/* Whether it was not there before; one for which there is no room is not looked at again. */
static bool is_new_file(struct subject *subject, uint64_t file)
{
	for (size_t i = 0; i < subject->codes; i++)
		if (subject->code[i] == file)
			return false;
	if (!subject->code)
		subject->code = calloc(CODE_MAX, sizeof(*subject->code));
	if (!subject->code || subject->codes == CODE_MAX)
		return false;
	subject->code[subject->codes++] = file;
	return true;
}

static bool is_nameless(const char *path)
{
	static const char deleted[] = " (deleted)";
	size_t length = strlen(path), mark = sizeof(deleted) - 1;

	return length > mark && strcmp(path + length - mark, deleted) == 0;
}

/* A file that lost its name while its code runs was there before: a package that is replaced is no news. */
static void take_code(const char *range, const char *path, bool is_writable, uint64_t file, void *with)
{
	const struct code_look *look = with;
	struct subject *subject = look->subject;
	enum frame_executable way = is_writable ? FRAME_WRITABLE_TOO : FRAME_ANONYMOUS;
	bool is_new = file && is_new_file(subject, file);

	if (file && !is_writable) {
		if (is_new && is_nameless(path) && subject->is_known)
			tell_code(look, FRAME_NAMELESS_FILE, range, path, false);
		return;
	}
	if (!(subject->ways & 1 << way) && subject->is_known)
		tell_code(look, way, range, path, is_writable);
	subject->ways |= (uint8_t)(1 << way);
}

/* --- all of it --- */

/* One that is gone, or whose number is another's by now, is not looked at. */
void subject_look(struct subject *subject, int what)
{
	struct code_look look = { .subject = subject };
	struct life life;

	look.life = &life;
	look.folder = life_open(subject->pid, &life);
	if (look.folder < 0)
		return;
	if (life.start_ns / START_UNIT_NS == subject->start_ns / START_UNIT_NS) {
		look_at_threads(look.folder, &life, subject);
		if (what == LOOK_AT_ALL) {
			look_at_limits(look.folder, &life, subject);
			each_mapping_of_code(look.folder, take_code, &look);
		}
		subject->is_known = true;
	}
	close(look.folder);
}

void subject_forget(struct subject *subject)
{
	free(subject->code);
	subject->code = NULL;
}
