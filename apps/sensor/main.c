/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "sensor.h"

enum { CONNECT_EACH_MS = 100, CHANGED_REPORT_MS = 1000, HEARTBEAT_MS = 5000, LAST_WORDS_MS = 2000, GUARD_MS = 1000 };

static volatile sig_atomic_t stopping;
static sigset_t waiting_mask; /* signals come in only while we wait, so none is overlooked */
static struct outbox out = { .fd = -1 };

static void stop(int signal)
{
	(void)signal;
	stopping = 1;
}

static void wait_for(struct pollfd *fds, nfds_t count, int64_t timeout_ms)
{
	struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000 };

	if (ppoll(fds, count, &timeout, &waiting_mask) <= 0)
		for (nfds_t i = 0; i < count; i++)
			fds[i].revents = 0;
}

static bool is_refused_open(const struct frame_event *event)
{
	return event->kind == FRAME_REFUSED && event->refused.what == FRAME_REFUSED_OPEN;
}

static bool deceived; /* what was taken over is not ours */

/*
 * One wake-up, of ours and of the agent, serves all that has gathered. In a flood we wait for more, for what the agent does for each
 * read is what a flood costs; but not where programs start, of which nothing could be looked up any more, nor where the ring would fill.
 */
enum { GATHER_MS = 5, GATHER_FLOOD_MS = 20, FLOOD_EACH_MS = 6, TORRENT_EACH_MS = 100 };

static struct { uint64_t since_ns, taken; } gathering;

static int64_t gather_ms(void)
{
	uint64_t now_ns = boot_ns(), ms = (now_ns - gathering.since_ns) / 1000000 + 1, taken = gathering.taken;

	gathering.since_ns = now_ns;
	gathering.taken = 0;
	return taken > FLOOD_EACH_MS * ms && taken < TORRENT_EACH_MS * ms ? GATHER_FLOOD_MS : GATHER_MS;
}

static int take(const void *body, size_t length)
{
	const struct frame_event *event = body;
	bool own;

	guard_taken(length);
	if (length < sizeof(*event) || length > FRAME_BYTES_MAX || event->site >= SITE_COUNT) {
		deceived = true; /* no program of ours writes that */
		return -EBADMSG;
	}
	own = canary_did(event) || takeover_did(event);
	if (!own && is_refused_open(event)) {
		static uint8_t whole[FRAME_BYTES_MAX];

		length = refused_put(whole, body, length);
		body = whole;
		own = length == 0; /* of no watched file: nobody is told of it */
	}
	counters_taken(out.counters, event->site, ring_at(), own);
	if (own)
		return 0;
	gathering.taken++;
	if (late_keep(body, length))
		return 0;
	relay_saw(body);
	out.end += put_body(out.bytes + out.end, body, length);
	return outbox_full(&out) ? -ENOBUFS : 0; /* stops after this one; the rest stays in the ring */
}

/* When the next report is due. It is written to an empty outbox only, so `sent` tells what precedes it, exactly. */
static struct {
	uint64_t last_ns;
	struct frame_report last;
} reported;

static bool anything_changed(const struct frame_state *state)
{
	uint32_t unguarded, file_table = wardens_follow(&unguarded);

	if (file_table != reported.last.file_table || unguarded != reported.last.unguarded || state->blind != reported.last.blind || state->harms != reported.last.harms || policies_in_force() != reported.last.table)
		return true;
	for (int site = 0; site < SITE_COUNT; site++) {
		struct frame_counts now = counters_read(state->counters, site);

		if (memcmp(&now, &reported.last.counts[site], sizeof(now)))
			return true;
	}
	return false;
}

static int64_t report_due_ms(const struct frame_state *state)
{
	int64_t since = (int64_t)((boot_ns() - reported.last_ns) / 1000000);
	int64_t due = (anything_changed(state) ? CHANGED_REPORT_MS : HEARTBEAT_MS) - since;

	return due < 0 ? 0 : due;
}

static void report(struct frame_state *state)
{
	state->time_ns = reported.last_ns = boot_ns();
	state->table = policies_in_force();
	state->file_table = wardens_follow(&state->unguarded);
	out.end += put_report(out.bytes + out.end, state);
	memcpy(&reported.last, out.bytes + PREFIX_BYTES, sizeof(reported.last));
}

