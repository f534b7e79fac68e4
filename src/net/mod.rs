//! Listener, TLS, the one task per connection, upstream and cancel.
