/*
 * The handle by which another thread ends a connection to the relay host.
 */
#include "relay.h"
#include "relay_wire.h"

#include <pthread.h>

struct relay_control {
	pthread_mutex_t lock;
	struct relay_wire *wire; /* borrowed; NULL between connections */
	bool cut;
};

struct relay_control *relay_control_new(void)
{
	struct relay_control *control = g_new0(struct relay_control, 1);

	pthread_mutex_init(&control->lock, NULL);
	return control;
}

void relay_control_free(struct relay_control *control)
{
	pthread_mutex_destroy(&control->lock);
	g_free(control);
}

void relay_control_cut(struct relay_control *control)
{
	pthread_mutex_lock(&control->lock);
	control->cut = true;
	if (control->wire)
		relay_wire_cut(control->wire);
	pthread_mutex_unlock(&control->lock);
}

void relay_control_set(struct relay_control *control, struct relay_wire *wire)
{
	pthread_mutex_lock(&control->lock);
	control->wire = wire;
	if (wire && control->cut)
		relay_wire_cut(wire);
	pthread_mutex_unlock(&control->lock);
}
