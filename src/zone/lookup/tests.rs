use super::fixture::{name, one, with_alias, zone};
use super::*;

/// What a lookup finds, in a word or two.
fn found(zones: &Zones, qname: &str, rtype: Rtype) -> String {
    let qname = name(qname);
    let qname = Qname::new(qname.as_wire());
    let Some((zone, found)) = zones.lookup(qname, rtype) else { return "not ours".to_owned() };
    let what = match found {
        Lookup::Records(records) => format!("{} records", records.count()),
        Lookup::Cname(cname) => {
            format!("CNAME {}", Name::from_wire(cname.first_rdata()).expect("a name"))
        }
        Lookup::Routed(_) => "routed".to_owned(),
        Lookup::Alias(target) => format!("ALIAS {target}"),
        Lookup::Any => "any".to_owned(),
        Lookup::Delegation(delegation) => {
            let wire = qname.as_wire();
            let cut = &wire[wire.len() - delegation.owner_len..];
            format!("referral to {}", Name::from_wire(cut).expect("a name"))
        }
        Lookup::NoData => "no data".to_owned(),
        Lookup::NxDomain => "no name".to_owned(),
    };
    format!("{what} in {}", zones.apex(zone))
}

fn check(zones: &Zones, cases: &[(&str, Rtype, &str)]) {
    for (qname, rtype, expected) in cases {
        assert_eq!(&found(zones, qname, *rtype), expected, "{qname} TYPE{}", rtype.0);
    }
}

/// RFC 4592 §2.2.1: its example zone, and every response that it derives.
#[test]
fn wildcards_answer_as_in_the_example_of_their_rfc() {
    let zones = one(
        "example",
        "@                   NS  ns.example.com.
         @                   NS  ns.example.net.
         *                   TXT \"this is a wildcard\"
         *                   MX  10 host1
         sub.*               TXT \"this is not a wildcard\"
         host1               A   192.0.2.1
         _ssh._tcp.host1     SRV 0 0 22 host1
         _ssh._tcp.host2     SRV 0 0 22 host2
         subdel              NS  ns.example.com.
         subdel              NS  ns.example.net.",
    );
    check(
        &zones,
        &[
            // Synthesized from the wildcard.
            ("host3.example", Rtype::MX, "1 records in example."),
            ("host3.example", Rtype::A, "no data in example."),
            ("foo.bar.example", Rtype::TXT, "1 records in example."),
            // Not synthesized from it.
            ("host1.example", Rtype::MX, "no data in example."),
            ("sub.*.example", Rtype::MX, "no data in example."),
            ("_telnet._tcp.host1.example", Rtype::SRV, "no name in example."),
            ("host.subdel.example", Rtype::A, "referral to subdel.example. in example."),
            ("ghost.*.example", Rtype::MX, "no name in example."),
            // And what follows from the same rules.
            ("*.example", Rtype::TXT, "1 records in example."),
            ("host2.example", Rtype::TXT, "no data in example."),
            ("_tcp.host1.example", Rtype::TXT, "no data in example."),
            ("example", Rtype::NS, "2 records in example."),
            ("com", Rtype::A, "not ours"),
        ],
    );
}

#[test]
fn names_are_found_in_any_letters_and_only_whole() {
    let zones = one("Example.COM", "WWW A 192.0.2.1\n a-label-longer-than-a-word A 192.0.2.2");
    check(
        &zones,
        &[
            ("www.example.com", Rtype::A, "1 records in example.com."),
            ("wWw.EXAMPLE.com", Rtype::A, "1 records in example.com."),
            ("A-label-longer-than-a-WORD.example.com", Rtype::A, "1 records in example.com."),
            ("a-label-longer-than-a-wore.example.com", Rtype::A, "no name in example.com."),
            ("ww.example.com", Rtype::A, "no name in example.com."),
            ("x.www.example.com", Rtype::A, "no name in example.com."),
            ("badexample.com", Rtype::A, "not ours"),
            ("com", Rtype::A, "not ours"),
            (".", Rtype::A, "not ours"),
        ],
    );
}

#[test]
fn cuts_refer_and_hide_what_is_below() {
    let zones = one(
        "example.com",
        "dept      NS  ns1.dept
         dept      NS  ns.other
         dept      NS  ns.example.net.
         dept      DS  1 13 2 0101010101010101010101010101010101010101010101010101010101010101
         ns1.dept  A   192.0.2.99
         ns1.dept  AAAA 2001:db8::99
         deep.er.dept A 192.0.2.98
         other     NS  ns.other
         ns.other  A   192.0.2.97
         *         A   192.0.2.1",
    );
    let dept = "referral to dept.example.com. in example.com.";
    check(
        &zones,
        &[
            ("dept.example.com", Rtype::A, dept),
            ("dept.example.com", Rtype::NS, dept),
            ("dept.example.com", Rtype::ANY, dept),
            ("dept.example.com", Rtype::DS, "1 records in example.com."),
            ("other.example.com", Rtype::DS, "no data in example.com."),
            ("ns1.dept.example.com", Rtype::A, dept),
            ("er.dept.example.com", Rtype::A, dept),
            ("x.y.dept.example.com", Rtype::A, dept),
            ("x.dept.example.com", Rtype::DS, dept),
            ("else.example.com", Rtype::A, "1 records in example.com."),
        ],
    );
    let qname = name("x.dept.example.com");
    let found = zones.lookup(Qname::new(qname.as_wire()), Rtype::A);
    let Some((_, Lookup::Delegation(delegation))) = found else {
        panic!("no referral");
    };
    let needs: Vec<_> = delegation.cut.glue().iter().map(|glue| glue.need).collect();
    assert_eq!(needs, [Need::Required, Need::Required, Need::Sibling]);
}

