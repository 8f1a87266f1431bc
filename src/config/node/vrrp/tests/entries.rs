//! What entries are to each other and to the rest of the file.

use super::*;
use crate::config::diagnostic::Style;

#[test]
fn addresses_and_interfaces_are_what_a_host_can_have() {
    let cases: &[Case<'_>] = &[
        ("- 5", &["3:3: error: a `vrrp` entry is a mapping (`key: value`), found `5`"]),
        (
            "- {}",
            &[
                "3:3: error: a `vrrp` entry needs `id`",
                "3:3: error: a `vrrp` entry needs `interface`",
                "3:3: error: a `vrrp` entry needs `addresses`",
            ],
        ),
        (
            "- { id: 0, interface: '', addresses: [] }",
            &[
                "3:9: error: expected a number for `id` (1 to 255), found `0`",
                "3:23: error: expected the name of an interface (1 to 15 octets, no `/`, no `:`, no space), found ``",
                "3:38: error: at least one address is needed, found an empty list",
            ],
        ),
        (
            "- { id: 51, interface: 'eth 0', addresses: 10.0.0.0/24 }",
            &[
                "3:24: error: expected the name of an interface (1 to 15 octets, no `/`, no `:`, no space), found `eth 0`",
                "3:44: error: a virtual address is a single one (/32), found `10.0.0.0/24`",
            ],
        ),
        (
            "- { id: 51, interface: sixteen-octets-x, addresses: [0.0.0.0, 127.0.0.1, 224.0.0.1, 255.255.255.255, '::', '::1', 'ff02::1', '::ffff:10.0.0.1', x, '10.0.0.1/032', 10.0.0.1/33, 'fd00::1/64', 'fd00::1/128', 192.0.2.1/32, 192.0.2.1] }",
            &[
                "3:24: error: expected the name of an interface (1 to 15 octets, no `/`, no `:`, no space), found `sixteen-octets-x`",
                "3:54: error: virtual address 0.0.0.0 is the unspecified address (must be a host's on the network)",
                "3:63: error: virtual address 127.0.0.1 is a loopback address (must be a host's on the network)",
                "3:74: error: virtual address 224.0.0.1 is a multicast address (must be a host's on the network)",
                "3:85: error: virtual address 255.255.255.255 is the broadcast address (must be a host's on the network)",
                "3:102: error: virtual address :: is the unspecified address (must be a host's on the network)",
                "3:108: error: virtual address ::1 is a loopback address (must be a host's on the network)",
                "3:115: error: virtual address ff02::1 is a multicast address (must be a host's on the network)",
                "3:126: error: virtual address ::ffff:10.0.0.1 is an IPv4-mapped address (must be a host's on the network)",
                "3:145: error: expected a virtual address such as 192.0.2.1 or 192.0.2.1/32, found `x`",
                "3:148: error: a virtual address is a single one (/32), found `10.0.0.1/032`",
                "3:164: error: a virtual address is a single one (/32), found `10.0.0.1/33`",
                "3:177: error: a virtual address is a single one (/128), found `fd00::1/64`",
                "3:220: error: 192.0.2.1 stands twice",
            ],
        ),
        (
            "- { id: 51, interface: eth+0, addresses: 192.0.2.1 }",
            &["3:24: error: `eth+0/51` is no name for paths and metrics"],
        ),
        (
            "- { id: 51, interface: lo, addresses: 192.0.2.1 }",
            &["3:24: error: interface lo has no neighbours"],
        ),
        (
            "- { id: 51, interface: eth0, version: 2, addresses: [192.0.2.1, 'fd00::1'] }",
            &["3:65: error: version 2 has no IPv6, found fd00::1"],
        ),
        (
            "- { id: 51, interface: eth0, addresses: ['fd00::1', 'fe80::1'] }",
            &["3:53: warning: fe80::1 is link-local and does not stand first"],
        ),
        (
            "- { id: 51, interface: eth0, addresses: ['fd00::1', 192.0.2.1], source: [192.0.2.2, 'fd00::2'] }",
            &[
                "3:74: error: 192.0.2.2 is IPv4, and path 1 is IPv6",
                "3:85: error: fd00::2 is IPv6, and path 2 is IPv4",
                "3:85: error: source fd00::2 is not link-local",
            ],
        ),
        (
            "- { id: 51, interface: eth0, addresses: ['fd00::1', 192.0.2.1], source: ['fd00::2', 192.0.2.2] }",
            &["3:74: error: source fd00::2 is not link-local"],
        ),
        (
            "- { id: 51, interface: eth0, addresses: ['fd00::1', 192.0.2.1], peers: { name: a, addresses: 192.0.2.3 } }",
            &["3:42: error: no path to peer a is IPv6"],
        ),
    ];
    check(said_of, cases);
}

