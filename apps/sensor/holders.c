/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has a descriptor of the memory of a protected process, whoever opened it: the descriptors of all processes, so many at a look, and the
 * next ones at the next.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "examiner.h"

enum { TOLD_MAX = 256, LINK_BYTES = 64, CLOCK_EACH = 64, OF_OTHERS_EACH = 16 };

/* Where the next look goes on. */
static struct { pid_t pid; long at; } cursor;
static uint32_t rounds; /* through all of them */
static size_t of_others; /* descriptors that were followed into another pid namespace, of this look */

/* What was told and is there still. */
static struct told { pid_t holder, pid; uint64_t holder_start_ns, start_ns; uint32_t round; } told[TOLD_MAX];

static bool was_told(const struct life *holder, const struct subject *subject)
{
	struct told *oldest = &told[0];

	for (size_t i = 0; i < TOLD_MAX; i++) {
		if (told[i].holder == holder->pid && told[i].holder_start_ns == holder->start_ns && told[i].pid == subject->pid &&
		    told[i].start_ns == subject->start_ns && rounds - told[i].round <= 1) {
			told[i].round = rounds;
			return true;
		}
		if (!told[i].holder || rounds - told[i].round > rounds - oldest->round)
			oldest = &told[i];
	}
	*oldest = (struct told){ holder->pid, subject->pid, holder->start_ns, subject->start_ns, rounds };
	return false;
}

static __u32 flags_of(int folder, const char *fd)
{
	char name[32], text[512];
	const char *found;

	snprintf(name, sizeof(name), "fdinfo/%.15s", fd);
	found = read_file(folder, name, text, sizeof(text)) > 0 ? strstr(text, "flags:") : NULL;
	return found ? (__u32)strtoul(found + strlen("flags:"), NULL, 8) : 0;
}

static void tell_holder(pid_t pid, const char *fd, struct subject *subject)
{
	static struct image image;
	struct frame_event *event;
	struct life holder, life;
	int folder = life_open(pid, &holder), of = life_open(subject->pid, &life);
	bool is_same = of >= 0 && life.start_ns / START_UNIT_NS == subject->start_ns / START_UNIT_NS;

	if (folder >= 0 && is_same && !was_told(&holder, subject)) {
		event = draft_begin(FRAME_MEM_OPEN, SITE_examiner, boot_ns());
		put_subject(event, subject, &life);
		event->target.request = flags_of(folder, fd);
		image.length = 0;
		draft_actor(event, folder, &holder, &image);
		draft_text(TEXT_EXE, image.path, image.length);
		examiner_tell();
	}
	if (is_same)
		subject->holder = pid;
	if (folder >= 0)
		close(folder);
	if (of >= 0)
		close(of);
}

/* Of a thread that is not the first the process. */
static struct subject *subject_of_thread(pid_t tid)
{
	struct subject *subject = subject_of(tid);
	char path[40], text[2048];
	unsigned long long pid;

	if (subject)
		return subject;
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	if (read_file(AT_FDCWD, path, text, sizeof(text)) <= 0 || !number_behind(text, "\nTgid:\t", &pid))
		return NULL;
	return subject_of((pid_t)pid);
}

/* The link to the pid namespace of a process. */
static bool namespace_of(pid_t pid, char link[LINK_BYTES])
{
	char path[48];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	length = readlink(path, link, LINK_BYTES - 1);
	link[length > 0 ? length : 0] = 0;
	return length > 0;
}

/* That has this number there. */
static struct subject *subject_in_namespace(pid_t number, const char *namespace)
{
	char theirs[LINK_BYTES], path[40], text[2048];
	size_t count;
	struct subject *subjects = subjects_of_all(&count);

	if (of_others++ >= OF_OTHERS_EACH)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const char *numbers, *last;

		if (!namespace_of(subjects[i].pid, theirs) || strcmp(theirs, namespace))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/status", subjects[i].pid);
		numbers = read_file(AT_FDCWD, path, text, sizeof(text)) > 0 ? strstr(text, "\nNSpid:") : NULL;
		last = numbers ? strchr(numbers + 1, '\n') : NULL;
		while (last && isdigit((unsigned char)last[-1]))
			last--;
		if (last && atoi(last) == number)
			return &subjects[i];
	}
	return NULL;
}

/*
 * "/proc/N/mem" or "/proc/N/task/M/mem", wherever that file system is mounted. One of another pid namespace has other numbers: there
 * whoever holds it is asked what N is, for he is in it.
 */
static struct subject *subject_behind(const char *link, pid_t holder)
{
	char own[LINK_BYTES], theirs[LINK_BYTES];
	const char *at = link + strlen(link) - strlen("/mem");
	pid_t number;

	while (at > link && isdigit((unsigned char)at[-1]))
		at--;
	number = atoi(at);
	if (number <= 0 || at == link || at[-1] != '/' || !namespace_of(getpid(), own) || !namespace_of(holder, theirs))
		return NULL;
	return strcmp(own, theirs) == 0 ? subject_of_thread(number) : subject_in_namespace(number, theirs);
}

static bool is_memory(const char *link, ssize_t length)
{
	return length > 4 && memcmp(link + length - 4, "/mem", 4) == 0;
}

/* One descriptor after the other, from the cursor on. false: there is no time for more. */
static bool look_at(pid_t pid, size_t *left, uint64_t until_ns)
{
	char path[40], link[LINK_BYTES];
	DIR *descriptors;
	bool is_over;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	descriptors = opendir(path);
	if (descriptors && cursor.pid == pid)
		seekdir(descriptors, cursor.at);
	cursor.pid = pid;
	for (;;) {
		struct dirent *entry = descriptors ? readdir(descriptors) : NULL;
		ssize_t length = entry ? readlinkat(dirfd(descriptors), entry->d_name, link, sizeof(link) - 1) : 0;
		struct subject *subject;

		link[length > 0 ? length : 0] = 0;
		subject = is_memory(link, length) ? subject_behind(link, pid) : NULL;
		if (subject && subject->pid != pid)
			tell_holder(pid, entry->d_name, subject);
		is_over = !--*left || (*left % CLOCK_EACH == 0 && spent_ns() > until_ns);
		if (!entry || is_over)
			break;
	}
	cursor.at = descriptors ? telldir(descriptors) : 0;
	if (descriptors)
		closedir(descriptors);
	return !is_over;
}

/* Those of all processes, so many, from where the look before ended. */
void holders_look(size_t descriptors, uint64_t budget_ns)
{
	uint64_t until_ns = spent_ns() + budget_ns;
	size_t count;
	const pid_t *pids = pids_of_all(&count);

	of_others = 0;
	for (size_t i = 0; i < count; i++)
		if (pids[i] >= cursor.pid && pids[i] != getpid() && !look_at(pids[i], &descriptors, until_ns))
			return;
	cursor.pid = 0;
	rounds++;
}

/* From the first on. */
void holders_look_anew(size_t descriptors, uint64_t budget_ns)
{
	cursor.pid = 0;
	holders_look(descriptors, budget_ns);
}
