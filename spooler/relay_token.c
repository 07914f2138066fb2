/*
 * OAuth tokens for the relay host, from a command; see relay.h.
 */
#include "program.h"
#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define TOKEN_COMMAND_US (30 * USEC_PER_SEC)
#define TOKEN_KEEP_US    (60 * USEC_PER_SEC)
#define TOKEN_MAX        16384

struct token {
	char *text;
	int64_t until; /* monotonic */
};

static pthread_mutex_t token_lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *tokens; /* by command */

static void token_free(void *object)
{
	struct token *token = object;

	g_free(token->text);
	g_free(token);
}

/* What it prints, up to its end of file; false: too much, or too late. */
static bool token_read(int fd, GString *out)
{
	int64_t end = g_get_monotonic_time() + TOKEN_COMMAND_US;
	char octets[1024];

	for (;;) {
		int64_t left = end - g_get_monotonic_time();
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (left <= 0 || poll(&ready, 1, (int)(left / 1000) + 1) == 0)
			return false;
		n = read(fd, octets, sizeof(octets));
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (n > 0)
			g_string_append_len(out, octets, n);
		if (out->len > TOKEN_MAX)
			return false;
	}
}

static void token_child(gpointer data G_GNUC_UNUSED)
{
	program_restore_signals();
}

static int token_run(const char *command, char **ret_token, struct fault *fault)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) argv = NULL;
	g_autoptr(GString) out = g_string_new(NULL);
	AUTOCLOSE int fd = -1;
	bool in_time;
	int status;
	GPid pid;

	if (!g_shell_parse_argv(command, NULL, &argv, &error) ||
	    !g_spawn_async_with_pipes(
		    NULL, argv, NULL,
		    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH |
			    G_SPAWN_STDERR_TO_DEV_NULL,
		    token_child, NULL, &pid, NULL, &fd, NULL, &error))
		return fault_set(fault, FAULT_CONFIG, "smtp_token_command: %s",
				 error->message);
	in_time = token_read(fd, out);
	if (!in_time)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	g_string_truncate(out, strcspn(out->str, "\r\n"));
	if (!in_time || !WIFEXITED(status) || WEXITSTATUS(status) != 0 ||
	    !out->len)
		return fault_set(fault, FAULT_CONFIG,
				 "smtp_token_command gives no token");
	*ret_token = g_strdup(out->str);
	return 0;
}

static char *token_find(const char *command)
{
	const struct token *token =
		tokens ? g_hash_table_lookup(tokens, command) : NULL;

	return token && token->until > g_get_monotonic_time()
		       ? g_strdup(token->text)
		       : NULL;
}

static void token_keep(const char *command, const char *text)
{
	struct token *token = g_new0(struct token, 1);

	token->text = g_strdup(text);
	token->until = g_get_monotonic_time() + TOKEN_KEEP_US;
	if (!tokens)
		tokens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					       token_free);
	(void)g_hash_table_replace(tokens, g_strdup(command), token);
}

/* One command at a time: whoever waits finds what the first one got. */
int relay_token_get(const char *command, char **ret_token, struct fault *fault)
{
	int result = 0;

	pthread_mutex_lock(&token_lock);
	*ret_token = token_find(command);
	if (!*ret_token) {
		result = token_run(command, ret_token, fault);
		if (result == 0)
			token_keep(command, *ret_token);
	}
	pthread_mutex_unlock(&token_lock);
	return result;
}

void relay_token_forget(const char *command)
{
	pthread_mutex_lock(&token_lock);
	if (tokens)
		(void)g_hash_table_remove(tokens, command);
	pthread_mutex_unlock(&token_lock);
}
