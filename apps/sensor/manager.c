/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager is told where it asks for that (sd_notify(3)): that we watch, and each second that we still do. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sensor.h"

static int manager = -1;

/* The name of its socket, which has no file where it begins with @. NULL: nobody asks. */
void manager_open(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t length = name ? strlen(name) : 0;

	if (length < 2 || length > sizeof(at.sun_path))
		return;
	memcpy(at.sun_path, name, length);
	if (name[0] == '@')
		at.sun_path[0] = 0;
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (connect(manager, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == 0)
		return;
	say("warn", "the service manager does not hear us on %s: %s", name, strerror(errno));
	close(manager);
	manager = -1;
}

void manager_tell(const char *state)
{
	if (manager >= 0)
		send(manager, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL);
}
