//! An immutable snapshot of the tables, columns, types and views of one database.
