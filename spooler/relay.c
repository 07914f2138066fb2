/*
 * Which transport a connection takes, and to which address of the relay host it
 * goes; see relay.h.
 */
#include "relay_transport.h"

bool relay_is_direct(struct relay_place *place,
		     const struct relay_options *options)
{
	return place->implicit_tls || *options->login.token_command ||
	       g_atomic_int_get(&place->beyond_libesmtp) ||
	       g_atomic_int_get(&place->is_wordy) ||
	       g_atomic_int_get(&place->is_far) ||
	       g_atomic_int_get(&place->has_backlog) ||
	       g_atomic_int_get(&place->has_chunking);
}

/* By the one transport or the other. */
static int
relay_run_once(struct relay_place *place, const struct relay_options *options,
	       struct relay_control *control, struct relay_message *first,
	       const struct relay_source *source, struct fault *fault)
{
	if (!relay_is_direct(place, options)) {
		if (relay_esmtp_run(place, options, control, first, source,
				    fault) == 0)
			return 0;
		if (!g_atomic_int_get(&place->beyond_libesmtp))
			return -1;
	}
	return relay_direct_run(place, options, control, first, source, fault);
}

int relay_run(struct relay_place *place, const struct relay_options *options,
	      struct relay_control *control, struct relay_message *first,
	      const struct relay_source *source, struct fault *fault)
{
	int result;

	relay_control_begin(control);
	do
		result = relay_run_once(place, options, control, first, source,
					fault);
	while (result != 0 && fault->kind == FAULT_NETWORK &&
	       relay_control_next(control));
	return result;
}
