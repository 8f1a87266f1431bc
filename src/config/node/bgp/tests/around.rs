//! Mistakes that show with the rest of the file: a text, and the first line of each message.

use super::*;
use crate::config::diagnostic::Style;

#[test]
fn dns_is_answered_on_anycast_addresses_and_stays() {
    check(
        said,
        &[
            (
                "bgp: { asn: 64512, router_id: 192.0.2.1, allow: 203.0.113.53/32, peers: { address: 192.168.1.1, asn: 64500 }, announce: { name: a, prefixes: 203.0.113.53/32 } }",
                &["1:142: error: nothing answers DNS on anycast address 203.0.113.53"],
            ),
            (
                "dns: { listen: [192.0.2.1:53] }\nbgp: { asn: 64512, router_id: 192.0.2.1, allow: 203.0.113.53/32, peers: { address: 192.168.1.1, asn: 64500 }, announce: { name: a, prefixes: 203.0.113.53/32 } }",
                &["2:142: error: nothing answers DNS on anycast address 203.0.113.53"],
            ),
            (
                "dns: { listen: [192.0.2.1:53] }\nbgp: { asn: 64512, router_id: 192.0.2.1, allow: 203.0.113.53/32, peers: { address: 192.168.1.1, asn: 64500 }, announce: { name: a, prefixes: 203.0.113.53/32, when: always } }",
                &[],
            ),
            (
                "dns: { listen: [\"203.0.113.53:53\"] }\nbgp: { asn: 64512, router_id: 192.0.2.1, allow: 203.0.113.0/24, peers: { address: 192.168.1.1, asn: 64500 }, announce: { name: a, prefixes: 203.0.113.0/24, when: { pool: p }, on_down: withdraw } }",
                &["2:185: error: `on_down: withdraw` would take DNS on 203.0.113.53 away"],
            ),
            (
                "dns: { listen: [\"0.0.0.0:53\"] }\nbgp: { asn: 64512, router_id: 192.0.2.1, allow: 203.0.113.53/32, peers: { address: 192.168.1.1, asn: 64500 }, announce: { name: a, prefixes: 203.0.113.53/32, when: { pool: p }, on_down: withdraw } }",
                &["2:187: warning: `on_down: withdraw` takes DNS on 203.0.113.53 away too"],
            ),
            (
                "dns: { listen: [192.0.2.1:53] }\nbgp: { asn: 64512, router_id: 192.0.2.1, allow: 203.0.113.53/32, peers: { address: 192.168.1.1, asn: 64500 }, announce: { name: a, prefixes: 203.0.113.53/32, when: { pool: p }, on_down: withdraw } }",
                &[],
            ),
        ],
    );
}

#[test]
fn a_shared_address_is_nobodys_own() {
    check(
        said,
        &[
            (
                "dns: { listen: [\"0.0.0.0:53\"] }\nvrrp: { id: 51, interface: eth0, addresses: [192.0.2.100, 203.0.113.53] }\nbgp: { asn: 64512, router_id: 192.0.2.100, allow: 203.0.113.53/32, peers: { address: 192.0.2.100, asn: 64500 }, announce: { name: a, prefixes: 203.0.113.53/32, siblings: 192.0.2.100 } }",
                &[
                    "3:31: error: router_id 192.0.2.100 is a virtual address too",
                    "3:31: error: router_id 192.0.2.100 is the address of a peer too",
                    "3:86: error: peer 192.0.2.100 is a virtual address too",
                    "3:144: error: anycast address 203.0.113.53 is a virtual address too",
                    "3:171: error: sibling 192.0.2.100 is a virtual address too",
                ],
            ),
            (
                "dns: { listen: [\"0.0.0.0:53\"] }\nvrrp: { id: 51, interface: eth0, addresses: 192.0.2.100 }\nbgp: { asn: 64512, router_id: 203.0.113.53, allow: 203.0.113.53/32, peers: { address: 192.168.1.1, asn: 64500, source: 192.0.2.100 }, announce: { name: a, prefixes: 203.0.113.53/32 } }",
                &[
                    "3:31: error: router_id 203.0.113.53 is an anycast address too",
                    "3:120: error: source 192.0.2.100 is a virtual address too",
                ],
            ),
        ],
    );
}

