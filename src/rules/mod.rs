//! What is protected and how: the TOML mirror and its resolution against a catalog.
