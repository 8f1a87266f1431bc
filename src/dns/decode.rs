//! Reading a request: the header, the one question, and every record behind it.
