//! Live state of what requests are sent to: endpoints, balancing, pools, connecting.
