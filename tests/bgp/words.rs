//! What is said when it cannot listen.

use std::net::TcpListener;

use crate::lab::Lab;
use crate::node::{Node, config};

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let n1 = lab.host("n1");
    let _other = n1.inside(|| TcpListener::bind("0.0.0.0:179")).expect("free");
    let error = Node::try_start(n1, config(Vec::new())).map(|_| ()).expect_err("taken");
    let expected = "cannot listen for bgp on 0.0.0.0:179: Address already in use (os error 98); is \
                    another routing daemon running there? `listen: []` leaves the port to it";
    assert_eq!(error, expected);
}
