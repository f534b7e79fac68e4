//! One client connection with its server connection, as a value.
