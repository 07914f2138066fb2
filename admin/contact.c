/*
 * okapi-admin contact: the folder Contacts.
 *
 * A contact is an item of class IPM.Contact (MS-OXOCNTC 2.2): a message from
 * that person whose text is the vCard, and as properties of the copy what a
 * list of contacts shows.  Whatever else is in the folder counts as a contact
 * by its sender, too.
 */
#include "admin.h"
#include "eml.h"
#include "field.h"
#include "mail_import.h"
#include "print.h"
#include "propset.h"
#include "store/folders.h"
#include "vcard.h"

#include <stdio.h>
#include <string.h>

#define CONTACT_FILE_MAX (64 * 1024 * 1024)
/* Octets of a name in the header, whose lines have 998 at most (RFC 5322
 * 2.1.1); the card and its properties have all of it. */
#define CONTACT_NAME_MAX 255

/* What goes on in the folder. */
struct contact_folder {
	struct store_user *user;
	int64_t id;
	GHashTable *known; /* addresses in lower case: ids as text */
};

static void contact_folder_clear(struct contact_folder *folder)
{
	store_user_free(folder->user);
	if (folder->known)
		g_hash_table_unref(folder->known);
}
#define CONTACT_FOLDER                                                         \
 __attribute__((cleanup(contact_folder_clear))) struct contact_folder

static int contact_folder_open(struct admin *admin,
			       struct contact_folder *folder,
			       struct fault *fault)
{
	if (admin_user(admin, 0, &folder->user, fault) < 0)
		return -1;
	return store_folder_by_role(admin->store, folder->user->store,
				    FOLDER_CONTACTS, &folder->id, fault);
}

static int contact_know(const struct store_message *m, void *context,
			struct fault *fault)
{
	struct contact_folder *folder = context;

	(void)fault;
	if (*m->sender)
		g_hash_table_insert(
			folder->known, g_utf8_casefold(m->sender, -1),
			g_strdup_printf("%" G_GINT64_FORMAT, m->id));
	return 0;
}

/* The addresses that are there. */
static int contact_folder_read(struct admin *admin,
			       struct contact_folder *folder,
			       struct fault *fault)
{
	if (contact_folder_open(admin, folder, fault) < 0)
		return -1;
	folder->known =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return store_message_list(admin->store, folder->user->store, folder->id,
				  contact_know, folder, fault);
}

static const char *contact_find(const struct contact_folder *folder,
				const char *email)
{
	g_autofree char *key = g_utf8_casefold(email, -1);

	return g_hash_table_lookup(folder->known, key);
}

/* ---- adding --------------------------------------------------------------
 */

static int contact_email_check(const char *email, struct fault *fault)
{
	const char *at = strrchr(email, '@');

	if (at && at != email && at[1] && strlen(email) <= 320 &&
	    !strpbrk(email, " \t\r\n<>,;\"\\") && strchr(email, '@') == at)
		return 0;
	return fault_set(fault, FAULT_BAD_ADDRESS, "'%s' is no address", email);
}

/* The message that bears the card; header in UTF-8 (RFC 6532). */
static GBytes *contact_message(const struct vcard *card, int64_t now)
{
	GString *out = g_string_new(NULL);
	g_autofree char *when = field_date_utc(now);
	g_autofree char *name = field_clean(card->name, CONTACT_NAME_MAX);

	if (*card->email) {
		g_string_append(out, "From: ");
		field_append_quoted(out, name);
		g_string_append_printf(out, " <%s>\r\n", card->email);
	}
	g_string_append_printf(out,
			       "Subject: %s\r\nDate: %s\r\n"
			       "MIME-Version: 1.0\r\n"
			       "Content-Type: text/vcard; charset=\"utf-8\"\r\n"
			       "Content-Transfer-Encoding: 8bit\r\n\r\n%s",
			       name, when, card->text);
	return g_string_free_to_bytes(out);
}

static struct propset *contact_properties(const struct vcard *card)
{
	struct propset *own = propset_new();
	const struct {
		uint32_t tag;
		const char *text;
	} texts[] = {{PR_MESSAGE_CLASS, "IPM.Contact"},
		     {PR_DISPLAY_NAME, card->name},
		     {PR_ADDRTYPE, *card->email ? "SMTP" : ""},
		     {PR_EMAIL_ADDRESS, card->email},
		     {PR_GIVEN_NAME, card->given},
		     {PR_SURNAME, card->surname},
		     {PR_COMPANY_NAME, card->company},
		     {PR_BUSINESS_TELEPHONE_NUMBER, card->work},
		     {PR_HOME_TELEPHONE_NUMBER, card->home},
		     {PR_MOBILE_TELEPHONE_NUMBER, card->mobile}};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		if (*texts[i].text)
			propset_set_text(own, texts[i].tag, texts[i].text);
	return own;
}