#[test]
fn child_zone_beside_its_parent_answers_all_but_ds() {
    let parent = zone(
        "example.com",
        "dept NS ns1.dept\n ns1.dept A 192.0.2.99\n www A 192.0.2.1\n
         dept DS 1 13 2 0101010101010101010101010101010101010101010101010101010101010101",
    );
    let child = zone("dept.example.com", "ns1 A 192.0.2.99\n @ NS ns1\n www A 192.0.2.2");
    for zones in [vec![parent.clone(), child.clone()], vec![child, parent]] {
        check(
            &Zones::build(zones),
            &[
                ("dept.example.com", Rtype::NS, "1 records in dept.example.com."),
                ("dept.example.com", Rtype::DS, "1 records in example.com."),
                ("www.dept.example.com", Rtype::A, "1 records in dept.example.com."),
                ("ns1.dept.example.com", Rtype::A, "1 records in dept.example.com."),
                ("no.dept.example.com", Rtype::A, "no name in dept.example.com."),
                ("www.dept.example.com", Rtype::DS, "no data in dept.example.com."),
                ("www.example.com", Rtype::A, "1 records in example.com."),
                ("example.com", Rtype::DS, "no data in example.com."),
            ],
        );
    }
}

#[test]
fn parent_without_a_word_about_the_child_still_has_its_name() {
    let parent = zone("example.com", "www A 192.0.2.1\n x.a.b.c A 192.0.2.3");
    let child = zone("b.c.example.com", "@ A 192.0.2.2");
    check(
        &Zones::build(vec![parent, child]),
        &[
            ("b.c.example.com", Rtype::A, "1 records in b.c.example.com."),
            ("b.c.example.com", Rtype::DS, "no data in example.com."),
            ("c.example.com", Rtype::A, "no data in example.com."),
            ("x.a.b.c.example.com", Rtype::A, "no name in b.c.example.com."),
        ],
    );
}

#[test]
fn ds_of_a_grandchild_is_referred_to_the_zone_between() {
    let top = zone("example.com", "dept NS ns.example.net.");
    let below = zone("x.dept.example.com", "@ A 192.0.2.2");
    let dept = "referral to dept.example.com. in example.com.";
    check(
        &Zones::build(vec![top, below]),
        &[
            ("x.dept.example.com", Rtype::DS, dept),
            ("dept.example.com", Rtype::A, dept),
            ("y.dept.example.com", Rtype::A, dept),
            ("x.dept.example.com", Rtype::A, "1 records in x.dept.example.com."),
            ("y.x.dept.example.com", Rtype::A, "no name in x.dept.example.com."),
        ],
    );
}

#[test]
fn cname_alias_and_any_are_told_apart() {
    let plain = zone(
        "example.com",
        "old CNAME WWW\n www A 192.0.2.1\n *.w CNAME www\n short TXT \"beside\"",
    );
    let zones = Zones::build(vec![with_alias(plain, "short.example.com", "www.example.com")]);
    check(
        &zones,
        &[
            ("old.example.com", Rtype::A, "CNAME www.example.com. in example.com."),
            ("old.example.com", Rtype::CNAME, "1 records in example.com."),
            ("old.example.com", Rtype::ANY, "1 records in example.com."),
            ("x.w.example.com", Rtype::MX, "CNAME www.example.com. in example.com."),
            ("short.example.com", Rtype::A, "ALIAS www.example.com. in example.com."),
            ("short.example.com", Rtype::AAAA, "ALIAS www.example.com. in example.com."),
            ("short.example.com", Rtype::TXT, "1 records in example.com."),
            ("short.example.com", Rtype::MX, "no data in example.com."),
            ("short.example.com", Rtype::ANY, "any in example.com."),
            ("www.example.com", Rtype::ANY, "any in example.com."),
            ("w.example.com", Rtype::ANY, "no data in example.com."),
            ("example.com", Rtype::SOA, "1 records in example.com."),
        ],
    );
}

#[test]
fn root_zone_holds_every_name() {
    let zones = one(".", "com NS a.gtld.\n net A 192.0.2.1");
    check(
        &zones,
        &[
            (".", Rtype::SOA, "1 records in ."),
            ("example.com", Rtype::A, "referral to com. in ."),
            ("net", Rtype::A, "1 records in ."),
            ("org", Rtype::A, "no name in ."),
        ],
    );
}

#[test]
fn names_by_the_thousand_are_each_found() {
    use std::fmt::Write as _;
    let mut records = String::new();
    for n in 0..5_000 {
        writeln!(records, "n{n}.x{} A 192.0.2.{}", n % 7, n % 250).expect("a string grows");
    }
    let zones = one("example.com", &records);
    for n in 0..5_000 {
        let owner = format!("n{n}.x{}.example.com", n % 7);
        assert_eq!(found(&zones, &owner, Rtype::A), "1 records in example.com.", "{owner}");
        let absent = format!("n{n}.x8.example.com");
        assert_eq!(found(&zones, &absent, Rtype::A), "no name in example.com.", "{absent}");
    }
}
