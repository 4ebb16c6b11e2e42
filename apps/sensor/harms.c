/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of harm to the sensor the agent is told. Each kind is told for a while; what of it is done meanwhile, or later, is told once more after
 * that, when the agent has heard that it was over.
 */
#include "sensor.h"

enum { HARM_COUNT = 6 };
_Static_assert(FRAME_HARMS >> HARM_COUNT == 0, "each has a text");

static const char *const texts[HARM_COUNT] = {
	"what it has pinned was removed or replaced",
	"memory shared with the programs was overwritten",
	"a counter went back",
	"its programs are not what its own object says",
	"a path of our own leads elsewhere, for something was mounted, or unmounted",
	"a program was detached from its cgroup",
};

/* Each second: what was seen, and what was in the last report that the agent was sent (enum frame_harm, or-ed). What the next is to say. */
uint8_t harms_told(uint8_t seen, uint8_t reported, unsigned seconds)
{
	static uint8_t told, waiting;
	static unsigned left[HARM_COUNT];

	waiting |= seen;
	for (int i = 0; i < HARM_COUNT; i++) {
		uint8_t harm = (uint8_t)(1 << i);

		if (told & harm) {
			left[i] -= left[i] > 0;
			if (left[i] == 0 && reported & harm)
				told &= (uint8_t)~harm;
		} else if (waiting & harm && !(reported & harm)) {
			say("critical", "somebody harms the sensor: %s", texts[i]);
			told |= harm;
			waiting &= (uint8_t)~harm;
			left[i] = seconds;
		}
	}
	return told;
}