static int contact_put(struct mail_import *import, const struct vcard *card,
		       struct fault *fault)
{
	struct import_item *item = g_new0(struct import_item, 1);
	int64_t now = g_get_real_time();

	item->bytes = contact_message(card, now);
	item->own = contact_properties(card);
	item->folder = g_strdup("");
	item->sender = g_strdup(card->email);
	item->flags = MESSAGE_READ;
	item->received = now;
	return import_put(import, item, fault);
}

/* All of them, before the first is taken. */
static int contact_check_all(const GPtrArray *cards, struct fault *fault)
{
	for (guint i = 0; i < cards->len; i++) {
		const struct vcard *card = cards->pdata[i];

		if (*card->email && contact_email_check(card->email, fault) < 0)
			return fault_prefix(fault, "card %u", i + 1);
	}
	return 0;
}

/* Cards whose address is not there yet; counts those that are. */
static int contact_put_all(struct contact_folder *folder,
			   const GPtrArray *cards, struct mail_import *import,
			   struct fault *fault)
{
	if (contact_check_all(cards, fault) < 0)
		return -1;
	for (guint i = 0; i < cards->len; i++) {
		const struct vcard *card = cards->pdata[i];

		if (*card->email && contact_find(folder, card->email)) {
			import->known++;
			continue;
		}
		if (contact_put(import, card, fault) < 0)
			return -1;
		if (*card->email)
			g_hash_table_insert(folder->known,
					    g_utf8_casefold(card->email, -1),
					    g_strdup(""));
	}
	return import_flush(import, fault);
}

static int contact_take(struct admin *admin, struct contact_folder *folder,
			const GPtrArray *cards, struct mail_import *import,
			struct fault *fault)
{
	g_autoptr(GPtrArray) items =
		g_ptr_array_new_with_free_func(import_item_free);
	int rc;

	*import = (struct mail_import){.admin = admin,
				       .user = folder->user,
				       .folder = folder->id,
				       .folder_path = "Contacts",
				       .items = items};
	progress_begin(&import->progress, "contacts");
	rc = contact_put_all(folder, cards, import, fault);
	progress_end(&import->progress);
	import->items = NULL;
	return rc;
}

static int contact_add(struct admin *admin, struct fault *fault)
{
	const char *email = admin_arg(admin, 1);
	const char *name = admin_option(admin, "name");
	CONTACT_FOLDER folder = {0};
	struct mail_import import;
	g_autoptr(GPtrArray) cards = NULL;
	g_autofree char *text = NULL;

	if (contact_email_check(email, fault) < 0 ||
	    contact_folder_read(admin, &folder, fault) < 0)
		return -1;
	if (contact_find(&folder, email))
		return fault_set(fault, FAULT_EXISTS,
				 "%s is a contact of %s already", email,
				 folder.user->name);
	text = vcard_format(name && *name ? name : email, email,
			    admin_option(admin, "company"),
			    admin_option(admin, "phone"));
	if (vcard_parse(text, strlen(text), &cards, fault) < 0)
		return -1;
	return contact_take(admin, &folder, cards, &import, fault);
}

static int contact_import(struct admin *admin, struct fault *fault)
{
	CONTACT_FOLDER folder = {0};
	struct mail_import import;
	g_autoptr(GBytes) file = NULL;
	g_autoptr(GPtrArray) cards = NULL;
	const char *data;
	gsize len = 0;

	if (contact_folder_read(admin, &folder, fault) < 0 ||
	    admin_read_file(admin_arg(admin, 1), CONTACT_FILE_MAX, &file,
			    fault) < 0)
		return -1;
	data = g_bytes_get_data(file, &len);
	if (vcard_parse(data ? data : "", len, &cards, fault) < 0)
		return fault_prefix(fault, "%s", admin_arg(admin, 1));
	if (contact_take(admin, &folder, cards, &import, fault) < 0)
		return -1;
	if (import.known)
		fprintf(stderr, "okapi-admin: %zu were there already\n",
			import.known);
	admin_tell(admin, "imported", (int64_t)import.count, "imported: %zu",
		   import.count);
	return 0;
}

/* ---- listing, removing, writing ------------------------------------------
 */

struct contact_list {
	struct admin *admin;
	struct print_list *list;   /* with --json */
	struct print_table *table; /* without */
};

/* "Company" as the copy has it; owned. */
static int contact_company(struct admin *admin, int64_t message,
			   char **ret_company, struct fault *fault)
{
	AUTO(propset) own = propset_new();
	const char *company;

	if (store_message_own(admin->store, message, own, fault) < 0)
		return -1;
	company = propset_text(own, PR_COMPANY_NAME);
	*ret_company = g_strdup(company ? company : "");
	return 0;
}

