/*
 * The handle by which another thread ends a connection to the relay host.
 */
#include "relay_transport.h"

#include <pthread.h>

struct relay_control {
	pthread_mutex_t lock;
	relay_cut_fn *cut_fn; /* NULL between connections */
	void *target;         /* borrowed */
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
	if (control->cut_fn)
		control->cut_fn(control->target);
	pthread_mutex_unlock(&control->lock);
}

void relay_control_set(struct relay_control *control, relay_cut_fn *cut_fn,
		       void *target)
{
	pthread_mutex_lock(&control->lock);
	control->cut_fn = cut_fn;
	control->target = target;
	if (cut_fn && control->cut)
		cut_fn(target);
	pthread_mutex_unlock(&control->lock);
}
