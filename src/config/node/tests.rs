use super::*;

fn machine() -> Machine {
    Machine { host: "gtm".to_owned(), state: PathBuf::from("/state") }
}

fn messages(text: &str) -> Vec<String> {
    let found = read::read(Path::new("rhumb.yaml"), text, &machine());
    let diagnostics = match found {
        Ok((_, warnings)) => warnings,
        Err(mistakes) => mistakes,
    };
    diagnostics.iter().map(|d| d.one_line()).collect()
}

#[test]
fn an_empty_file_is_the_defaults() {
    let path = Path::new("/etc/rhumb/rhumb.yaml");
    let (config, warnings) = read::read(path, "# nothing\n", &machine()).expect("no mistake");
    assert!(warnings.is_empty());
    let mut expected = NodeConfig::defaults(Path::new("/etc/rhumb"), &machine());
    expected.file = Some(path.to_owned());
    assert_eq!(format!("{config:?}"), format!("{expected:?}"));
    let listen: Vec<_> = config.dns.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:5300", "[::1]:5300"]);
    assert_eq!(config.dns.listed, Listed::ByDefault);
    assert_eq!(config.zones, [Path::new("/etc/rhumb/zones")]);
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8053");
    assert_eq!(config.admin.token_file, Path::new("/state/token"));
}

#[test]
fn every_key_is_read_and_paths_are_relative_to_the_file() {
    let text = r#"
node: gtm-a
dns:
  listen: ["0.0.0.0:53", "[::]:53", 192.0.2.1]
  udp_threads: 3
  tcp: { connections: 100, connections_per_client: 200, idle: 30s }
zones: ["/etc/rhumb/zones/*.yaml", local]
watch: true
geoip: { databases: [/var/lib/GeoIP/City.mmdb, asn.mmdb] }
admin: { listen: 127.0.0.1:8054, token_file: token.txt }
state: /var/lib/rhumb
"#;
    let (config, warnings) =
        read::read(Path::new("conf/rhumb.yaml"), text, &machine()).expect("no mistake");
    assert!(warnings.is_empty());
    assert_eq!(config.node, "gtm-a");
    let listen: Vec<_> = config.dns.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["0.0.0.0:53", "[::]:53", "192.0.2.1:53"]);
    assert_eq!(config.dns.listed, Listed::InTheFile);
    assert_eq!(config.dns.udp_threads.count(), 3);
    let tcp = config.dns.tcp;
    assert_eq!((tcp.connections, tcp.connections_per_client, tcp.idle.as_secs()), (100, 100, 30));
    assert_eq!(config.zones, [Path::new("/etc/rhumb/zones/*.yaml"), Path::new("conf/local")]);
    assert!(config.watch);
    let databases = [Path::new("/var/lib/GeoIP/City.mmdb"), Path::new("conf/asn.mmdb")];
    assert_eq!(config.databases, databases);
    assert_eq!(config.admin.token_file, Path::new("conf/token.txt"));
    assert_eq!(config.state, Path::new("/var/lib/rhumb"));
}

#[test]
fn the_token_lies_with_the_state_unless_it_is_named() {
    let (config, _) =
        read::read(Path::new("rhumb.yaml"), "state: /s\nadmin: {}\n", &machine()).expect("good");
    assert_eq!(config.admin.token_file, Path::new("/s/token"));
}

#[test]
fn mistakes_have_their_place() {
    for (text, expected) in [
        ("zone: [a]", "1:1: error: a node's configuration has no key `zone`"),
        ("- a", "1:1: error: a node's configuration is a mapping (`key: value`), found a list"),
        ("watch: yes", "1:8: error: expected true or false, found `yes`"),
        ("dns: { listen: [] }", "1:16: error: `listen` is empty: the node would answer nobody"),
        (
            "dns: { listen: [localhost:53] }",
            "1:17: error: expected an address and port such as 0.0.0.0:53 or \"[::]:53\", \
             found `localhost:53`",
        ),
        ("dns: { listen: [127.0.0.1:53, 127.0.0.1] }", "1:31: error: 127.0.0.1:53 stands twice"),
        (
            "dns: { udp_threads: 0 }",
            "1:21: error: expected `auto` or a number of threads (1 to 1024), found `0`",
        ),
        (
            "dns: { tcp: { idle: 30 } }",
            "1:21: error: expected a duration such as 5s or 200ms (units: ms, s, m, h, d, w), \
             found `30`",
        ),
        (
            "admin: { listen: 0.0.0.0:8053 }",
            "1:18: warning: the admin address 0.0.0.0:8053 is open to the network",
        ),
        ("zones: [[a]]", "1:9: error: expected a path, found a list"),
        ("state:", "1:1: error: expected a path, found nothing"),
        ("node: 'a", "1:7: error: while scanning a quoted scalar, found unexpected end of stream"),
    ] {
        assert_eq!(messages(text), [format!("rhumb.yaml:{expected}")], "{text}");
    }
}

