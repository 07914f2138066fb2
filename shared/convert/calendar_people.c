/*
 * Who a calendar names: the organizer and the attendees (RFC 5545 3.8.4.1,
 * 3.8.4.3; MS-OXCICAL 2.1.3.1.1).
 */
#include "calendar.h"

#define FLAG_ORGANIZER 2

/* "mailto:" and what can be an address; owned. */
static char *address_uri(const struct mailbox *mailbox)
{
	g_autofree char *clean = g_strdup(mailbox->address);

	text_flatten(clean);
	return g_strconcat("mailto:", clean, NULL);
}

/* RFC 5545 3.2: no '"' in a parameter. */
static void add_name(icalproperty *property, const struct mailbox *mailbox)
{
	g_autofree char *name = g_strdup(mailbox->display);

	text_flatten(name);
	g_strdelimit(name, "\"", '\'');
	if (*name)
		icalproperty_add_parameter(property,
					   icalparameter_new_cn(name));
}

static void add_organizer(const struct calendar *calendar,
			  const struct mailbox *mailbox)
{
	g_autofree char *uri = NULL;
	icalproperty *property = NULL;

	if (!mailbox || !*mailbox->address)
		return;
	uri = address_uri(mailbox);
	property = icalproperty_new_organizer(uri);
	add_name(property, mailbox);
	icalcomponent_add_property(calendar->event, property);
}

static void add_attendee(const struct calendar *calendar,
			 const struct mailbox *mailbox, icalparameter_role role,
			 icalparameter_partstat answer, bool asked)
{
	g_autofree char *uri = NULL;
	icalproperty *property = NULL;

	if (!mailbox || !*mailbox->address)
		return;
	uri = address_uri(mailbox);
	property = icalproperty_new_attendee(uri);
	add_name(property, mailbox);
	icalproperty_add_parameter(property, icalparameter_new_role(role));
	icalproperty_add_parameter(property,
				   icalparameter_new_partstat(answer));
	if (asked)
		icalproperty_add_parameter(
			property, icalparameter_new_rsvp(ICAL_RSVP_TRUE));
	icalcomponent_add_property(calendar->event, property);
}

static icalparameter_partstat track_status(const struct propset *row)
{
	switch (propset_number(row, PR_RECIPIENT_TRACK_STATUS, 0)) {
	case 2:
		return ICAL_PARTSTAT_TENTATIVE;
	case 3:
		return ICAL_PARTSTAT_ACCEPTED;
	case 4:
		return ICAL_PARTSTAT_DECLINED;
	default:
		return ICAL_PARTSTAT_NEEDSACTION;
	}
}

/* Those of To and Cc; of Bcc (resources) nobody is told. */
static void add_attendees(const struct calendar *calendar)
{
	const struct propset *set = calendar->set;
	bool asked = calendar->kind->method == ICAL_METHOD_REQUEST &&
		     (!propset_has(set, PR_RESPONSE_REQUESTED) ||
		      propset_bool(set, PR_RESPONSE_REQUESTED));

	for (size_t i = 0; i < propset_recipient_count(set); i++) {
		const struct propset *row = propset_recipient(set, i);
		int64_t type =
			propset_number(row, PR_RECIPIENT_TYPE, RECIPIENT_TO) &
			0xff;
		struct mailbox *mailbox = NULL;

		if ((type != RECIPIENT_TO && type != RECIPIENT_CC) ||
		    (propset_number(row, PR_RECIPIENT_FLAGS, 0) &
		     FLAG_ORGANIZER))
			continue;
		mailbox = address_get(row, &address_recipient);
		add_attendee(calendar, mailbox,
			     type == RECIPIENT_TO ? ICAL_ROLE_REQPARTICIPANT
						  : ICAL_ROLE_OPTPARTICIPANT,
			     track_status(row), asked);
		mailbox_free(mailbox);
	}
}

static struct mailbox *first_recipient(const struct propset *set)
{
	for (size_t i = 0; i < propset_recipient_count(set); i++) {
		const struct propset *row = propset_recipient(set, i);

		if (propset_number(row, PR_RECIPIENT_TYPE, RECIPIENT_TO) ==
		    RECIPIENT_TO)
			return address_get(row, &address_recipient);
	}
	return NULL;
}

void calendar_add_people(const struct calendar *calendar)
{
	struct mailbox *from = address_get(calendar->set, &address_from);
	struct mailbox *to = NULL;

	if (!from)
		from = address_get(calendar->set, &address_sender);
	if (calendar->kind->answer != ICAL_PARTSTAT_NONE) {
		to = first_recipient(calendar->set);
		add_organizer(calendar, to);
		add_attendee(calendar, from, ICAL_ROLE_REQPARTICIPANT,
			     calendar->kind->answer, false);
	} else if (calendar->kind->method != ICAL_METHOD_PUBLISH) {
		add_organizer(calendar, from);
		add_attendees(calendar);
	}
	mailbox_free(from);
	mailbox_free(to);
}
