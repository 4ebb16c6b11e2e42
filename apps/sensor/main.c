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

enum { CONNECT_EACH_MS = 100, HEARTBEAT_MS = 5000, LAST_WORDS_MS = 2000, LOOK_EACH_MS = 1000 };

static volatile sig_atomic_t stopping;
static sigset_t waiting_mask; /* signals come in only while we wait, so none is overlooked */
static struct listener agent = { .name = "agent", .own = OWN_AGENT, .table = policies_in_force, .out = { .fd = -1 } };

static void stop(int signal)
{
	(void)signal;
	stopping = 1;
}

static void wait_ns(struct pollfd *fds, nfds_t count, uint64_t timeout_ns)
{
	struct timespec timeout = { (time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000) };

	if (ppoll(fds, count, &timeout, &waiting_mask) <= 0)
		for (nfds_t i = 0; i < count; i++)
			fds[i].revents = 0;
}

static void wait_for(struct pollfd *fds, nfds_t count, int64_t timeout_ms)
{
	wait_ns(fds, count, (uint64_t)timeout_ms * 1000000);
}

static bool is_refused_open(const struct frame_event *event)
{
	return event->kind == FRAME_REFUSED && event->refused.what == FRAME_REFUSED_OPEN;
}

static bool deceived; /* what was taken over is not ours */

/*
 * One wake-up, of ours and of the agent, serves all that has gathered. In a flood we wait for more, for what the agent does for each
 * read is what a flood costs; but not where programs start, of which nothing could be looked up any more, nor where the ring fills.
 */
enum { GATHER_MS = 5, GATHER_FLOOD_MS = 50, FLOOD_EACH_MS = 6, LOOK_AT_RING_MS = 10 };

static struct { uint64_t since_ns, taken; } gathering;

static int64_t gather_ms(void)
{
	uint64_t now_ns = boot_ns(), ms = (now_ns - gathering.since_ns) / 1000000 + 1, taken = gathering.taken;

	gathering.since_ns = now_ns;
	gathering.taken = 0;
	return taken > FLOOD_EACH_MS * ms ? GATHER_FLOOD_MS : GATHER_MS;
}

/* What is urgent does not wait. */
static void gather(void)
{
	const uint64_t step_ns = LOOK_AT_RING_MS * 1000000ull;
	uint64_t until_ns = boot_ns() + (uint64_t)gather_ms() * 1000000;

	for (;;) {
		struct pollfd fds[GUARD_FDS];
		uint64_t now_ns;

		guard_turn();
		now_ns = boot_ns();
		if (now_ns >= until_ns || stopping || ring_fills(PIPE_AGENT))
			return;
		guard_poll(fds);
		wait_ns(fds, GUARD_FDS, until_ns - now_ns < step_ns ? until_ns - now_ns : step_ns);
		guard_hear(fds);
	}
}

enum { URGENT_EACH = 32 }; /* frames, in a flood of which none waits longer */

static int take(const void *body, size_t length)
{
	const struct frame_event *event = body;
	bool own;

	own_maps_taken(PIPE_AGENT, length);
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
	counters_taken(agent.out.counters, event->site, ring_at(PIPE_AGENT), own);
	if (own)
		return 0;
	if (++gathering.taken % URGENT_EACH == 0)
		guard_turn();
	if (late_keep(body, length))
		return 0;
	relay_saw(body);
	agent.out.end += put_body(agent.out.bytes + agent.out.end, body, length);
	return outbox_full(&agent.out) ? -ENOBUFS : 0; /* stops after this one; the rest stays in the ring */
}

/* Who started us tends the other parts as well, and ends before us only if somebody ended it: then its number is another's one day. */
static void know_supervisor(void)
{
	static pid_t known = -1;
	pid_t parent = getppid();

	if (parent == known)
		return;
	own_process(OWN_SUPERVISOR, known < 0 && parent > 1 ? parent : 0);
	known = parent;
}

static bool connect_agent(const struct frame_state *state)
{
	if (!listener_connect(&agent, state))
		return false;
	late_agent(outbox_peer(&agent.out));
	return true;
}

static int changes = -1;
static bool changes_ended;
static bool examiner_answers = true;

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

static uint64_t detached; /* sites of which a program cannot be attached again by this sensor: its next life does */
static unsigned harm_seconds;