#[test]
fn somebody_must_connect() {
    check(
        said,
        &[
            (
                "bgp: { asn: 64512, router_id: 192.0.2.1, listen: [], peers: { address: 192.168.1.1, asn: 64500, passive: true } }",
                &["1:106: error: a passive peer with `listen: []`: neither end would connect"],
            ),
            (
                "bgp: { asn: 64512, router_id: 192.0.2.1, listen: [], peers: { address: 192.168.1.1, asn: 64500 } }",
                &[],
            ),
        ],
    );
}

#[test]
fn private_space_is_not_told_to_others() {
    check(
        said,
        &[
            (
                r#"bgp: { asn: 64512, router_id: 192.0.2.1, allow: [10.0.0.0/24, 100.64.0.0/24, "fd00:1::/48", 8.8.8.0/24], peers: { address: 192.168.1.1, asn: 3333, families: [ipv4, ipv6], next_hop: { ipv6: "2600::1" } }, announce: { name: a, prefixes: [10.0.0.0/24, 100.64.0.0/24, "fd00:1::/48", 8.8.8.0/24], when: always } }"#,
                &[
                    "1:237: warning: prefix 10.0.0.0/24 is private space, and AS 3333 is public",
                    "1:250: warning: prefix 100.64.0.0/24 is shared address space, and AS 3333 is public",
                    "1:265: warning: prefix fd00:1::/48 is private space, and AS 3333 is public",
                ],
            ),
            (
                "bgp: { asn: 3333, router_id: 192.0.2.1, allow: [10.0.0.0/24], peers: { address: 192.168.1.1, asn: 3333 }, announce: { name: a, prefixes: 10.0.0.0/24, when: always } }",
                &[],
            ),
        ],
    );
}

#[test]
fn sessions_names_and_the_allow_list_fit_what_is_announced() {
    check(
        said,
        &[
            (
                r#"bgp: { asn: 64512, router_id: 192.0.2.1, allow: ["2001:db8::/48"], peers: { address: 192.168.1.1, asn: 64500, families: [ipv4, ipv6] }, announce: { name: a, prefixes: "2001:db8::/48", when: always } }"#,
                &[
                    "1:128: error: IPv6 prefixes have no next hop on the IPv4 session with 192.168.1.1",
                ],
            ),
            (
                r#"bgp: { asn: 64512, router_id: 192.0.2.1, allow: ["2001:db8::/48"], peers: [{ address: 192.168.1.1, asn: 64500, announce: anycast }, { address: "fd00::1", asn: 64500 }], announce: { name: anycst, prefixes: "2001:db8::/48", when: always } }"#,
                &["1:122: error: there is no announcement anycast"],
            ),
            (
                "bgp: { asn: 64512, router_id: 192.0.2.1, announce: { name: a, prefixes: 203.0.113.53/32, when: always }, peers: { address: 192.168.1.1, asn: 64500 } }",
                &["1:73: error: prefix 203.0.113.53/32 is not in `allow`"],
            ),
        ],
    );
}

#[test]
fn a_mistake_is_shown_with_what_explains_it_and_what_would_be_right() {
    let text = "dns: { listen: [\"203.0.113.53:53\"] }
bgp:
  asn: 64512
  router_id: 192.0.2.1
  allow: 203.0.113.0/24
  peers: { address: 192.168.1.1, asn: 64500 }
  announce: { name: a, prefixes: 203.0.113.53/32, when: { pool: p }, on_down: withdraw }
";
    let (_, found) = load(Path::new("f"), text);
    let shown: String = found.iter().map(|one| one.render(Style::Plain)).collect();
    let expected = r#"  error: prefix 203.0.113.53/32 is not in `allow`
   ╭─[f:7:34]
 7 │   announce: { name: a, prefixes: 203.0.113.53/32, when: { pool: p }, on_down: withdraw }
   ·                                  ───────────────
   ╰────
  help: add "203.0.113.53/32" to it, exactly so
  note: nothing else leaves
   ╭─[f:5:10]
 5 │   allow: 203.0.113.0/24
   ·          ──────────────
   ╰────
  error: `on_down: withdraw` would take DNS on 203.0.113.53 away
   ╭─[f:7:79]
 7 │   announce: { name: a, prefixes: 203.0.113.53/32, when: { pool: p }, on_down: withdraw }
   ·                                                                               ────────
   ╰────
  help: `on_down: deprefer`: DNS goes on answering when a pool is down
  note: it answers there
   ╭─[f:1:16]
 1 │ dns: { listen: ["203.0.113.53:53"] }
   ·                ────────────────────
   ╰────
"#;
    assert_eq!(shown, expected);
}
