//! Zones for tests, from master files.

use domain::base::iana::Class;
use domain::base::rdata::ComposeRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};

use super::Zones;
use crate::dns::{Name, Rtype};
use crate::zone::{NameSource, RrSet, Soa, ZoneSource};

/// A name from presentation format, absolute with or without its final dot.
pub(crate) fn name(text: &str) -> Name {
    Name::parse(text, &Name::root()).expect("a name")
}

/// A zone from the records of a master file but for its SOA: TTL 3600, negative TTL 300.
pub(crate) fn zone(apex: &str, records: &str) -> ZoneSource {
    let apex = name(apex);
    let mut names = vec![empty(apex.clone())];
    let lines: Vec<_> = records.lines().map(str::trim).collect();
    let text = format!("$ORIGIN {apex}\n$TTL 3600\n{}\n", lines.join("\n"));
    let mut file = Zonefile::from(text.as_str());
    file.set_default_class(Class::IN);
    while let Some(entry) = file.next_entry().expect("a good master file") {
        let Entry::Record(record) = entry else { continue };
        let owner = name(&record.owner().to_string());
        let mut rdata = Vec::new();
        record.data().compose_rdata(&mut rdata).expect("room");
        let at = match names.iter().position(|known| known.owner == owner) {
            Some(at) => at,
            None => {
                names.push(empty(owner));
                names.len() - 1
            }
        };
        add(&mut names[at], Rtype(record.rtype().to_int()), record.ttl().as_secs(), rdata);
    }
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
    ZoneSource { apex, soa, names }
}

/// The same zone with an ALIAS at a name.
pub(crate) fn with_alias(mut zone: ZoneSource, owner: &str, target: &str) -> ZoneSource {
    let owner = name(owner);
    let known = zone.names.iter().position(|known| known.owner == owner);
    match known {
        Some(at) => zone.names[at].alias = Some(name(target)),
        None => zone.names.push(NameSource { alias: Some(name(target)), ..empty(owner) }),
    }
    zone
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
