//! PostgreSQL bytes to frames and borrowed message views, and back.
