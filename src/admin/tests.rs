//! The admin address as a client sees it, over a node at rest.

use super::*;
