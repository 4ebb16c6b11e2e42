/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "sensor.h"

static size_t escape(char *to, size_t room, const char *text)
{
	size_t at = 0;

	for (; *text && at + 7 < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20)
			at += (size_t)sprintf(to + at, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			at += (size_t)sprintf(to + at, "\\%c", c);
		else
			to[at++] = (char)c;
	}
	to[at] = 0;
	return at;
}

void say(const char *level, const char *format, ...)
{
	char text[512], line[2048], escaped[1536], stamp[32];
	struct timespec now;
	struct tm utc;
	va_list args;
	int length;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	escape(escaped, sizeof(escaped), text);
	clock_gettime(CLOCK_REALTIME, &now);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &utc));
	length = snprintf(line, sizeof(line), "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"component\":\"sensor\",\"msg\":\"%s\"}\n",
			  stamp, now.tv_nsec / 1000000, level, escaped);
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return; /* there is nobody left to tell */
}
