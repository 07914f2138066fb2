/*
 * The queue's socket: what mailq and sendmail -q ask for.  One word, one
 * answer; whoever is not trusted sees and moves what is their own.
 */
#include "log.h"
#include "net.h"
#include "spooler_internal.h"

#include <string.h>

#define DOOR_MS 2000

struct queue_door {
	struct spooler *spooler;
	struct submit_caller caller;
	size_t count;
	int64_t size;
	GString *answer;
};

static bool door_may_see(const struct queue_door *door,
			 const struct queue_entry *entry)
{
	return door->caller.is_trusted ||
	       (*door->caller.login &&
		g_ascii_strcasecmp(door->caller.login, entry->owner) == 0);
}

/* "Mon Nov 23 07:30:28", local time, as mailq has it; owned. */
static char *door_time(int64_t when)
{
	g_autoptr(GDateTime) time =
		g_date_time_new_from_unix_local(when / USEC_PER_SEC);

	return g_date_time_format(time, "%a %b %e %H:%M:%S");
}

/* As Postfix's mailq: '*' is being sent, '!' is held. */
static void door_list_entry(struct queue_door *door,
			    const struct queue_entry *entry)
{
	g_autofree char *when = door_time(entry->submitted);
	char mark = ' ';

	if (entry->state == QUEUE_SENDING)
		mark = '*';
	else if (entry->state == QUEUE_HELD)
		mark = '!';
	if (!door->count)
		g_string_append(door->answer,
				"-Queue ID-  --Size-- ----Arrival Time---- "
				"-Sender/Recipient-------\n");
	g_string_append_printf(
		door->answer,
		"%-10" G_GINT64_FORMAT "%c %8" G_GINT64_FORMAT " %-19s  %s\n",
		entry->id, mark, entry->size, when,
		*entry->reverse_path ? entry->reverse_path : "MAILER-DAEMON");
	for (guint i = 0; i < entry->recipients->len; i++) {
		const struct queue_recipient *to = entry->recipients->pdata[i];

		if (to->state != QUEUE_RCPT_WAITING &&
		    to->state != QUEUE_RCPT_SENDING)
			continue;
		if (to->last_reply && *to->last_reply)
			g_string_append_printf(door->answer, "%42s(%s)\n", "",
					       to->last_reply);
		g_string_append_printf(door->answer, "%42s %s\n", "",
				       to->address);
	}
	g_string_append_c(door->answer, '\n');
	door->count++;
	door->size += entry->size;
}

static int door_list(struct queue_door *door, struct fault *fault)
{
	g_autoptr(GPtrArray) entries = NULL;

	if (store_queue_list(door->spooler->store, &entries, fault) != 0)
		return -1;
	for (guint i = 0; i < entries->len; i++)
		if (door_may_see(door, entries->pdata[i]))
			door_list_entry(door, entries->pdata[i]);
	if (!door->count)
		g_string_append(door->answer, "Mail queue is empty\n");
	else
		g_string_append_printf(door->answer,
				       "-- %" G_GINT64_FORMAT
				       " Kbytes in %zu Request%s.\n",
				       (door->size + 1023) / 1024, door->count,
				       door->count == 1 ? "" : "s");
	return 0;
}

static int door_flush_unit(struct store *store, void *context,
			   struct fault *fault)
{
	struct queue_door *door = context;
	g_autoptr(GPtrArray) entries = NULL;

	if (store_queue_list(store, &entries, fault) != 0)
		return -1;
	for (guint i = 0; i < entries->len; i++) {
		const struct queue_entry *entry = entries->pdata[i];

		if (entry->state == QUEUE_WAITING &&
		    door_may_see(door, entry) &&
		    store_queue_retry(store, entry->id, fault) != 0)
			return -1;
	}
	return 0;
}

static int door_flush(struct queue_door *door, struct fault *fault)
{
	struct spooler *spooler = door->spooler;

	if (committer_run(spooler->committer, door_flush_unit, door, fault) !=
	    0)
		return -1;
	pthread_mutex_lock(&spooler->lock);
	routes_forget_down(spooler->settings->routes);
	pthread_mutex_unlock(&spooler->lock);
	return 0;
}

void queue_door_answer(struct spooler *spooler, int moved_fd)
{
	AUTOCLOSE int fd = moved_fd;
	g_autoptr(GString) answer = g_string_new(NULL);
	struct queue_door door = {.spooler = spooler, .answer = answer};
	struct fault fault = {0};
	struct net_peer peer;
	char word[16];
	ssize_t n;
	int result = 0;

	net_peer_of(fd, &peer);
	if (!peer.is_unix || net_wait(fd, false, -1, DOOR_MS) != 1)
		return;
	n = read(fd, word, sizeof(word) - 1);
	if (n <= 0)
		return;
	word[n] = '\0';
	submit_caller_init(spooler->settings->conf, peer.uid, &door.caller);
	if (strcmp(word, "list\n") == 0)
		result = door_list(&door, &fault);
	else if (strcmp(word, "flush\n") == 0)
		result = door_flush(&door, &fault);
	else
		result = fault_set(&fault, FAULT_BAD_COMMAND, "list or flush?");
	if (result != 0)
		g_string_printf(answer, "%s\n", fault.text);
	if (net_send_all(fd, answer->str, answer->len, DOOR_MS, &fault) != 0)
		log_message(LOG_LEVEL_DETAIL, "queue socket: %s", fault.text);
}