static void look_for_harm(struct frame_state *state)
{
	uint8_t seen = own_maps_look(state->counters);

	if (links_look(&detached))
		seen |= FRAME_HARM_DETACHED;
	if (covered_look())
		seen |= FRAME_HARM_COVERED;
	state->harms = harms_told(seen, agent.reported.harms, harm_seconds);
}

/* Moves what there is to the agent. false: it takes no more now, or there is none. */
static bool hand_over(struct frame_state *state)
{
	static uint64_t looked_ns;

	if (boot_ns() - looked_ns >= LOOK_EACH_MS * 1000000ull) {
		looked_ns = boot_ns();
		look_for_harm(state);
		manager_tell("WATCHDOG=1");
		know_supervisor();
		if (changes >= 0 && !changes_ended)
			relay_ask(changes);
		examiner_answers = examiner_turn();
	}
	state->file_table = wardens_follow(&state->unguarded);
	if (agent.out.fd < 0 || !outbox_flush(&agent.out))
		return false; /* a slow agent: the ring fills meanwhile, and what it drops is counted */
	if (listener_report_due_ms(&agent, state) == 0)
		listener_report(&agent, state);
	fetch_changes();
	if (ring_read(PIPE_AGENT, take) == -ENOBUFS || !backlog_drain(PIPE_AGENT, &agent.out))
		return outbox_flush(&agent.out), false;
	/* The ring is empty: what a canary did came back, or never will. */
	takeover_emptied();
	state->blind = has_canaries(state->attached) ? canary_turn(state->counters, state->attached->sites, boot_ns()) : 0;
	state->blind |= detached;
	if (relay_is_silent())
		state->blind |= 1ull << SITE_file_change;
	if (!examiner_answers)
		state->blind |= 1ull << SITE_examiner;
	if (wardens_failed_lately())
		state->blind |= 1ull << SITE_file_policy;
	if (!outbox_flush(&agent.out))
		return false;
	late_put(&agent.out, boot_ns());
	if (!outbox_flush(&agent.out))
		return false;
	relay_put(&agent.out);
	return outbox_flush(&agent.out);
}

static int64_t due_ms(const struct frame_state *state)
{
	int64_t report_due = listener_report_due_ms(&agent, state);
	int64_t canary_due = has_canaries(state->attached) ? canary_due_ms(boot_ns()) : INT32_MAX;
	int64_t late_due = late_due_ms(boot_ns());
	int64_t due = report_due < canary_due ? report_due : canary_due;

	due = late_due < due ? late_due : due;
	return due < LOOK_EACH_MS ? due : LOOK_EACH_MS;
}

