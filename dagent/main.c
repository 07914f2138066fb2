/*
 * okapi-dagent: what MTAs start for each message.  It hands over to the daemon;
 * what it is not sure of, and what is to be done where no daemon runs, is done
 * by another program, which it becomes: okapi-dagentd with -l and for
 * dagent_server, okapi-deliver otherwise.  Standard input is as it was then.
 */
#include "door.h"
#include "front.h"
#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* With the same arguments; returns on failure only, with why. */
static void main_become(const char *name, char **argv, char *ret_why,
			size_t size)
{
	char program[PROGRAM_PATH_MAX];

	if (program_find(name, program)) {
		(void)execv(program, argv);
		(void)snprintf(ret_why, size, "%s: %s", program,
			       strerror(errno));
		return;
	}
	(void)snprintf(ret_why, size,
		       "%s is missing beside okapi-dagent and in %s", name,
		       OKAPI_LIBEXECDIR);
}

static int main_serve(char **argv)
{
	char why[PROGRAM_PATH_MAX + 128];

	main_become("okapi-dagentd", argv, why, sizeof(why));
	(void)fprintf(stderr, "okapi-dagent: %s\n", why);
	return EX_TEMPFAIL;
}

/* Connects to the daemon; -1 with errno: there is none, and *ret_name delivers.
 * An empty *ret_socket: none was looked for. */
static int main_connect(const struct front_options *options,
			struct front_conf *ret_conf, char *ret_socket,
			size_t size, const char **ret_name)
{
	*ret_name = "okapi-deliver";
	*ret_socket = '\0';
	if (options->is_for_all || !front_conf_read(options, ret_conf))
		return -1;
	if (*ret_conf->dagent_server) {
		*ret_name = "okapi-dagentd";
		return -1;
	}
	(void)snprintf(ret_socket, size, "%s/%s", ret_conf->run_dir,
		       DOOR_SOCKET);
	return front_connect(ret_socket, ret_conf->timeout_ms);
}

static int main_deliver(char **argv, const struct front_options *options)
{
	struct front_conf conf = {0};
	char socket[PROGRAM_PATH_MAX];
	char why[PROGRAM_PATH_MAX + 128];
	const char *name;
	int fd = main_connect(options, &conf, socket, sizeof(socket), &name);
	int no_daemon = errno;

	front_conf_clear(&conf);
	if (fd >= 0)
		return front_hand_over(fd, socket, argv, options,
				       conf.timeout_ms);
	main_become(name, argv, why, sizeof(why));
	if (!*socket)
		return front_fail(options, "4.3.0 %s", why);
	return front_fail(options, "4.3.0 no daemon (unix:%s: %s): %s", socket,
			  strerror(no_daemon), why);
}

int main(int argc, char **argv)
{
	struct front_options options;
	int code;

	(void)argc;
	program_fill_standard();
	program_ignore_signals();
	front_options_read(argv, &options);
	code = options.serves ? main_serve(argv) : main_deliver(argv, &options);
	front_options_clear(&options);
	return code;
}
