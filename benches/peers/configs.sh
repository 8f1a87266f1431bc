# The same 1,000 names and the same work for every server. Sourced by `run`.
#
# Each function NAME_config DIR PORT WORK writes what server NAME needs into DIR, and fails where it
# cannot do that work. WORK is one of:
#   static        one A record
#   weighted      one of four addresses, 40 : 30 : 20 : 10
#   geo           one of four addresses by the client's network (200 networks)
#   geo-weighted  one of four regions by network, then one of its four addresses by weight

names=1000
weights=(40 30 20 10)

# each_name FORMAT: a line for each name; %s is the name without the zone.
each_name() {
    local i
    for ((i = 0; i < names; i++)); do printf "$1\n" "n$i"; done
}

# each_network FORMAT: a line for each network; %s are the network and its region, 1 to 4. They
# cover 11.0.0.0 to 110.255.255.255 in halves of /8, regions in turn, so that no two neighbours
# can be taken together.
each_network() {
    local i
    for ((i = 0; i < 200; i++)); do
        printf "$1\n" "$((11 + i / 2)).$((i % 2 * 128)).0.0/9" "$((1 + i % 4))"
    done
}

loop_config() { :; }

rhumb_config() {
    local dir=$1 port=$2 work=$3 region i
    cat > "$dir/rhumb.yaml" <<END
node: peers
dns: { listen: ["127.0.0.1:$port"], udp_threads: 1 }
zones: [zone.yaml]
admin: { listen: 127.0.0.1:$((port + 100)) }
state: state
END
    mkdir -p "$dir/state"
    {
        echo "zone: bench.test"
        echo "ttl: 300s"
        echo "soa: { primary: ns1, contact: hostmaster@bench.test }"
        echo "ns: [ns1]"
        echo "pools:"
        for region in 1 2 3 4; do
            for i in 1 2 3 4; do
                echo "  r$region-$i: { members: [192.0.$region.$i] }"
            done
        done
        echo "policies:"
        for region in 1 2 3 4; do
            echo -n "  region$region: { weighted: { "
            for i in 1 2 3 4; do echo -n "r$region-$i: ${weights[i - 1]}, "; done
            echo "} }"
        done
        echo "  by-network:"
        echo "    geo:"
        each_network "      %s: r%s-1"
        echo "      default: r1-1"
        echo "  by-network-and-weight:"
        echo "    geo:"
        each_network "      %s: region%s"
        echo "      default: region1"
        echo "names:"
        echo "  ns1: { A: 127.0.0.1 }"
        case $work in
            static) each_name "  %s: { A: 192.0.1.1 }" ;;
            weighted) each_name "  %s: { route: region1 }" ;;
            geo) each_name "  %s: { route: by-network }" ;;
            geo-weighted) each_name "  %s: { route: by-network-and-weight }" ;;
        esac
    } > "$dir/zone.yaml"
}

gdnsd_config() {
    local dir=$1 port=$2 work=$3 region i
    mkdir -p "$dir/zones" "$dir/run" "$dir/state"
    {
        cat <<END
options => {
    listen => { 127.0.0.1:$port => { udp_threads => 1, tcp_threads => 1 } }
    run_dir => $dir/run
    state_dir => $dir/state
}
plugins => {
    weighted => {
END
        for region in 1 2 3 4; do
            echo "        region$region => {"
            for i in 1 2 3 4; do
                echo "            a$i => [ 192.0.$region.$i, ${weights[i - 1]} ]"
            done
            echo "        }"
        done
        echo "    }"
        echo "    geoip => {"
        echo "        maps => { m => {"
        echo "            datacenters => [r1, r2, r3, r4]"
        echo "            nets => {"
        each_network "                %s => [r%s]"
        cat <<END
            }
        } }
        resources => {
            network => {
                map => m
                dcmap => { r1 => 192.0.1.1, r2 => 192.0.2.1, r3 => 192.0.3.1, r4 => 192.0.4.1 }
            }
            network-and-weight => {
                map => m
                dcmap => {
                    r1 => %weighted!region1, r2 => %weighted!region2
                    r3 => %weighted!region3, r4 => %weighted!region4
                }
            }
        }
    }
}
END
    } > "$dir/config"
    {
        echo "@ 3600 SOA ns1 hostmaster 1 7200 1800 1209600 60"
        echo "@ 3600 NS ns1"
        echo "ns1 300 A 127.0.0.1"
        case $work in
            static) each_name "%s 300 A 192.0.1.1" ;;
            weighted) each_name "%s 300 DYNA weighted!region1" ;;
            geo) each_name "%s 300 DYNA geoip!network" ;;
            geo-weighted) each_name "%s 300 DYNA geoip!network-and-weight" ;;
        esac
    } > "$dir/zones/bench.test"
}

knot_config() {
    local dir=$1 port=$2 work=$3 i name mode
    case $work in
        static) mode= ;;
        weighted) mode=weighted ;;
        geo) mode=subnet ;;
        geo-weighted) return 1 ;; # the module does one or the other
    esac
    mkdir -p "$dir/run" "$dir/state"
    {
        cat <<END
server:
    listen: 127.0.0.1@$port
    rundir: $dir/run
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    edns-client-subnet: on
database:
    storage: $dir/state
log:
  - target: stderr
    any: warning
END
        if [[ $mode ]]; then
            echo "mod-geoip:"
            echo "  - id: steer"
            echo "    config-file: $dir/geoip.conf"
            echo "    ttl: 300"
            echo "    mode: $mode"
        fi
        echo "zone:"
        echo "  - domain: bench.test"
        echo "    file: $dir/zone"
        if [[ $mode ]]; then echo "    module: mod-geoip/steer"; fi
    } > "$dir/knot.conf"
    {
        echo "\$ORIGIN bench.test."
        echo "@ 3600 SOA ns1 hostmaster 1 7200 1800 1209600 60"
        echo "@ 3600 NS ns1"
        echo "ns1 300 A 127.0.0.1"
        each_name "%s 300 A 192.0.1.1"
    } > "$dir/zone"
    case $mode in
        weighted)
            for ((i = 0; i < names; i++)); do
                echo "n$i.bench.test:"
                for name in 1 2 3 4; do
                    echo "  - weight: ${weights[name - 1]}"
                    echo "    A: 192.0.1.$name"
                done
            done
            ;;
        subnet)
            local networks
            networks=$(each_network "  - net: %s\n    A: 192.0.%s.1")
            for ((i = 0; i < names; i++)); do
                echo "n$i.bench.test:"
                echo "$networks"
            done
            ;;
    esac > "$dir/geoip.conf"
}
