//! What survives a restart: serials and health.
