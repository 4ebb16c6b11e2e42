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

#include "sensor.h"

enum { CHILD_NICE = 10 };

static struct {
	pid_t self, verifier; /* 0: none, or it is over */
	bool ended;	      /* it is a zombie until what it did has come back */
	uint64_t began_ns, watched_ns;
} takeover;

void takeover_begin(void)
{
	takeover.self = getpid();
	takeover.began_ns = boot_ns();
}

/* Call before privileges are dropped, and as the last that is done with them. */
void takeover_verify(const struct options *options)
{
	pid_t child = fork();

	if (child == 0) {
		pins_leave();
		signal(SIGTERM, SIG_DFL);
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)!nice(CHILD_NICE);
		_exit(getppid() == takeover.self && adopted_are_own(options) ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	takeover.verifier = child > 0 ? child : 0;
	takeover.watched_ns = boot_ns();
}

bool takeover_did(const struct frame_event *event)
{
	if (takeover.watched_ns == 0)
		return false;
	return (event->pid == (__u32)takeover.self && event->time_ns >= takeover.began_ns && event->time_ns <= takeover.watched_ns) ||
	       (takeover.verifier && event->pid == (__u32)takeover.verifier);
}

/* Call when the ring has been emptied. false: the programs are not what our own object says, or nobody could find out. */
bool takeover_holds(void)
{
	siginfo_t end = {};

	if (!takeover.verifier || waitid(P_PID, (id_t)takeover.verifier, &end, WEXITED | WNOHANG | (takeover.ended ? 0 : WNOWAIT)) ||
	    end.si_pid == 0)
		return true;
	if (!takeover.ended) {
		takeover.ended = true;
		return true;
	}
	takeover.verifier = 0;
	return end.si_code == CLD_EXITED && end.si_status == EXIT_SUCCESS;
}
