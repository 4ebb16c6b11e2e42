/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The examiner: whoever becomes protected is audited once; from then on it is looked at again and again, each few seconds and at most so
 * much of it at once that it costs little. It opens what /proc shows, and no memory.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "examiner.h"

enum { AUDITS_EACH = 64, BESIDE_BPF_MS = 5000 };
/* Of one look: without BPF, and as a second pair of eyes beside it. */
enum { DESCRIPTORS_POLLED = 1 << 15, DESCRIPTORS_BESIDE = 256, DESCRIPTORS_AT_FIRST = 1 << 16 };
enum { POLLED_NS = 100000000, BESIDE_NS = 500000, AT_FIRST_NS = 500000000 };

static struct {
	int to_sensor;
	bool polls, is_over, has_sought;
	struct subject *subject; /* by pid */
	size_t count, next; /* the one to look at next */
	uint64_t each_ns, due_ns;
} examiner;

static int by_pid(const void *one, const void *other)
{
	return ((const struct subject *)one)->pid - ((const struct subject *)other)->pid;
}

/* NULL: nobody protects it. */
struct subject *subject_of(pid_t pid)
{
	struct subject wanted = { .pid = pid };

	return examiner.count ? bsearch(&wanted, examiner.subject, examiner.count, sizeof(wanted), by_pid) : NULL;
}

struct subject *subjects_of_all(size_t *count)
{
	*count = examiner.count;
	return examiner.subject;
}

/* The event that was put together. The sensor takes it, or has ended. */
void examiner_tell(void)
{
	size_t length;
	const void *body = draft_body(&length);

	while (send(examiner.to_sensor, body, length, MSG_NOSIGNAL) < 0)
		if (errno != EINTR) {
			examiner.is_over = true;
			return;
		}
}

/* `life` NULL: nobody could look at it any more. */
void put_subject(struct frame_event *event, const struct subject *subject, const struct life *life)
{
	event->target.ref.pid = (__u32)subject->pid;
	event->target.ref.start_ns = subject->start_ns;
	if (!life)
		return;
	event->target.ppid = (__u32)life->ppid;
	memcpy(event->target.ref.comm, life->comm, sizeof(life->comm));
}

/* The number behind a name of /proc, which ends in its separator; false: it is not there. */
bool number_behind(const char *text, const char *name, unsigned long long *number)
{
	const char *found = strstr(text, name);
	char *end;

	if (!found)
		return false;
	found += strlen(name);
	*number = strtoull(found, &end, 10);
	return end != found;
}

/* What is known of who stays is kept. */
static void follow(const struct examiner_list *list)
{
	struct subject *next = calloc(list->count ? list->count : 1, sizeof(*next));

	if (!next)
		return;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct frame_protected_process *process = &list->process[i];
		struct subject *known = subject_of((pid_t)process->pid);
		bool is_same = known && known->start_ns / START_UNIT_NS == process->start_ns / START_UNIT_NS;

		next[i] = is_same ? *known : (struct subject){ .start_ns = process->start_ns, .pid = (pid_t)process->pid };
		next[i].is_due |= process->flags & FRAME_PROTECTED_EXAMINE;
		if (is_same)
			known->code = NULL; /* it is the next one's */
	}
	for (size_t i = 0; i < examiner.count; i++)
		subject_forget(&examiner.subject[i]);
	free(examiner.subject);
	examiner.subject = next;
	examiner.count = list->count;
	examiner.polls = list->polls;
	examiner.has_sought = false;
	audits_begin();
}

/* What the sensor says. false: it has ended. */
static bool hear(void)
{
	static struct examiner_list list;
	ssize_t length;

	while ((length = recv(examiner.to_sensor, &list, sizeof(list), MSG_DONTWAIT)) > 0)
		if (length == 1)
			send(examiner.to_sensor, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		else if (length == (ssize_t)(offsetof(struct examiner_list, process) + list.count * sizeof(list.process[0])))
			follow(&list);
	return length < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Some of those that are due; who has their memory is sought once for all of a list. Returns whether there are more. */
static bool audit(void)
{
	size_t done = 0;

	for (size_t i = 0; i < examiner.count; i++) {
		struct subject *subject = &examiner.subject[i];

		if (!subject->is_due)
			continue;
		if (done == AUDITS_EACH)
			return true;
		if (!examiner.has_sought)
			holders_look_anew(DESCRIPTORS_AT_FIRST, AT_FIRST_NS);
		examiner.has_sought = true;
		subject->is_due = false;
		subject_audit(subject);
		done++;
	}
	return false;
}

/* Time of a processor that was spent here, as budgets are: on a busy machine as much is looked at. */
uint64_t spent_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* What there is no time for comes next. */
static void look(void)
{
	uint64_t budget_ns = examiner.polls ? POLLED_NS : BESIDE_NS, began_ns = spent_ns();

	for (size_t i = 0; i < examiner.count && spent_ns() - began_ns < budget_ns; i++) {
		examiner.next = examiner.next < examiner.count ? examiner.next : 0;
		subject_look(&examiner.subject[examiner.next++], examiner.polls ? LOOK_AT_ALL : LOOK_AT_TRACERS);
	}
	if (examiner.count)
		holders_look(examiner.polls ? DESCRIPTORS_POLLED : DESCRIPTORS_BESIDE, budget_ns);
	if (examiner.polls)
		settings_look();
}

/* Until the sensor ends. */
void examiner_live(const struct options *options, int to_sensor)
{
	bool more = false;

	examiner.to_sensor = to_sensor;
	examiner.each_ns = options->guard_poll_ms * 1000000ull;
	while (!examiner.is_over) {
		uint64_t now_ns = boot_ns();
		bool idles = !examiner.count && !examiner.polls;
		int wait = more ? 0 : idles ? -1 : examiner.due_ns > now_ns ? (int)((examiner.due_ns - now_ns) / 1000000 + 1) : 0;

		poll(&(struct pollfd){ .fd = to_sensor, .events = POLLIN }, 1, wait);
		if (!hear())
			return;
		more = audit();
		now_ns = boot_ns();
		if (now_ns < examiner.due_ns)
			continue;
		examiner.due_ns = now_ns + (examiner.polls ? examiner.each_ns : BESIDE_BPF_MS * 1000000ull);
		look();
	}
}