#[test]
fn a_named_file_must_exist() {
    let mistakes = NodeConfig::find(Some(Path::new("/nowhere/rhumb.yaml"))).expect_err("no file");
    assert!(mistakes[0].one_line().starts_with("error: cannot read /nowhere/rhumb.yaml: "));
}

#[test]
fn state_goes_where_the_user_can_write() {
    let path = |text: &str| Some(PathBuf::from(text));
    for (state_home, home, expected) in [
        (path("/x/state"), path("/home/u"), "/x/state/rhumb"),
        (path("relative"), path("/home/u"), "/home/u/.local/state/rhumb"),
        (None, path("/home/u"), "/home/u/.local/state/rhumb"),
    ] {
        assert_eq!(user_state(state_home, home), Path::new(expected));
    }
    let directory = tempfile::tempdir().expect("a directory");
    assert!(is_writable(directory.path()));
    assert!(is_writable(&directory.path().join("new")));
    assert!(!is_writable(&directory.path().join("deep/down")));
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0);
}

/// The commented section `key` of the package's file, without the comment marks.
fn uncommented(packaged: &str, key: &str) -> String {
    let start = packaged.find(&format!("# {key}:\n")).expect("an example");
    let lines = packaged[start..].lines().map_while(|line| line.strip_prefix("# "));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_commented_examples_of_the_package_have_no_mistake_together() {
    let packaged = include_str!("../../../packaging/rhumb.yaml");
    let examples: String = ["vrrp", "bgp", "ecmp"].map(|key| uncommented(packaged, key)).concat();
    let text = format!("{packaged}{examples}");
    let (config, found) = read::read_as_far(Path::new("rhumb.yaml"), &text, &machine());
    assert!(found.is_empty(), "{found:?}");
    let bgp = config.bgp.expect("a section");
    assert_eq!(&*bgp.speaker.peers[0].name, "tor-1");
    assert_eq!(bgp.announcements[0].questions.len(), 2);
    assert_eq!((config.vrrp.len(), &*config.ecmp[0].name), (1, "lb-fleet"));
}

#[test]
fn what_the_package_gives_as_default_is_one() {
    let packaged = include_str!("../../../packaging/rhumb.yaml");
    let read = |text: &str| {
        let (config, found) = read::read_as_far(Path::new("f"), text, &machine());
        assert!(found.is_empty(), "{found:?}");
        config
    };
    let dns = "dns: { listen: [\"0.0.0.0:53\", \"[::]:53\"] }\n";
    let given = read(&format!("{dns}{}", uncommented(packaged, "bgp"))).bgp.expect("a section");
    let least = "bgp:
  asn: 64512
  router_id: 192.0.2.1
  allow: [203.0.113.53/32, \"2001:db8:53::53/128\"]
  peers:
    name: tor-1
    address: 192.168.1.1
    asn: 64500
    families: [ipv4, ipv6]
    next_hop: { ipv6: \"2001:db8:1::10\" }
    bfd: {}
  announce:
    name: anycast-dns
    prefixes: [203.0.113.53/32, \"2001:db8:53::53/128\"]
    communities: [\"64512:100\"]
    large_communities: [\"64512:1:100\"]
    med: 100
    local_pref: 100
    deprefer: { med: 200, prepend: 2, communities: [\"64512:200\"] }
    siblings: [198.51.100.2, 198.51.100.3]
";
    let mut expected = read(&format!("{dns}{least}")).bgp.expect("a section");
    expected.announcements[0].place.clone_from(&given.announcements[0].place);
    assert_eq!(given, expected);
    let given = read(&uncommented(packaged, "ecmp")).ecmp.remove(0);
    let least = "ecmp: { name: lb-fleet, prefix: 10.0.0.100/32, pool: example.com/lb-fleet, \
                 via: { 192.0.2.10: 10.0.1.10 } }";
    let mut expected = read(least).ecmp.remove(0);
    expected.place.clone_from(&given.place);
    assert_eq!(given, expected);
}
