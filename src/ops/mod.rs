//! Commands for people; never on the data path.