/* Who started us tends the other parts as well, and ends before us only if somebody ended it: then its number is another's one day. */
static void know_supervisor(void)
{
	static pid_t known = -1;
	pid_t parent = getppid();

	if (parent == known)
		return;
	protect(PROTECTED_SUPERVISOR, known < 0 && parent > 1 ? parent : 0);
	known = parent;
}

static bool connect_agent(const char *path, struct frame_state *state)
{
	uint8_t hello[HELLO_BYTES_MAX];

	state->time_ns = boot_ns();
	if (!outbox_connect(&out, path, hello, put_hello(hello, state)))
		return false;
	protect(PROTECTED_AGENT, outbox_peer(&out));
	late_agent(outbox_peer(&out));
	say("info", "connected to the agent on %s", path);
	state->start = FRAME_AGAIN;
	return true;
}

static int changes = -1;
static bool changes_ended;

static void fetch_changes(void)
{
	if (changes >= 0 && !changes_ended)
		changes_ended = !relay_fetch(changes);
}

/* Of what they do, another source beside BPF would tell, too. */
static bool has_canaries(const struct attached *attached)
{
	return attached->mode[DOMAIN_PROCESS] == MODE_ebpf && attached->mode[DOMAIN_FILE] == MODE_ebpf;
}

/* Moves what there is to the agent. false: it takes no more now, or there is none. */
static bool hand_over(struct frame_state *state)
{
	static uint64_t looked_ns, detached;

	if (boot_ns() - looked_ns >= GUARD_MS * 1000000ull) {
		looked_ns = boot_ns();
		detached = links_detached();
		state->harms = guard_look(state->counters);
		manager_tell("WATCHDOG=1");
		know_supervisor();
		if (changes >= 0 && !changes_ended)
			relay_ask(changes);
	}
	if (out.fd < 0 || !outbox_flush(&out))
		return false; /* a slow agent: the ring fills meanwhile, and what it drops is counted */
	if (report_due_ms(state) == 0)
		report(state);
	fetch_changes();
	if (ring_read(take) == -ENOBUFS || !backlog_drain(&out))
		return outbox_flush(&out), false;
	/* The ring is empty: what a canary did came back, or never will. */
	takeover_emptied();
	state->blind = has_canaries(state->attached) ? canary_turn(state->counters, state->attached->sites, boot_ns()) : 0;
	state->blind |= detached;
	if (relay_is_silent())
		state->blind |= 1ull << SITE_file_change;
	if (wardens_failed_lately())
		state->blind |= 1ull << SITE_file_policy;
	if (!outbox_flush(&out))
		return false;
	late_put(&out, boot_ns());
	if (!outbox_flush(&out))
		return false;
	relay_put(&out);
	return outbox_flush(&out);
}

static int64_t due_ms(const struct frame_state *state)
{
	int64_t report_due = report_due_ms(state);
	int64_t canary_due = has_canaries(state->attached) ? canary_due_ms(boot_ns()) : INT32_MAX;
	int64_t late_due = late_due_ms(boot_ns());
	int64_t due = report_due < canary_due ? report_due : canary_due;

	due = late_due < due ? late_due : due;
	return due < GUARD_MS ? due : GUARD_MS;
}

/* One turn: move what there is, and wait for something to happen. Sources are read whether an agent listens or not. */
static void turn(struct watching *watching, struct frame_state *state)
{
	bool holds = takeover_holds(), done = hand_over(state);
	struct pollfd fds[3 + SOURCES_MAX] = {
		{ .fd = out.fd, .events = (short)(out.written < out.end ? POLLIN | POLLOUT : POLLIN) },
		{ .fd = done ? ring_fd() : -1, .events = POLLIN },
		{ .fd = done && !changes_ended ? changes : -1, .events = POLLIN },
	};
	bool more = !done && out.fd >= 0 && out.end == 0;

	deceived |= !holds;
	if (deceived)
		return;
	for (size_t i = 0; i < watching->sources; i++)
		fds[3 + i] = (struct pollfd){ .fd = watching->source[i].fd, .events = POLLIN };
	wait_for(fds, 3 + watching->sources,
		 more ? 0 : out.fd < 0 ? CONNECT_EACH_MS : done ? due_ms(state) : HEARTBEAT_MS);
	for (size_t i = 0; i < watching->sources; i++)
		if (fds[3 + i].revents)
			watching->source[i].read(watching->counters);
	if (fds[1].revents)
		wait_for(NULL, 0, gather_ms());
	if (fds[0].revents & (POLLIN | POLLHUP | POLLERR) && out.fd >= 0 && !policies_read(out.fd)) {
		say("warn", "the agent went away; events wait until it is back");
		policies_agent_gone();
		outbox_disconnect(&out);
	}
}