#[test]
fn no_two_entries_have_the_same() {
    let cases: &[Case<'_>] = &[
        (
            "- { interface: eth0, addresses: 192.0.2.1, priority: 300 }\n- { id: 51, interface: eth0, addresses: 192.0.2.1, arp: { burst: 0 } }",
            &[
                "3:3: error: a `vrrp` entry needs `id`",
                "3:54: error: expected a number for `priority` (1 to 255), found `300`",
                "4:41: error: 192.0.2.1 is in two entries",
                "4:66: error: expected a number for `burst` (1 to 100), found `0`",
            ],
        ),
        (
            "- { id: 51, interface: eth0, addresses: 192.0.2.1 }\n- { id: 51, interface: eth0, addresses: 192.0.2.1 }",
            &[
                "4:9: error: two IPv4 entries have id 51 on eth0",
                "4:41: error: 192.0.2.1 is in two entries",
            ],
        ),
        (
            "- { id: 51, interface: eth0, addresses: 192.0.2.1 }\n- { id: 51, interface: eth0, addresses: 'fd00::1' }",
            &["4:9: error: two entries are named eth0/51"],
        ),
        (
            "- { id: 51, interface: eth0, name: a, addresses: 192.0.2.1 }\n- { id: 51, interface: eth1, name: a, addresses: 'fd00::1' }",
            &["4:36: error: two entries are named a"],
        ),
        (
            "- { id: 51, interface: eth0, name: a, addresses: 192.0.2.1 }\n- { id: 51, interface: eth0, name: a, addresses: 192.0.2.2 }",
            &[
                "4:9: error: two IPv4 entries have id 51 on eth0",
                "4:36: error: two entries are named a",
            ],
        ),
    ];
    check(said_of, cases);
}

#[test]
fn a_virtual_address_needs_somebody_who_answers() {
    let cases: &[Case<'_>] = &[
        (
            "vrrp: { id: 51, interface: eth0, addresses: 192.0.2.1 }",
            &["1:45: error: nothing answers DNS on virtual address 192.0.2.1"],
        ),
        (
            "dns: { listen: [192.0.2.1:53] }\nvrrp: { id: 51, interface: eth0, addresses: [192.0.2.1, 192.0.2.2, 'fd00::1'] }",
            &[
                "2:57: error: nothing answers DNS on virtual address 192.0.2.2",
                "2:68: error: nothing answers DNS on virtual address fd00::1",
            ],
        ),
        (
            "dns: { listen: ['[::]:53'] }\nvrrp: { id: 51, interface: eth0, addresses: 192.0.2.1 }",
            &["2:45: error: nothing answers DNS on virtual address 192.0.2.1"],
        ),
        (
            "dns: { listen: [localhost] }\nvrrp: { id: 51, interface: eth0, addresses: 192.0.2.1 }",
            &[
                "1:17: error: expected an address and port such as 0.0.0.0:53 or \"[::]:53\", found `localhost`",
            ],
        ),
        (
            "vrrp: { id: 51, interface: eth0, addresses: 192.0.2.1 }\nfoo: 1",
            &[
                "1:45: error: nothing answers DNS on virtual address 192.0.2.1",
                "2:1: error: a node's configuration has no key `foo`",
            ],
        ),
        ("vrrp:", &["1:1: error: a `vrrp` entry is a mapping (`key: value`), found nothing"]),
        (
            "vrrp: {}",
            &[
                "1:7: error: a `vrrp` entry needs `id`",
                "1:7: error: a `vrrp` entry needs `interface`",
                "1:7: error: a `vrrp` entry needs `addresses`",
            ],
        ),
        ("vrrp: []", &[]),
        (
            "vrrp: dns-vip",
            &["1:7: error: a `vrrp` entry is a mapping (`key: value`), found `dns-vip`"],
        ),
    ];
    check(said, cases);
}

#[test]
fn an_advertisement_has_room_for_so_many_addresses() {
    let ipv4 = |count: u32| -> Vec<_> {
        (0..count).map(|n| format!("10.0.{}.{}", n / 200, n % 200 + 1)).collect()
    };
    let ipv6 = |count: u32| -> Vec<_> { (0..count).map(|n| format!("'fd00::{n:x}'")).collect() };
    let text = |addresses: Vec<String>| {
        format!("- {{ id: 1, interface: e, addresses: [{}] }}", addresses.join(", "))
    };
    assert!(said_of(&text(ipv4(255))).is_empty());
    assert!(said_of(&text(ipv6(90))).is_empty());
    let both = ipv4(255).into_iter().chain(ipv6(90)).collect();
    assert!(said_of(&text(both)).is_empty());
    for (addresses, expected) in [
        (ipv4(256), "an advertisement has room for 255 IPv4 addresses"),
        (ipv6(91), "an advertisement has room for 90 IPv6 addresses"),
    ] {
        let found = said_of(&text(addresses));
        assert!(found.len() == 1 && found[0].ends_with(expected), "{found:?}");
    }
}

#[test]
fn a_mistake_is_shown_with_what_explains_it_and_what_would_be_right() {
    let text = "dns: { listen: [192.0.2.1:53] }
vrrp:
  - { id: 51, interface: eth0, addresses: 192.0.2.1 }
  - { id: 51, interface: eth0, addresses: 192.0.2.2 }
";
    let (_, found) = load(Path::new("f"), text);
    let shown: String = found.iter().map(|one| one.render(Style::Plain)).collect();
    let expected = r#"  error: two IPv4 entries have id 51 on eth0
   ╭─[f:4:11]
 4 │   - { id: 51, interface: eth0, addresses: 192.0.2.2 }
   ·           ──
   ╰────
  help: give them ids of their own, or put the addresses together
  note: the first one
   ╭─[f:3:11]
 3 │   - { id: 51, interface: eth0, addresses: 192.0.2.1 }
   ·           ──
   ╰────
  error: nothing answers DNS on virtual address 192.0.2.2
   ╭─[f:4:43]
 4 │   - { id: 51, interface: eth0, addresses: 192.0.2.2 }
   ·                                           ─────────
   ╰────
  help: add "192.0.2.2:53" to `dns.listen`, or "0.0.0.0:53" for every address
  note: nothing here takes it
   ╭─[f:1:16]
 1 │ dns: { listen: [192.0.2.1:53] }
   ·                ───────────────
   ╰────
"#;
    assert_eq!(shown, expected);
}
