//! Where key-encryption comes from: the local key file or AWS KMS.