/* Detached: nothing more comes. What is in the ring goes out if the agent takes it in time. */
static void last_words(const char *path, struct frame_state *state)
{
	uint64_t deadline = boot_ns() + LAST_WORDS_MS * 1000000ull;
	bool told = false;

	if (out.fd < 0 && !connect_agent(path, state))
		return;
	shutdown(changes, SHUT_WR); /* it tells what was done up to now, and ends */
	while (out.fd >= 0 && boot_ns() < deadline) {
		struct pollfd writable = { .fd = out.fd, .events = POLLOUT };
		struct pollfd changed = { .fd = changes, .events = POLLIN };

		if (!outbox_flush(&out))
			wait_for(&writable, 1, CONNECT_EACH_MS);
		else if (told)
			return;
		else {
			fetch_changes();
			if (ring_read(take) != 0 || !backlog_drain(&out) || out.end != 0)
				continue;
			relay_put(&out);
			if (out.end != 0)
				continue;
			late_put(&out, UINT64_MAX);
			told = out.end == 0 && (changes < 0 || changes_ended);
			if (told)
				report(state);
			else if (out.end == 0)
				wait_for(&changed, 1, CONNECT_EACH_MS);
		}
	}
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = stop };
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &waiting_mask);
	signal(SIGPIPE, SIG_IGN); /* a log that nobody reads must not end us */
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

int main(int argc, char **argv)
{
	static struct options options = {
		.instance = "default", .ring_bytes = RING_BYTES, .repeat_seconds = REPEAT_SECONDS,
		.canary_seconds = 30, .socket_poll_ms = 1000, .uid = 64703, .gid = 64702,
	};
	static struct watching watching = { .changes = -1 };
	struct frame_state state = { .attached = &watching.attached };
	struct utsname machine;
	int failed;

	if (argc == 2 && strcmp(argv[1], CANARY_OPTION) == 0)
		return EXIT_SUCCESS;
	for (int domain = 0; domain < DOMAIN_COUNT; domain++)
		options.mode[domain] = MODE_COUNT;
	read_options(argc, argv, &options);
	manager_open(getenv("NOTIFY_SOCKET"));
	watch_list_leave_hanging(&options);
	catch_signals();
	uname(&machine);
	state.kernel = machine.release;
	takeover_begin();
	canary_prepare(options.canary_seconds, options.instance);
	failed = begin_watching(&options, &watching);
	if (failed)
		return failed;
	state.counters = out.counters = watching.counters;
	state.start = watching.attached.adopted ? FRAME_ADOPTED : FRAME_FRESH;
	changes = watching.changes;
	if (watching.attached.adopted)
		takeover_verify(&options);
	if (!drop_privileges(options.uid, options.gid, watching.kept)) {
		say("error", "cannot drop privileges: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	say("info", "%d of %d sites attached%s on %s", __builtin_popcountll(watching.attached.sites), SITE_COUNT,
	    watching.attached.adopted ? ", as the sensor before left them," : "", machine.release);
	manager_tell("READY=1");
	know_supervisor();
	while (!stopping && !changes_ended && !wardens_are_over() && !deceived) {
		if (out.fd < 0)
			connect_agent(options.socket, &state);
		turn(&watching, &state);
	}
	if (!stopping && !deceived) { /* the programs go on, for the next */
		say("error", "the process that %s has ended: the sensor ends, to be started again",
		    changes_ended ? "tells of changes" : "looks after the one that refuses");
		outbox_flush(&out);
		return EXIT_FAILURE;
	}
	if (deceived) {
		say("critical", "the programs that it took over are not what its own object says: they are detached, and it ends, to be "
				"started again");
		state.harms |= FRAME_HARM_PROGRAMS;
	}
	takeover_end();
	detach();
	for (size_t i = 0; i < watching.sources; i++)
		watching.source[i].read(watching.counters);
	last_words(options.socket, &state);
	return stopping ? EXIT_SUCCESS : EXIT_FAILURE;
}
