//! Zones for tests, from master files.

use domain::base::iana::Class;
use domain::base::rdata::ComposeRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};

use super::Zones;
use crate::dns::{Name, Rtype};
use crate::policy::Routed;
use crate::zone::{NameSource, RrSet, Soa, ZoneSource};

/// A name from presentation format, absolute with or without its final dot.
pub(crate) fn name(text: &str) -> Name {
    Name::parse(text, &Name::root()).expect("a name")
}

/// A zone from the records of a master file but for its SOA: TTL 3600, negative TTL 300.
pub(crate) fn zone(apex: &str, records: &str) -> ZoneSource {
    let apex = name(apex);
    let soa = Soa {
        primary: apex.prepend(b"ns1").expect("short"),
        contact: apex.prepend(b"hostmaster").expect("short"),
        serial: 1,
        refresh: 7200,
        retry: 1800,
        expire: 1_209_600,
        ttl: 3600,
        minimum: 300,
    };
    let names = vec![empty(apex.clone())];
    let mut zone = ZoneSource { apex, soa, names };
    let lines: Vec<_> = records.lines().map(str::trim).collect();
    let text = format!("$ORIGIN {}\n$TTL 3600\n{}\n", zone.apex, lines.join("\n"));
    let mut file = Zonefile::from(text.as_str());
    file.set_default_class(Class::IN);
    while let Some(entry) = file.next_entry().expect("a good master file") {
        let Entry::Record(record) = entry else { continue };
        let owner = record.owner().to_string();
        let mut rdata = Vec::new();
        record.data().compose_rdata(&mut rdata).expect("room");
        let ttl = record.ttl().as_secs();
        add(at(&mut zone, &owner), Rtype(record.rtype().to_int()), ttl, rdata);
    }
    zone
}

/// The same zone with an ALIAS at a name.
pub(crate) fn with_alias(mut zone: ZoneSource, owner: &str, target: &str) -> ZoneSource {
    at(&mut zone, owner).alias = Some(name(target));
    zone
}

/// The same zone with a routed name.
pub(crate) fn with_routed(mut zone: ZoneSource, owner: &str, routed: Routed) -> ZoneSource {
    at(&mut zone, owner).routed = Some(routed);
    zone
}

fn at<'z>(zone: &'z mut ZoneSource, owner: &str) -> &'z mut NameSource {
    let owner = name(owner);
    let known = zone.names.iter().position(|known| known.owner == owner);
    let at = known.unwrap_or_else(|| {
        zone.names.push(empty(owner));
        zone.names.len() - 1
    });
    &mut zone.names[at]
}

/// The table of one zone.
pub(crate) fn one(apex: &str, records: &str) -> Zones {
    Zones::build(vec![zone(apex, records)])
}

fn empty(owner: Name) -> NameSource {
    NameSource { owner, rrsets: Vec::new(), routed: None, alias: None }
}

fn add(name: &mut NameSource, rtype: Rtype, ttl: u32, rdata: Vec<u8>) {
    match name.rrsets.iter_mut().find(|set| set.rtype == rtype) {
        Some(set) => set.rdata.push(rdata.into()),
        None => name.rrsets.push(RrSet { rtype, ttl, rdata: vec![rdata.into()] }),
    }
}
