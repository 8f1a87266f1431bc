//! The network tier as its routers see it: `rhumb run` in network namespaces, beside real routing
//! daemons, asked by clients behind a router.
//!
//! What each part does is tested where it is written; here, that they do it together: routes that
//! follow the node's own verdict, a leave that loses no query, a router that spreads flows over two
//! nodes and drops one that is dead. Every wait has far more patience than is needed. Only `spread`
//! measures time: it judges its trials by a control stream, prints what it measured
//! (`--nocapture`), and asks for much less than the goals of the design.
#![allow(clippy::disallowed_methods, reason = "it waits for kernels and processes")]
#![allow(unreachable_pub, reason = "nothing leaves a test")]

mod announcing;
mod beside;
#[allow(dead_code, reason = "pairs need more of it")]
#[path = "../pair/client.rs"]
mod client;
mod drain;
mod fleet;
mod flows;
#[allow(dead_code, reason = "the bench needs more of it")]
#[path = "../../benches/failover/gaps.rs"]
mod gaps;
mod hint;
#[path = "../lab/mod.rs"]
mod lab;
mod leave;
#[allow(dead_code, reason = "the bench needs more of it")]
#[path = "../../benches/failover/message.rs"]
mod message;
#[allow(dead_code, reason = "pairs need more of it")]
#[path = "../pair/node.rs"]
mod node;
mod pools;
mod reload;
#[allow(dead_code, reason = "it knows more daemons")]
#[path = "../lab/routers.rs"]
mod routers;
mod site;
mod spread;
mod tor;
