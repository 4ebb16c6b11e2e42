/* SPDX-License-Identifier: Apache-2.0 */
/* What the sensor holds open for itself, and its processes, which it forks one after the other, have no business with. */
#include <unistd.h>

#include "sensor.h"

enum { ENDS_MAX = 4 }; /* of sockets to its processes: one each */

static int ends[ENDS_MAX];
static size_t ends_count;

/* Returns it. The processes that are forked from here on neither hear what comes by it nor hold it open. */
int children_leave(int end)
{
	if (ends_count < ENDS_MAX)
		ends[ends_count++] = end;
	return end;
}

/* Call in a process that was just forked. */
void child_begins(void)
{
	pins_leave();
	while (ends_count)
		close(ends[--ends_count]);
}