static int64_t shorter(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/* One turn: move what there is, and wait for something to happen. Sources are read whether an agent listens or not. */
static void turn(struct watching *watching, struct frame_state *state)
{
	bool urgent_done = guard_turn(), holds = takeover_holds(), done = hand_over(state);
	struct pollfd fds[3 + GUARD_FDS + SOURCES_MAX] = {
		{ .fd = agent.out.fd, .events = (short)(agent.out.written < agent.out.end ? POLLIN | POLLOUT : POLLIN) },
		{ .fd = done ? ring_fd(PIPE_AGENT) : -1, .events = POLLIN },
		{ .fd = done && !changes_ended ? changes : -1, .events = POLLIN },
	};
	struct pollfd *of_guard = &fds[3], *of_sources = &fds[3 + GUARD_FDS];
	bool more = !done && agent.out.fd >= 0 && agent.out.end == 0;
	int64_t due = agent.out.fd < 0 ? CONNECT_EACH_MS : done ? due_ms(state) : HEARTBEAT_MS;

	deceived |= !holds || guard_deceived();
	if (deceived)
		return;
	guard_poll(of_guard);
	for (size_t i = 0; i < watching->sources; i++)
		of_sources[i] = (struct pollfd){ .fd = watching->source[i].fd, .events = POLLIN };
	wait_for(fds, 3 + GUARD_FDS + watching->sources, more ? 0 : shorter(due, urgent_done ? guard_due_ms() : HEARTBEAT_MS));
	guard_hear(of_guard);
	for (size_t i = 0; i < watching->sources; i++)
		if (of_sources[i].revents)
			watching->source[i].read(watching->counters);
	if (fds[1].revents)
		gather();
	if (fds[0].revents & (POLLIN | POLLHUP | POLLERR) && agent.out.fd >= 0 && !orders_read(&policies_inbox, agent.out.fd)) {
		say("warn", "the agent went away; events wait until it is back");
		orders_end(&policies_inbox);
		outbox_disconnect(&agent.out);
	}
}

/* Moves what is left to the agent. Returns whether it has been told all, or is away. */
static bool agent_is_told(struct frame_state *state)
{
	static bool told;

	if (agent.out.fd < 0 || !outbox_flush(&agent.out))
		return agent.out.fd < 0;
	if (told)
		return true;
	fetch_changes();
	if (ring_read(PIPE_AGENT, take) != 0 || !backlog_drain(PIPE_AGENT, &agent.out) || agent.out.end != 0)
		return false;
	relay_put(&agent.out);
	if (agent.out.end != 0)
		return false;
	late_put(&agent.out, UINT64_MAX);
	told = agent.out.end == 0 && (changes < 0 || changes_ended);
	if (told)
		listener_report(&agent, state);
	return false;
}

/* Detached: nothing more comes. What is in the rings goes out if agent and guard take it in time. */
static void last_words(struct frame_state *state)
{
	uint64_t deadline = boot_ns() + LAST_WORDS_MS * 1000000ull;

	if (agent.out.fd < 0)
		connect_agent(state);
	shutdown(changes, SHUT_WR); /* it tells what was done up to now, and ends */
	while (boot_ns() < deadline) {
		bool all = agent_is_told(state);
		struct pollfd fds[2 + GUARD_FDS] = {
			{ .fd = agent.out.fd, .events = agent.out.end ? POLLOUT : 0 },
			{ .fd = changes_ended ? -1 : changes, .events = POLLIN },
		};

		if (guard_is_told() && all)
			return;
		guard_poll(&fds[2]);
		wait_for(fds, 2 + GUARD_FDS, agent.out.end ? CONNECT_EACH_MS : 1);
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
	signal(SIGHUP, SIG_IGN);  /* nor a terminal that is gone, nor whoever says so */
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

int main(int argc, char **argv)
{
	static struct options options = {
		.instance = "default", .ring_bytes = RING_BYTES, .repeat_seconds = REPEAT_SECONDS,
		.canary_seconds = 30, .socket_poll_ms = 1000, .guard_poll_ms = 2000, .harm_seconds = 60, .uid = 64703, .gid = 64702,
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
	state.counters = agent.out.counters = watching.counters;
	agent.path = options.socket;
	agent.start = watching.attached.adopted ? FRAME_ADOPTED : FRAME_FRESH;
	changes = watching.changes;
	if (watching.attached.adopted)
		takeover_verify(&options);
	harm_seconds = options.harm_seconds;
	covered_watch(&options);
	if (!guard_open(&options, watching.counters, agent.start, &state) ||
	    !drop_privileges(options.uid, options.gid, watching.kept)) {
		say("error", "cannot drop privileges: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	say("info", "%d of %d sites attached%s on %s", __builtin_popcountll(watching.attached.sites), SITE_COUNT,
	    watching.attached.adopted ? ", as the sensor before left them," : "", machine.release);
	manager_tell("READY=1");
	know_supervisor();
	let_go_of_files();
	while (!stopping && !changes_ended && !wardens_are_over() && !examiner_is_over() && !deceived && !detached) {
		if (agent.out.fd < 0)
			connect_agent(&state);
		turn(&watching, &state);
	}
	if (!stopping && !deceived && !detached) { /* the programs go on, for the next */
		say("error", "the process that %s has ended: the sensor ends, to be started again",
		    changes_ended ? "tells of changes" : examiner_is_over() ? "looks at protected processes" : "looks after the one that refuses");
		outbox_flush(&agent.out);
		return EXIT_FAILURE;
	}
	if (deceived) {
		say("critical", "the programs that it took over are not what its own object says: they are detached, and it ends, to be "
				"started again");
		state.harms |= FRAME_HARM_PROGRAMS;
	} else if (detached) {
		say("critical", "programs that were detached cannot be attached again here: it ends, to be started again");
		state.blind |= detached;
		state.harms |= FRAME_HARM_DETACHED;
	}
	takeover_end();
	detach();
	for (size_t i = 0; i < watching.sources; i++)
		watching.source[i].read(watching.counters);
	last_words(&state);
	return stopping ? EXIT_SUCCESS : EXIT_FAILURE;
}
