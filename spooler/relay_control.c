/*
 * The handle by which another thread ends a connection to the relay host; and
 * which of the place's addresses that connection goes to.
 */
#include "net.h"
#include "relay_transport.h"

#include <pthread.h>
#include <sys/eventfd.h>

struct relay_control {
	/* Of the thread that runs: */
	struct net_addresses *addresses; /* of this run, or NULL */
	size_t at;                       /* of them */
	int cut_fd;                      /* eventfd: readable once cut */
	pthread_mutex_t lock;
	relay_cut_fn *cut_fn; /* NULL between connections */
	void *target;         /* borrowed */
	bool cut;
};

struct relay_control *relay_control_new(void)
{
	struct relay_control *control = g_new0(struct relay_control, 1);

	control->cut_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_init(&control->lock, NULL);
	return control;
}

void relay_control_free(struct relay_control *control)
{
	relay_control_begin(control);
	base_close_fd(&control->cut_fd);
	pthread_mutex_destroy(&control->lock);
	g_free(control);
}

void relay_control_begin(struct relay_control *control)
{
	g_clear_pointer(&control->addresses, net_addresses_free);
	control->at = 0;
}

int relay_control_connect(struct relay_control *control,
			  const struct relay_place *place, int64_t timeout_ms,
			  int *ret_fd, struct fault *fault)
{
	g_autofree char *where = relay_place_format(place);

	if (!control->addresses &&
	    net_addresses_new(where, &control->addresses, fault) != 0)
		return -1;
	return net_addresses_connect(control->addresses, control->at,
				     timeout_ms, control->cut_fd, &control->at,
				     ret_fd, fault);
}

bool relay_control_next(struct relay_control *control)
{
	if (!control->addresses ||
	    control->at + 1 >= net_addresses_count(control->addresses))
		return false;
	control->at++;
	return true;
}

size_t relay_control_at(const struct relay_control *control)
{
	return control->at;
}

void relay_control_cut(struct relay_control *control)
{
	uint64_t one = 1;

	(void)!write(control->cut_fd, &one, sizeof(one));
	pthread_mutex_lock(&control->lock);
	control->cut = true;
	if (control->cut_fn)
		control->cut_fn(control->target);
	pthread_mutex_unlock(&control->lock);
}

bool relay_control_was_cut(struct relay_control *control)
{
	bool cut;

	pthread_mutex_lock(&control->lock);
	cut = control->cut;
	pthread_mutex_unlock(&control->lock);
	return cut;
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
