//! Mistakes in one entry that needs nothing else: a text, and the first line of each message.

use super::{Case, check, entry, said_of};

/// Of keys added to an entry that is right.
fn check_more(cases: &[Case<'_>]) {
    check(|more| said_of(&entry(more)), cases);
}

#[test]
fn an_entry_is_read_key_by_key() {
    check_more(&[
        ("foo: 1", &["3:52: error: a `vrrp` entry has no key `foo`"]),
        (
            "bfd: { interval: 100ms }",
            &["3:52: error: `bfd` needs `peers`: this entry uses multicast"],
        ),
        ("name: 'a b'", &["3:58: error: `a b` is no name for paths and metrics"]),
        ("name: ../x", &["3:58: error: `../x` is no name for paths and metrics"]),
        ("name: [a]", &["3:58: error: expected a name, found a list"]),
        ("version: 4", &["3:61: error: expected a value for `version` (`2`, `3`), found `4`"]),
        ("priority: 0", &["3:62: error: expected a number for `priority` (1 to 255), found `0`"]),
        (
            "priority: 256",
            &["3:62: error: expected a number for `priority` (1 to 255), found `256`"],
        ),
        (
            "priority: 255",
            &["3:62: warning: priority 255 stays whatever the node's health: it is the owner's"],
        ),
        (
            "priority: ten",
            &["3:62: error: expected a number for `priority` (1 to 255), found `ten`"],
        ),
        (
            "checksum: none",
            &[
                "3:62: error: expected a value for `checksum` (`pseudo`, `plain`, `mirror`), found `none`",
            ],
        ),
        (
            "address_mismatch: dorp",
            &[
                "3:70: error: expected a value for `address_mismatch` (`warn`, `drop`), found `dorp`",
            ],
        ),
        (
            "version: 2, checksum: plain, address_mismatch: warn",
            &[
                "3:64: error: `checksum` is of version 3",
                "3:81: error: `address_mismatch` is of version 3",
            ],
        ),
        ("resident: yes", &["3:62: error: expected true or false, found `yes`"]),
        ("vmac: 1", &["3:58: error: expected true or false, found `1`"]),
        (
            "priority: 255, source: 192.0.2.1",
            &["3:62: warning: priority 255 stays whatever the node's health: it is the owner's"],
        ),
    ]);
}

#[test]
fn times_have_limits_that_depend_on_the_version() {
    check_more(&[
        ("advertise: 9ms", &["3:63: error: advertise 9ms is out of range (10ms to 40.95s)"]),
        ("advertise: 41s", &["3:63: error: advertise 41s is out of range (10ms to 40.95s)"]),
        (
            "advertise: 15ms",
            &[
                "3:63: error: advertise 15ms is no multiple of 10ms (version 3 counts in steps of 10ms)",
            ],
        ),
        (
            "advertise: 1",
            &[
                "3:63: error: expected a duration such as 5s or 200ms (units: ms, s, m, h, d, w), found `1`",
            ],
        ),
        (
            "advertise: 1.5ms",
            &[
                "3:63: error: expected a duration such as 5s or 200ms (units: ms, s, m, h, d, w), found `1.5ms`",
            ],
        ),
        (
            "version: 2, advertise: 100ms",
            &["3:75: error: advertise 100ms is out of range (1s to 255s)"],
        ),
        (
            "version: 2, advertise: 1500ms",
            &["3:75: error: advertise 1.5s is no multiple of 1s (version 2 counts in seconds)"],
        ),
        (
            "version: 2, advertise: 256s",
            &["3:75: error: advertise 256s is out of range (1s to 255s)"],
        ),
        (
            "preempt: nope",
            &[
                "3:61: error: expected a value for `preempt` (`unhealthy`, `always`, `never`), found `nope`",
            ],
        ),
        (
            "preempt: alway",
            &[
                "3:61: error: expected a value for `preempt` (`unhealthy`, `always`, `never`), found `alway`",
            ],
        ),
        ("preempt_delay: 5s", &["3:67: error: preempt_delay 5s needs `preempt: always`"]),
        (
            "preempt: never, preempt_delay: 5s",
            &["3:83: error: preempt_delay 5s needs `preempt: always`"],
        ),
        ("preempt_delay: 2h", &["3:67: error: preempt_delay 2h is out of range (0s to 1h)"]),
        ("startup_delay: 61m", &["3:67: error: startup_delay 61m is out of range (0s to 1h)"]),
        (
            "fault_hold: -1s",
            &[
                "3:64: error: expected a duration such as 5s or 200ms (units: ms, s, m, h, d, w), found `-1s`",
            ],
        ),
        ("lease: 2s", &["3:59: error: lease 2s is shorter than three intervals of 1s"]),
        (
            "lease: 3500ms",
            &["3:59: error: lease 3.5s is no multiple of 1s (the kernel counts seconds)"],
        ),
        ("lease: 2d", &["3:59: error: lease 2d is out of range (0s to 1d)"]),
        (
            "lease: forever",
            &[
                "3:59: error: expected a duration such as 5s or 200ms (units: ms, s, m, h, d, w), found `forever`",
            ],
        ),
    ]);
}

#[test]
fn what_keeps_a_node_from_being_active_is_checked() {
    check_more(&[
        ("health: { every: 10ms }", &["3:69: error: every 10ms is out of range (50ms to 1m)"]),
        ("health: { timeout: 1s }", &["3:71: error: timeout 1s is longer than every 200ms"]),
        (
            "health: { fall: 0, rise: 1001 }",
            &[
                "3:68: error: expected a number of results (1 to 1000), found `0`",
                "3:77: error: expected a number of results (1 to 1000), found `1001`",
            ],
        ),
        (
            "health: { floor: 0 }",
            &["3:69: error: expected a number for `floor` (1 to 253), found `0`"],
        ),
        (
            "health: { floor: 254 }",
            &["3:69: error: expected a number for `floor` (1 to 253), found `254`"],
        ),
        ("health: { floor: 100 }", &["3:69: error: floor 100 is not below priority 100"]),
        ("priority: 1", &["3:62: error: floor 1 is not below priority 1"]),
        (
            "priority: 50, health: { floor: 60 }",
            &["3:83: error: floor 60 is not below priority 50"],
        ),
        (
            "priority: 255, health: { floor: 253 }",
            &["3:62: warning: priority 255 stays whatever the node's health: it is the owner's"],
        ),
        ("health: 5s", &["3:60: error: `health` is a mapping (`key: value`), found `5s`"]),
        ("track: [{}]", &["3:60: error: a tracked object is one `interface` or one `address`"]),
        (
            "track: [{ interface: eth1, address: 10.0.0.1 }]",
            &["3:60: error: a tracked object is one `interface` or one `address`"],
        ),
        (
            "track: [{ interface: eth1, weight: 0 }]",
            &[
                "3:87: error: expected a weight (-253 to -1; without any, a missing object is a fault), found `0`",
            ],
        ),
        (
            "track: [{ interface: eth1, weight: -254 }]",
            &[
                "3:87: error: expected a weight (-253 to -1; without any, a missing object is a fault), found `-254`",
            ],
        ),
        (
            "track: [{ address: 192.0.2.1 }]",
            &["3:71: error: tracked address 192.0.2.1 is a virtual address too"],
        ),
        (
            "track: [{ interface: eth1 }, { interface: eth1, weight: -1 }]",
            &["3:94: error: eth1 is tracked twice"],
        ),
        (
            "track: [{ interface: eth/1 }, { address: 127.0.0.1 }]",
            &[
                "3:73: error: expected the name of an interface (1 to 15 octets, no `/`, no `:`, no space), found `eth/1`",
                "3:93: error: tracked address 127.0.0.1 is a loopback address (must be a host's on the network)",
            ],
        ),
        (
            "track: [eth1]",
            &["3:60: error: a tracked object is a mapping (`key: value`), found `eth1`"],
        ),
        ("witness: {}", &["3:61: error: `witness` needs `addresses`"]),
        (
            "witness: { addresses: [] }",
            &["3:74: error: at least one address is needed, found an empty list"],
        ),
        (
            "witness: { addresses: [192.0.2.1, 224.0.0.1] }",
            &[
                "3:86: error: witness 224.0.0.1 is a multicast address (must be a host's on the network)",
            ],
        ),
        (
            "witness: { addresses: 192.0.2.9, need: some, every: 50ms, misses: 0, required: maybe }",
            &[
                "3:91: error: expected a value for `need` (`any`, `all`), found `some`",
                "3:104: error: every 50ms is out of range (100ms to 1m)",
                "3:118: error: expected a number of results (1 to 1000), found `0`",
                "3:131: error: expected true or false, found `maybe`",
            ],
        ),
        (
            "witness: { addresses: 192.0.2.3 }, peers: { addresses: 192.0.2.3 }",
            &["3:74: error: witness 192.0.2.3 is an address of a peer too"],
        ),
    ]);
}

#[test]
fn what_is_done_to_the_host_and_its_neighbours_is_checked() {
    check_more(&[
        (
            "arp: { burst: 0 }",
            &["3:66: error: expected a number for `burst` (1 to 100), found `0`"],
        ),
        (
            "arp: { burst: 101 }",
            &["3:66: error: expected a number for `burst` (1 to 100), found `101`"],
        ),
        ("arp: { again: [5s, 1s] }", &["3:71: error: again 1s does not come after 5s"]),
        (
            "arp: { again: [1s, 1s, 50ms] }",
            &[
                "3:71: error: again 1s does not come after 1s",
                "3:75: error: again 50ms is out of range (100ms to 1h)",
            ],
        ),
        (
            "arp: { refresh: 500ms }",
            &["3:68: error: refresh 500ms is too often (0, or 1s at least)"],
        ),
        ("notify: {}", &["3:60: error: `notify` needs `command`"]),
        ("notify: { command: [] }", &["3:71: error: `command` is empty: name a program"]),
        ("notify: { command: notify }", &["3:71: error: the program notify has no absolute path"]),
        (
            "notify: { command: /nowhere/notify }",
            &[
                "3:71: warning: the program /nowhere/notify cannot be found: No such file or directory (os error 2)",
            ],
        ),
        ("notify: { command: /etc }", &["3:71: error: the program /etc is not a regular file"]),
        (
            "notify: { command: /etc/passwd }",
            &["3:71: error: the program /etc/passwd is not executable"],
        ),
        (
            "notify: { command: [/bin/true, [a]] }",
            &["3:83: error: expected an argument, found a list"],
        ),
        (
            "notify: { command: [/bin/true, ''] , timeout: 1ms }",
            &["3:98: error: timeout 1ms is out of range (100ms to 1h)"],
        ),
    ]);
}

#[test]
fn paths_agree_with_each_other_and_with_the_addresses() {
    check_more(&[
        (
            "pair_mode: true",
            &["3:63: error: pair_mode needs exactly one peer, this entry uses multicast"],
        ),
        (
            "pair_mode: maybe",
            &[
                "3:63: error: expected a value for `pair_mode` (`auto`, `true`, `false`), found `maybe`",
            ],
        ),
        (
            "pair_mode: true, peers: [{ addresses: 192.0.2.3 }, { addresses: 192.0.2.4 }]",
            &["3:63: error: pair_mode needs exactly one peer, there are 2"],
        ),
        ("peers: [{}]", &["3:60: error: a peer needs `addresses`"]),
        (
            "peers: [{ addresses: [] }]",
            &["3:73: error: at least one address is needed, found an empty list"],
        ),
        (
            "peers: [{ addresses: [192.0.2.3, 192.0.2.3] }]",
            &["3:85: error: 192.0.2.3 stands twice"],
        ),
        (
            "peers: [{ addresses: 192.0.2.3 }, { addresses: 192.0.2.3 }]",
            &["3:99: error: 192.0.2.3 is an address of two peers"],
        ),
        (
            "peers: [{ name: a, addresses: 192.0.2.3 }, { name: a, addresses: 192.0.2.4 }]",
            &["3:103: error: two peers are named a"],
        ),
        (
            "peers: [{ name: a, addresses: 192.0.2.3 }, { name: b, addresses: [192.0.2.4, 192.0.2.5] }]",
            &["3:103: error: peer b has 2 of 1 addresses"],
        ),
        (
            "peers: [{ name: a, addresses: [192.0.2.3, 'fe80::3'] }]",
            &["3:94: error: path fe80::3 is IPv6, and no virtual address is"],
        ),
        (
            "peers: [{ name: a, addresses: 'fe80::3' }]",
            &[
                "3:41: error: no path to peer a is IPv4",
                "3:82: error: path fe80::3 is IPv6, and no virtual address is",
            ],
        ),
        (
            "peers: [{ name: a, addresses: [192.0.2.3, 192.0.2.5] }, { name: b, addresses: [192.0.2.4, 'fe80::4'] }]",
            &["3:142: error: fe80::4 is IPv6, and path 2 is IPv4"],
        ),
        (
            "peers: { addresses: 192.0.2.1 }",
            &["3:72: error: peer 192.0.2.1 is a virtual address too"],
        ),
        (
            "peers: { addresses: 192.0.2.3, hops: 0 }",
            &["3:89: error: expected a number for `hops` (1 to 255), found `0`"],
        ),
        (
            "peers: { addresses: 192.0.2.3, hops: 3 }",
            &["3:72: warning: anybody 3 hops away can pretend to be peer 192.0.2.3"],
        ),
        (
            "peers: { addresses: gtm-b }",
            &["3:72: error: expected an IPv4 or IPv6 address, found `gtm-b`"],
        ),
        ("peers: gtm-b", &["3:59: error: a peer is a mapping (`key: value`), found `gtm-b`"]),
        ("source: [192.0.2.2, 192.0.2.3]", &["3:61: error: source has 2 of 1 addresses"]),
        ("source: 'fe80::1'", &["3:60: error: fe80::1 is IPv6, and path 1 is IPv4"]),
        ("source: 192.0.2.1", &["3:60: error: source 192.0.2.1 is a virtual address too"]),
        (
            "source: 192.0.2.2, peers: { addresses: [192.0.2.3, 192.0.2.4] }",
            &["3:60: error: source has 1 of 2 addresses"],
        ),
        (
            "source: 'fe80::1', peers: { addresses: 192.0.2.3 }",
            &["3:60: error: fe80::1 is IPv6, and path 1 is IPv4"],
        ),
        (
            "source: 192.0.2.3, peers: { addresses: 192.0.2.3 }",
            &["3:60: error: source 192.0.2.3 is an address of a peer too"],
        ),
    ]);
}

#[test]
fn authentication_fits_its_version() {
    check_more(&[
        ("auth: {}", &["3:58: error: `auth` in version 3 needs `keys`"]),
        ("version: 2, auth: {}", &["3:70: error: `auth` in version 2 needs `password_file`"]),
        (
            "version: 2, auth: { keys: { 1: /k }, mode: enforce }",
            &[
                "3:70: error: `auth` in version 2 needs `password_file`",
                "3:72: error: `keys` is of version 3",
                "3:89: error: `mode` is of version 3",
            ],
        ),
        (
            "auth: { password_file: /k }",
            &[
                "3:58: error: `auth` in version 3 needs `keys`",
                "3:60: error: `password_file` is of version 2",
            ],
        ),
        ("auth: { keys: {} }", &["3:66: error: `keys` is empty: give each key an id and a file"]),
        (
            "auth: { keys: { 0: /k, 256: /k, a: /k } }",
            &[
                "3:68: error: expected the id of a key (1 to 255), found `0`",
                "3:75: error: expected the id of a key (1 to 255), found `256`",
                "3:84: error: expected the id of a key (1 to 255), found `a`",
            ],
        ),
        (
            "auth: { keys: { 1: /nowhere, 01: /nowhere } }",
            &[
                "3:71: error: key 1: /nowhere: No such file or directory (os error 2)",
                "3:81: error: key 1 stands twice",
            ],
        ),
        (
            "auth: { keys: { 1: /nowhere, 2: /nowhere } }",
            &[
                "3:58: error: several keys, and no `send` says which to send with",
                "3:71: error: key 1: /nowhere: No such file or directory (os error 2)",
                "3:84: error: key 2: /nowhere: No such file or directory (os error 2)",
            ],
        ),
        (
            "auth: { keys: { 1: /nowhere }, send: 2, window: 6m, mode: enforced }",
            &[
                "3:71: error: key 1: /nowhere: No such file or directory (os error 2)",
                "3:89: error: send 2 is none of `keys`",
                "3:100: error: window 6m is out of range (0s to 5m)",
                "3:110: error: expected a value for `mode` (`receive-only`, `permissive`, `enforce`), found `enforced`",
            ],
        ),
        ("auth: { keys: /k }", &["3:66: error: `keys` is a mapping (`key: value`), found `/k`"]),
        ("auth: none", &["3:58: error: `auth` is a mapping (`key: value`), found `none`"]),
        (
            "version: 5, auth: { keys: { 1: /nowhere } }",
            &["3:61: error: expected a value for `version` (`2`, `3`), found `5`"],
        ),
    ]);
}
