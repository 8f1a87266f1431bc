//! Socket options, control messages, batched calls; the only unsafe code of the server.
