//! Wrapped keys and tenants, kept in PostgreSQL.
