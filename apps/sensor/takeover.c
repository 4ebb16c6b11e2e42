/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that a sensor takes over see it from its first instruction on. What it does until it watches, and what the child does
 * that compares them with the sensor's own object, is told to nobody, like what canaries do. That comparison means loading them
 * once more, which takes most of a second: it is made beside the work, and what it finds ends a sensor that was deceived.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keep.h"

enum { CHILD_NICE = 10, VERIFY_SECONDS_MAX = 120 };

static struct {
	pid_t self, verifier; /* 0: none, or it is over */
	bool ended;	      /* it is a zombie until what it did has come back */
	bool failed;
	uint64_t began_ns, forked_ns, watched_ns;
} takeover;

void takeover_begin(void)
{
	takeover.self = getpid();
	takeover.began_ns = boot_ns();
}

/* As the sensor's user, who may so end it, and with what it takes to load programs; without what would let these outlive the sensor. */
static int verify(const struct options *options)
{
	sigset_t ends;

	pins_leave();
	keep_close_links();
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &ends, NULL);
	(void)!nice(CHILD_NICE);
	if (!drop_privileges(options->uid, options->gid, capabilities_to_load()) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != takeover.self)
		return EXIT_FAILURE;
	return adopted_are_own(options) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Call before privileges are dropped, and as the last that is done with them. */
void takeover_verify(const struct options *options)
{
	pid_t child;

	takeover.forked_ns = boot_ns();
	child = fork();
	if (child == 0)
		_exit(verify(options));
	takeover.verifier = child > 0 ? child : 0;
	takeover.failed = child < 0;
	takeover.watched_ns = boot_ns();
}

bool takeover_did(const struct frame_event *event)
{
	if (takeover.watched_ns == 0)
		return false;
	return ((event->pid == (__u32)takeover.self || event->pid == (__u32)changes_pid() || wardens_did(event)) &&
		event->time_ns >= takeover.began_ns && event->time_ns <= takeover.watched_ns) ||
	       (takeover.verifier && event->pid == (__u32)takeover.verifier && event->time_ns >= takeover.forked_ns);
}

/* false: the programs are not what our own object says, or nobody could find out. */
bool takeover_holds(void)
{
	siginfo_t end = {};

	if (!takeover.verifier || takeover.ended || takeover.failed)
		return !takeover.failed;
	if (waitid(P_PID, (id_t)takeover.verifier, &end, WEXITED | WNOHANG | WNOWAIT))
		takeover.failed = true;
	else if (end.si_pid) {
		takeover.ended = true;
		takeover.failed = end.si_code != CLD_EXITED || end.si_status != EXIT_SUCCESS;
	} else
		takeover.failed = boot_ns() > takeover.forked_ns + VERIFY_SECONDS_MAX * 1000000000ull;
	return !takeover.failed;
}

/* Call when the ring has been emptied, after takeover_holds(): what the verifier did has come back by then. */
void takeover_emptied(void)
{
	if (!takeover.ended || !takeover.verifier)
		return;
	waitpid(takeover.verifier, NULL, 0);
	takeover.verifier = 0;
}

void takeover_end(void)
{
	if (takeover.verifier)
		kill(takeover.verifier, SIGKILL);
}