static int contact_list_each(const struct store_message *m, void *context,
			     struct fault *fault)
{
	struct contact_list *list = context;
	g_autofree char *company = NULL;
	g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, m->id);
	const char *name = *m->sender_name ? m->sender_name : m->subject;
	const char *cells[] = {id, name, m->sender, NULL};

	if (contact_company(list->admin, m->id, &company, fault) < 0)
		return -1;
	cells[3] = company;
	if (list->list)
		print_list_item(list->list,
				json_pack("{s:I, s:o, s:o, s:o}", "id",
					  (json_int_t)m->id, "name",
					  print_json_text(name), "email",
					  print_json_text(m->sender), "company",
					  print_json_text(company)));
	else
		print_table_row(list->table, cells);
	return 0;
}

static int contact_list(struct admin *admin, struct fault *fault)
{
	static const char *const head[] = {"ID", "NAME", "EMAIL", "COMPANY",
					   NULL};
	CONTACT_FOLDER folder = {0};
	struct print_list json = {0};
	struct contact_list list = {.admin = admin};
	int rc;

	if (contact_folder_open(admin, &folder, fault) < 0)
		return -1;
	list.list = admin->json ? &json : NULL;
	list.table = admin->json ? NULL : print_table_new(head);
	print_list_begin(&json, admin->json);
	rc = store_message_list(admin->store, folder.user->store, folder.id,
				contact_list_each, &list, fault);
	if (list.table)
		print_table_end(list.table);
	else if (rc == 0)
		print_list_end(&json);
	return rc;
}

struct contact_removal {
	int64_t message;
};

static int contact_remove_unit(struct store *store, void *context,
			       struct fault *fault)
{
	const struct contact_removal *removal = context;

	return store_message_delete(store, removal->message, false, fault);
}

static int contact_remove(struct admin *admin, struct fault *fault)
{
	const char *email = admin_arg(admin, 1);
	struct contact_removal removal = {0};
	CONTACT_FOLDER folder = {0};
	const char *id;

	if (contact_folder_read(admin, &folder, fault) < 0)
		return -1;
	id = contact_find(&folder, email);
	if (!id)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "%s is no contact of %s", email,
				 folder.user->name);
	if (admin_number("ID", id, &removal.message, fault) < 0)
		return -1;
	return store_run(admin->store, contact_remove_unit, &removal, fault);
}

/* The card of an item; one that has none gets one of its sender; owned. */
static char *contact_card(const struct store_message *m, const char *data,
			  size_t len)
{
	static const char begin[] = "BEGIN:VCARD";
	/* The blank line is CRLF. */
	size_t body = MIN(len, eml_header_len(data, len) + 2);

	if (len - body >= strlen(begin) &&
	    g_ascii_strncasecmp(data + body, begin, strlen(begin)) == 0 &&
	    g_utf8_validate(data + body, (gssize)(len - body), NULL))
		return g_strndup(data + body, len - body);
	return vcard_format(*m->sender_name ? m->sender_name : m->subject,
			    m->sender, NULL, NULL);
}

static int contact_export_each(const struct store_message *m, void *context,
			       struct fault *fault)
{
	struct contact_list *list = context;
	g_autoptr(GBytes) bytes = NULL;
	g_autofree char *card = NULL;
	gsize len = 0;
	const char *data;

	if (store_message_bytes(list->admin->store, m->id, true, &bytes,
				fault) < 0)
		return -1;
	data = g_bytes_get_data(bytes, &len);
	card = contact_card(m, data ? data : "", len);
	if (list->list)
		print_list_item(list->list,
				json_pack("{s:I, s:o}", "id", (json_int_t)m->id,
					  "vcard", print_json_text(card)));
	else
		fputs(card, stdout);
	return 0;
}

static int contact_export(struct admin *admin, struct fault *fault)
{
	CONTACT_FOLDER folder = {0};
	struct print_list json = {0};
	struct contact_list list = {.admin = admin,
				    .list = admin->json ? &json : NULL};

	if (contact_folder_open(admin, &folder, fault) < 0)
		return -1;
	print_list_begin(&json, admin->json);
	if (store_message_list(admin->store, folder.user->store, folder.id,
			       contact_export_each, &list, fault) < 0)
		return -1;
	print_list_end(&json);
	return 0;
}

static const struct command_option contact_add_options[] = {
	{"name", "TEXT", "what the contact is called", false},
	{"company", "TEXT", "where they work", false},
	{"phone", "TEXT", "telephone at work", false},
	{0}};

static const struct command contact_commands[] = {
	{"add", "USER ADDRESS", "makes a contact", contact_add,
	 contact_add_options, COMMAND_WRITE},
	{"list", "USER", "all contacts", contact_list, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{"remove", "USER ADDRESS", "moves a contact to Deleted Items",
	 contact_remove, NULL, COMMAND_WRITE},
	{"import", "USER FILE|-", "takes the vCards that are not there yet",
	 contact_import, NULL, COMMAND_WRITE | COMMAND_JSON},
	{"export", "USER", "prints all of them as vCards", contact_export, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{0}};

const struct noun noun_contact = {"contact", "the folder Contacts",
				  contact_commands};
